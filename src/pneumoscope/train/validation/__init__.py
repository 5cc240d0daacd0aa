"""What a network is worth, measured on validation films."""
