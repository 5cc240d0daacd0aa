"""A saved Keras model becomes a bundle."""
