"""Reports from before: free text read into the fields of the description, nothing final until accepted."""
