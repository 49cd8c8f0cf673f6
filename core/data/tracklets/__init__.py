"""Tracklets: short stretches of unlabelled video in which one place is followed, and what is learnt from."""
