"""A whole evaluation on a manifest of coloured squares, with a model whose vectors are known by hand.

The colour of a square is an angle: red = cos, green = sin. The model sees the angle, and an angle that the
text names; the cosine of two clips is the cosine of their angles' difference.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np
import pytest

from core.data.manifest import Row, load_crop, read_manifest, write_manifest
from core.domain import Box
from core.errors import Cancelled, PolypTraceError
from core.evaluation import vectors
from core.evaluation.calibration import NoMatch
from core.evaluation.run import BASELINES, evaluate_manifest
from core.progress import CancelToken, Progress


class Angles:
    """Deterministic: the mean colour's direction, the named angle's direction, or their mean."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def embed_pairs(
        self,
        images: Sequence[np.ndarray | None],
        texts: Sequence[str | None],
        cancel: CancelToken | None = None,
    ) -> np.ndarray:
        self.calls.append(len(images))
        return np.array([self._one(*pair) for pair in zip(images, texts, strict=True)], dtype=np.float32)

    def _one(self, image: np.ndarray | None, text: str | None) -> np.ndarray:
        total = np.zeros(2)
        if image is not None:
            seen = image.reshape(-1, 3).mean(axis=0)[:2]
            total += seen / np.linalg.norm(seen)
        if text is not None and (named := re.search(r"angle (\d+)", text)):
            turn = np.radians(float(named[1]))
            total += (np.cos(turn), np.sin(turn))
        return np.asarray(total / np.linalg.norm(total))


# clip, patient, polyp, exam, split, degrees of its frames, text
Clip = tuple[str, str, str | None, int, str, list[int], str]
CLIPS: list[Clip] = [
    ("a1", "P1", "A", 1, "gallery", [5, 15], "angle 10, 8 mm polyp in the sigmoid"),
    ("b1", "P1", "B", 1, "gallery", [50], "angle 50, 30 mm polyp in the caecum"),
    ("b2", "P1", "B", 2, "gallery", [25], "angle 25, same exam as the queries"),
    ("c1", "P2", "C", 1, "gallery", [80], "angle 80, 12 mm polyp in the rectum"),
    ("x1", "P3", None, 1, "gallery", [24], "angle 24, identity unknown"),
    ("qa", "P1", "A", 2, "query", [15], "angle 12, 7 mm, sigmoid colon"),
    ("qb", "P1", "B", 2, "query", [25], "angle 49, 40 mm, cecum"),
    ("qc", "P2", "C", 2, "query", [78], "angle 79, 15 mm, rectum"),
    ("qn", "P2", "N", 2, "query", [60], "angle 30, 3 mm, rectum"),
    ("qu", "P3", None, 2, "query", [24], "angle 24, not asked"),
]


def square(degrees: int, side: int = 20) -> np.ndarray:
    turn = np.radians(degrees)
    colour = np.array([np.cos(turn), np.sin(turn), 0]) * 255
    return np.broadcast_to(np.round(colour), (side, side, 3)).astype(np.uint8)


def save(path: Path, rgb: np.ndarray) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def manifest(folder: Path, clips: Sequence[Clip] = CLIPS, texts: bool = False) -> Path:
    rows = []
    for clip, patient, polyp, exam, split, frames, text in clips:
        for number, degrees in enumerate(frames):
            picture = folder / f"{clip}-{number}.png"
            save(picture, square(degrees))
            rows.append(Row(clip, picture, None, patient, polyp, exam, split, text if texts else ""))
    return write_manifest(folder / "manifest.csv", rows)


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, Any]:
    return evaluate_manifest(manifest(tmp_path), Angles()).as_dict()


