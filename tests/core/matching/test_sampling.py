"""Which crops of a clip the model sees."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from core.catalog import queries
from core.domain import Box, Clip, ScopeRegion
from core.errors import PolypTraceError
from core.matching.footage import open_reader
from core.matching.sampling import (
    CROPS,
    NEAR_S,
    best_crop,
    best_pictures,
    choose_views,
    sample_clip,
    seen_text,
    source_of,
)
from core.matching.values import CropSource
from core.video.blanking import TEXT_MARGIN

from .conftest import BOX, HEIGHT, WIDTH, Filed


def _reader(filed: Filed, clip_id: int):
    clip = queries.clip(filed.catalog, clip_id)
    return clip, open_reader(filed.catalog, queries.video(filed.catalog, clip.video_id))


def test_marked_frames_come_first_and_their_neighbours_fill_up(filed: Filed) -> None:
    clip, reader = _reader(filed, filed.one)
    marked = {reader.index.number_of(box.pts) for box in clip.boxes if box.pts is not None}
    with reader:
        numbers = [view.number for view in choose_views(reader.index, clip, None)]
    assert marked <= set(numbers)
    assert numbers == sorted(numbers)
    for number in numbers:
        gap = min(abs(reader.index.seconds(number) - reader.index.seconds(near)) for near in marked)
        assert gap <= NEAR_S


def test_a_marked_crop_is_the_box_widened(filed: Filed) -> None:
    clip, reader = _reader(filed, filed.one)
    with reader:
        sample = sample_clip(reader, clip, None)
        frame = reader.frame(sample.pts[0])
    assert sample.source is CropSource.BOX
    left, top = round(BOX.x - 0.15 * BOX.w), round(BOX.y - 0.15 * BOX.h)
    crop = sample.crops[0]
    assert abs(crop.shape[1] - 1.3 * BOX.w) <= 2
    around = frame[top - 1 : top + crop.shape[0] + 1, left - 1 : left + crop.shape[1] + 1].astype(int)
    differences = [
        np.abs(around[dy : dy + crop.shape[0], dx : dx + crop.shape[1]] - crop).max()
        for dy in range(2)
        for dx in range(2)
        if around[dy : dy + crop.shape[0], dx : dx + crop.shape[1]].shape == crop.shape
    ]
    assert min(differences) == 0


@pytest.mark.parametrize(
    "region", [None, ScopeRegion((30, 20, 100, 90), ((30, 20), (130, 20), (130, 110)), True)]
)
def test_without_boxes_the_scope_region_or_the_frame(filed: Filed, region: ScopeRegion | None) -> None:
    clip, reader = _reader(filed, filed.one)
    bare = msgspec.structs.replace(clip, boxes=())
    with reader:
        sample = sample_clip(reader, bare, region)
    assert len(sample.crops) == CROPS
    assert len(set(sample.pts)) == CROPS
    assert sample.source is (CropSource.REGION if region else CropSource.FRAME)
    assert {crop.shape for crop in sample.crops} == {(90, 100, 3) if region else (HEIGHT, WIDTH, 3)}


def test_a_box_without_a_time_holds_for_the_whole_clip(filed: Filed) -> None:
    clip, reader = _reader(filed, filed.one)
    lasting = msgspec.structs.replace(clip, boxes=(BOX,))
    with reader:
        sample = sample_clip(reader, lasting, None)
    assert source_of(lasting, None) is CropSource.BOX
    assert len(sample.crops) == CROPS
    assert all(clip.pts_in <= pts <= clip.pts_out for pts in sample.pts)


def test_weights_are_the_quality_and_the_best_crop_has_the_highest(filed: Filed) -> None:
    clip, reader = _reader(filed, filed.one)
    with reader:
        sample = sample_clip(reader, clip, None)
        best = best_crop(reader, clip, None)
        views = choose_views(reader.index, clip, None)
    assert sample.weights.dtype == np.float32
    assert ((sample.weights > 0) & (sample.weights <= 1)).all()
    own = [place for place, view in enumerate(views) if not view.borrowed]
    assert 0 < len(own) < len(views)
    assert np.array_equal(best, sample.crops[max(own, key=lambda place: (sample.weights[place], -place))])


def test_burned_in_text_is_black_and_nothing_else(filed: Filed) -> None:
    clip, reader = _reader(filed, filed.one)
    bare = msgspec.structs.replace(clip, boxes=())
    with reader:
        plain = best_crop(reader, bare, None)
        masked = best_crop(reader, bare, None, [(20, 30, 40, 12)])
        whole = best_pictures(reader, clip, None, [(60, 50, 20, 10)])
    assert plain[30:42, 20:60].min() > 0
    assert not masked[30:42, 20:60].any()
    untouched = np.ones(plain.shape[:2], bool)
    untouched[30 - TEXT_MARGIN : 42 + TEXT_MARGIN, 20 - TEXT_MARGIN : 60 + TEXT_MARGIN] = False
    assert np.array_equal(plain[untouched], masked[untouched])
    assert all((picture == 0).all(axis=2).any() for picture in whole)


def test_text_counts_where_the_model_would_see_it(filed: Filed) -> None:
    video = queries.video(filed.catalog, 1)
    region = ScopeRegion((30, 20, 100, 90), ((30, 20), (130, 20), (130, 110), (30, 110)), True)
    inside, outside = (60, 60, 20, 8), (2, 2, 20, 8)
    lettered = msgspec.structs.replace(video, region=region, text_found=(outside, inside))
    assert seen_text(lettered) == [inside]
    assert seen_text(msgspec.structs.replace(lettered, region=None)) == [outside, inside]


def test_a_box_outside_the_picture_is_refused(filed: Filed) -> None:
    clip, reader = _reader(filed, filed.one)
    wrong: Clip = msgspec.structs.replace(clip, boxes=(Box(5000, 0, 10, 10),))
    with reader, pytest.raises(PolypTraceError, match="outside"):
        sample_clip(reader, wrong, None)
