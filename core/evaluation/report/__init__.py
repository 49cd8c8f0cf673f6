"""The report of an evaluation: tables, examples, drawings (torch-free)."""
