"""Texts beside a data set: a sheet (CSV, Excel) or JSON, from a picture or an identity to its text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.data.layouts.data_set import PICTURE_ENDINGS, with_texts
from core.data.manifest import Row
from core.errors import PolypTraceError
from core.sheets.reading import read_sheet

KEYS = ("path", "file_path", "id", "identity")
TEXTS = ("text", "eng_text", "captions", "caption")
PATIENTS = ("patient", "patient_id")
COLUMNS = "a column id (or path) and a column Eng_text (or text)"
_HINT = (
    f"A sheet needs {COLUMNS}; JSON is {{key: text}}, or a list of objects with file_path (or id) and "
    "captions (or text)."
)


class Texts:
    """Texts by key; capitals, kinds of slashes and a picture's folder don't matter where that is unique.

    Of several texts of one key the first counts.

    Args:
        records: a key, its text and, where known, its patient.
    """

    def __init__(self, file: Path, records: Iterable[tuple[str, str, str]]) -> None:
        self.file = file
        self.keys: list[str] = []
        self._texts: dict[str, str] = {}
        self._patients: dict[str, str] = {}
        names: dict[str, set[str]] = {}
        for key, text, patient in records:
            folded = _folded(key)
            self.keys.append(key)
            self._texts.setdefault(folded, text)
            self._patients.setdefault(folded, patient)
            if Path(folded).suffix in PICTURE_ENDINGS:
                names.setdefault(Path(folded).name, set()).add(folded)
        for name, full in names.items():
            if len(full) == 1:
                self._texts.setdefault(name, self._texts[next(iter(full))])

    def of(self, *keys: str) -> str:
        """The text of the first of these keys that has one, or nothing."""
        return _first(self._texts, keys)

    def patient_of(self, key: str) -> str:
        """The patient that the sheet names for this key, or nothing."""
        return _first(self._patients, [key])


def read_texts(file: Path) -> Texts:
    """Reads a ``.csv``, ``.tsv``, ``.xlsx`` or ``.json`` file.

    Raises:
        PolypTraceError: ``texts-missing``, ``sheet-unreadable`` or ``sheet-columns``.
    """
    if not file.is_file():
        raise PolypTraceError(
            "texts-missing", f"There is no file {file.name} with texts.", "Check the path of --texts."
        )
    ending = file.suffix.lower()
    if ending == ".json":
        return Texts(file, _records_of_json(file))
    if ending in (".csv", ".tsv", ".xlsx"):
        return Texts(file, _records_of_sheet(file, read_sheet(file).rows))
    raise _unreadable(file, "it is neither .csv nor .xlsx nor .json")


def add_texts(rows: Sequence[Row], root: Path, texts: Texts | None) -> tuple[list[Row], list[str]]:
    """Rows of pictures with their texts: by path below ``root``, by the file's name, else by identity.

    Raises:
        PolypTraceError: ``texts-no-match``.
    """
    if texts is None:
        return list(rows), ["There are no texts beside these pictures: see --texts."]
    found = [
        texts.of(row.path.relative_to(root).as_posix(), row.path.name, row.path.stem, row.polyp_id or "")
        for row in rows
    ]
    example = rows[0].path.relative_to(root).as_posix() if rows else ""
    return with_texts(rows, found), text_notes(texts, found, "pictures", example)


def text_notes(texts: Texts, found: Sequence[str], what: str, example: str) -> list[str]:
    """A sentence on what has no text.

    Raises:
        PolypTraceError: ``texts-no-match`` where nothing has one.
    """
    without = sum(not text for text in found)
    if found and without == len(found):
        named = f"“{texts.keys[0][:60]}”" if texts.keys else "nothing"
        raise PolypTraceError(
            "texts-no-match",
            f"{texts.file.name} has no text for any of the {len(found)} {what}.",
            f"It names {named}; expected were keys like “{example}”.",
        )
    return [f"{without} of {len(found)} {what} have no text in {texts.file.name}."] if without else []


def _first(table: Mapping[str, str], keys: Iterable[str]) -> str:
    for key in keys:
        folded = _folded(key)
        for form in (folded, folded.lstrip("0")):  # a sheet turns 0012 into 12
            if form and table.get(form):
                return table[form]
    return ""


def _folded(key: str) -> str:
    return key.strip().replace("\\", "/").removeprefix("./").casefold()


def _records_of_sheet(file: Path, rows: Sequence[Sequence[str]]) -> list[tuple[str, str, str]]:
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    places = [next((header.index(name) for name in names if name in header), None) for names in (KEYS, TEXTS)]
    if None in places:
        shown = ", ".join(cell for cell in rows[0] if cell)[:120] if rows else "nothing"
        raise PolypTraceError(
            "sheet-columns",
            f"{file.name} lacks {COLUMNS}; its first row holds: {shown}.",
            "Name the columns in the first row.",
        )
    patient = next((header.index(name) for name in PATIENTS if name in header), None)
    cells = [[_cell(row, place) for place in (*places, patient)] for row in rows[1:]]
    return [(key, text, who) for key, text, who in cells if key]


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place].strip() if place is not None and place < len(row) else ""


def _records_of_json(file: Path) -> list[tuple[str, str, str]]:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(file, "it is not JSON in UTF-8") from error
    if isinstance(content, dict):
        return [(str(key), _sentence(value), "") for key, value in content.items()]
    if isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        return [_record(file, {str(k).casefold(): v for k, v in one.items()}) for one in content]
    raise _unreadable(file, "it holds neither an object nor a list of objects")


def _record(file: Path, content: Mapping[str, Any]) -> tuple[str, str, str]:
    key = next((content[name] for name in KEYS if name in content), None)
    text = next((content[name] for name in TEXTS if name in content), None)
    if key is None or text is None:
        raise PolypTraceError(
            "sheet-columns", f"An object in {file.name} has no file_path (or id) or no captions.", _HINT
        )
    patient = next((content[name] for name in PATIENTS if name in content), "")
    return str(key), _sentence(text), str(patient)


def _sentence(value: Any) -> str:
    """A text, or the first one of a list of texts."""
    if isinstance(value, list):
        return next((one.strip() for one in value if isinstance(one, str) and one.strip()), "")
    return value.strip() if isinstance(value, str) else ""


def _unreadable(file: Path, why: str) -> PolypTraceError:
    return PolypTraceError("sheet-unreadable", f"{file.name} can't be read: {why}.", _HINT)
