"""The reading room as a folder of files: a page that judges films in the browser, without a server."""
