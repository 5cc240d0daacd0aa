"""Checks a data set before training: copies, splits, doubtful labels, shortcuts."""
