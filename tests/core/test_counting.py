"""How numbers of things are said."""

from __future__ import annotations

import pytest

from core.counting import count


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("clip",), "0 clips"),
        (1, ("clip",), "1 clip"),
        (2, ("clip",), "2 clips"),
        (5000, ("clip",), "5\N{NO-BREAK SPACE}000 clips"),
        (1, ("query", "queries"), "1 query"),
        (3, ("query", "queries"), "3 queries"),
    ],
)
def test_one_is_singular(number: int, words: tuple[str, ...], said: str) -> None:
    assert count(number, *words) == said
