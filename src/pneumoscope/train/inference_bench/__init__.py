"""Speed of reading films, compared with other ways to read them on the same machine."""
