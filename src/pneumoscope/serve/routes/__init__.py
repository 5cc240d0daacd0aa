"""The routes of the REST API and their schemas."""
