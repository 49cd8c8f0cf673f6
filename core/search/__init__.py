"""Finding clips and reports by words: what is of a kind, never which lesion it is."""
