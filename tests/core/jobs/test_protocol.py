"""Every message survives its way through the pipe; whatever else comes along is refused."""

from __future__ import annotations

import pytest

from core.jobs.protocol import (
    VERSION,
    Bye,
    Cancel,
    Failure,
    FromWorker,
    Hello,
    LogLine,
    ProgressNote,
    ProtocolError,
    Request,
    Result,
    Stopped,
    ToWorker,
    decode_from_worker,
    decode_to_worker,
    encode,
)
from core.progress import Progress


@pytest.mark.parametrize("message", [Request(1, "embed", {"clips": [1], "ä": None}), Cancel(2), Bye()])
def test_there(message: ToWorker) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_to_worker(line) == message


@pytest.mark.parametrize(
    "message",
    [
        Hello(VERSION, "media", 3),
        ProgressNote(1, "reading", 2, None, "line\nline"),
        LogLine("warning", "one\ntwo"),
        Result(1, {"rows": [{"a": 1.5}]}),
        Failure(1, "code", "A sentence.", "A hint."),
        Stopped(4),
    ],
)
def test_and_back(message: FromWorker) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode_from_worker(line) == message


def test_the_values_of_the_rest_of_the_program() -> None:
    assert ProgressNote(1, "reading", 2, 5, "of all").progress == Progress("reading", 2, 5, "of all")
    error = Failure(1, "code", "A sentence.", "A hint.").error
    assert error.as_dict() == {"code": "code", "message": "A sentence.", "hint": "A hint."}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"loading weights\n",
        b"{}",
        b'{"type":"result"}',
        b'{"type":"stopped","id":"one"}',
        b"[1]",
        b"\xff\xfe\n",
        b"[" * 100_000,
        b'{"type":"request","id":1,"name":"embed"}',
        b"null",
        b'{"type":"x"}',
    ],
)
def test_what_is_no_message(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_from_worker(line)


@pytest.mark.parametrize("value", ["\udcff", object(), {1, 2j}])
def test_what_cannot_be_said(value: object) -> None:
    with pytest.raises(ProtocolError):
        encode(Request(1, "read", {"path": value}))
