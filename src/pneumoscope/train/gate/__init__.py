"""Fits the gate, which refuses pictures that the model must not judge."""
