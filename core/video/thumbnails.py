"""Thumbnails: small pictures spread evenly over a video, one JPEG file each."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np

from core.video.region import Picture

MOST = 32
"""A video has at most this many thumbnails, and at least half as many where it has enough frames."""
_JPEG_QUALITY = 85


class Thumbnails:
    """Keeps evenly spread small frames of a pass whose length isn't known beforehand."""

    def __init__(self) -> None:
        self._stride = 1
        self._seen = 0
        self._kept: dict[int, Picture] = {}

    def add(self, number: int, small: Picture) -> None:
        """Offers the next sampled frame."""
        if self._seen % self._stride == 0:
            self._kept[number] = small
            if len(self._kept) > MOST:
                self._kept = dict(list(self._kept.items())[::2])
                self._stride *= 2
        self._seen += 1

    @property
    def pictures(self) -> dict[int, Picture]:
        """Frame number → (h, w, 3) uint8 RGB."""
        return self._kept


def thumbnail_path(folder: Path, sha256: str, number: int) -> Path:
    """Where the thumbnail of frame ``number`` of a content lies in the folder of thumbnails."""
    return folder / sha256 / f"{number:08d}.jpg"


def thumbnails_complete(folder: Path, sha256: str, numbers: tuple[int, ...]) -> bool:
    """Whether every thumbnail of a content is there."""
    return all(thumbnail_path(folder, sha256, number).is_file() for number in numbers)


def save_thumbnails(folder: Path, sha256: str, pictures: dict[int, Picture]) -> None:
    """Writes all thumbnails of a content or none.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder, suffix=".part"))
    try:
        for number, picture in pictures.items():
            (fresh / thumbnail_path(folder, sha256, number).name).write_bytes(_jpeg(picture))
        _swap(fresh, folder / sha256)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, target: Path) -> None:
    """Puts a folder in place of another; one that another process put there meanwhile is as good."""
    shutil.rmtree(target, ignore_errors=True)
    try:
        os.rename(fresh, target)  # noqa: PTH104 - Path.rename would do the same, without saying "never replaces"
    except OSError:
        if not target.is_dir():
            raise


def _jpeg(picture: Picture) -> bytes:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise OSError("the picture could not be packed as JPEG")
    return bytes(np.asarray(data).tobytes())
