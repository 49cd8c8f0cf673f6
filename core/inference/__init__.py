"""Embedding, vectors and ranking; torch only where CUDA needs it."""
