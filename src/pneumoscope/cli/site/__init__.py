"""Commands for a site's own films."""
