"""Cuts tracklets out of a video: places of a window, or marked lesions, are followed and cropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from core.data.crops import CROP_FACTOR, lesion_crop
from core.data.tracklets.film import Film, FilmSettings, Mark, Window
from core.data.tracklets.follow import follow, overlap, share_inside
from core.data.tracklets.values import Cut, Picture
from core.domain import Box
from core.video.blanking import blanked
from core.video.index import FrameIndex
from core.video.quality import small_size
from core.video.reader import VideoReader
from core.video.region import Mask, region_mask, whole_frame

_WORKING = 768
"""Longer side to which frames are shrunk before they are cut: crops are smaller still."""
_TOUCHING = 0.1
"""Places that share more of their area than this aren't surely two."""
_SAME = 0.7
"""Mean difference of two small frames, grey levels, below which the second shows nothing new."""
_GRID = 7
_DARK, _LEAST_LIT = 40, 0.75


def cut_window(
    film: Film, window: Window, reader: VideoReader, settings: FilmSettings, seed: int
) -> list[Cut]:
    """Follows up to ``settings.regions`` places of a window.

    Args:
        reader: of the film's video.
        seed: of the places' size.

    Raises:
        PolypTraceError: a frame can't be given exactly.
    """
    frames = _Frames(film, reader, window.numbers)
    good = [at for at, number in enumerate(frames.numbers) if number in window.good]
    if len(good) < 2:
        return []
    start = good[len(good) // 2]
    rng = np.random.default_rng([seed, window.numbers[0]])
    tracks: list[dict[int, Box]] = []
    for box in _places(frames, start, settings, rng):
        track = follow(frames.greys, start, box, frames.mask)
        if all(_apart(track, other) for other in tracks):
            tracks.append(track)
        if len(tracks) == settings.regions:
            break
    cuts = (frames.cut(track, good, settings.pictures, 1.0, None) for track in tracks)
    return [cut for cut in cuts if cut is not None]


def cut_mark(film: Film, mark: Mark, reader: VideoReader, settings: FilmSettings) -> list[Cut]:
    """One tracklet of a marked clip: its boxes, each followed for as long as a window lasts.

    A box without a time holds for the whole clip and isn't followed.

    Raises:
        PolypTraceError: a frame can't be given exactly, or has no time.
    """
    crops: list[Picture] = []
    each = max(2, 2 * settings.pictures // max(len(mark.boxes), 1))
    for box in mark.boxes:
        numbers = _around(film.index, mark, box, settings)
        if len(numbers) < 2:
            continue
        frames = _Frames(film, reader, numbers)
        small = Box(*(v * frames.scale for v in (box.x, box.y, box.w, box.h)))
        if box.pts is None:
            track = dict.fromkeys(range(len(frames.numbers)), small)
        else:
            track = follow(frames.greys, frames.place_of(film.index.number_of(box.pts)), small, frames.mask)
        cut = frames.cut(track, list(track), each, CROP_FACTOR, mark.identity, least=1)
        crops += cut.crops if cut is not None else ()
    if len(crops) < 2:
        return []
    index = film.index
    start, end = (index.seconds(index.number_of(_shown(index, pts))) for pts in (mark.pts_in, mark.pts_out))
    return [Cut(film.name, start, end, mark.identity, tuple(crops[: 2 * settings.pictures]), marked=True)]


class _Frames:
    """Frames of a window at their working size, and small and grey; repeated pictures are left out."""

    def __init__(self, film: Film, reader: VideoReader, numbers: Sequence[int]) -> None:
        self._film = film
        self.numbers: list[int] = []
        self.pictures: list[Picture] = []
        self.greys: list[Any] = []
        for number, frame in zip(numbers, reader.frames_at(numbers), strict=True):
            picture = blanked(frame, film.region, film.text)
            height, width = picture.shape[:2]
            small = small_size(width, height)
            grey = cv2.cvtColor(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
            if self.greys and float(cv2.absdiff(grey, self.greys[-1]).mean()) < _SAME:
                continue
            self.numbers.append(number)
            self.greys.append(grey)
            self.pictures.append(_shrunk(picture))
        self.scale = small[0] / width
        region = film.region or whole_frame(width, height)
        mask = cv2.resize(region_mask(region, width, height).astype(np.uint8), small)
        self.mask: Mask = mask.astype(bool)

    def place_of(self, number: int) -> int:
        """The kept frame that shows what frame ``number`` shows."""
        return max(0, int(np.searchsorted(self.numbers, number, side="right")) - 1)

    def cut(
        self,
        track: dict[int, Box],
        good: Sequence[int],
        most: int,
        factor: float,
        identity: str | None,
        least: int = 2,
    ) -> Cut | None:
        """Crops of a followed box on good frames, spread in time; None with fewer than ``least``."""
        usable = [at for at in good if at in track]
        if len(usable) < least:
            return None
        spread = np.unique(np.linspace(0, len(usable) - 1, min(most, len(usable))).round().astype(int))
        chosen = [usable[at] for at in spread]
        index = self._film.index
        start, end = (index.seconds(self.numbers[at]) for at in (min(track), max(track)))
        crops = tuple(self._crop(at, track[at], factor) for at in chosen)
        return Cut(self._film.name, start, end, identity, crops)

    def _crop(self, at: int, box: Box, factor: float) -> Picture:
        picture = self.pictures[at]
        zoom = picture.shape[1] / self.greys[at].shape[1]
        return lesion_crop(picture, Box(*(v * zoom for v in (box.x, box.y, box.w, box.h))), factor)


def _places(frames: _Frames, at: int, settings: FilmSettings, rng: np.random.Generator) -> Iterator[Box]:
    """Places with texture, best first, apart from each other and within the scope region."""
    grey, inside = frames.greys[at], frames.mask
    height, width = grey.shape
    side = min(height, width) * float(rng.uniform(*settings.side))
    edges = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    # Highlights have the strongest edges and don't move with the mucosa; the dark lumen is no place at all.
    lit = inside & (grey > _DARK)
    edges[(grey > 225) | ~lit] = 0
    sums = cv2.integral(np.minimum(edges, 120.0))
    boxes = [
        Box(float(x), float(y), side, side)
        for y in np.linspace(0, height - side, _GRID)
        for x in np.linspace(0, width - side, _GRID)
    ]
    boxes = [box for box in boxes if share_inside(box, inside) > 0.95 and share_inside(box, lit) > _LEAST_LIT]
    boxes.sort(key=lambda box: -_inside_sum(sums, box))
    taken: list[Box] = []
    for box in boxes:
        if all(overlap(box, other) <= _TOUCHING for other in taken):
            taken.append(box)
            yield box


def _inside_sum(sums: Any, box: Box) -> float:
    x0, y0, x1, y1 = (int(v) for v in (box.x, box.y, box.x + box.w, box.y + box.h))
    return float(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0])


def _apart(one: dict[int, Box], other: dict[int, Box]) -> bool:
    return all(overlap(one[at], other[at]) <= _TOUCHING for at in one.keys() & other.keys())


def _around(index: FrameIndex, mark: Mark, box: Box, settings: FilmSettings) -> list[int]:
    """Numbers of the clip's frames that are near the box in time, or spread over the clip without a time."""
    inside = np.flatnonzero((index.pts >= mark.pts_in) & (index.pts <= mark.pts_out))
    if box.pts is None:
        return [int(n) for n in inside[:: max(1, len(inside) // settings.pictures)]]
    at = index.seconds(index.number_of(box.pts))
    return [int(n) for n in inside if abs(index.seconds(int(n)) - at) <= settings.seconds / 2]


def _shown(index: FrameIndex, pts: int) -> int:
    """The pts of the frame that is on the screen at a time."""
    times = index.display_times
    return int(times[max(0, int(np.searchsorted(times, pts, side="right")) - 1)])


def _shrunk(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = _WORKING / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
