"""What a search found as a Qt table: one row a clip, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.item_models.rows import RowsModel, number

if TYPE_CHECKING:
    from core.search.searching import Hit

_WORDS = 4
_MOST_WORDS = 4


class HitsModel(RowsModel["Hit"]):
    """Hits in the order of the ranking."""

    COLUMNS = ("", "Clip", "Place, size, Paris", "Score", "Words that mattered")

    def clip_of(self, one: Hit) -> int:
        """Its clip."""
        return one.clip

    def text(self, one: Hit, column: int) -> str:
        """What a cell says."""
        place = one.place.replace(", ", "\n", 1) if one.described else "not described:\nfound by its pictures"
        words = "\n".join(_share(word.word, word.change) for word in one.words[:_MOST_WORDS])
        return ("", f"{one.clip} · {one.patient}\n{one.exam_date}", place, number(one.score), words)[column]

    def tip(self, one: Hit, column: int) -> str:
        """The report, or all words."""
        return _all_words(one) if column == _WORDS else one.report or one.place


def _all_words(one: Hit) -> str:
    lines = [_share(word.word, word.change) for word in one.words]
    return "\n".join(["How the score falls without a word:", *lines]) if lines else ""


def _share(word: str, change: float) -> str:
    return f"{number(change, signed=True)}  {word}"
