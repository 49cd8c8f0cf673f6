"""The player: exact frames, marks and lesion boxes."""
