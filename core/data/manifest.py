"""The manifest: one CSV row a frame, rows of one ``clip_id`` form a clip."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from core.data.crops import lesion_crop
from core.data.pictures import read_picture
from core.data.rules import LESIONS, RankingRule
from core.domain import Box
from core.errors import PolypTraceError

COLUMNS = ("clip_id", "path", "frame", "patient_id", "polyp_id", "exam", "split", "text")
BOX_COLUMNS = ("x", "y", "w", "h")
OPTIONAL = DATE, LIGHT, CAMERA, JUNK = "date", "light", "camera", "junk"
WHITE, NARROW_BAND = "white", "narrow-band"
"""The lights' words as the phantom writes them; another word in a manifest is a stratum of its own."""
SPLITS = ("train", "val", "query", "gallery")
_COLUMNS = "A manifest has the columns " + ",".join(COLUMNS) + "[,x,y,w,h][,date][,light][,camera][,junk]."
_COMMAS = "Save it as CSV in UTF-8, with commas between the cells and quotation marks around texts."
_CELLS = "Give each row a cell for every column; a text with a comma stands in quotation marks."
_FILLED = "Every row needs clip_id, path, patient_id, exam and split; the others may be empty."
_WHOLE = "Write a whole number, such as 2."
_BOX = "Give x, y, w and h in pixels, w and h more than 0, or leave all four empty."
_AGREE = "The rows of a clip show one finding of one exam: make them agree, or name another clip_id."


class Row(msgspec.Struct, frozen=True):
    """One frame of one clip.

    Args:
        path: absolute path of an image or a video.
        frame: pts in the video's time base; None for an image.
        polyp_id: identity, or None where no identity is known.
        exam: position in time among the patient's exams.
        text: the description of this clip's own exam; may be empty.
        box: lesion box in pixels of the picture; None where the whole picture counts.
        date: of the exam; None where it isn't known. For strata (months between exams), never for a model.
        light: ``white``, ``narrow-band`` or another word; None where it isn't known. For strata, as the date.
        camera: that took the picture; None where it isn't known. Seeing the same identity by the same camera
            isn't knowing it again: such pairs are left out (:class:`core.data.rules.RankingRule`).
        junk: a row that stands in no ranking and doesn't ask (a part of a person, a false detection).
    """

    clip_id: str
    path: Path
    frame: int | None
    patient_id: str
    polyp_id: str | None
    exam: int
    split: str
    text: str
    box: Box | None = None
    date: dt.date | None = None
    light: str | None = None
    camera: str | None = None
    junk: bool = False

    @property
    def identity(self) -> tuple[str, str] | None:
        """``(patient_id, polyp_id)``, or None: two patients may both have a ``polyp 1``."""
        return None if self.polyp_id is None else (self.patient_id, self.polyp_id)


