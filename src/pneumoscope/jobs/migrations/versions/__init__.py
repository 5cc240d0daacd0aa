"""One module per revision; ``down_revision`` of each names the one before it."""
