"""Fits a bundle to the films of a site, and notices when these change."""
