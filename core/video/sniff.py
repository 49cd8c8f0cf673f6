"""What a file is, told from its first bytes, and which files of a folder are videos."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import PolypTraceError

_SUFFIXES = (
    "mp4 m4v mov mkv webm avi ts m2ts mts mpg mpeg vob wmv asf flv mxf 3gp ogv dv h264 264 hevc 265 m2v gif"
)
VIDEO_SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split(" "))
"""Name endings that a folder import takes without looking inside."""

_HEAD_BYTES = 1024
_TS_PACKET = 188
_STILLS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)


def head(path: Path) -> bytes:
    """The first bytes of a file, at most 1024.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def still_picture(start: bytes) -> str | None:
    """The name of the still-picture format that a file starts like, or None."""
    for magic, name in _STILLS:
        if start.startswith(magic):
            return name
    return "WebP" if start[:4] == b"RIFF" and start[8:12] == b"WEBP" else None


def looks_like_text(start: bytes) -> bool:
    """Whether a file starts like plain text: no control characters but white space."""
    return bool(start) and not any(byte < 9 or 13 < byte < 32 or byte == 127 for byte in start)


def looks_like_mp4(start: bytes) -> bool:
    """Whether a file starts like MP4 or QuickTime."""
    return start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def looks_like_video(start: bytes) -> bool:
    """Whether a file starts like one of the common video containers."""
    transport = len(start) > 2 * _TS_PACKET and all(
        start[at] == 0x47 for at in (0, _TS_PACKET, 2 * _TS_PACKET)
    )
    return (
        transport
        or start[4:8] == b"ftyp"
        or (start[:4] == b"RIFF" and start[8:12] == b"AVI ")
        or start[:4] in (b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"FLV\x01")
        or start[:8] == b"0&\xb2u\x8ef\xcf\x11"
    )


def find_videos(folder: Path) -> list[Path]:
    """Every video below a folder, sorted; hidden files and folders and links to folders are left out.

    A file counts by its name's ending, or where the ending says nothing, by its first bytes.

    Raises:
        PolypTraceError: ``folder-missing`` or ``folder-unreadable``.
    """
    if not folder.is_dir():
        raise PolypTraceError(
            "folder-missing",
            "There is no such folder.",
            "Check the path, or name the video files one by one.",
        )
    refused: list[OSError] = []
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=refused.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = (Path(parent) / name for name in names if not name.startswith("."))
        found.extend(path for path in files if _is_video(path))
    if refused and not found:
        raise PolypTraceError(
            "folder-unreadable",
            "The folder can't be read.",
            "Check that you have the right to open it and its subfolders.",
        )
    return sorted(found)


def _is_video(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return True
    try:
        return not path.suffix and looks_like_video(head(path))
    except OSError:
        return False
