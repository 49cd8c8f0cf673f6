"""The catalogue: patients, exams, videos, clips, findings and what was said about them."""
