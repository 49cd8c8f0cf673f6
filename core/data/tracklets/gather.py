"""From pieces of work to a store of tracklets, within a limit of disk space; a killed gathering goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from core.counting import count
from core.data.tracklets.sources import Piece
from core.data.tracklets.store import TrackletStore
from core.errors import PolypTraceError
from core.progress import CancelToken, Progress, ProgressSink, no_progress

STAGE = "cutting tracklets"


def gather(
    folder: Path,
    pieces: Sequence[Piece],
    side: int,
    limit_bytes: int,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> TrackletStore:
    """Cuts all pieces, or where they would fill more than the limit, some of them, evenly spread.

    Args:
        folder: of the store; what a stopped gathering of the same pieces left there is gone on from.
        side: of the square crops, pixels.
        limit_bytes: of disk space.
        progress: told after each piece.
        cancel: looked at before each piece.

    Returns:
        The store. Its notes say in words what was left out.

    Raises:
        Cancelled: what was cut stays.
        PolypTraceError: ``tracklets-unwritable``, or the first refusal where every piece was refused.
    """
    chosen = within(pieces, limit_bytes // (side * side * 3))
    plan = hashlib.sha256("\n".join(piece.key for piece in chosen).encode()).hexdigest()
    store = TrackletStore(folder, plan, side)
    refused: PolypTraceError | None = None
    for number in range(store.pieces, len(chosen)):
        (cancel or CancelToken()).raise_if_cancelled()
        try:
            cuts, note = chosen[number].cut(), ""
        except PolypTraceError as error:
            refused, cuts, note = refused or error, [], error.message
        store.add(cuts, note)
        progress(Progress(STAGE, number + 1, len(chosen), count(len(store.tracklets), "tracklet")))
    if refused is not None and not store.tracklets:
        raise refused
    if not store.complete:
        store.finish()
    return store


def within(pieces: Sequence[Piece], crops: int) -> list[Piece]:
    """As many pieces as make at most so many crops, evenly spread over all; at least one."""
    total = sum(piece.most for piece in pieces)
    if total <= crops:
        return list(pieces)
    # Piece k is taken where the running share of what fits passes a whole piece more.
    taken: list[Piece] = []
    used, wanted = 0, 0.0
    for piece in pieces:
        wanted += piece.most * crops / total
        if used + piece.most <= wanted or not taken:
            taken.append(piece)
            used += piece.most
    return taken
