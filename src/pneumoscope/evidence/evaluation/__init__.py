"""What a bundle is worth on labelled films, section by section."""
