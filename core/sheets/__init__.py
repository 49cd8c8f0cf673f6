"""Tables that others made: CSV and Excel files as rows of texts."""
