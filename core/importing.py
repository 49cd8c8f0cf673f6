"""Imports video files and folders into a patient's exam: one decode pass each, then one write each."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from core.catalog import operations, queries
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.errors import PolypTraceError
from core.jobs.record import recorded
from core.progress import CancelToken, ProgressSink, no_progress
from core.video.importing import load_known
from core.video.index import VideoScan
from core.video.queue import read_videos
from core.video.sniff import VIDEO_SUFFIXES, find_videos

IMPORTED, KNOWN, REFUSED = "imported", "known", "refused"

_NO_TEXT = PolypTraceError(
    "video-name",
    "The file's name holds bytes that are no letters, so it can't be recorded.",
    "Rename the file.",
)


class ImportedVideo(msgspec.Struct, frozen=True):
    """How the import of one file went. ``reason`` and ``hint`` say why it was refused or is known already."""

    path: str
    status: str
    id: int | None = None
    sha256: str | None = None
    frames: int | None = None
    duration_s: float | None = None
    reason: str | None = None
    hint: str | None = None
    warnings: tuple[str, ...] = ()


class ImportSummary(msgspec.Struct, frozen=True):
    """All files of one import; ``exam`` is None when every file was refused and the exam isn't known."""

    exam: int | None
    videos: tuple[ImportedVideo, ...]

    @property
    def all_refused(self) -> bool:
        """Whether nothing was imported."""
        return all(video.status == REFUSED for video in self.videos)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``import``."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def video_files(paths: Iterable[Path]) -> list[Path]:
    """The files of the given paths; folders stand for all videos below them, by name.

    Raises:
        PolypTraceError: ``import-empty-folder`` for a folder without a video.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found |= dict.fromkeys(_below(path) if _is_folder(path) else [path])
    return list(found)


def import_videos(
    catalog: Catalog,
    files: Iterable[Path],
    patient_code: str,
    exam_date: dt.date,
    *,
    author: str,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ImportSummary:
    """Reads each file and attaches it to the exam; patient and exam are made with the first good file.

    Content that the catalogue knows already keeps its id; a refused file doesn't stop the others.

    Raises:
        Cancelled: what was finished before stays imported.
        PolypTraceError: the catalogue can't be written, or the patient's code isn't one.
    """
    queue = list(files)
    done: list[ImportedVideo] = []
    with recorded(catalog, "import", {"files": len(queue)}, author=author) as job:
        for read in read_videos(queue, catalog.data_dir.root, progress, cancel):
            if read.scan is not None and _is_text(read.path):
                who = (patient_code, exam_date, author)
                done.append(attach_video(catalog, read.path, read.scan.sha256, *who)[0])
                continue
            why = read.error or _NO_TEXT
            done.append(ImportedVideo(_shown(read.path), REFUSED, reason=why.message, hint=why.hint or None))
        job.result = dict(Counter(video.status for video in done))
    return ImportSummary(_exam_id(catalog, patient_code, exam_date), tuple(done))


def relocate_video(catalog: Catalog, video_id: int, path: Path, sha256: str, author: str) -> CatalogChanges:
    """Records where the file of a video lies now.

    Args:
        path: the file.
        sha256: its content, by :func:`core.video.content.content_hash`.

    Raises:
        PolypTraceError: ``video-other`` when it is another video; ``video-name``; ``video-unknown``.
    """
    if not _is_text(path):
        raise _NO_TEXT
    if queries.video(catalog, video_id).sha256 != sha256:
        raise PolypTraceError(
            "video-other",
            f"{path.name} is another video than the one that was imported.",
            "Choose the file that was imported, whatever it is called now; import this one if it is new.",
        )
    return operations.relocate_video(catalog, video_id, str(path.absolute()), author=author)


def attach_video(
    catalog: Catalog, path: Path, sha256: str, patient_code: str, exam_date: dt.date, author: str
) -> tuple[ImportedVideo, CatalogChanges]:
    """Attaches a video that was read before to a patient's exam; patient and exam are made as needed.

    Args:
        path: where its file lies.
        sha256: its content, as :func:`core.video.importing.read_video` told it.

    Raises:
        PolypTraceError: ``video-name``; ``video-not-read`` when what was read of it is no longer there; the
            catalogue can't be written, or the patient's code isn't one.
    """
    if not _is_text(path):
        raise _NO_TEXT
    index = load_known(sha256, catalog.data_dir.root)
    if index is None:
        raise PolypTraceError(
            "video-not-read", "What was learnt from the video isn't there any more.", "Import it again."
        )
    scan = VideoScan(path, index)
    known = queries.video_by_sha256(catalog, sha256)
    elsewhere = queries.exams_of_video(catalog, known.id) if known else []
    # Absolute: the program may be started from another folder tomorrow.
    video = msgspec.structs.replace(scan.video(0), path=str(path.absolute()))
    changes = operations.import_video(
        catalog, video, patient_code=patient_code, exam_date=exam_date, author=author
    )
    warnings = scan.warnings
    others = [exam for exam in elsewhere if exam.id not in changes.exams]
    if others:
        patient = queries.patient_by_code(catalog, patient_code)
        strange = patient is not None and any(exam.patient_id != patient.id for exam in others)
        where = "an exam of another patient" if strange else "another exam"
        warnings += (f"This video also belongs to {where}: please check that it was put in the right place.",)
    attached = ImportedVideo(
        path=str(path),
        status=KNOWN if known else IMPORTED,
        id=changes.subject,
        sha256=sha256,
        frames=scan.facts.frames,
        duration_s=scan.facts.duration_s,
        reason="The catalogue knows this content already." if known else None,
        warnings=warnings,
    )
    return attached, changes


def _exam_id(catalog: Catalog, patient_code: str, exam_date: dt.date) -> int | None:
    patient = queries.patient_by_code(catalog, patient_code)
    exam = queries.exam_on(catalog, patient.id, exam_date) if patient else None
    return exam.id if exam else None


def _shown(path: Path) -> str:
    return str(path) if _is_text(path) else repr(str(path))


def _is_text(path: Path) -> bool:
    """False for a name that isn't valid in the system's encoding: the catalogue can't keep it."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_folder(path: Path) -> bool:
    # A folder that is named like a video is a mistake that the reader explains better.
    return path.is_dir() and path.suffix.lower() not in VIDEO_SUFFIXES


def _below(folder: Path) -> list[Path]:
    found = find_videos(folder)
    if not found:
        endings = " ".join(sorted(VIDEO_SUFFIXES))
        raise PolypTraceError(
            "import-empty-folder",
            f"The folder “{folder.name}” holds no video.",
            f"Videos are known by their endings: {endings}; a file that is named itself may have any.",
        )
    return found
