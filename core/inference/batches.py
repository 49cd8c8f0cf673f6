"""Packs pairs of picture and text into batches: short texts together, nothing encoded twice in a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.inference.preprocess import Picture, to_square

Batch = tuple[NDArray[Any], ...]
"""pictures, token_ids, attention_mask, picture_row, text_row: the input of the network as it is served."""


class OutOfMemoryError(Exception):
    """The device hasn't room for this batch."""


class Backend(Protocol):
    """Something that runs the network."""

    def run(self, batch: Batch) -> NDArray[np.float32]:
        """(B, dim) float32, L2 rows."""
        ...


class Pair:
    """One row to embed: a crop or None, token ids or None. Pairs may share both objects."""

    __slots__ = ("picture", "tokens")

    def __init__(self, picture: Picture | None, tokens: tuple[int, ...] | None) -> None:
        self.picture = picture
        self.tokens = tokens


def order(pairs: Sequence[Pair]) -> list[int]:
    """Indices of the pairs by text length, equal texts side by side; pairs without a picture apart."""

    def key(index: int) -> tuple[bool, int, tuple[int, ...]]:
        tokens = pairs[index].tokens or ()
        return pairs[index].picture is None, len(tokens), tokens

    return sorted(range(len(pairs)), key=key)


def pack(pairs: Sequence[Pair], size: int, pad_id: int) -> Batch:
    """The arrays of one batch: distinct pictures and texts, and each pair's rows into them (−1: missing)."""
    texts: dict[tuple[int, ...], int] = {}
    pictures: dict[int, int] = {}
    squares: list[Picture] = []
    for pair in pairs:
        if pair.tokens:
            texts.setdefault(pair.tokens, len(texts))
        if pair.picture is not None and id(pair.picture) not in pictures:
            pictures[id(pair.picture)] = len(squares)
            squares.append(to_square(pair.picture, size))
    length = max((len(tokens) for tokens in texts), default=1)
    ids = np.full((max(1, len(texts)), length), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for tokens, row in texts.items():
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    stack = np.stack(squares) if squares else np.zeros((1, size, size, 3), np.uint8)
    picture_row = [-1 if pair.picture is None else pictures[id(pair.picture)] for pair in pairs]
    text_row = [texts[pair.tokens] if pair.tokens else -1 for pair in pairs]
    return stack, ids, mask, np.array(picture_row, np.int64), np.array(text_row, np.int64)


def batched(indices: Sequence[int], size: int) -> Iterator[list[int]]:
    """Consecutive stretches of at most ``size``."""
    for start in range(0, len(indices), size):
        yield list(indices[start : start + size])
