"""From what was read to what is kept until somebody accepts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.catalog.values import NewLegacyFinding, NewLegacyReport
from core.legacy.entries import Entry
from core.text.legacy.reading import ReadFinding

MOST = 20
"""“Three polyps” are three findings; of more than so many one stands for all."""


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


def _counted(found: ReadFinding) -> Iterator[NewLegacyFinding]:
    count = found.count or 1
    for _ in range(count if count <= MOST else 1):
        yield NewLegacyFinding(found.words, found.fields)
