"""Market-1501 and DukeMTMC-reID: who is junk, a distractor or left out, and what broken trees are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.layouts.read import read_layout
from core.data.rules import PERSONS
from core.data.splits import training_parts
from core.errors import PolypTraceError
from core.evaluation.run import evaluate_manifest

from ...evaluation.test_run import Angles
from .trees import DUKE, MARKET, QUERY, TEST, TRAIN, persons, save


def test_market_names_say_person_camera_and_kind(tmp_path: Path) -> None:
    persons(tmp_path, MARKET)
    (tmp_path / TEST / "Thumbs.db").write_bytes(b"x")
    data = read_layout("market1501", tmp_path)
    rows = {row.path.name: row for row in data.manifest.rows}
    assert len(rows) == sum(map(len, MARKET.values()))
    assert [row.split for row in data.manifest.rows] == ["train"] * 6 + ["query"] * 3 + ["gallery"] * 6
    asked = rows["0003_c6s1_015996_00.jpg"]
    assert (asked.polyp_id, asked.camera, asked.exam, asked.junk) == ("0003", "6", 6, False)
    assert (rows["-1_c1s1_000401_03.jpg"].junk, rows["-1_c1s1_000401_03.jpg"].identity) == (True, None)
    assert (rows["0000_c1s1_000151_01.jpg"].junk, rows["0000_c1s1_000151_01.jpg"].identity) == (False, None)
    assert rows["0007_c3s3_077419_03.jpg.jpg"].camera == "3"
    assert data.manifest.ranking is PERSONS
    assert len({row.clip_id for row in data.manifest.rows}) == len(rows)


def test_market_is_ranked_by_its_rule(tmp_path: Path) -> None:
    data = read_layout("market1501", persons(tmp_path, MARKET))
    document = evaluate_manifest(data.manifest, Angles(), baselines=()).as_dict()
    # 0001 by camera 1: the distractor (10), somebody else (20), then its match (40): junk (2) and its own
    # camera (5) don't count. By camera 2: its own camera (40) is left out, 0004 (22) and 0000 (32) come
    # before 0001 at 5 (37), but 0003 (38) doesn't. 0003: at once.
    assert document["clip"]["mAP"] == pytest.approx((1 / 3 + 1 / 3 + 1) / 3)
    assert [document["clip"][name] for name in ("rank1", "rank5", "median_rank")] == [
        pytest.approx(1 / 3),
        1,
        3,
    ]
    assert document["frame"] == document["clip"]
    counts = document["counts"]
    assert (counts["junk_clips"], counts["distractor_clips"], counts["pairs_left_out"]) == (1, 2, 2)
    assert (counts["query_clips"], counts["gallery_clips"], counts["identities"]) == (3, 6, 3)
    assert document["ranking_rule"]["name"] == "persons"
    # Two persons ask: the interval is over them.
    assert tuple(document["clip"]["intervals"]["rank1"]) == (0, 1)
    assert document["within_patient"]["rank1"] is document["other_patients"]["wrong_patient"] is None
    assert "persons" in document["other_patients"]["reason"]


def test_duke_is_ranked_by_its_rule(tmp_path: Path) -> None:
    data = read_layout("duke", persons(tmp_path, DUKE))
    result = evaluate_manifest(data.manifest, Angles(), baselines=())
    # 0005: 7138 (15) before its match (30), its own camera (3) doesn't count. 0006: at once.
    assert result.figures.clip.mean_average_precision == pytest.approx((1 / 2 + 1) / 2)
    assert result.counts["pairs_left_out"] == 1
    assert result.counts["distractor_clips"] == 1
    assert {row.camera for row in data.manifest.rows} == {"1", "2", "5", "8"}


def test_training_crosses_cameras_and_never_sees_the_test(tmp_path: Path) -> None:
    data = read_layout("market1501", persons(tmp_path, MARKET))
    train, val, _ = training_parts(data.manifest.rows, seed=0, val_share=0.5)
    assert {row.polyp_id for row in train} | {row.polyp_id for row in val} == {"0002", "0007", "0010"}
    assert {row.polyp_id for row in train}.isdisjoint(row.polyp_id for row in val)
    assert {row.exam for row in train + val} == {1, 2, 3, 6}


def test_notes_say_what_is_left_out_and_that_the_tree_is_a_part(tmp_path: Path) -> None:
    save(persons(tmp_path, MARKET) / TEST / "holiday.jpg", 0)
    notes = " ".join(read_layout("market1501", tmp_path).notes)
    assert "1 picture in bounding_box_test left out: not named like" in notes
    assert "6 for training, 3 asking, 6 answering; published: 12936 for training, 3368 asking, 19732" in notes
    assert "stretched to the network's square" in notes
    assert "--texts" in notes


@pytest.mark.parametrize("layout", ["market1501", "duke"])
def test_published_figures_come_along(tmp_path: Path, layout: str) -> None:
    data = read_layout(layout, persons(tmp_path, MARKET if layout == "market1501" else DUKE))
    own = next(one for one in data.published if one.method == "DMCL")
    expected = (0.921, 0.963) if layout == "market1501" else (0.876, 0.935)
    assert (own.mean_average_precision, own.rank1) == expected


def refused(layout: str, root: Path) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as caught:
        read_layout(layout, root)
    return caught.value


def test_broken_trees_are_refused_in_words(tmp_path: Path) -> None:
    missing = refused("market1501", tmp_path / "none")
    assert (missing.code, "Market-1501" in missing.message) == ("layout-root", True)
    root = persons(tmp_path / "outer" / "Market-1501-v15.09.15", MARKET)
    deeper = refused("market1501", tmp_path / "outer")
    assert deeper.code == "layout-folder"
    assert "outer/Market-1501-v15.09.15" in deeper.hint
    other = refused("duke", root)
    assert other.code == "layout-names"
    assert "0005_c2_f0046985.jpg" in other.message
    assert "--layout market1501" in other.hint
    (root / QUERY).rename(root / "queries")
    gone = refused("market1501", root)
    assert (gone.code, "query" in gone.message) == ("layout-folder", True)


def test_an_empty_folder_and_a_query_side_of_strangers_are_refused(tmp_path: Path) -> None:
    tree = persons(tmp_path / "a", MARKET)
    for file in (tree / QUERY).iterdir():
        file.unlink()
    empty = refused("market1501", tree)
    assert (empty.code, "holds no picture" in empty.message) == ("layout-names", True)
    save(tree / QUERY / "0000_c1s1_000151_01.jpg", 0)
    assert refused("market1501", tree).code == "layout-empty"


def test_a_person_on_both_sides_is_refused(tmp_path: Path) -> None:
    save(persons(tmp_path, MARKET) / TRAIN / "0003_c1s1_000451_03.jpg", 80)
    both = refused("market1501", tmp_path)
    assert both.code == "layout-overlap"
    assert "1 identities" in both.message
    # Distractors and junk are nobody: they may lie on both sides.
    (tmp_path / TRAIN / "0003_c1s1_000451_03.jpg").unlink()
    save(tmp_path / TRAIN / "0000_c1s1_000451_03.jpg", 80)
    read_layout("market1501", tmp_path)


def test_folds_are_for_colo_pair(tmp_path: Path) -> None:
    with pytest.raises(PolypTraceError, match="no folds"):
        read_layout("duke", persons(tmp_path, DUKE), fold=1)
    with pytest.raises(ValueError, match="unknown layout"):
        read_layout("market", tmp_path)
