"""The description form, made from the vocabulary: nothing about a single field is written into the code."""
