"""From what was read to what is kept until somebody accepts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from core.catalog.values import LegacyReport, NewLegacyFinding, NewLegacyReport
from core.counting import count
from core.legacy.entries import Entry
from core.text.legacy.reading import ReadFinding

MOST = 20
"""“Three polyps” are three findings; of more than so many one stands for all."""


_NAMED = 5
"""So many exams are named in a sentence."""


def new_reports(entries: Iterable[Entry]) -> list[NewLegacyReport]:
    """Reports for :func:`core.catalog.operations.add_legacy_reports`; a counted one is several."""
    return [
        NewLegacyReport(
            one.patient,
            one.date,
            one.text,
            tuple(new for found in one.findings for new in _counted(found)),
        )
        for one in entries
    ]


def doubled_words(kept: Sequence[LegacyReport], added: Collection[int]) -> str:
    """A sentence on added reports of a patient and day of which another report is kept; empty without any.

    A corrected report is a second one: which holds, only the user knows.
    """
    days = Counter((one.patient.casefold(), one.date) for one in kept)
    new = [one for one in kept if one.id in added and days[one.patient.casefold(), one.date] > 1]
    if not new:
        return ""
    named = list(dict.fromkeys(f"{one.patient}, {one.date}" for one in new))
    more = ", …" if len(named) > _NAMED else ""
    days_told = f"{'; '.join(named[:_NAMED])}{more}"
    return f"{count(len(named), 'exam has', 'exams have')} more than one report now: {days_told}."


def _counted(found: ReadFinding) -> Iterator[NewLegacyFinding]:
    several = found.count or 1
    for _ in range(several if several <= MOST else 1):
        yield NewLegacyFinding(found.words, found.fields)
