"""What really was in front of the camera: written beside the videos, never shown to a model."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.phantom.scene import Optics, PhantomLesion

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels of the video frame."""


class FrameTruth(msgspec.Struct, frozen=True):
    """One frame that shows the clip's lesion.

    Args:
        index: frame of the video, counted from 0 in the order of display.
        pts: its presentation time in ticks of the video's time base.
        box: smallest box around the visible part of the lesion.
        visible_px: number of visible pixels of the lesion.
        mask: picture of the visible part (white), relative to the output folder; only for manifest frames.
    """

    index: int
    pts: int
    box: Box
    visible_px: int
    mask: str | None = None


class ClipTruth(msgspec.Struct, frozen=True):
    """The stretch of an exam that shows one lesion.

    Args:
        polyp_id: the true identity; equal in all exams of the patient.
        split: ``query`` or ``gallery``.
        has_match: for a query whether an earlier exam's clip shows the same lesion; None in the gallery.
        pts_in, pts_out: first and last frame that shows the lesion; both belong to the clip.
        removed: whether the lesion was taken out at this exam.
        lesion: its true anatomy.
        description: what this exam's observer wrote, values by vocabulary key.
        text: the model text of that description.
        frames: every rendered frame on which the lesion is visible, in the order of time.
    """

    clip_id: str
    polyp_id: str
    split: str
    has_match: bool | None
    pts_in: int
    pts_out: int
    removed: bool
    lesion: PhantomLesion
    description: dict[str, Any]
    text: str
    frames: tuple[FrameTruth, ...]

    @property
    def manifest_frames(self) -> tuple[FrameTruth, ...]:
        """The frames with a row in the manifest: those with a mask picture."""
        return tuple(frame for frame in self.frames if frame.mask is not None)


class ExamTruth(msgspec.Struct, frozen=True):
    """One rendered exam.

    Args:
        video: path relative to the output folder.
        frames: number of frames of the video; ``held`` of them in a row show one rendered view.
        time_base: seconds a tick as (numerator, denominator).
        region: outline of the scope picture, (x, y) corners in pixels.
        missed: keys of lesions that were there, but no place in the lumen let the camera see them.
    """

    patient_id: str
    exam: int
    date: dt.date
    split: str
    video: str
    width: int
    height: int
    frames: int
    fps: int
    held: int
    time_base: tuple[int, int]
    region: tuple[tuple[int, int], ...]
    processor: str
    optics: Optics
    clips: tuple[ClipTruth, ...]
    missed: tuple[str, ...]


def box_of(shown: NDArray[np.bool_]) -> Box:
    """Smallest box (x, y, w, h) around the true pixels of a mask that has some."""
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def write_truth(path: Path, truth: msgspec.Struct) -> None:
    """Writes a record of truth as indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1))


def read_exam(path: Path) -> ExamTruth:
    """Reads one exam's truth back."""
    return msgspec.json.decode(path.read_bytes(), type=ExamTruth)
