"""Commands that fit a bundle to a site and watch it there."""
