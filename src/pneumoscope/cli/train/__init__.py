"""Commands for training films, trainings and formats of models."""
