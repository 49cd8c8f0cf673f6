"""What tracklets are cut from: films, the rows of a manifest, a folder of stills; each as pieces of work."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from core.data.manifest import Row, load_crop
from core.data.pictures import read_image
from core.data.tracklets.cutting import cut_mark, cut_window
from core.data.tracklets.film import Film, FilmSettings, Mark, Window, windows
from core.data.tracklets.values import Cut, Picture
from core.errors import PolypTraceError
from core.video.reader import VideoReader, seconds_at

STILL_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"))
_BLACK = 25
_CACHE_BYTES = 16 << 20


class Piece(msgspec.Struct, frozen=True):
    """A part of the work that is done or not: what a kill may cost.

    Args:
        key: says what is cut, for telling whether a plan has changed.
        most: crops that come of it at most.
        cut: does it; raises :class:`PolypTraceError` where the source refuses.
    """

    key: str
    most: int
    cut: Callable[[], list[Cut]]


class FilmReader:
    """Keeps the reader of one film open, the one that was asked for last."""

    def __init__(self) -> None:
        self._name = ""
        self._reader: VideoReader | None = None

    def of(self, film: Film) -> VideoReader:
        """The film's reader.

        Raises:
            PolypTraceError: the file is missing or has changed.
        """
        if self._reader is None or self._name != film.name:
            self.close()
            self._reader, self._name = VideoReader.open(film.path, film.index, _CACHE_BYTES), film.name
        return self._reader

    def close(self) -> None:
        """Lets go of the file."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None


def film_pieces(film: Film, readers: FilmReader, settings: FilmSettings, seed: int) -> list[Piece]:
    """A film's marked clips, then its windows in order of time."""

    def marked(mark: Mark) -> list[Cut]:
        return cut_mark(film, mark, readers.of(film), settings)

    def followed(window: Window) -> list[Cut]:
        return cut_window(film, window, readers.of(film), settings, seed)

    marks = [
        Piece(f"{film.name}/mark {mark}", 2 * settings.pictures, partial(marked, mark)) for mark in film.marks
    ]
    return marks + [
        Piece(
            f"{film.name}/{window.numbers[0]}-{window.numbers[-1]}",
            settings.regions * settings.pictures,
            partial(followed, window),
        )
        for window in windows(film, settings)
    ]


def row_pieces(rows: Sequence[Row], full_frame: bool, most: int) -> list[Piece]:
    """The clips of a manifest: one clip is one tracklet.

    Clips that the manifest says show the same lesion are never negatives of each other; apart from that
    nobody's word on identity counts.

    Args:
        most: crops of a clip, spread over its rows.
    """
    clips: dict[str, list[Row]] = {}
    for row in rows:
        clips.setdefault(row.clip_id, []).append(row)
    return [
        Piece(f"{clip}: {len(own)}", min(most, len(own)), partial(_of_clip, own, full_frame, most))
        for clip, own in clips.items()
    ]


def _of_clip(rows: Sequence[Row], full_frame: bool, most: int) -> list[Cut]:
    spread = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    chosen = [rows[at] for at in spread]
    first = rows[0]
    times = [seconds_at(row.path, row.frame) for row in chosen if row.frame is not None]
    film = str(first.path) if times else f"{first.patient_id}/{first.exam}"
    start, end = (min(times), max(times)) if len(times) == len(chosen) else (None, None)
    identity = None if first.identity is None else "/".join(first.identity)
    crops = tuple(load_crop(row, full_frame) for row in chosen)
    return [Cut(hashlib.sha256(film.encode()).hexdigest()[:16], start, end, identity, crops)]


def find_stills(folder: Path) -> list[Path]:
    """Every picture below a folder, sorted; hidden ones, and copies of others to the byte, are left out.

    Raises:
        PolypTraceError: ``folder-missing``, or ``no-stills`` where it holds none.
    """
    if not folder.is_dir():
        raise PolypTraceError("folder-missing", f"There is no folder “{folder.name}”.", "Check the path.")
    found = sorted(
        Path(parent) / name
        for parent, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in STILL_SUFFIXES and not name.startswith(".")
    )
    if not found:
        raise PolypTraceError(
            "no-stills",
            f"The folder “{folder.name}” holds no picture.",
            "Give a folder with JPEG, PNG, BMP, TIFF or WebP files.",
        )
    return _different(found)


def still_pieces(paths: Iterable[Path]) -> list[Piece]:
    """Stills: each is a tracklet of one picture, whose views are made by augmentation."""
    return [Piece(str(path), 1, partial(_of_still, path)) for path in paths]


def _of_still(path: Path) -> list[Cut]:
    picture = without_border(read_image(path))
    return [Cut(hashlib.sha256(str(path).encode()).hexdigest()[:16], None, None, None, (picture,))]


def without_border(picture: Picture) -> Picture:
    """The picture without its black border: (h, w, 3) uint8 RGB; itself where all of it is dark."""
    lit = picture.max(axis=2) > _BLACK
    rows = np.flatnonzero(lit.mean(axis=1) > 0.05)
    columns = np.flatnonzero(lit.mean(axis=0) > 0.05)
    if len(rows) < 8 or len(columns) < 8:
        return picture
    return np.ascontiguousarray(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _different(paths: Sequence[Path]) -> list[Path]:
    """Only files of one size are read to tell whether they are copies."""
    by_size: dict[int, list[Path]] = {}
    for path in paths:
        by_size.setdefault(path.stat().st_size, []).append(path)
    copies: set[Path] = set()
    for alike in by_size.values():
        seen: set[bytes] = set()
        for path in alike if len(alike) > 1 else ():
            digest = hashlib.sha256(path.read_bytes()).digest()
            if digest in seen:
                copies.add(path)
            seen.add(digest)
    return [path for path in paths if path not in copies]
