"""Qt item models over what the catalogue holds."""
