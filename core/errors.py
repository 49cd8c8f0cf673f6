"""Errors as values: a code, one human sentence, one hint, optional detail."""

from __future__ import annotations

from typing import Any


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
    """The user cancelled the work; nothing half-done was kept."""
