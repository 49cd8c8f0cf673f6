"""The cache around the playhead: bounded, looking ahead, never in circles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QImage

from desktop.player.cache import MOST_FRAMES, ImageCache


def picture(width: int = 100, height: int = 100) -> QImage:
    return QImage(width, height, QImage.Format.Format_RGB32)


BYTES = picture().sizeInBytes()


def fill(cache: ImageCache, most: int = 1000) -> list[int]:
    order = []
    while (number := cache.missing()) is not None:
        cache.put(number, picture())
        order.append(number)
        assert len(order) <= most, "it works in circles"
    return order


@given(
    st.integers(1, 300),
    st.lists(st.tuples(st.integers(0, 299), st.sampled_from([-8, -1, 1, 2, 8])), max_size=8),
    st.integers(3, 40),
)
def test_it_never_holds_more_bytes_than_allowed(count: int, moves: list[tuple[int, int]], room: int) -> None:
    cache = ImageCache(count, 100, 100, most_bytes=room * BYTES)
    for number, step in moves:
        cache.aim(min(number, count - 1), step)
        fill(cache)
        assert min(number, count - 1) in cache.numbers
        assert len(cache.numbers) * BYTES <= room * BYTES


def test_mostly_ahead_and_some_behind() -> None:
    cache = ImageCache(1000, 100, 100, most_bytes=21 * BYTES)
    cache.aim(500, 1)
    assert fill(cache) == [500, *range(501, 516), *range(499, 494, -1)]
    cache.aim(515, -1)
    assert fill(cache) == [*range(516, 521)]
    assert cache.numbers == {*range(500, 521)}


def test_fast_playing_looks_ahead_in_its_own_steps() -> None:
    cache = ImageCache(1000, 100, 100, most_bytes=9 * BYTES)
    cache.aim(100, -4)
    assert fill(cache) == [100, 96, 92, 88, 84, 80, 76, 104, 108]


def test_it_stops_at_the_ends_and_before_refused_frames() -> None:
    cache = ImageCache(10, 100, 100)
    cache.refuse(7)
    cache.aim(5, 1)
    assert fill(cache) == [5, 6, 4, 3, 2, 1, 0]
    cache.aim(7, 1)
    assert cache.missing() is None


def test_small_pictures_do_not_fill_the_memory_either() -> None:
    cache = ImageCache(1000, 100, 100)
    cache.aim(500, 1)
    assert len(fill(cache)) == MOST_FRAMES


def test_a_picture_larger_than_expected_shrinks_the_plan() -> None:
    cache = ImageCache(1000, 10, 10, most_bytes=10 * BYTES)
    cache.aim(500, 1)
    fill(cache)
    assert len(cache.numbers) <= 10
