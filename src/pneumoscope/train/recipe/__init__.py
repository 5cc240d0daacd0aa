"""What a training is to do: settings, and the TOML files that hold them."""
