"""Fits a bundle to the films of a site, and detects when these change."""
