"""Evidence: what a data set holds before anyone trains, and what a bundle is worth."""
