"""The reading room: a web page and a REST API."""
