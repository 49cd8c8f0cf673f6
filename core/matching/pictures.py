"""Small pictures of clips for lists: made once, kept in the cache of the data folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np

from core.catalog import queries
from core.catalog.engine import Catalog
from core.errors import PolypTraceError
from core.inference.bundle import replace_file
from core.matching.embedding import inputs_hash
from core.matching.footage import open_reader
from core.matching.sampling import Picture, best_pictures
from core.paths import DataDir

LONGEST_PX = 480
"""The longer side of a picture in the cache has at most so many pixels."""
_JPEG_QUALITY = 85


class ClipPictures(msgspec.Struct, frozen=True):
    """JPEG files of a clip: ``path`` its best crop, ``full`` the whole frame that it was cut from.

    Outside the scope region both are black: a processor writes names and dates there.
    """

    path: str
    full: str


def clip_pictures(catalog: Catalog, clip_id: int) -> ClipPictures:
    """The pictures of a clip as it is now; nothing is decoded where they are there already.

    Raises:
        PolypTraceError: ``clip-unknown``, the video refuses, or ``picture-not-written``.
    """
    clip = queries.clip(catalog, clip_id)
    video = queries.video(catalog, clip.video_id)
    made = pictures_at(catalog.data_dir, inputs_hash(clip, video, None))
    if not (Path(made.path).is_file() and Path(made.full).is_file()):
        with open_reader(catalog, video) as reader:
            crop, frame = best_pictures(reader, clip, video.region, video.text_boxes)
        _write(Path(made.path), crop)
        _write(Path(made.full), frame)
    return made


def pictures_at(folder: DataDir, inputs: str) -> ClipPictures:
    """Where the pictures of such a clip lie, made or not; ``inputs`` is its hash without words."""
    crops = folder.cache / "crops"
    return ClipPictures(str(crops / f"{inputs}.jpg"), str(crops / f"{inputs}-full.jpg"))


def _write(path: Path, picture: Picture) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, _jpeg(_small(picture)))
    except OSError as error:
        raise PolypTraceError(
            "picture-not-written",
            "The picture of a clip can't be kept in the data folder.",
            "Check that its disk has space and that you have the right to write there.",
        ) from error


def _small(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = LONGEST_PX / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _jpeg(picture: Picture) -> bytes:
    bgr = np.ascontiguousarray(picture[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return bytes(data.tobytes())
