"""Training, checkpoints and publication of models (torch)."""
