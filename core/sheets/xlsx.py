"""The first sheet of an Excel file as rows of text: enough for a list of ids and sentences.

An .xlsx file is a zip of XML (ECMA-376, part 1, section 18): the workbook names its sheets, a sheet holds
cells, and most texts lie in one shared list.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from core.errors import PolypTraceError

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_LARGEST = 64 << 20
_BOOK = "xl/workbook.xml"

# RuntimeError: the zip is encrypted or packed in a way that Python doesn't know.
_DAMAGED = (
    OSError,
    LookupError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
)


def read_xlsx(file: Path) -> list[tuple[int, list[str]]]:
    """The cells of the first sheet, row by row, empty rows left out.

    Returns:
        Each row's number in the sheet, from 1, and its texts, as many as up to its last cell; numbers as they
        are stored, whole ones without a point.

    Raises:
        PolypTraceError: ``sheet-unreadable``.
    """
    try:
        with zipfile.ZipFile(file) as book:
            shared = _shared_texts(book)
            sheet = ElementTree.fromstring(_part(book, _first_sheet(book)))
        rows = [
            (int(row.get("r") or place), _cells(row, shared))
            for place, row in enumerate(sheet.iter(f"{_MAIN}row"), start=1)
        ]
    except _DAMAGED as error:
        raise PolypTraceError(
            "sheet-unreadable",
            f"The file {file.name} can't be read as an Excel sheet.",
            "Save it as .xlsx again, or as CSV in UTF-8.",
            cause=type(error).__name__,
        ) from error
    return [(number, row) for number, row in rows if any(row)]


def sheets_in(file: Path) -> int:
    """How many sheets a file has that :func:`read_xlsx` could read."""
    with zipfile.ZipFile(file) as book:
        return sum(1 for _ in ElementTree.fromstring(_part(book, _BOOK)).iter(f"{_MAIN}sheet"))


def _part(book: zipfile.ZipFile, name: str) -> bytes:
    if book.getinfo(name).file_size > _LARGEST:
        raise ValueError("too large")
    return book.read(name)


def _first_sheet(book: zipfile.ZipFile) -> str:
    workbook = ElementTree.fromstring(_part(book, _BOOK))
    first = next(workbook.iter(f"{_MAIN}sheet"), None)
    if first is None:
        raise ValueError("no sheet")
    links = ElementTree.fromstring(_part(book, "xl/_rels/workbook.xml.rels"))
    targets = {link.get("Id"): link.attrib["Target"] for link in links}
    target = targets[first.attrib[_LINK]]
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def _shared_texts(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    root = ElementTree.fromstring(_part(book, "xl/sharedStrings.xml"))
    return [_text(one) for one in root.iter(f"{_MAIN}si")]


def _text(element: ElementTree.Element) -> str:
    """All runs of a text, without the reading aids (``rPh``) that East Asian sheets hold."""
    own = element.findall(f"{_MAIN}t") + element.findall(f"{_MAIN}r/{_MAIN}t")
    return "".join(one.text or "" for one in own)


def _cells(row: ElementTree.Element, shared: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.findall(f"{_MAIN}c"):
        letters = re.match(r"[A-Z]+", cell.get("r", ""))
        place = _column(letters[0]) if letters else len(cells)
        cells += [""] * (place - len(cells)) + [_value(cell, shared)]
    return cells


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    if number > 16384:  # the format's last column, XFD
        raise ValueError("no such column")
    return number - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inline = cell.find(f"{_MAIN}is")
        return "" if inline is None else _text(inline).strip()
    value = (cell.findtext(f"{_MAIN}v") or "").strip()
    if kind == "s" and value:
        return shared[int(value)].strip()
    return re.sub(r"\.0+$", "", value) if kind == "n" else value
