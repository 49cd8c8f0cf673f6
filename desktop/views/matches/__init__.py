"""The ranked matches of a clip, the answer “no good match”, and the verdicts."""
