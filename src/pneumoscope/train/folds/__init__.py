"""Cross-validation by patient: a training per fold, and figures of all films that none of them has seen."""
