"""How good a bundle is on labelled films, section by section."""
