"""Who did what, when, from where, with which outcome: files with a chain that shows every change."""
