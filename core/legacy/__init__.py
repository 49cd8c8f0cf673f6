"""Reports of exams that have no video: taken from tables, read, and kept until somebody accepts them."""
