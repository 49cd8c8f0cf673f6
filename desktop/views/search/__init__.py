"""The panel that finds clips by words."""
