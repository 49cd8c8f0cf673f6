"""A 64-bit number that stands for the decoded pixels of one frame."""

from __future__ import annotations

from typing import Any

import numpy as np

_STEP = 0x9E3779B97F4A7C15
_PLANE = 0x100000001B3
_MASK = (1 << 64) - 1


def fingerprint(frame: Any) -> int:
    """Hash of every sample of an ``av.VideoFrame``, all planes, without the padding beside the rows.

    Multilinear hashing: Σ wᵢ·xᵢ mod 2⁶⁴ with odd weights, so two pictures that differ in one 8-byte word
    always differ here; otherwise they collide with a chance of about 2⁻⁵⁸ or less. It costs about a tenth of
    a cryptographic hash.
    """
    value = frame.width << 32 | frame.height
    for plane in _planes(frame):
        value = (value * _PLANE + _dot(plane)) & _MASK
    return int(value)


def _planes(frame: Any) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    components = frame.format.components
    if frame.format.is_rgb or len(frame.planes) != len(components):
        return [np.ascontiguousarray(frame.to_ndarray(format="rgb24")).reshape(-1)]
    planes = []
    for plane, component in zip(frame.planes, components, strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        used = plane.width * ((component.bits + 7) // 8)
        planes.append(np.ascontiguousarray(rows[: plane.height, :used]).reshape(-1))
    return planes


def _dot(samples: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    whole = len(samples) // 8 * 8
    words = samples[:whole].view(np.uint64)
    tail = int.from_bytes(samples[whole:].tobytes(), "little")
    return (int(np.dot(words, _weights(len(words)))) + tail * _STEP) & _MASK


_table = np.zeros(0, np.uint64)


def _weights(count: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """``count`` odd weights by splitmix64 of their position: the same in every version of numpy."""
    global _table  # a table that only ever grows, the same whoever makes it
    if len(_table) < count:
        state = (np.arange(1, max(count, 1 << 16) + 1, dtype=np.uint64)) * np.uint64(_STEP)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        _table = (state ^ (state >> np.uint64(31))) | np.uint64(1)
    return _table[:count]
