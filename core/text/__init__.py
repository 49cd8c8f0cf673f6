"""The description of a polyp: vocabulary, validation, report text, model text."""
