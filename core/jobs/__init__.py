"""Long work: what the catalogue remembers of it."""
