"""Training of the models (torch)."""
