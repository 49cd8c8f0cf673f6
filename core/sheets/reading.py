"""A CSV or Excel file as rows of texts, with what had to be guessed."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from core.counting import count
from core.errors import PolypTraceError
from core.sheets.workbook import read_workbook

if TYPE_CHECKING:
    from _csv import Reader as _Reader

CSV_ENDINGS = (".csv", ".tsv", ".txt")
ENDINGS = (*CSV_ENDINGS, ".xlsx")
_COMMAS = ",;\t|"
_LARGEST_BYTES = 256 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
csv.field_size_limit(_LARGEST_BYTES)  # one long cell is told by its row, and doesn't stop the others


class Sheet(msgspec.Struct, frozen=True):
    """A table.

    Args:
        rows: all rows that hold anything, the header among them.
        numbers: of each row in the file, from 1.
        notes: sentences on what was guessed.
        files: of a folder, the name of each row's file, by its number.
    """

    rows: list[list[str]]
    numbers: list[int]
    notes: tuple[str, ...] = ()
    files: dict[int, str] = {}

    def where(self, number: int) -> str:
        """A row as people find it: by its number, or by its file."""
        return self.files.get(number, f"row {number}")


def read_sheet(file: Path, *, closed: bool = True) -> Sheet:
    """Reads a ``.csv``, ``.tsv``, ``.txt`` or ``.xlsx`` file; of a workbook the sheet with most rows.

    Text that isn't Unicode is taken for Western European (Windows-1252), and a note says so; so does one of
    further sheets. A quotation mark that isn't closed is refused: it would mix the texts of several rows;
    without ``closed`` it isn't, which is for looking whether a text is a table at all.

    Raises:
        PolypTraceError: ``sheet-missing`` or ``sheet-unreadable``.
    """
    if not file.is_file():
        raise PolypTraceError("sheet-missing", f"There is no file {file.name}.", "Check the path.")
    if file.suffix.lower() == ".xlsx":
        table = read_workbook(file)
        more = count(table.others, "more sheet")
        kept_out = f"{file.name} has {more}; “{table.name}” is read, which has the most rows."
        numbers, rows = [number for number, _ in table.rows], [row for _, row in table.rows]
        return Sheet(rows, numbers, (kept_out,) if table.others else ())
    if file.suffix.lower() not in CSV_ENDINGS:
        raise unreadable(file, "it is neither CSV nor .xlsx")
    text, notes = read_text(file)
    try:
        lines = list(_rows(text))
    except csv.Error as error:
        raise unreadable(file, "it is not CSV") from error
    if closed:
        _check_closed(file, text)
    kept = [(number, row) for number, row in enumerate(lines, start=1) if any(cell.strip() for cell in row)]
    return Sheet([row for _, row in kept], [number for number, _ in kept], notes)


def unreadable(file: Path, why: str) -> PolypTraceError:
    """The error for a file that is no table."""
    return PolypTraceError(
        "sheet-unreadable", f"{file.name} can't be read: {why}.", "Save it as CSV in UTF-8, or as .xlsx."
    )


def read_text(file: Path) -> tuple[str, tuple[str, ...]]:
    """A text, and notes on what was guessed of its encoding.

    Raises:
        PolypTraceError: ``sheet-unreadable``.
    """
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise unreadable(file, "it is too large for a table of reports")
        raw = file.read_bytes()
    except OSError as error:
        raise unreadable(file, "it can't be opened") from error
    named = next((name for bom, name in _BOMS if raw.startswith(bom)), "utf-8")
    if named == "utf-8" and b"\0" in raw:
        raise unreadable(file, "it is not text")
    try:
        return raw.decode(named), ()
    except UnicodeDecodeError as error:
        if named != "utf-8":
            raise unreadable(file, "it is not text") from error
    try:
        text = raw.decode(_WESTERN)
    except UnicodeDecodeError as error:
        raise unreadable(file, "its letters are of an encoding that isn't known") from error
    note = f"{file.name} isn't UTF-8; it was read as Windows-1252. Look at letters such as ä and é."
    return text, (note,)


def _rows(text: str, strict: bool = False) -> _Reader:
    return csv.reader(io.StringIO(text, newline=""), delimiter=_comma(text), strict=strict)


def _check_closed(file: Path, text: str) -> None:
    row = _open_row(text)
    if row is not None:
        raise PolypTraceError(
            "sheet-unreadable",
            f"{file.name} can't be read: a quotation mark in row {row} isn't closed.",
            'Close it; inside a text in quotation marks each is written twice (""). Otherwise the reports '
            "of several rows would run together.",
        )


def _open_row(text: str) -> int | None:
    """The first row in which a quotation mark stays open, from 1; None where all are closed.

    One that stays open swallows the next rows, up to their first quotation mark or the end.
    """
    reader = _rows(text, strict=True)
    for row in itertools.count(1):
        begun = reader.line_num
        try:
            next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if "unexpected end" in str(error) or reader.line_num > begun + 1:
                return row
    return None


def _comma(text: str) -> str:
    """What separates cells; Excel writes semicolons where the decimal point is a comma."""
    first = text.lstrip().split("\n", 1)[0]
    return max(_COMMAS, key=first.count)
