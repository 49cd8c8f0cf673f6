"""Public data sets in the folders that they are published in, read into the rows of our manifest."""
