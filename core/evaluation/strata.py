"""The figures by what the queries have in common: size, segment, light, months since the lesion was seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from core.data.manifest import Row
from core.evaluation.asking import Answers
from core.evaluation.bootstrap import Interval, mean_interval
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import known_places
from core.evaluation.place_and_size import place_and_size, segment_names
from core.evaluation.protocols import figures_with_intervals
from core.evaluation.scores import Ints
from core.text.vocabulary import load

UNKNOWN = "unknown"
KINDS = ("size", "segment", "light", "light_change", "gap_months")
_WHY_NOT = {
    "size": "No query's text says a size in mm or cm.",
    "segment": "No query's text names a segment of the colon.",
    "light": "Neither the manifest's column light nor a query's text says the light.",
    "light_change": "The light of queries and gallery isn't known.",
    "gap_months": "The manifest has no column date with the exams' dates.",
}
_GAPS = ((6, "under 6"), (12, "6 to 11"), (24, "12 to 23"), (36, "24 to 35"))
_LONGEST_GAP = "36 and more"
_DAYS_A_MONTH = 365.25 / 12


class Stratum(msgspec.Struct, frozen=True):
    """Some of the query clips: gallery B (``mAP``, ``rank1``) and A (``within_rank1`` beside ``chance``).

    ``queries`` counts those with a true match in the gallery, ``new`` those without one; figures are None
    where there are no such queries. ``intervals`` are 95 % ones over patients by the figure's name.
    """

    queries: int
    new: int
    patients: int
    mean_average_precision: float | None = msgspec.field(name="mAP")
    rank1: float | None
    within_rank1: float | None
    chance: float | None
    intervals: dict[str, Interval]


class Strata(msgspec.Struct, frozen=True):
    """By kind, then by name in a fixed order; a kind is None where ``reasons`` says why."""

    size: dict[str, Stratum] | None
    segment: dict[str, Stratum] | None
    light: dict[str, Stratum] | None
    light_change: dict[str, Stratum] | None
    gap_months: dict[str, Stratum] | None
    reasons: dict[str, str]


def strata(compared: Comparison, ranks: Sequence[Ints], answers: Answers, rows: Mapping[str, Row]) -> Strata:
    """The figures of every stratum, of the queries of known identity.

    A query's own record decides: size and segment as its text says them, the light of its exam by the
    manifest's column ``light`` or by its text, and the months since the latest earlier exam that shows the
    same lesion (for a new lesion: since the patient's latest earlier exam).

    Args:
        compared: the clips.
        ranks: of gallery B, a query each.
        answers: of gallery A.
        rows: one row of every clip by its id.
    """
    before = compared.earlier()
    asked = known_places(compared.query.identities)
    named = {at: _names(compared, at, before[at], rows) for at in asked}
    made: dict[str, dict[str, Stratum] | None] = {}
    for kind in KINDS:
        groups: dict[str, list[int]] = {}
        for at, names in named.items():
            groups.setdefault(names[kind] or UNKNOWN, []).append(at)
        known = [name for name in _order(kind, list(groups)) if name != UNKNOWN]
        shown = [*known, *([UNKNOWN] if UNKNOWN in groups else [])]
        made[kind] = {n: _stratum(groups[n], compared, ranks, answers) for n in shown} if known else None
    return Strata(**made, reasons={kind: _WHY_NOT[kind] for kind in KINDS if made[kind] is None})


def light_of(row: Row) -> str | None:
    """The light of a row's exam: the manifest's word, or what the text says; None where neither does."""
    if row.light:
        return row.light
    field = load().field("imaging")
    text = row.text.casefold()
    said = [value for value in field.values if value.report.casefold() in text]
    if not said:
        return None
    return "white" if said[0].code == "white light" else said[0].code


def _names(
    compared: Comparison, at: int, before: list[int], rows: Mapping[str, Row]
) -> dict[str, str | None]:
    row = rows[compared.query.clips[at]]
    place, size = place_and_size(row.text)
    gallery, own = compared.gallery, compared.query.identities[at]
    same = [other for other in before if gallery.identities[other] == own]
    mates = [rows[gallery.clips[other]] for other in same or before]
    return {
        "size": None if size is None else load().bins[size].label,
        "segment": None if place is None else segment_names()[place],
        "light": light_of(row),
        "light_change": _change(row, mates),
        "gap_months": _gap(row.date, [mate.date for mate in mates]),
    }


def _change(row: Row, mates: Sequence[Row]) -> str | None:
    now, before = light_of(row), {light_of(mate) for mate in mates}
    if now is None or not before or None in before:
        return None
    return "same light" if now in before else "other light"


def _gap(now: dt.date | None, before: Sequence[dt.date | None]) -> str | None:
    dates = [date for date in before if date is not None]
    if now is None or not dates:
        return None
    months = (now - max(dates)).days / _DAYS_A_MONTH
    return next((name for limit, name in _GAPS if months < limit), _LONGEST_GAP)


def _order(kind: str, names: list[str]) -> list[str]:
    """In the order of the vocabulary, of the months, or of the alphabet."""
    orders = {
        "size": [one.label for one in load().bins],
        "segment": segment_names(),
        "gap_months": [*(name for _, name in _GAPS), _LONGEST_GAP],
    }
    order = orders.get(kind) or sorted(names)
    return [name for name in order if name in names]


def _stratum(members: list[int], compared: Comparison, ranks: Sequence[Ints], answers: Answers) -> Stratum:
    figures = figures_with_intervals(
        [ranks[at] for at in members], [compared.query.patients[at] for at in members]
    )
    inside = set(members)
    known = [answer for answer in answers.known if answer.at in inside]
    first = np.array([answer.first_is_right for answer in known], dtype=np.float64)
    within = mean_interval(first, [answer.patient for answer in known])
    intervals = {name: own for name, own in figures.intervals.items() if name in ("mAP", "rank1")}
    return Stratum(
        queries=figures.queries,
        new=figures.queries_without_match,
        patients=len({compared.query.patients[at] for at in members}),
        mean_average_precision=figures.mean_average_precision,
        rank1=figures.rank1,
        within_rank1=float(first.mean()) if len(first) else None,
        chance=float(np.mean([answer.chance for answer in known])) if known else None,
        intervals=intervals | ({} if within is None else {"within_rank1": within}),
    )
