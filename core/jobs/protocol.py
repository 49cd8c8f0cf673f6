"""What program and worker say to each other: typed messages, one JSON object a line, UTF-8."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from core.errors import PolypTraceError
from core.progress import Progress

VERSION = 1
"""Counts up when a message changes so that an older program or worker would misread it."""


class ProtocolError(Exception):
    """A line that is no message."""


class _Message(msgspec.Struct, frozen=True, tag=str.lower):
    """``type`` in the JSON is the class's name in small letters."""


class Request(_Message, frozen=True):
    """To the worker: do this. ``id`` stands in every message that belongs to it."""

    id: int
    name: str
    params: dict[str, Any] = {}


class Cancel(_Message, frozen=True):
    """To the worker: leave off this request."""

    id: int


class Bye(_Message, frozen=True):
    """To the worker: end."""


class Hello(_Message, frozen=True):
    """From the worker, first of all: who it is and which version it speaks."""

    version: int
    kind: str
    pid: int


class ProgressNote(_Message, frozen=True):
    """From the worker: how far a request is; see :class:`core.progress.Progress`."""

    id: int
    stage: str
    done: int
    total: int | None = None
    note: str = ""
    left_s: float | None = None

    @property
    def progress(self) -> Progress:
        """The same as the value that the rest of the program knows."""
        return Progress(self.stage, self.done, self.total, self.note, self.left_s)


class LogLine(_Message, frozen=True):
    """From the worker: a line for the log. Never a name, a record number or a date of a patient."""

    level: str
    text: str


class Result(_Message, frozen=True):
    """From the worker: the request is done."""

    id: int
    value: dict[str, Any]


class Failure(_Message, frozen=True):
    """From the worker: the request failed, in words; see :class:`core.errors.PolypTraceError`."""

    id: int
    code: str
    message: str
    hint: str = ""

    @property
    def error(self) -> PolypTraceError:
        """The same as the error that the rest of the program knows."""
        return PolypTraceError(self.code, self.message, self.hint)


class Stopped(_Message, frozen=True):
    """From the worker: the request was cancelled."""

    id: int


T = TypeVar("T")
ToWorker = Request | Cancel | Bye
FromWorker = Hello | ProgressNote | LogLine | Result | Failure | Stopped

_encoder = msgspec.json.Encoder()
_to_worker: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
_from_worker: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)


def encode(message: ToWorker | FromWorker) -> bytes:
    """A message as one line, the line feed included.

    Raises:
        ProtocolError: it holds something that JSON can't say, such as a file name that is no text.
    """
    try:
        return _encoder.encode(message) + b"\n"
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise ProtocolError(f"The message can't be written: {error}") from error


def decode_to_worker(line: bytes) -> ToWorker:
    """A line that the worker read.

    Raises:
        ProtocolError: it is no such message.
    """
    return _decode(_to_worker, line)


def decode_from_worker(line: bytes) -> FromWorker:
    """A line that the worker wrote.

    Raises:
        ProtocolError: it is no such message.
    """
    return _decode(_from_worker, line)


def _decode(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(str(error)) from error
