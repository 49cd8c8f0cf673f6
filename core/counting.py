"""How many there are, as people say it."""

from __future__ import annotations


def count(number: int, one: str, many: str = "") -> str:
    """“1 clip”, “2 clips”, “5 000 clips”.

    Args:
        one: what is counted, in the singular.
        many: its plural where it isn't the singular with an s.
    """
    # No-break spaces: a number never breaks in two, and every Western code page has them.
    return f"{number:,} ".replace(",", "\N{NO-BREAK SPACE}") + (one if number == 1 else many or f"{one}s")
