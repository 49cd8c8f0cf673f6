"""Which column of a table holds what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec
from rapidfuzz import fuzz, process

from core.errors import PolypTraceError
from core.sheets.reading import Sheet

Role = Literal["patient", "date", "text"]
ROLES: tuple[Role, ...] = get_args(Role)
_NAMES: dict[Role, tuple[str, ...]] = {
    "patient": (
        "patient",
        "patient id",
        "patient code",
        "pseudonym",
        "code",
        "subject",
        "case",
        "pid",
        "pat id",
        "patient no",
        "patienten nr",
        "patnr",
        "pat nr",
        "patient number",
        "hospital number",
        "hospital no",
        "hospitalnum id",
        "medical record number",
        "record number",
        "mrn",
        "id",
    ),
    "date": (
        "date",
        "exam date",
        "report date",
        "examination date",
        "procedure date",
        "study date",
        "colonoscopy date",
        "endoscopy date",
        "date of examination",
        "date of exam",
        "date of procedure",
        "date of colonoscopy",
        "date of endoscopy",
        "exam day",
        "day",
        "datum",
        "untersuchungsdatum",
    ),
    "text": (
        "report",
        "text",
        "findings",
        "report text",
        "free text",
        "free text report",
        "endoscopy report",
        "endoscopy findings",
        "endoscopic findings",
        "endo report",
        "colonoscopy report",
        "procedure report",
        "procedure note",
        "report body",
        "narrative",
        "note",
        "notes",
        "befund",
        "befundtext",
        "finding",
        "description",
        "conclusion",
        "impression",
    ),
}
_ALIKE = 85
_REPORT = 4
"""So many words are a report, not a column's name."""


class Columns(msgspec.Struct, frozen=True):
    """Names of the columns as the header writes them; None where there is none."""

    patient: str | None = None
    date: str | None = None
    text: str | None = None

    def of(self, role: Role) -> str | None:
        """The column of a role."""
        return {"patient": self.patient, "date": self.date, "text": self.text}[role]


def with_header(sheet: Sheet) -> Sheet:
    """The same table from its header on: a title above it is left out and told, and one of a single column
    that begins with a report instead of a name gets a header.
    """
    wide = next((at for at, row in enumerate(sheet.rows) if sum(map(bool, map(str.strip, row))) > 1), None)
    if wide:
        note = (
            f"The header was found in row {sheet.numbers[wide]}; what stands above it was taken for a title."
        )
        return msgspec.structs.replace(
            sheet, rows=sheet.rows[wide:], numbers=sheet.numbers[wide:], notes=(*sheet.notes, note)
        )
    if not sheet.rows or wide is not None or len(sheet.rows[0][0].split()) < _REPORT:
        return sheet
    return Sheet([["report"], *sheet.rows], [0, *sheet.numbers], sheet.notes)


def names_of(header: Sequence[str]) -> str:
    """The columns' names for a hint, at most the first 200 characters of them."""
    return ", ".join(one for one in header if one.strip())[:200]


def guess_columns(header: Sequence[str]) -> Columns:
    """The columns by their names; none serves two roles."""
    left = {name: _plain(name) for name in header if name.strip()}
    if len(left) == 1:
        return Columns(text=next(iter(left)))
    chosen: dict[str, str] = {}
    for role in ROLES:
        best = _best(_NAMES[role], left)
        if best is not None:
            chosen[role] = best
            left.pop(best)
    return Columns(**chosen)


def chosen_columns(header: Sequence[str], named: Columns) -> Columns:
    """The guess, with what the user names in its place.

    Raises:
        PolypTraceError: ``column-unknown``, or ``column-missing`` where the texts' column isn't known.
    """
    known = {_plain(name): name for name in header}
    given = {role: name for role in ROLES if (name := named.of(role)) is not None}
    for name in given.values():
        if _plain(name) not in known:
            raise PolypTraceError(
                "column-unknown", f"There is no column “{name}”.", f"There are: {names_of(header)}."
            )
    mine = {role: known[_plain(name)] for role, name in given.items()}
    guessed = guess_columns([name for name in header if name not in mine.values()])
    wanted = {role: mine.get(role, guessed.of(role)) for role in ROLES}
    taken = [name for name in wanted.values() if name is not None]
    if len(set(taken)) < len(taken):
        raise PolypTraceError("column-unknown", "One column can't hold two things.", "Name each by itself.")
    if wanted["text"] is None:
        raise PolypTraceError(
            "column-missing",
            "Which column holds the reports isn't known.",
            f"Name it (--text-column); there are: {names_of(header)}.",
        )
    return Columns(**wanted)


def _best(names: Sequence[str], left: dict[str, str]) -> str | None:
    """The column whose name is one of these, the first of them first; else the one most like them."""
    for name in names:
        exact = next((column for column, plain in left.items() if plain == name), None)
        if exact is not None:
            return exact
    scored = [
        (found[1], column)
        for column, plain in left.items()
        if (found := process.extractOne(plain, names, scorer=fuzz.ratio, score_cutoff=_ALIKE)) is not None
    ]
    return max(scored)[1] if scored else None


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())
