"""Files of reports as tables: tables as they are, plain texts one report a file."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import PolypTraceError
from core.legacy.columns import guess_columns
from core.sheets.reading import Sheet, read_sheet, read_text

HEADER = ["patient", "date", "report"]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"(?P<patient>.+?)[ _-]+(?P<date>\d{4}-\d{2}-\d{2})")


def read_reports(path: Path) -> Sheet:
    """A table of reports (CSV, Excel), a plain text of one report, or a folder of such texts.

    A text named ``CODE_2021-03-04.txt``, or ``2021-03-04.txt`` in a folder named ``CODE`` below,
    says whose it is and of when. One that can't be read is named in a note, the others are read.

    Raises:
        PolypTraceError: ``sheet-missing``; ``sheet-unreadable`` for a file, or where none of a folder's can
            be read; ``sheet-empty`` for a folder without texts.
    """
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() != ".txt":
        return read_sheet(path)
    sheet = read_sheet(path, closed=False)
    if not sheet.rows:
        return sheet
    text, notes = read_text(path)
    if _is_table(sheet, text):
        return read_sheet(path)
    note = f"{path.name} holds no table, so it was read as one report."
    return Sheet([HEADER, _row(path, text)], [0, 1], (*notes, note), {1: path.name})


def _folder(folder: Path) -> Sheet:
    texts = sorted(file for file in _inside(folder) if file.suffix.lower() == ".txt" and file.is_file())
    if not texts:
        raise PolypTraceError(
            "sheet-empty", f"There are no .txt files in {folder.name}.", "Name a table, or other texts."
        )
    rows, notes, faults = [], [], []
    for file in texts:
        try:
            text, own = read_text(file)
        except PolypTraceError as error:
            faults.append(error)
            notes.append(f"{error.message} It was left out.")
            continue
        rows.append((file.relative_to(folder).as_posix(), _row(file, text, folder)))
        notes += own
    if not rows:
        raise faults[0]
    files = {number: name for number, (name, _) in enumerate(rows, start=1)}
    kept = [HEADER, *(row for _, row in rows)]
    return Sheet(kept, list(range(len(kept))), tuple(dict.fromkeys(notes)), files)


def _inside(folder: Path) -> list[Path]:
    """All that lies in it, in folders of it, too."""
    try:
        next(folder.iterdir(), None)  # a folder that can't be opened has nothing in it for rglob
        return list(folder.rglob("*"))
    except OSError as error:
        raise PolypTraceError(
            "sheet-unreadable", f"The folder {folder.name} can't be opened.", "Check who may read it."
        ) from error


def _is_table(sheet: Sheet, text: str) -> bool:
    """Columns that are named, or one of texts in quotation marks."""
    if all(len(row) == 1 for row in sheet.rows):
        return text.lstrip().startswith('"')
    named = guess_columns(sheet.rows[0])
    return named.text is not None and (named.patient or named.date) is not None


def _row(file: Path, text: str, folder: Path | None = None) -> list[str]:
    own = file.parent.name if folder is not None and file.parent != folder else ""
    named = _NAME.fullmatch(f"{own} {file.stem}" if own and _DAY.fullmatch(file.stem) else file.stem)
    return [named["patient"], named["date"], text.strip()] if named else ["", "", text.strip()]