def test_catalogue_figures_by_hand(plain: dict[str, Any]) -> None:
    # Clips: qa finds a1 first; qb finds x1, a1 and then b1 (b2 is of its own exam); qc finds c1; qn has none.
    # Nobody knows whether qu has one: it isn't asked.
    clip = plain["clip"]
    assert clip["mAP"] == pytest.approx((1 + 1 / 3 + 1) / 3)
    assert clip["mAP_trapezoid"] == pytest.approx((1 + (0 + 1 / 3) / 2 + 1) / 3)
    assert [clip[f"rank{k}"] for k in (1, 5, 10)] == pytest.approx([2 / 3, 1, 1])
    assert (clip["median_rank"], clip["queries"], clip["queries_without_match"]) == (1, 3, 1)
    assert plain["frame"]["queries_without_match"] == 1
    # Frames: 15 ranks 15, 24, 5; 25 ranks 24, 15, 5, 50.
    assert plain["frame"]["mAP"] == pytest.approx(((1 + 2 / 3) / 2 + 1 / 4 + 1) / 3)
    assert plain["frame"]["rank1"] == pytest.approx(2 / 3)
    assert plain["frame"]["mAP_trapezoid"] == pytest.approx(((1 + (1 / 2 + 2 / 3) / 2) / 2 + 1 / 8 + 1) / 3)


