"""What is positive, what is negative, and what is neither; batches and the share of the disk."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from core.data.augment import NONE
from core.data.tracklets.batches import TrackletBatches
from core.data.tracklets.gather import within
from core.data.tracklets.holding import hold_out
from core.data.tracklets.sources import Piece
from core.data.tracklets.store import TrackletStore
from core.data.tracklets.values import Cut, Timeline, Tracklet
from core.errors import PolypTraceError
from core.training.tracklet_config import TrackletConfig


def tracklet(film: str, start: float | None, identity: str | None = None, long: float = 2.0) -> Tracklet:
    end = None if start is None else start + long
    return Tracklet(film, start, end, identity, 0, 1)


def related(*tracklets: Tracklet, near_s: float = 30, unsure_s: float = 1) -> dict[str, list[int]]:
    """What the others are to the first."""
    line = Timeline(tracklets, near_s, unsure_s)
    found = line.relations(0, np.arange(len(tracklets)))
    return {"unsure": np.flatnonzero(found.unsure).tolist(), "hard": np.flatnonzero(found.hard).tolist()}


def test_hard_negatives_are_near_in_time_and_of_the_same_film() -> None:
    found = related(
        tracklet("a", 10),
        tracklet("a", 10.5),  # followed at the same time, apart
        tracklet("a", 20),
        tracklet("a", 41.9),
        tracklet("a", 42.1),  # 30.1 s after the first one's end
        tracklet("b", 10),
    )
    assert found == {"unsure": [], "hard": [1, 2, 3]}


def test_what_may_be_the_same_place_is_no_negative() -> None:
    found = related(
        tracklet("a", 10), tracklet("a", 12.5), tracklet("a", 7.5), tracklet("a", 13.2), tracklet("b", 12.5)
    )
    assert found == {"unsure": [1, 2], "hard": [3]}


def test_a_known_lesion_is_never_its_own_negative_and_another_one_is_sure() -> None:
    found = related(
        tracklet("a", 10, "x"),
        tracklet("a", 100, "x"),
        tracklet("b", 10, "x"),
        tracklet("a", 12.5, "y"),
        tracklet("a", 12.5),
    )
    assert found == {"unsure": [1, 2, 4], "hard": [3]}


def test_marks_of_one_film_are_surely_two_only_where_both_lesions_are_known() -> None:
    def mark(start: float, identity: str | None = None) -> Tracklet:
        return msgspec.structs.replace(tracklet("a", start, identity), marked=True)

    elsewhere = msgspec.structs.replace(mark(10), film="b")
    others = [mark(11), mark(31, "x"), tracklet("a", 11), elsewhere]
    assert related(mark(10), *others) == {"unsure": [1, 2], "hard": [3]}
    assert related(mark(10, "y"), *others) == {"unsure": [1], "hard": [2, 3]}


def test_a_store_keeps_what_was_marked(tmp_path: Path) -> None:
    store = stored(tmp_path, [msgspec.structs.replace(cut("a", 0, [1]), marked=True), cut("a", 0, [2])])
    assert [one.marked for one in store.tracklets] == [True, False]
    assert [one.marked for one in TrackletStore(tmp_path, None, 8).tracklets] == [True, False]


def test_with_the_settings_as_they_come_the_next_window_is_no_negative() -> None:
    plain = TrackletConfig()
    films = plain.films
    line = [tracklet("a", at * films.every_s, long=films.seconds) for at in range(6)]
    found = related(*line, near_s=plain.near_s, unsure_s=plain.unsure_s)
    assert found == {"unsure": [1], "hard": [2, 3, 4, 5]}
    short = [msgspec.structs.replace(line[0], end=1.0), msgspec.structs.replace(line[1], start=4.0)]
    assert related(*short, near_s=plain.near_s, unsure_s=plain.unsure_s)["unsure"] == [1]


def test_without_times_all_of_a_film_is_near_and_stills_have_no_neighbours() -> None:
    assert related(tracklet("a", None), tracklet("a", None), tracklet("b", None)) == {
        "unsure": [],
        "hard": [1],
    }


def stored(folder: Path, cuts: list[Cut]) -> TrackletStore:
    store = TrackletStore(folder, "plan", 8)
    store.add(cuts)
    store.finish()
    return store


def cut(film: str, start: float | None, colours: list[int], identity: str | None = None) -> Cut:
    crops = tuple(np.full((9, 9, 3), colour, np.uint8) for colour in colours)
    return Cut(film, start, None if start is None else start + 1, identity, crops)


def maker(store: TrackletStore, **other: int) -> TrackletBatches:
    line = Timeline(store.tracklets, 30, 1)
    settings = {"many": 6, "views": 2, "neighbours": 2, "seed": 3} | other
    return TrackletBatches(store.tracklets, store.crops, line, 8, NONE, **settings)


@pytest.fixture
def film_store(tmp_path: Path) -> TrackletStore:
    """Four films of five tracklets, two seconds apart; tracklet k has the colours 10k … 10k + 2."""
    cuts = [
        cut(f"film {film}", 2.0 * at, [10 * (5 * film + at) + extra for extra in range(3)])
        for film in range(4)
        for at in range(5)
    ]
    return stored(tmp_path / "store", cuts)


def test_pictures_of_a_label_are_views_of_one_tracklet_and_no_other_relation_holds_there(
    film_store: TrackletStore,
) -> None:
    batches = maker(film_store)
    for step in range(4):
        batch = batches.batch(step)
        assert batch.images.shape == (12, 8, 8, 3)
        shown = batch.images[:, 4, 4, 0] // 10
        assert shown.tolist() == batch.labels.tolist()
        same = batch.labels[:, None] == batch.labels[None]
        assert same.sum() == 6 * 4
        assert not (same & (batch.hard | batch.unsure)).any()
        assert not (batch.hard & batch.unsure).any()
        pairs = batch.images.reshape(6, 2, -1)
        assert (pairs[:, 0] != pairs[:, 1]).any(axis=1).all()  # two different frames, not one twice


def test_a_batch_brings_hard_negatives_and_all_of_them_are_of_the_film(film_store: TrackletStore) -> None:
    batches = maker(film_store)
    for step in range(4):
        batch = batches.batch(step)
        film = batch.labels // 5
        assert (batch.hard <= (film[:, None] == film[None])).all()
        assert (batch.hard.sum(1) >= 2).mean() > 0.5


def test_a_batch_is_a_function_of_its_number_and_an_epoch_shows_everything(film_store: TrackletStore) -> None:
    one, other = maker(film_store), maker(film_store)
    one.batch(0)
    assert np.array_equal(one.batch(7).images, other.batch(7).images)
    assert not np.array_equal(one.batch(7).images, one.batch(8).images)
    assert not np.array_equal(one.batch(7).images, maker(film_store, seed=4).batch(7).images)
    seen = {int(label) for step in range(10) for label in one.batch(step).labels}
    assert seen == set(range(20))


def test_stills_leave_no_place_free_for_neighbours(tmp_path: Path) -> None:
    store = stored(tmp_path, [cut(f"still {n}", None, [10 * n]) for n in range(12)])
    batches = maker(store)
    first, second = batches.batch(0), batches.batch(1)
    assert set(first.labels.tolist()) | set(second.labels.tolist()) == set(range(12))
    assert not first.hard.any()
    # One picture gives both views.
    assert np.array_equal(first.images[0], first.images[1])


def test_one_tracklet_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(PolypTraceError) as caught:
        maker(stored(tmp_path, [cut("a", 0, [1, 2])]))
    assert caught.value.code == "too-few-tracklets"


def test_held_out_films_are_whole(film_store: TrackletStore) -> None:
    many = [tracklet(f"film {n // 4}", n % 4) for n in range(40)]
    train, held = hold_out(many, 0.2, 0)
    assert len(held) == 8
    assert {t.film for t in train}.isdisjoint({t.film for t in held})
    assert hold_out(many, 0.2, 0) == (train, held)
    assert hold_out(many[:19], 0.2, 0) == (many[:19], [])
    train, held = hold_out([tracklet("one film", n) for n in range(40)], 0.2, 0)
    assert (len(train), len(held)) == (32, 8)


def test_what_is_taken_fits_and_is_spread() -> None:
    pieces = [Piece(str(n), 2 + n % 3, list) for n in range(100)]
    assert within(pieces, 1000) == pieces
    taken = within(pieces, 60)
    assert sum(piece.most for piece in taken) <= 60
    assert sum(piece.most for piece in taken) > 50
    places = [int(piece.key) for piece in taken]
    assert max(np.diff([0, *places, 99])) < 12
