"""The faults of the reference's evaluation, planted: a whole evaluation worked out by hand tells each apart.

One patient has two lesions, two others have one; texts and pictures disagree in just such a way that every
fault moves a figure. A fault in how figures are made is planted where they are made.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.data.manifest import Manifest, Row, read_manifest
from core.evaluation import metrics, run
from core.evaluation.metrics import cmc
from core.evaluation.run import evaluate_manifest

from .test_run import Angles, Clip, manifest

# The text's angle and the picture's are averaged by the model (see test_run).
CLIPS: list[Clip] = [
    ("a1", "P1", "A", 1, "gallery", [10, 70], "angle 40"),
    ("b1", "P1", "B", 1, "gallery", [40], "angle 80"),
    ("c1", "P2", "C", 1, "gallery", [20], "angle 20"),
    ("d1", "P3", "D", 1, "gallery", [85], "angle 85"),
    ("qa", "P1", "A", 2, "query", [40, 42, 5], "angle 41"),
    ("qb", "P1", "B", 2, "query", [42], "angle 82"),
    ("qc", "P2", "C", 2, "query", [38], "angle 38"),
    ("qd", "P3", "D", 2, "query", [33], "angle 33"),
]
Change = Callable[[Manifest], Manifest]


def evaluated(folder: Path, change: Change = lambda data: data) -> dict[str, Any]:
    path = manifest(folder, CLIPS, texts=True)
    return evaluate_manifest(change(read_manifest(path)), Angles(), baselines=()).as_dict()


def check_by_hand(said: dict[str, Any]) -> None:
    """Clips: a1 at 40, b1 60, c1 20, d1 85; qa at 35 finds a1; qb at 62 b1; qc at 38 a1, c1 (18 < 22); qd at
    33 a1, c1, b1, d1. So no two of Rank-1, 2, 3 and 5 are equal but Rank-2 and Rank-3."""
    clip = said["clip"]
    assert clip["queries"] == 4
    assert [clip[f"rank{k}"] for k in (1, 5, 10)] == pytest.approx([2 / 4, 1, 1])
    assert clip["mAP"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 4) / 4)
    assert [(step["rank"], step["share"]) for step in clip["cmc"]] == [(1, 0.5), (2, 0.75), (4, 1.0)]
    assert said["within_patient"]["rank1"] == 1
    assert said["shared_text_share"] == 0


def test_ours_is_what_the_hand_says(tmp_path: Path) -> None:
    check_by_hand(evaluated(tmp_path))


def one_text_a_patient(data: Manifest) -> Manifest:
    first: dict[tuple[str, int], str] = {}
    rows = [
        msgspec.structs.replace(row, text=first.setdefault((row.patient_id, row.exam), row.text))
        for row in data.rows
    ]
    return msgspec.structs.replace(data, rows=rows)


def the_first_identity_again(data: Manifest) -> Manifest:
    """As the reference's index has it: for every identity the first one's queries are scored."""
    asked = [row for row in data.rows if row.split == "query"]
    first = [row for row in asked if row.identity == asked[0].identity]

    def again(identity: object) -> list[Row]:
        return [msgspec.structs.replace(row, clip_id=f"{row.clip_id} for {identity}") for row in first]

    repeated = [row for identity in dict.fromkeys(row.identity for row in asked) for row in again(identity)]
    return msgspec.structs.replace(data, rows=[*data.split("gallery").rows, *repeated])


def frames_instead_of_clips(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(run, "pool", lambda items: items)


def rank_2_as_rank_5(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(metrics, "cmc", lambda first, k: cmc(first, {5: 2}.get(k, k)))


def rank_3_as_rank_10(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(metrics, "cmc", lambda first, k: cmc(first, {10: 3}.get(k, k)))


@pytest.mark.parametrize("change", [one_text_a_patient, the_first_identity_again])
def test_a_fault_in_what_is_ranked_is_caught(change: Change, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check_by_hand(evaluated(tmp_path, change))


@pytest.mark.parametrize("fault", [frames_instead_of_clips, rank_2_as_rank_5, rank_3_as_rank_10])
def test_a_fault_in_how_figures_are_made_is_caught(
    fault: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    found = evaluated(tmp_path)
    with pytest.raises(AssertionError):
        check_by_hand(found)


def test_one_text_a_patient_is_said_beside_the_figures(tmp_path: Path) -> None:
    said = evaluated(tmp_path, one_text_a_patient)
    assert said["shared_text_share"] == 1
    assert any(line.startswith("text-shared") for line in said["warnings"])
