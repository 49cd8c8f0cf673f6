"""The colours of the dark theme. Calm and low in light: the room is dark, the video is the brightest thing.

Every text colour has a contrast of at least 4.5 on WINDOW, PANEL and RAISED (WCAG 2.2, 1.4.3); a test
computes it.
"""

WINDOW = "#15181c"
PANEL = "#1c2026"
RAISED = "#262b33"
LINE = "#3a414c"
TEXT = "#e6e9ed"
QUIET = "#a3adba"
FAINT = "#6f7a88"
"""What can't be used now: legible, but no reading matter."""
ACCENT = "#6cb6ff"
GOOD = "#6fcf97"
WARN = "#f2c14e"
BAD = "#ff8a80"
BANNER = "#7a1f1f"
BOX = "#ffd54a"
"""The lesion box, which must stand out from red mucosa."""
CLIP = "#4fc3f7"
"""Marked stretches on the timeline."""
