"""Metrics and protocols (torch-free)."""
