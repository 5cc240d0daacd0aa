"""Speed of reading films, compared with other ways to do it on the same machine."""
