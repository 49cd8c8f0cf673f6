"""The reports of a table: whose, of when, what they say, and what is wrong with each row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from core.counting import count
from core.days import checked_exam_day, lies_ahead
from core.domain import LONGEST_PATIENT_CODE
from core.errors import PolypTraceError
from core.legacy.columns import ROLES, Columns, chosen_columns, names_of, with_header
from core.legacy.dates import read_dates, short_years
from core.legacy.identity import code_warnings, text_warnings
from core.sheets.reading import Sheet
from core.text.legacy.reading import ReadFinding, read_findings

LONGEST_REPORT = 20_000
"""Characters; more is no report of one exam."""


class Entry(msgspec.Struct, frozen=True):
    """One report.

    Args:
        row: in the file, from 1.
        date: of the exam.
        findings: as read; nothing of it is final.
    """

    row: int
    patient: str
    date: dt.date
    text: str
    findings: tuple[ReadFinding, ...]


class Problem(msgspec.Struct, frozen=True):
    """A row that can't be taken, and why, in words without what it holds.

    Args:
        where: “row 3”, or the file's name.
    """

    row: int
    words: str
    where: str


class Entries(msgspec.Struct, frozen=True):
    """What a table holds.

    Args:
        columns: that were used.
        duplicates: rows that say the same of the same exam as one before; the first is taken.
        notes: sentences on what was guessed and left out.
        warnings: sentences on what may identify somebody.
    """

    columns: Columns
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    duplicates: tuple[int, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def read_entries(
    sheet: Sheet,
    named: Columns = Columns(),  # noqa: B008 - a frozen value
    *,
    patient: str = "",
    date: dt.date | None = None,
    day_first: bool | None = None,
) -> Entries:
    """The reports of a table; rows that can't be taken are named, the others are read.

    Args:
        named: columns that the user names.
        patient, date: of all reports, where the table has no such column.
        day_first: see :func:`core.legacy.dates.read_dates`.

    Raises:
        PolypTraceError: ``sheet-empty``, ``column-unknown``, ``column-missing``, ``dates-ambiguous``, or
            ``exam-date`` for a date of all reports that lies in the future.
    """
    sheet = with_header(sheet)
    if len(sheet.rows) < 2:
        what = "The table has no rows below its header." if sheet.rows else "The file is empty."
        raise PolypTraceError("sheet-empty", what, "Its first row names the columns, each other is a report.")
    header = sheet.rows[0]
    columns = chosen_columns(header, named)
    _check(header, columns, patient, date)
    cells = {role: _column(sheet, header, columns.of(role)) for role in ("patient", "date", "text")}
    read = read_dates(cells["date"], day_first)
    dates = [one if cell else date for one, cell in zip(read, cells["date"], strict=True)]
    faults = [_too_wide(header, row) for row in sheet.rows[1:]]
    entries, problems, duplicates = [], [], []
    seen: set[tuple[str, dt.date, str]] = set()
    for at, number in enumerate(sheet.numbers[1:]):
        who, text, when = cells["patient"][at] or patient, cells["text"][at], dates[at]
        if (fault := faults[at] or _fault(who, text, when, cells["date"][at])) or when is None:
            problems.append(Problem(number, fault, sheet.where(number)))
            continue
        key = (who.casefold(), when, " ".join(text.split()).casefold())
        if key in seen:
            duplicates.append(number)
            continue
        seen.add(key)
        entries.append(Entry(number, who, when, text, read_findings(text)))
    warnings = (
        *code_warnings(one.patient for one in entries),
        *text_warnings(one.text for one in entries),
    )
    notes = (
        *sheet.notes,
        *filter(None, [short_years(cells["date"])]),
        *_alike(header, columns),
        *_twice([sheet.where(number) for number in duplicates]),
    )
    return Entries(columns, tuple(entries), tuple(problems), tuple(duplicates), notes, warnings)


def _twice(rows: Sequence[str]) -> list[str]:
    return [f"Said twice and left out: {', '.join(rows)}."] if rows else []


def _alike(header: Sequence[str], columns: Columns) -> list[str]:
    used = [name for role in ROLES if (name := columns.of(role))]
    return [
        f"Several columns are called “{name}”; the first is read." for name in used if header.count(name) > 1
    ]


def _too_wide(header: Sequence[str], row: Sequence[str]) -> str:
    """A text whose commas were taken for ends of cells has lost its end."""
    if any(cell.strip() for cell in row[len(header) :]):
        return "it has more cells than the header: a text with commas needs quotation marks"
    return ""


def _check(header: Sequence[str], columns: Columns, patient: str, date: dt.date | None) -> None:
    if date is not None:
        checked_exam_day(date)
    missing = [
        (role, words, option)
        for known, role, words, option in (
            (columns.patient or patient, "patient", "whose reports these are", "--patient"),
            (columns.date or date, "date", "of when these reports are", "--exam-date"),
        )
        if not known
    ]
    if missing:
        hints = (
            f"a column (--{role}-column) or one {role} for all ({option})" for role, _, option in missing
        )
        raise PolypTraceError(
            "column-missing",
            f"The table doesn't say {' and '.join(words for _, words, _ in missing)}.",
            f"Name {'; and '.join(hints)}. There are: {names_of(header)}.",
        )


def _column(sheet: Sheet, header: Sequence[str], name: str | None) -> list[str]:
    if name is None:
        return [""] * (len(sheet.rows) - 1)
    place = list(header).index(name)
    return [row[place].strip() if place < len(row) else "" for row in sheet.rows[1:]]


def _fault(patient: str, text: str, date: dt.date | None, dated: str) -> str:
    """What is wrong with a row, in words; ``dated`` is its date as it stands there."""
    if not patient:
        return "it names no patient"
    if len(patient) > LONGEST_PATIENT_CODE or not patient.isprintable():
        return f"its patient's code is longer than {LONGEST_PATIENT_CODE} characters or can't be printed"
    if date is None:
        return "its date can't be read" if dated else "it has no date"
    if lies_ahead(date):
        return "its date lies in the future"
    if len(text) > LONGEST_REPORT:
        return f"its report is longer than {count(LONGEST_REPORT, 'character')}"
    return "" if text else "it has no report"
