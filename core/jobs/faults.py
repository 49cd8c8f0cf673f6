"""What goes wrong in a worker, in words: faults of ours, memory that ran out, and how a process ended."""

from __future__ import annotations

import signal
import traceback

import msgspec

from core.errors import PolypTraceError, internal_fault
from core.jobs.protocol import Failure, Hello

OUT_OF_MEMORY = "out-of-memory"
_MEMORY_CLASSES = {"MemoryError", "OutOfMemoryError"}
"""torch's and the embedder's are known by their name, so that nobody loads torch to ask."""
_MEMORY_WORDS = ("DefaultCPUAllocator", "bad_alloc", "Failed to allocate memory", "Insufficient memory")
"""How torch, the standard library of C++, onnxruntime and OpenCV say it on the CPU."""


def failure_of(number: int, error: Exception) -> Failure:
    """An exception that nobody put into words, as the answer to a request. Never a traceback."""
    if is_out_of_memory(error):
        return Failure(
            number,
            OUT_OF_MEMORY,
            "The memory of this computer isn't enough for this.",
            "Close other programs, then try again.",
        )
    if isinstance(error, msgspec.ValidationError):
        return Failure(number, "request-invalid", f"The worker can't read the request: {error}.")
    fault = internal_fault(error)
    return Failure(number, fault.code, fault.message, fault.hint)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception says that memory ran out, of the computer or of the device."""
    if any(kind.__name__ in _MEMORY_CLASSES for kind in type(error).__mro__):
        return True
    return any(words in str(error) for words in _MEMORY_WORDS)


def trace_of(error: Exception) -> str:
    """Where an exception came from, for the log.

    Without the values of variables and without its own words: both may hold what belongs to a patient.
    """
    return "".join((*traceback.format_tb(error.__traceback__), type(error).__name__))


def ended(kind: str, code: int | None) -> PolypTraceError:
    """A worker that ended by itself, as an error.

    Args:
        kind: what the worker is for.
        code: its exit code; negative for a signal, as :mod:`subprocess` has it; None when it has none.
    """
    return PolypTraceError(
        "worker-died",
        f"The {kind} process {_ending(code)}.",
        "It starts again with the next request. Close other programs if memory is short.",
        exit_code=code,
    )


def silent(kind: str, seconds: float) -> PolypTraceError:
    """A worker that said no hello in time."""
    return PolypTraceError(
        "worker-silent",
        f"The {kind} process didn't start within {seconds:g} seconds.",
        "Try again; if it stays so, restart the computer or install PolypTrace again.",
    )


def misfit(kind: str, hello: Hello) -> PolypTraceError:
    """A worker that is another one, or speaks another version."""
    return PolypTraceError(
        "worker-version",
        f"The {kind} process is another one than this version of PolypTrace needs.",
        "Install PolypTrace again: its parts don't fit each other.",
        kind=hello.kind,
        version=hello.version,
    )


def not_started(kind: str, error: OSError) -> PolypTraceError:
    """A worker whose program isn't there or can't be run."""
    return PolypTraceError(
        "worker-not-started",
        f"The {kind} process can't be started.",
        "Install PolypTrace again: a part of it is missing.",
        reason=error.strerror,
    )


def unsayable() -> PolypTraceError:
    """A request that can't be written as a message."""
    return PolypTraceError(
        "request-invalid",
        "A name holds bytes that are no letters, so the work can't be asked for.",
        "Rename the file or folder.",
    )


def _ending(code: int | None) -> str:
    if code is None:
        return "broke off"
    if code < 0:
        name = _signal_name(-code)
        if name in ("SIGKILL", "SIGTERM"):
            return "was ended by the system, perhaps because memory ran short"
        return f"crashed ({name})"
    if code > 0x7FFFFFFF:  # Windows: an exception of the system
        return f"crashed (0x{code:08X})"
    return f"ended unexpectedly with code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
