"""Manifests, crops, augmentation, sampling and splits of the training data (torch-free)."""
