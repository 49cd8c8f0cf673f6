"""The panel of reports without video."""
