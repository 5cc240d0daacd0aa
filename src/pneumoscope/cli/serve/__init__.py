"""Commands that start the server and the apps."""
