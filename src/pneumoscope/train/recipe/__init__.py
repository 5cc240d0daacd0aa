"""Recipes: the settings of a training, and the TOML files that contain them."""
