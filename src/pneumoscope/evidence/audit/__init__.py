"""What a data set holds before anyone trains: copies, splits, doubtful labels, shortcuts."""
