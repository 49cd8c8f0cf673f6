"""Renders colonoscopy exams of invented patients, with the truth beside them."""
