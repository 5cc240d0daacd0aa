"""The training loop, and what a run folder keeps of it."""
