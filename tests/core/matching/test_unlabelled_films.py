"""The catalogue's videos as unlabelled ones: marked clips as they are marked, known lesions known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.catalog import operations
from core.data.tracklets.gather import gather
from core.data.tracklets.values import Timeline
from core.domain import Verdict
from core.progress import CancelToken
from core.training.config import TrainConfig
from core.training.tracklet_sources import Planned, TrackletSources, plan_pieces

from .conftest import Filed, lose_video


def planned(filed: Filed, folder: Path) -> Planned:
    sources = TrackletSources(catalogue=str(filed.catalog.data_dir.root))
    return plan_pieces(sources, TrainConfig(), folder / "scans", lambda _: None, CancelToken())


def test_marked_clips_are_tracklets_and_a_lesion_is_no_negative_of_itself(
    filed: Filed, tmp_path: Path
) -> None:
    operations.give_verdict(
        filed.catalog, Verdict.SAME, clip_id=filed.query, with_clip_id=filed.one, author="test"
    )
    plan = planned(filed, tmp_path)
    assert plan.videos == 4
    assert plan.notes == []
    store = gather(tmp_path / "crops", plan.pieces, 40, 1 << 24)
    plan.readers.close()
    marked = [tracklet for tracklet in store.tracklets if tracklet.marked]
    assert len(marked) == 4
    assert all(tracklet.count >= 2 for tracklet in marked)
    # Only a lesion of two clips is known to be one; the other two marks may show whatever their film shows.
    names = [tracklet.identity for tracklet in marked]
    assert sorted(names, key=str)[:2] == [None, None]
    assert len(set(names)) == 2
    line = Timeline(marked, 30, 1)
    for at, own in enumerate(marked):
        unsure = line.relations(at, np.arange(4)).unsure
        expected = [
            k != at
            and (
                own.film == other.film
                if None in (own.identity, other.identity)
                else own.identity == other.identity
            )
            for k, other in enumerate(marked)
        ]
        assert unsure.tolist() == expected
    assert not list((tmp_path / "scans").glob("*"))  # imported videos were read before


def test_a_lost_video_is_left_out_in_words(filed: Filed, tmp_path: Path) -> None:
    lose_video(filed.catalog, filed.other)
    plan = planned(filed, tmp_path)
    store = gather(tmp_path / "crops", plan.pieces, 40, 1 << 24)
    plan.readers.close()
    assert len({tracklet.film for tracklet in store.tracklets}) == 3
    assert len(set(store.notes)) == 1
    assert "/gone.mp4" not in store.notes[0]


def test_what_is_not_marked_is_followed(filed: Filed, tmp_path: Path) -> None:
    keys = [piece.key for piece in planned(filed, tmp_path).pieces]
    assert sum("/mark " in key for key in keys) == 4
    for clip in (filed.one, filed.two, filed.query, filed.other):
        operations.remove_clip(filed.catalog, clip, author="test")
    keys = [piece.key for piece in planned(filed, tmp_path).pieces]
    assert len(keys) == 4
    assert not any("/mark " in key for key in keys)
