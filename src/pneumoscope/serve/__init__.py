"""The reading room: web page and REST API over one bundle."""