class Manifest(msgspec.Struct, frozen=True):
    """All rows of a manifest file, in its order, and the rule of its rankings."""

    path: Path
    rows: list[Row]
    ranking: RankingRule = LESIONS

    def clips(self) -> dict[str, list[Row]]:
        """Rows by clip, both in the order of the file."""
        clips: dict[str, list[Row]] = {}
        for row in self.rows:
            clips.setdefault(row.clip_id, []).append(row)
        return clips

    def split(self, *names: str) -> Manifest:
        """The rows of these splits only."""
        return msgspec.structs.replace(self, rows=[row for row in self.rows if row.split in names])

    def sha256(self) -> str:
        """Hash of the file's bytes: what a model's record of its training data holds."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def read_manifest(path: Path | str) -> Manifest:
    """Reads and checks a manifest; pictures are not opened yet.

    Extra columns are left alone. Paths are taken relative to the manifest's folder.

    Raises:
        PolypTraceError: ``manifest-missing``, ``manifest-unreadable`` or ``manifest-invalid``; the last one
            names the row, counted as a spreadsheet does: the header is row 1.
    """
    file = Path(path).absolute()
    text = _read_text(file)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        header = reader.fieldnames or []
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise _invalid(file, 1, _missing(missing), _COMMAS if _one_cell(header) else _COLUMNS)
        rows = [_parse(file, number, cells) for number, cells in enumerate(reader, start=2)]
    except csv.Error as error:
        raise PolypTraceError(
            "manifest-unreadable", f"The manifest {file.name} is not a CSV file: {error}.", _COMMAS
        ) from error
    if not rows:
        raise PolypTraceError(
            "manifest-invalid",
            f"The manifest {file.name} has no rows.",
            "Below its header each row names one frame of a clip.",
        )
    _check_clips(file, rows)
    return Manifest(file, rows)


def write_manifest(path: Path | str, rows: Iterable[Row]) -> Path:
    """Writes rows as a manifest, with paths relative to it, by atomic replacement.

    The columns of box, date, light, camera and junk appear when at least one row has such a value. Returns
    the absolute path.
    """
    file = Path(path).absolute()
    kept = list(rows)
    boxed = any(row.box is not None for row in kept)
    more = [_optional_cells(row) for row in kept]
    used = [name for name in OPTIONAL if any(cells[name] for cells in more)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *(BOX_COLUMNS if boxed else ()), *used])
    for row, optional in zip(kept, more, strict=True):
        cells = _cells(row, file.parent) + (_box_cells(row.box) if boxed else [])
        writer.writerow(cells + [optional[name] for name in used])
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(file.name + ".part")
    draft.write_text(out.getvalue(), encoding="utf-8", newline="")
    draft.replace(file)
    return file


def _cells(row: Row, folder: Path) -> list[object]:
    return [
        row.clip_id,
        _relative(row.path, folder),
        "" if row.frame is None else row.frame,
        row.patient_id,
        row.polyp_id or "",
        row.exam,
        row.split,
        row.text,
    ]


def _optional_cells(row: Row) -> dict[str, str]:
    return {
        DATE: "" if row.date is None else row.date.isoformat(),
        LIGHT: row.light or "",
        CAMERA: row.camera or "",
        JUNK: "1" if row.junk else "",
    }


def load_crop(row: Row, full_frame: bool = False) -> np.ndarray:
    """What the models see of a row: the lesion's crop, or the whole picture where there is no box.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        PolypTraceError: the file is missing or unreadable (``picture-missing``, ``picture-unreadable``), the
            frame can't be given exactly, or the box lies outside the picture (``box-outside-picture``).
    """
    try:
        picture = read_picture(row.path, row.frame)
        return picture if full_frame or row.box is None else lesion_crop(picture, row.box)
    except PolypTraceError as error:
        where = f"Clip {row.clip_id}, {row.path.name}: "
        raise PolypTraceError(error.code, where + error.message, error.hint, **error.detail) from error


def check_pictures(rows: Iterable[Row]) -> None:
    """Looks whether the files of pictures and videos are there, before long work begins with them.

    Raises:
        PolypTraceError: ``picture-missing``, with the first one and how many.
    """
    files = {row.path: row.clip_id for row in rows}
    missing = [file for file in files if not file.is_file()]
    if missing:
        first = missing[0]
        which = f"{first.name} of clip {files[first]}"
        raise PolypTraceError(
            "picture-missing",
            f"{len(missing)} of {len(files)} files of the manifest are missing, the first is {which}."
            if len(missing) > 1
            else f"A file of the manifest is missing: {which}.",
            "Paths are taken from the manifest's folder; move the files there or correct the paths.",
        )


def _read_text(file: Path) -> str:
    if not file.exists():
        raise PolypTraceError(
            "manifest-missing", f"There is no manifest {file.name} in {file.parent}.", "Check the path."
        )
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PolypTraceError(
            "manifest-unreadable",
            f"The manifest {file.name} can't be read as UTF-8 text.",
            "Save it as CSV in UTF-8.",
            cause=type(error).__name__,
        ) from error


def _missing(columns: Sequence[str]) -> str:
    one = len(columns) == 1
    return f"the {'column' if one else 'columns'} {', '.join(columns)} {'is' if one else 'are'} missing"


def _one_cell(header: Sequence[str]) -> bool:
    """Whether other signs than commas stand between the columns."""
    return len(header) == 1 and any(sign in header[0] for sign in ";\t|")


def _parse(file: Path, number: int, cells: dict[str, str | None]) -> Row:
    def cell(name: str) -> str:
        return (cells.get(name) or "").strip()

    def needed(name: str) -> str:
        value = cell(name)
        if not value:
            raise _invalid(file, number, f"{name} is empty", _FILLED)
        return value

    def whole(name: str) -> int:
        value = needed(name)
        try:
            return int(value)
        except ValueError:
            raise _invalid(file, number, f'{name} is "{value[:40]}", not a whole number', _WHOLE) from None

    if any(cells.get(name) is None for name in COLUMNS):
        raise _invalid(file, number, "it has fewer cells than the header", _CELLS)
    split = needed("split")
    if split not in SPLITS:
        raise _invalid(
            file, number, f'split is "{split[:40]}", not one of {", ".join(SPLITS)}', "Write one of these."
        )
    return Row(
        clip_id=needed("clip_id"),
        path=Path(os.path.normpath(file.parent / needed("path"))),
        frame=whole("frame") if cell("frame") else None,
        patient_id=needed("patient_id"),
        polyp_id=cell("polyp_id") or None,
        exam=whole("exam"),
        split=split,
        text=cell("text"),
        box=_parse_box(file, number, [cell(name) for name in BOX_COLUMNS]),
        date=_parse_date(file, number, cell(DATE)),
        light=cell(LIGHT) or None,
        camera=cell(CAMERA) or None,
        junk=_parse_junk(file, number, cell(JUNK)),
    )


def _parse_date(file: Path, number: int, value: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value) if value else None
    except ValueError:
        raise _invalid(
            file, number, f'date is "{value[:40]}", not a date', "Write it as 2019-04-30, or leave it empty."
        ) from None


def _parse_junk(file: Path, number: int, value: str) -> bool:
    if value not in ("", "0", "1"):
        raise _invalid(
            file,
            number,
            f'junk is "{value[:40]}", not 1, 0 or empty',
            "Write 1 where the row stands in no ranking.",
        )
    return value == "1"


def _parse_box(file: Path, number: int, cells: Sequence[str]) -> Box | None:
    if not any(cells):
        return None
    if not all(cells):
        raise _invalid(file, number, "the box x,y,w,h is incomplete", _BOX)
    try:
        x, y, w, h = (float(value) for value in cells)
    except ValueError:
        raise _invalid(
            file, number, f"the box {','.join(cells)[:60]} holds something other than numbers", _BOX
        ) from None
    if not all(math.isfinite(value) for value in (x, y, w, h)) or w <= 0 or h <= 0:
        raise _invalid(file, number, f"the box {','.join(cells)[:60]} has no area", _BOX)
    return Box(x, y, w, h)


def _check_clips(file: Path, rows: Sequence[Row]) -> None:
    """A clip shows one finding of one exam: its rows must agree on everything but the frame."""
    first: dict[str, Row] = {}
    for number, row in enumerate(rows, start=2):
        known = first.setdefault(row.clip_id, row)
        for field in ("patient_id", "polyp_id", "exam", "split", "text", *OPTIONAL):
            if getattr(row, field) != getattr(known, field):
                what = f"clip {row.clip_id} has another {field} than in its first row"
                raise _invalid(file, number, what, _AGREE)


def _invalid(file: Path, number: int, what: str, hint: str) -> PolypTraceError:
    return PolypTraceError("manifest-invalid", f"Row {number} of {file.name}: {what}.", hint, row=number)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:  # another drive on Windows
        return path.absolute().as_posix()


def _box_cells(box: Box | None) -> list[object]:
    if box is None:
        return [""] * 4
    return [repr(int(v)) if float(v).is_integer() else repr(float(v)) for v in (box.x, box.y, box.w, box.h)]
