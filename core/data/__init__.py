"""Manifests, crops and splits (torch-free)."""
