"""Dates of a whole column: which number is the day shows in all of them together."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from core.errors import PolypTraceError

_ISO = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[T ].*)?")
_PARTS = re.compile(r"(\d{1,2})[-./ ](\d{1,2})[-./ ](\d{4}|\d{2})(?:[T ].*)?")
_NAMED = re.compile(r"(\d{1,2})\.?[-/ ]*([A-Za-z]{3,9})\.?[-/, ]*(\d{4}|\d{2})(?:[T ].*)?")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})(?:[T ].*)?")
_WHOLE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_EXCEL_ZERO = dt.date(1899, 12, 30)
_CENTURY = 70
"""Years of two digits from here on are of the last century."""
_YEARS = range(1950, 2101)


def read_dates(cells: Sequence[str], day_first: bool | None = None) -> list[dt.date | None]:
    """Dates as ISO, as numbers with points, slashes or hyphens, with English months, or as Excel stores them.

    Args:
        day_first: whether 03/04/2021 is the third of April; None = as the other dates of the column show.

    Returns:
        A date a cell; None where there is none.

    Raises:
        PolypTraceError: ``dates-ambiguous`` where nothing shows which number is the day and it matters.
    """
    parts = [_PARTS.fullmatch(cell.strip()) for cell in cells]
    order = _day_first(parts) if day_first is None else day_first
    return [_date(cell.strip(), order) for cell in cells]


def _day_first(parts: Sequence[re.Match[str] | None]) -> bool:
    pairs = [(int(one[1]), int(one[2])) for one in parts if one is not None]
    day, month = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    if day != month or all(a == b for a, b in pairs):
        return day or not month
    shown = next(one.group() for one in parts if one is not None)
    what = "some dates begin with the day, others with the month" if day else "nothing shows which is the day"
    raise PolypTraceError(
        "dates-ambiguous",
        f"Dates such as {shown} can be read in two ways: {what}.",
        "Say which: day first or month first (--day-first, --month-first).",
    )


def _date(cell: str, day_first: bool) -> dt.date | None:
    iso, parts = _ISO.fullmatch(cell) or _WHOLE.fullmatch(cell), _PARTS.fullmatch(cell)
    try:
        if (named := _with_month(cell)) is not None:
            found = named
        elif iso:
            found = dt.date(int(iso[1]), int(iso[2]), int(iso[3]))
        elif parts:
            first, second = int(parts[1]), int(parts[2])
            day, month = (first, second) if day_first else (second, first)
            found = dt.date(_year(parts[3]), month, day)
        elif _SERIAL.fullmatch(cell):
            found = _EXCEL_ZERO + dt.timedelta(days=int(float(cell)))
        else:
            return None
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def _with_month(cell: str) -> dt.date | None:
    """“3 Apr 2019”, “03-Apr-19”, “April 3, 2019”.

    Raises:
        ValueError: a day that the month hasn't.
    """
    named, first = _NAMED.fullmatch(cell), _MONTH_FIRST.fullmatch(cell)
    if named is None and first is None:
        return None
    day, month, year = named.groups() if named else (first[2], first[1], first[3]) if first else ("", "", "")
    short = month[:3].lower()
    if short not in _MONTHS:
        return None
    return dt.date(_year(year), _MONTHS.index(short) + 1, int(day))


def _year(written: str) -> int:
    """A year of four digits, or of two."""
    return int(written) + (0 if len(written) == 4 else 2000 if int(written) < _CENTURY else 1900)


def short_years(cells: Sequence[str]) -> str:
    """A sentence on years of two digits among dates of numbers alone; empty without."""
    parts = (_PARTS.fullmatch(cell.strip()) for cell in cells)
    if not any(one is not None and len(one[3]) == 2 for one in parts):
        return ""
    span = f"{1900 + _CENTURY} to {1999 + _CENTURY}"
    return f"Dates such as 03.04.21 end with the year: two digits were read as {span}."
