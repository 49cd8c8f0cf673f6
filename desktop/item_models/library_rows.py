"""What stands in the library's rows, and how they are read: a branch at a time, on the reading thread."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import msgspec

from core.counting import count
from desktop.session import Selection

if TYPE_CHECKING:
    from core.catalog.engine import Catalog
    from core.catalog.values import ClipLine, ExamLine, Line, LinePath, PatientLine, VideoLine

Key = tuple[int, ...]
"""Ids of patient, exam, video and clip, as far down as a row goes; it stays what it is."""


class Kind(IntEnum):
    """What a row is; the number is how many ids its key has."""

    PATIENT = 1
    EXAM = 2
    VIDEO = 3
    CLIP = 4


_WAITING: dict[Kind, tuple[str | int, ...]] = {Kind.PATIENT: ("", 0), Kind.EXAM: (0,), Kind.VIDEO: (0,)}
"""Behind a row's path: the place of the first row below it, before every real one."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row: two lines of text, where it stands, and how many rows there are one step below it."""

    path: LinePath
    key: Key
    text: str
    detail: str
    below: int = 0

    @property
    def kind(self) -> Kind:
        """What it is."""
        return Kind(len(self.key))

    @property
    def waiting(self) -> bool:
        """Whether it only stands for rows that are being read."""
        return self.path[-1] == 0

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        return self.text if self.waiting else f"{self.kind.name.lower()}: {self.text}, {self.detail}"


def key_of(path: LinePath) -> Key:
    """The ids of a path, without code and date."""
    return tuple(int(one) for one in (*path[1:2], *path[3:]))


def waiting_below(row: Row) -> Row:
    """The row that stands below one while what belongs there is read."""
    return Row((*row.path, *_WAITING[row.kind]), (*row.key, 0), "Loading…", "")


def row_of(line: Line) -> Row:
    """A line of the catalogue as the library shows it."""
    from core.catalog.values import ExamLine, PatientLine, VideoLine

    if isinstance(line, PatientLine):
        return _patient(line)
    if isinstance(line, ExamLine):
        return _exam(line)
    return _video(line) if isinstance(line, VideoLine) else _clip(line)


def _patient(line: PatientLine) -> Row:
    last = f" · last {line.last_exam}" if line.last_exam else ""
    return Row(line.path, key_of(line.path), str(line.path[0]), count(line.exams, "exam") + last, line.exams)


def _exam(line: ExamLine) -> Row:
    parts = [f"{count(line.videos, 'video')} · {count(line.clips, 'clip')}"] if line.videos else []
    parts += [f"{count(line.reported, 'finding')} reported"] if line.reported else []
    detail = " · ".join(parts) or "no video"
    return Row(line.path, key_of(line.path), f"Exam {line.path[2]}", detail, line.videos)


def _video(line: VideoLine) -> Row:
    minutes, rest = divmod(line.seconds, 60)
    detail = f"{int(minutes):02d}:{rest:04.1f} · {count(line.clips, 'clip')}"
    return Row(line.path, key_of(line.path), line.file, detail, line.clips)


def _clip(line: ClipLine) -> Row:
    from core.text.place import place_of

    text = f"Clip {line.path[5]} · finding {line.lesion_no} · {line.seconds:.1f} s"
    verdict = f" · {line.verdict}" if line.verdict else ""
    return Row(line.path, key_of(line.path), text, place_of(line.description) + verdict)


def rows_below(catalog: Catalog, key: Key) -> list[Row]:
    """The rows one step below a row, in their order."""
    from core.catalog import queries

    lines: Sequence[Line]
    if len(key) == Kind.PATIENT:
        lines = queries.exam_lines(catalog, patient_id=key[0])
    elif len(key) == Kind.EXAM:
        lines = queries.video_lines(catalog, [key[1]])
    elif len(key) == Kind.VIDEO:
        lines = queries.clip_lines(catalog, exam_id=key[1], video_id=key[2])
    else:
        lines = []
    return [row_of(line) for line in lines]


def rows_on_the_way(catalog: Catalog, key: Key) -> list[Row]:
    """The row of a key and those above it, from the top; fewer where it isn't there any more."""
    from core.catalog import queries

    lines: list[Line] = [*queries.patient_lines(catalog, key[:1]), *queries.exam_lines(catalog, ids=key[1:2])]
    lines += queries.video_lines(catalog, key[1:2])
    lines += queries.clip_lines(catalog, ids=key[3:4])
    return [row for row in map(row_of, lines) if row.key == key[: len(row.key)]]


def whole_key(catalog: Catalog, wanted: Selection) -> Key:
    """The key of a selection, of which parts may be missing or gone; as far as there is such a row."""
    from core.catalog import queries
    from core.errors import PolypTraceError

    exam, video, clip = wanted.exam, wanted.video, wanted.clip
    if clip is not None:
        found = queries.clip_lines(catalog, ids=[clip])
        if found:
            return key_of(found[0].path)
    if exam is None:
        return () if wanted.patient is None else (wanted.patient,)
    try:
        patient = queries.exam(catalog, exam).patient_id
    except PolypTraceError:
        return () if wanted.patient is None else (wanted.patient,)
    attached = {one.path[4] for one in queries.video_lines(catalog, [exam])}
    return (patient, exam, video) if video is not None and video in attached else (patient, exam)


def key_of_selection(selection: Selection) -> Key:
    """The key of a selection that has all of it; empty where a part is missing."""
    ids = (selection.patient, selection.exam, selection.video, selection.clip)
    known = tuple(one for one in ids if one is not None)
    return known if ids[: len(known)] == known else ()
