"""CUHK03, new protocol, in each of the trees it is passed on in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from core.data.layouts.read import read_layout
from core.errors import PolypTraceError
from core.evaluation.run import evaluate_manifest

from ...evaluation.test_run import Angles
from .trees import QUERY, TEST, TRAIN, persons, save

# Name in images_labeled, label, camera, degrees. Persons 1_001 and 2_001 differ in their camera pair.
PICTURES: list[tuple[str, int, int, int]] = [
    ("1_001_1_01.png", 1, 1, 10),
    ("1_001_2_06.png", 1, 2, 12),
    ("1_003_1_01.png", 3, 1, 0),  # asks
    ("1_003_1_02.png", 3, 1, 2),  # of the same camera
    ("1_003_2_06.png", 3, 2, 30),
    ("1_003_2_07.png", 3, 2, 31),  # asks, too
    ("2_001_1_01.png", 844, 1, 70),  # asks
    ("2_001_2_06.png", 844, 2, 66),
    ("2_001_2_08.png", 844, 2, 20),
]
SPLIT = {"train": [0, 1], "query": [2, 5, 6], "gallery": [3, 4, 7, 8]}
# 1_003_1_01 at 0: 2_001_2_08 (20) before its match (30); its own camera (2) doesn't count.
# 1_003_2_07 at 31: 2_001_2_08 (11 away) before its match (29); its own camera (1) doesn't count.
# 2_001_1_01 at 70: its matches 66 and 20 stand first and third, the pictures at 30 between and at 2 behind.
MAP = (1 / 2 + 1 / 2 + (1 + 2 / 3) / 2) / 3


def pictures(root: Path) -> Path:
    for name, _, _, degrees in PICTURES:
        save(root / "images_labeled" / name, degrees)
    return root


def config(root: Path, **changes: Any) -> Path:
    """The published .mat: columns of numbers that count from 1, names in a cell array."""
    names = np.empty((len(PICTURES), 1), dtype=object)
    for at, (name, *_) in enumerate(PICTURES):
        names[at, 0] = name
    content: dict[str, Any] = {
        f"{part}_idx": np.array(places, dtype=np.float64)[:, None] + 1 for part, places in SPLIT.items()
    }
    content |= {
        "labels": np.array([[one[1]] for one in PICTURES], dtype=np.uint16),
        "camId": np.array([[one[2]] for one in PICTURES], dtype=np.uint8),
        "filelist": names,
        **changes,
    }
    savemat(
        root / "cuhk03_new_protocol_config_labeled.mat", {k: v for k, v in content.items() if v is not None}
    )
    return root


def splits_json(root: Path) -> Path:
    """As written on another computer; training persons are counted anew from 0, as are cameras."""
    numbers = {1: 0, 3: 3, 844: 844}
    split: dict[str, Any] = {
        part: [
            [f"/data/reid/cuhk03/images_labeled/{PICTURES[at][0]}", numbers[PICTURES[at][1]], 0]
            for at in places
        ]
        for part, places in SPLIT.items()
    }
    (root / "splits_new_labeled.json").write_text(json.dumps([split | {"num_train_pids": 1}]), "utf-8")
    return root


def folders(root: Path) -> Path:
    names = {"train": TRAIN, "query": QUERY, "gallery": TEST}
    tree: dict[str, dict[str, int]] = {}
    for part, places in SPLIT.items():
        for at in places:
            _, label, camera, degrees = PICTURES[at]
            tree.setdefault(names[part], {})[f"{label:04d}_c{camera}_{at}.png"] = degrees
    persons(root / "labeled", tree)
    return root


@pytest.mark.parametrize("kind", ["config", "json", "folders"])
def test_every_tree_gives_the_same_figures(tmp_path: Path, kind: str) -> None:
    made = {
        "config": lambda: config(pictures(tmp_path)),
        "json": lambda: splits_json(pictures(tmp_path)),
        "folders": lambda: folders(tmp_path),
    }[kind]()
    data = read_layout("cuhk03", made)
    assert [row.split for row in data.manifest.rows].count("train") == 2
    assert {row.identity for row in data.manifest.split("train").rows}.__len__() == 1
    result = evaluate_manifest(data.manifest, Angles(), baselines=())
    assert result.figures.clip.mean_average_precision == pytest.approx(MAP)
    assert (result.counts["pairs_left_out"], result.counts["junk_clips"]) == (2, 0)
    assert (result.counts["query_clips"], result.counts["gallery_clips"]) == (3, 4)
    assert data.published[0].mean_average_precision == 0.865


def test_persons_of_two_camera_pairs_are_two(tmp_path: Path) -> None:
    rows = read_layout("cuhk03", splits_json(pictures(tmp_path))).manifest.rows
    assert {row.polyp_id for row in rows} == {"1_001", "1_003", "2_001"}


def refused(root: Path) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as caught:
        read_layout("cuhk03", root)
    return caught.value


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": np.array([[1]])}, "different lengths"),
        ({"query_idx": np.array([[99]])}, "leave 1…9"),
        ({"query_idx": np.array([[0]])}, "leave 1…9"),
        ({"filelist": None}, "filelist"),
    ],
)
def test_a_split_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    error = refused(config(pictures(tmp_path), **changes))
    assert error.code == "layout-split-file"
    assert says in error.message


def test_a_damaged_split_is_refused(tmp_path: Path) -> None:
    file = pictures(tmp_path) / "cuhk03_new_protocol_config_labeled.mat"
    file.write_bytes(b"MATLAB 7.3 MAT-file" + bytes(500))
    assert refused(tmp_path).code == "layout-split-file"
    file.unlink()
    (tmp_path / "splits_new_labeled.json").write_text("[{}]", "utf-8")
    assert refused(tmp_path).code == "layout-split-file"


def test_pictures_that_are_still_packed_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "cuhk03_release").mkdir()
    (tmp_path / "cuhk03_release" / "cuhk-03.mat").write_bytes(b"x")
    packed = refused(tmp_path)
    assert packed.code == "layout-folder"
    assert "cuhk-03.mat" in packed.hint
    assert refused(config(tmp_path)).code == "layout-folder"
    save(tmp_path / "images_labeled" / PICTURES[0][0], 0)
    lacking = refused(tmp_path)
    assert lacking.code == "layout-pictures"
    assert "8 of 9" in lacking.message


def test_a_training_person_who_is_tested_is_refused(tmp_path: Path) -> None:
    labels = np.array([[one[1]] for one in PICTURES])
    labels[0] = 3
    assert refused(config(pictures(tmp_path), labels=labels)).code == "layout-overlap"
