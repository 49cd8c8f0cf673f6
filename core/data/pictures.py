"""Pictures that a manifest points at: images, or exact frames of videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from core.errors import PolypTraceError


def read_picture(path: Path, frame: int | None = None) -> np.ndarray:
    """An image, or the video frame with presentation time ``frame``.

    Args:
        path: image file when ``frame`` is None, else a video.
        frame: pts in ticks of the video's time base.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        PolypTraceError: ``picture-missing``, ``picture-unreadable``, or what the video reader refuses.
    """
    if not path.is_file():
        raise PolypTraceError(
            "picture-missing",
            f"The file {path.name} that the manifest names is not there.",
            f"Expected in the folder {path.parent}.",
        )
    return read_image(path) if frame is None else _read_video_frame(path, frame)


def read_image(path: Path) -> np.ndarray:
    """An image file as (h, w, 3) uint8 RGB; names may hold any character.

    Raises:
        PolypTraceError: ``picture-unreadable``.
    """
    # Not cv2.imread: it can't open names outside the system's code page on Windows.
    encoded = np.fromfile(path, dtype=np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    if image is None:
        raise PolypTraceError(
            "picture-unreadable",
            f"The file {path.name} is not a picture that can be read.",
            "Use PNG or JPEG; a video needs its frame's pts in the column frame.",
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _read_video_frame(path: Path, pts: int) -> np.ndarray:
    from core.video.reader import read_frame_at  # videos are rare in training data: PyAV loads when needed

    return read_frame_at(path, pts)
