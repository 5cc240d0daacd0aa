"""How good a network is on validation films."""