def test_figures_inside_the_patient_by_hand(plain: dict[str, Any]) -> None:
    within = plain["within_patient"]
    assert within["rank1"] == pytest.approx(2 / 3)
    assert within["chance"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    # Best cosines with a match: 5, 15 and 2 degrees; without: 20 degrees.
    assert within["no_match_auroc"] == 1
    # The true lesion of qb is 25 degrees away and stays below the one query without a match.
    assert within["fnir_at_fpir5"] == pytest.approx(1 / 3)
    assert within["ece"] is None
    assert "probability" in within["reasons"]["ece"]
    assert (within["queries"], within["queries_without_match"]) == (3, 1)
    # x1 is more like qb than everything of its own patient.
    assert plain["other_patients"]["wrong_patient"] == pytest.approx(1 / 3)
    assert plain["other_patients"]["queries"] == 3


def test_intervals_are_over_patients(plain: dict[str, Any]) -> None:
    # P1 has Rank-1 1/2 and P2 has 1: no draw of two patients leaves that span.
    low, high = plain["clip"]["intervals"]["rank1"]
    assert (low, high) == (0.5, 1.0)
    assert "no_match_auroc" not in plain["within_patient"]["intervals"]  # one patient without a match


def test_counts_and_json(plain: dict[str, Any]) -> None:
    assert plain["counts"] == {
        "query_frames": 5,
        "gallery_frames": 6,
        "query_clips": 5,
        "gallery_clips": 5,
        "patients": 3,
        "identities": 4,
        "pairs_left_out": 2,
        "junk_clips": 0,
        "junk_query_frames": 0,
        "distractor_clips": 1,
        "rows_without_identity": 2,
    }
    assert json.loads(json.dumps(plain, allow_nan=False)).keys() >= {
        "frame", "clip", "within_patient", "baselines", "text_leak"
    }  # fmt: skip


def test_without_texts_the_text_baselines_are_null_with_a_reason(plain: dict[str, Any]) -> None:
    assert set(plain["baselines"]) == set(BASELINES)
    for name in ("location_only", "text_only", "shuffled_text"):
        assert plain["baselines"][name]["mAP"] is plain["baselines"][name]["clip"] is None
        assert "text" in plain["baselines"][name]["reason"]
    assert plain["baselines"]["image_only"]["clip"] == plain["clip"]
    assert plain["text_leak"] is None
    assert "text" in plain["reasons"]["text_leak"]
    assert plain["text_leak_share"] is None
    assert plain["warnings"] == []


def test_baselines_stand_beside_the_model(tmp_path: Path) -> None:
    document = evaluate_manifest(manifest(tmp_path, texts=True), Angles()).as_dict()
    beside = document["baselines"]
    # Seen 25, told 49: the model takes 37, which is nearer to 24 and 10 + 40 … than before, still behind x1.
    assert document["clip"]["rank1"] == 1
    assert beside["image_only"]["clip"]["rank1"] == pytest.approx(2 / 3)
    # 12 → 10, 49 → 50, 79 → 80: the texts alone find all three.
    assert beside["text_only"]["clip"]["mAP"] == 1
    assert beside["text_only"]["mAP"] == beside["text_only"]["frame"]["mAP"]
    # Segment and size agree for all three.
    assert beside["location_only"]["clip"]["rank1"] == 1
    # Told the angles of other lesions, the model falls.
    assert beside["shuffled_text"]["clip"]["mAP"] < document["clip"]["mAP"]
    assert all(figures["within_patient"]["queries"] == 3 for figures in beside.values())
    assert (document["text_leak"], document["text_leak_share"], document["warnings"]) == (False, 0, [])


def test_one_sentence_for_both_exams_is_a_text_leak(tmp_path: Path) -> None:
    said = {"A": "angle 10", "B": "angle 49", "C": "angle 80", "N": "angle 30", None: ""}
    clips = [(*clip[:6], said[clip[2]]) for clip in CLIPS if clip[0] != "b2"]
    result = evaluate_manifest(manifest(tmp_path, clips, texts=True), Angles(), baselines=())
    assert (result.text_leak, result.text_leak_share) == (True, 1)
    assert [line.split(":")[0] for line in result.warnings] == ["text-leak"]
    assert result.as_dict()["baselines"] == {}


def test_three_lesions_cannot_be_dealt_anew(tmp_path: Path) -> None:
    clips = [clip for clip in CLIPS if clip[0] in ("a1", "b1", "c1", "qa", "qb", "qc")]
    beside = evaluate_manifest(manifest(tmp_path, clips, texts=True), Angles()).as_dict()["baselines"]
    assert "four lesions" in beside["shuffled_text"]["reason"]
    assert beside["text_only"]["rank1"] == 1


def test_what_cannot_be_computed_is_null_with_a_reason(tmp_path: Path) -> None:
    nowhere = [clip for clip in CLIPS if clip[0] in ("a1", "qc", "qn")]
    document = evaluate_manifest(manifest(tmp_path, nowhere), Angles()).as_dict()
    assert document["clip"]["mAP"] is document["clip"]["rank1"] is document["within_patient"]["rank1"] is None
    assert document["clip"]["reason"]
    assert set(document["within_patient"]["reasons"]) == {
        "rank1", "chance", "no_match_auroc", "fnir_at_fpir5", "no_match_recognised", "no_match_missed", "ece"
    }  # fmt: skip
    assert document["other_patients"]["reason"]
    all_known = [clip for clip in CLIPS if clip[0] in ("a1", "b1", "qa", "qb")]
    within = evaluate_manifest(manifest(tmp_path, all_known), Angles()).as_dict()["within_patient"]
    assert within["rank1"] == 0.5
    assert within["no_match_auroc"] is within["fnir_at_fpir5"] is None
    assert within["reasons"]["no_match_auroc"] == within["reasons"]["fnir_at_fpir5"]
    json.dumps(document, allow_nan=False)


def test_the_models_own_rule_is_judged(tmp_path: Path) -> None:
    # Nine to one for each lesion against none: 9/19 for each of two lesions, 9/10 for a single one.
    rule = NoMatch(threshold=0.5, slope=0.0, intercept=math.log(9), pairs=50)
    within = evaluate_manifest(manifest(tmp_path), Angles(), rule=rule).figures.within_patient
    # Two queries chose between A and B, rightly one each; two had C alone, which one of them shows.
    assert within.ece == pytest.approx((abs(4 * 9 / 19 - 2) + abs(2 * 9 / 10 - 1)) / 6)


def test_boxes_are_cropped_unless_the_full_frame_is_asked_for(tmp_path: Path) -> None:
    rows = []
    for clip, polyp, exam, split, degrees in (
        ("a1", "A", 1, "gallery", 15),
        ("b1", "B", 1, "gallery", 50),
        ("qa", "A", 2, "query", 15),
        ("qb", "B", 2, "query", 45),
    ):
        picture = np.array(square(85 if split == "query" else 5, 100))  # what surrounds the lesion
        picture[30:70, 40:80] = square(degrees, 40)
        save(tmp_path / f"{clip}.png", picture)
        box = Box(45, 35, 30, 30)  # times 1.3 stays inside the square
        rows.append(Row(clip, tmp_path / f"{clip}.png", None, "P1", polyp, exam, split, "", box))
    path = write_manifest(tmp_path / "manifest.csv", rows)
    crops = evaluate_manifest(path, Angles(), baselines=("colour_histogram",))
    whole = evaluate_manifest(path, Angles(), full_frame=True, baselines=("colour_histogram",))
    # Cropped: each finds its own. Whole: both queries are nearest to the greener one, b1.
    assert (crops.figures.clip.rank1, whole.figures.clip.rank1) == (1, 0.5)
    assert (crops.full_frame, whole.full_frame) == (False, True)
    # The surroundings of a gallery picture say nothing, but half of every whole picture's colours are them.
    assert crops.as_dict()["baselines"]["colour_histogram"]["rank1"] == 0.5


def test_validation_asks_with_each_patients_last_exam(tmp_path: Path) -> None:
    clips = [(*clip[:4], "val", *clip[5:]) for clip in CLIPS if clip[0] != "b2"]
    result = evaluate_manifest(manifest(tmp_path, clips), Angles(), split="val", baselines=())
    assert result.figures.clip.rank1 == pytest.approx(2 / 3)
    assert result.part == "val"
    with pytest.raises(PolypTraceError, match="query rows"):
        evaluate_manifest(tmp_path / "manifest.csv", Angles())
    with pytest.raises(ValueError, match="unknown part"):
        evaluate_manifest(tmp_path / "manifest.csv", Angles(), split="tset")
    with pytest.raises(ValueError, match="unknown baselines"):
        evaluate_manifest(tmp_path / "manifest.csv", Angles(), baselines=("magic",))


@pytest.mark.parametrize("split", ["test", "val"])
def test_junk_is_not_asked_and_is_counted(tmp_path: Path, split: str) -> None:
    path = manifest(tmp_path, [clip for clip in CLIPS if clip[0] != "b2"])
    # qb is junk, and so is an exam of P2 after the last one that counts.
    late = Row("late", tmp_path / "a1-0.png", None, "P2", "C", 3, "gallery", "")
    rows = [
        msgspec.structs.replace(
            row, junk=row.clip_id in ("qb", "late"), split=row.split if split == "test" else split
        )
        for row in [*read_manifest(path).rows, late]
    ]
    marked = write_manifest(tmp_path / "junk.csv", rows)
    found = evaluate_manifest(marked, Angles(), split=split, baselines=())
    assert "qb" not in found.evidence.clips.query.clips
    # Without qb, which is wrong at rank 1, both queries that are left are right.
    assert (found.figures.clip.queries, found.figures.clip.rank1) == (2, 1)
    assert found.figures.within_patient.queries == 2
    assert {name: found.counts[name] for name in ("query_frames", "junk_query_frames", "junk_clips")} == {
        "query_frames": 4, "junk_query_frames": 1, "junk_clips": 1
    }  # fmt: skip


def test_junk_alone_asks_nothing(tmp_path: Path) -> None:
    rows = [
        msgspec.structs.replace(row, junk=row.split == "query")
        for row in read_manifest(manifest(tmp_path)).rows
    ]
    with pytest.raises(PolypTraceError, match="no query rows") as caught:
        evaluate_manifest(write_manifest(tmp_path / "junk.csv", rows), Angles())
    assert "junk" in caught.value.hint


def test_progress_and_cancel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = manifest(tmp_path)
    monkeypatch.setattr(vectors, "_CHUNK", 4)
    steps: list[Progress] = []
    evaluate_manifest(path, Angles(), progress=steps.append)
    assert [(step.done, step.total) for step in steps] == [(4, 11), (8, 11), (11, 11)]
    token, model = CancelToken(), Angles()
    with pytest.raises(Cancelled):
        evaluate_manifest(path, model, progress=lambda _: token.cancel(), cancel=token)
    assert model.calls == [4]


def test_the_order_of_rows_changes_nothing_but_ties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = manifest(tmp_path, texts=True)
    first = evaluate_manifest(path, Angles()).as_dict()
    rows = list(reversed(read_manifest(path).rows))
    monkeypatch.setattr(vectors, "_CHUNK", 3)
    again = evaluate_manifest(write_manifest(tmp_path / "reversed.csv", rows), Angles()).as_dict()
    assert again["clip"] == first["clip"]
    assert again["within_patient"] == first["within_patient"]


def test_frames_of_videos_are_read_by_pts(tmp_path: Path) -> None:
    """Ten frames of one angle each; the manifest names three of them by pts, not by number."""
    video = tmp_path / "vidéo.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.options = {"crf": "1", "bf": "2"}
        for degrees in range(5, 85, 8):
            frame = av.VideoFrame.from_ndarray(square(degrees, 64), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(video)) as container:
        pts = [frame.pts for frame in container.decode(video=0)]
    assert pts[3] != 3
    rows = [
        Row("a1", video, pts[0], "P1", "A", 1, "gallery", ""),
        Row("b1", video, pts[9], "P1", "B", 1, "gallery", ""),
        Row("qa", video, pts[3], "P1", "A", 2, "query", ""),
        Row("qb", video, pts[6], "P1", "B", 2, "query", ""),
    ]
    path = write_manifest(tmp_path / "manifest.csv", rows)
    for row, degrees in zip(rows, (5, 77, 29, 53), strict=True):
        np.testing.assert_allclose(
            Angles()._one(load_crop(row), None), Angles()._one(square(degrees), None), atol=0.03
        )
    figures = evaluate_manifest(path, Angles(), baselines=("colour_histogram",)).figures
    assert figures.clip.rank1 == 1
    wrong = write_manifest(
        tmp_path / "wrong.csv", [*rows[:3], Row("qb", video, pts[6] + 1, "P1", "B", 2, "query", "")]
    )
    with pytest.raises(PolypTraceError) as caught:
        evaluate_manifest(wrong, Angles())
    assert caught.value.hint


class Broken(Angles):
    """Its weights have blown up: no picture named here has a vector."""

    def __init__(self, *reds: int) -> None:
        super().__init__()
        self.reds = reds

    def _one(self, image: np.ndarray | None, text: str | None) -> np.ndarray:
        found = super()._one(image, text)
        lost = image is not None and (not self.reds or int(image[0, 0, 0]) in self.reds)
        return found * np.nan if lost else found


@pytest.mark.parametrize("reds", [(), (int(square(50)[0, 0, 0]),)])
def test_a_model_whose_vectors_are_no_numbers_has_no_figures(tmp_path: Path, reds: tuple[int, ...]) -> None:
    path = manifest(tmp_path)
    with pytest.raises(PolypTraceError) as caught:
        evaluate_manifest(path, Broken(*reds), baselines=())
    assert caught.value.code == "evaluation-not-finite"


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda folder: (folder / "a1-0.png").unlink(), "picture-missing"),
        (lambda folder: (folder / "a1-0.png").write_text("no picture"), "picture-unreadable"),
        (lambda folder: (folder / "manifest.csv").unlink(), "manifest-missing"),
        (lambda folder: (folder / "manifest.csv").write_text("clip_id,path\n"), "manifest-invalid"),
    ],
)
def test_broken_input_is_refused_in_words(tmp_path: Path, break_it: Any, code: str) -> None:
    path = manifest(tmp_path)
    break_it(tmp_path)
    with pytest.raises(PolypTraceError) as caught:
        evaluate_manifest(path, Angles())
    assert caught.value.code == code
    assert caught.value.hint
