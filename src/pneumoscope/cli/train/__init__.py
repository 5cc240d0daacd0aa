"""Commands for training films, training runs and model formats."""
