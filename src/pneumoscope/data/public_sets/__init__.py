"""Public collections of chest films that are recognised by their tables or file names."""
