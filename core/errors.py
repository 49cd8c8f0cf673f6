"""Errors as values: a code, one human sentence, one hint, optional detail."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]


class PolypTraceError(Exception):
    """Something failed that the user can understand.

    Args:
        code: stable identifier in kebab-case, e.g. ``video-unreadable``; the same for every language.
        message: one sentence that says what is wrong. Never a traceback.
        hint: one sentence that says what to do next; may be empty.
        detail: technical facts for the log; never a name, a record number or a date of a patient.
    """

    def __init__(self, code: str, message: str, hint: str = "", **detail: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.detail = detail

    def as_dict(self) -> dict[str, str]:
        """The ``error`` object of the command line's JSON."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class Cancelled(Exception):  # noqa: N818 - cancelling is the user's wish, not an error
    """The user cancelled the work; nothing half-done was kept.

    Args:
        hint: one sentence that says how to go on; empty where the same call does.
    """

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self.hint = hint


def internal_fault(error: Exception, doing: str = "") -> PolypTraceError:
    """A fault of the program itself, in words; where it happened goes along, what it held doesn't.

    Args:
        error: what nobody put into words.
        doing: what the program was at, e.g. ``while it decoded the video``.
    """
    at = " ".join(part for part in (doing, f"({type(error).__name__} at {_place(error)})") if part)
    return PolypTraceError(
        "internal",
        f"PolypTrace made a mistake {at}.",
        "Nothing that was finished is lost. Please report this line.",
    )


def _place(error: Exception) -> str:
    """The innermost line of our own on the way to the error, else the innermost at all."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    rooms = (_ROOT / "core", _ROOT / "desktop")
    own = [frame for frame in frames if any(Path(frame.filename).is_relative_to(room) for room in rooms)]
    inner = (own or frames)[-1]
    path = Path(inner.filename)
    shown = path.relative_to(_ROOT) if own else Path(path.name)
    return f"{shown.as_posix()}:{inner.lineno}"
