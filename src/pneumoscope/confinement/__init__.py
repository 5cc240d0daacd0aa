"""Confines a process that decodes films, before it loads anything that could start a thread."""
