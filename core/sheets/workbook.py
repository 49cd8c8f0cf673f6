"""An Excel workbook as rows of text: the sheet that holds the table."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
from python_calamine import CalamineError, CalamineSheet, load_workbook

from core.errors import PolypTraceError


class Table(msgspec.Struct, frozen=True):
    """A sheet's rows that hold anything, each with its number in the sheet, from 1.

    Args:
        name: the sheet's.
        others: how many further sheets hold anything.
    """

    rows: list[tuple[int, list[str]]]
    name: str
    others: int


def read_workbook(file: Path) -> Table:
    """The sheet with the most rows, the first of those that have equally many: a cover has few.

    Whole numbers come without a point, days as ISO dates.

    Raises:
        PolypTraceError: ``sheet-unreadable``.
    """
    try:
        with load_workbook(file) as book:
            sheets = [(name, _rows(book.get_sheet_by_name(name))) for name in book.sheet_names]
    except (CalamineError, OSError, ValueError) as error:
        raise PolypTraceError(
            "sheet-unreadable",
            f"The file {file.name} can't be read as a workbook.",
            "Save it as .xlsx again, without a password, or as CSV in UTF-8.",
            cause=type(error).__name__,
        ) from error
    held = [(name, rows) for name, rows in sheets if rows]
    name, rows = max(held, key=lambda one: len(one[1]), default=("", []))
    return Table(rows, name, max(len(held) - 1, 0))


def _rows(sheet: CalamineSheet) -> list[tuple[int, list[str]]]:
    rows = [[_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    kept = [(number, _without_end(row)) for number, row in enumerate(rows, start=1)]
    return [(number, row) for number, row in kept if row]


def _without_end(row: list[str]) -> list[str]:
    """The cells up to the last one that holds anything."""
    return row[: max((place for place, cell in enumerate(row, start=1) if cell), default=0)]


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell).strip()
