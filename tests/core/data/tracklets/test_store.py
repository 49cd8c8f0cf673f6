"""The crops' file: what was written is there, a kill costs one piece, another plan begins anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data.tracklets.gather import gather
from core.data.tracklets.sources import Piece
from core.data.tracklets.store import CROPS, LIST, TrackletStore
from core.data.tracklets.values import Cut
from core.errors import Cancelled, PolypTraceError
from core.progress import CancelToken


def colour(level: int) -> Cut:
    return Cut("film", level, level + 1, None, (np.full((20, 30, 3), level, np.uint8),) * 2)


def pieces(count: int, made: list[int]) -> list[Piece]:
    def piece(number: int) -> Piece:
        def work() -> list[Cut]:
            made.append(number)
            return [colour(number)] if number % 3 else []

        return Piece(f"piece {number}", 2, work)

    return [piece(number) for number in range(count)]


def levels(store: TrackletStore) -> list[int]:
    return [int(store.crops.square(t.first + k)[0, 0, 0]) for t in store.tracklets for k in range(t.count)]


def test_what_was_cut_is_there(tmp_path: Path) -> None:
    store = gather(tmp_path, pieces(6, []), 8, 1 << 20)
    assert store.complete
    assert levels(store) == [1, 1, 2, 2, 4, 4, 5, 5]
    assert levels(TrackletStore(tmp_path, None, 8)) == levels(store)


def test_a_kill_costs_one_piece(tmp_path: Path) -> None:
    made: list[int] = []
    token = CancelToken()

    def stop(step: object) -> None:
        if len(made) == 4:
            token.cancel()

    with pytest.raises(Cancelled):
        gather(tmp_path, pieces(6, made), 8, 1 << 20, stop, token)
    # As a kill leaves it: a crop without its line, and half a line.
    with (tmp_path / CROPS).open("ab") as file:
        file.write(b"\x07" * 100)
    with (tmp_path / LIST).open("ab") as file:
        file.write(b'{"tracklets": [{"fi')
    again: list[int] = []
    store = gather(tmp_path, pieces(6, again), 8, 1 << 20)
    assert (made, again) == ([0, 1, 2, 3], [4, 5])
    assert levels(store) == [1, 1, 2, 2, 4, 4, 5, 5]
    assert not gather(tmp_path, pieces(6, again), 8, 1 << 20).notes
    assert again == [4, 5]


def test_another_plan_or_lost_crops_begin_anew(tmp_path: Path) -> None:
    gather(tmp_path, pieces(6, []), 8, 1 << 20)
    made: list[int] = []
    gather(tmp_path, pieces(7, made), 8, 1 << 20)
    assert made == list(range(7))
    (tmp_path / CROPS).write_bytes(b"")
    gather(tmp_path, pieces(7, made), 8, 1 << 20)
    assert made == list(range(7)) * 2


def refusing(number: int, made: list[int]) -> Piece:
    def work() -> list[Cut]:
        raise PolypTraceError("video-changed", f"Film {number} has changed.", "")

    return Piece(f"refusing {number}", 2, work)


def test_a_refusal_is_said_and_stops_only_when_nothing_else_is_there(tmp_path: Path) -> None:
    store = gather(tmp_path / "some", [refusing(1, []), *pieces(3, [])], 8, 1 << 20)
    assert store.notes == ["Film 1 has changed."]
    assert len(store.tracklets) == 2
    with pytest.raises(PolypTraceError, match="Film 1 has changed"):
        gather(tmp_path / "none", [refusing(1, []), refusing(2, [])], 8, 1 << 20)


def test_the_limit_holds_on_the_disk(tmp_path: Path) -> None:
    limit = 10 * 8 * 8 * 3
    gather(tmp_path, pieces(60, []), 8, limit)
    assert 0 < (tmp_path / CROPS).stat().st_size <= limit
