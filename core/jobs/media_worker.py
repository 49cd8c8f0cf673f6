"""The worker that reads videos: ``python -m core.jobs.media_worker``. Never writes the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from core.jobs.reading import ReadingCatalog
from core.jobs.serve import Handler, serve
from core.matching.pictures import clip_pictures
from core.paths import DataDir
from core.progress import CancelToken, ProgressSink
from core.video.content import content_hash
from core.video.importing import read_video

KIND = "media"


class _Read(msgspec.Struct, frozen=True):
    data_dir: str
    path: str


class _Crop(msgspec.Struct, frozen=True):
    data_dir: str
    clip: int


def read(params: dict[str, Any], progress: ProgressSink, cancel: CancelToken) -> dict[str, Any]:
    """``read`` {data_dir, path} → {path, sha256, known, frames, duration_s, warnings}.

    :func:`core.importing.attach_video` then puts the video into an exam.
    """
    asked = msgspec.convert(params, _Read)
    scan = read_video(Path(asked.path), Path(asked.data_dir), progress, cancel)
    facts = {"frames": scan.facts.frames, "duration_s": scan.facts.duration_s}
    return {
        "path": asked.path,
        "sha256": scan.sha256,
        "known": scan.known,
        **facts,
        "warnings": list(scan.warnings),
    }


def identify(params: dict[str, Any], progress: ProgressSink, cancel: CancelToken) -> dict[str, Any]:
    """``identify`` {data_dir, path} → {path, sha256}: which content a file holds."""
    asked = msgspec.convert(params, _Read)
    return {"path": asked.path, "sha256": content_hash(Path(asked.path), progress, cancel)}


def crop(params: dict[str, Any], _progress: ProgressSink, _cancel: CancelToken) -> dict[str, Any]:
    """``crop`` {data_dir, clip} → {path, full}, see :class:`core.matching.pictures.ClipPictures`."""
    asked = msgspec.convert(params, _Crop)
    with ReadingCatalog.open(DataDir(Path(asked.data_dir))) as catalog:
        plain: dict[str, Any] = msgspec.to_builtins(clip_pictures(catalog, asked.clip))
        return plain


HANDLERS: dict[str, Handler] = {"read": read, "identify": identify, "crop": crop}

if __name__ == "__main__":
    serve(KIND, HANDLERS)
