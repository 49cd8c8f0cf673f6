"""Learning from confirmed links: what trains and what is held back, frozen in a run. Torch-free."""
