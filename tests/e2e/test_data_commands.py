"""frames, index, phantom, evaluate and train as a user runs them: the documents that others rely on."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from .conftest import ROOT, Run, write_video

FIGURES = {"mAP", "mAP_trapezoid", "rank1", "rank5", "rank10"}
WITHIN = {"rank1", "chance", "no_match_auroc", "fnir_at_fpir5"}
COLUMNS = ["clip_id", "path", "frame", "patient_id", "polyp_id", "exam", "split", "text", "x", "y", "w", "h"]


def _json(done: Any) -> dict[str, Any]:
    assert done.code == 0, done.out + done.err
    document: dict[str, Any] = done.document
    return document


def test_frames_are_written_by_number_and_time(workspace: Any, quick: Run, tmp_path: Path) -> None:
    done = quick(
        workspace.data,
        "frames",
        workspace.video,
        "--index",
        "0,7,99",
        "--time",
        "0.4",
        "--out",
        tmp_path,
        "--json",
    )
    given, seventh, beyond, timed = _json(done)["frames"]
    assert (given["index"], seventh["index"], timed["index"]) == (0, 7, 10)
    assert timed["seconds"] == pytest.approx(0.4)
    assert seventh["pts"] > given["pts"]
    pictures = [cv2.imread(one["path"]) for one in (given, seventh, timed)]
    assert all(picture.shape == (120, 160, 3) for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[1])
    assert "path" not in beyond
    assert "30 frames" in beyond["refused"]


def test_index_embeds_once_and_says_what_failed(workspace: Any, quick: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    video = tmp_path / "film.mp4"
    video.write_bytes(workspace.video.read_bytes())
    exam = _json(quick(data, "import", video, "--patient", "X", "--exam-date", "2024-05-06", "--json"))[
        "exam"
    ]
    for start, end in (("0", "0.3"), ("0.5", "0.9")):
        _json(quick(data, "clip", "add", exam, "--video", 1, "--from", start, "--to", end, "--json"))
    first = _json(quick(data, "index", "--model", workspace.model, "--json"))
    again = _json(quick(data, "index", "--model", workspace.model, "--json"))
    assert (first["embedded"], first["current"], again["embedded"], again["current"]) == (2, 0, 0, 2)
    assert first["device"] == "cpu"
    assert first["device_reason"]
    video.unlink()
    _json(quick(data, "clip", "trim", 1, "--to", "0.2", "--json"))
    failed = quick(data, "index", "--model", workspace.model, "--json")
    assert (failed.code, failed.error["code"]) == (1, "index-failed")
    assert [one["clip"] for one in failed.document["failed"]] == [1]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names are always text")
def test_a_name_that_is_no_text_is_refused_and_the_others_come_in(
    workspace: Any, quick: Run, tmp_path: Path
) -> None:
    bad, good = tmp_path / os.fsdecode(b"bad\xff.mp4"), tmp_path / "good.mp4"
    bad.write_bytes(workspace.video.read_bytes())
    good.write_bytes(write_video(tmp_path / "other.mp4", seed=3).read_bytes())
    done = quick(
        tmp_path / "data", "import", tmp_path, "--patient", "P", "--exam-date", "2024-01-01", "--json"
    )
    states = sorted(video["status"] for video in _json(done)["videos"])
    assert states == ["imported", "known", "refused"]
    said = quick(tmp_path / "data", "patient", "add", "Q", "--author", os.fsdecode(b"a\xff"), "--json")
    assert (said.code, said.error["code"]) == (1, "text-unreadable")


@pytest.fixture(scope="module")
def rendered(quick: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """One invented patient, rendered by the program."""
    folder = tmp_path_factory.mktemp("phantom")
    out = folder / "out"
    return out, _json(quick(folder / "data", "phantom", "--patients", 1, "--seed", 5, "--out", out, "--json"))


def test_phantom_writes_videos_and_a_manifest(
    rendered: tuple[Path, dict[str, Any]], quick: Run, tmp_path: Path
) -> None:
    out, said = rendered
    with (out / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    last = max(int(row["exam"]) for row in rows)
    assert {row["split"] for row in rows if int(row["exam"]) == last} == {"query"}
    assert {row["split"] for row in rows if int(row["exam"]) < last} == {"gallery"}
    assert {out / row["path"] for row in rows} == {Path(video["path"]) for video in said["videos"]}
    assert said["rendered"]
    again = quick(tmp_path, "phantom", "--patients", 1, "--seed", 5, "--out", out, "--json")
    assert not _json(again)["rendered"]


def test_evaluate_measures_a_model_on_it(
    rendered: tuple[Path, dict[str, Any]], quick: Run, tmp_path: Path
) -> None:
    out, _ = rendered
    kept = tmp_path / "report"
    said = _json(quick(tmp_path, "evaluate", "--manifest", out / "manifest.csv", "--out", kept, "--json"))
    assert set(said["frame"]) >= FIGURES
    assert set(said["clip"]) >= FIGURES
    assert set(said["within_patient"]) >= WITHIN
    assert {"colour_histogram", "location_only", "image_only", "text_only"} <= set(said["baselines"])
    assert isinstance(said["text_leak"], bool)
    assert (said["device"], said["model"][:4]) == ("cpu", "dmcl")
    assert {"size", "segment", "light", "gap_months"} <= set(said["strata"])
    assert said["strata"]["light"] is not None
    assert said["strata"]["gap_months"] is not None
    page = Path(said["report"]).read_text("utf-8")
    assert "Research use only – not for diagnosis" in page
    assert "<script" not in page
    assert {"cmc", "ranked", "tsne"} <= set(said["figures"])
    assert all(Path(path).read_text("utf-8").startswith("<svg") for path in said["figures"].values())
    stored = json.loads((kept / "evaluation.json").read_text("utf-8"))
    assert stored["clip"] == said["clip"]


def test_the_querys_text_may_be_fused_with_the_gallery(
    rendered: tuple[Path, dict[str, Any]], quick: Run, tmp_path: Path
) -> None:
    manifest = rendered[0] / "manifest.csv"
    plain = ["evaluate", "--manifest", manifest, "--no-baselines", "--json"]
    own = _json(quick(tmp_path, *plain))
    said = _json(quick(tmp_path, *plain, "--protocol", "query-text"))
    first = _json(quick(tmp_path, *plain, "--rerank", 100))
    assert (own["protocol"], said["protocol"], first["rerank"]) == ("own-text", "query-text", 100)
    assert said["baselines"]["own_text"]["clip"] == own["clip"]
    assert first["clip"] == said["clip"]  # the gallery has fewer than a hundred clips and frames a patient
    assert "own text" in said["within_patient"]["reasons"]["ece"]
    wrong = quick(tmp_path, *plain, "--protocol", "own-text", "--rerank", 5)
    assert wrong.code == 2


def _lesions(folder: Path) -> Path:
    """A manifest of twelve lesions of six patients, each a pattern of its own seen in two exams."""
    rng = np.random.default_rng(1)
    rows = []
    for lesion in range(12):
        colour = np.random.default_rng(lesion).integers(60, 220, 3)
        for exam in (1, 2):
            for number in range(2):
                y, x = np.mgrid[:96, :96]
                wave = np.sin((x * np.cos(lesion) + y * np.sin(lesion)) / (3 + lesion % 4))
                picture = np.clip(colour + 30 * wave[..., None] + rng.normal(0, 6, (96, 96, 3)), 0, 255)
                name = f"{lesion}-{exam}-{number}.png"
                cv2.imwrite(str(folder / name), picture.astype(np.uint8))
                who = {
                    "clip_id": f"c{lesion}-{exam}",
                    "patient_id": f"p{lesion // 2}",
                    "polyp_id": f"l{lesion}",
                }
                place = {"path": name, "exam": exam, "split": "val" if lesion >= 8 else "train"}
                rows.append(who | place | {"text": f"A polyp, about {3 + lesion} mm."})
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, restval="")
        table.writeheader()
        table.writerows(rows)
    return folder / "manifest.csv"


def test_train_quick_makes_a_candidate_that_can_be_used(quick: Run, tmp_path: Path) -> None:
    """The real preset from the shipped model, with fewer steps: alone it ends by the clock, in minutes."""
    data = tmp_path / "data"
    preset = ("--preset", "quick", "--set", "steps=12")
    done = quick(data, "train", "dmcl", *preset, "--manifest", _lesions(tmp_path), "--json")
    said = _json(done)
    assert {"run", "model", "metrics", "seconds", "device"} <= set(said)
    steps = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert {step["run"] for step in steps} == {said["run"]}
    assert sum(step["stage"] == "train" for step in steps) == 12
    listed = {one["id"]: one["state"] for one in _json(quick(data, "models", "list", "--json"))["models"]}
    assert listed[said["model"]] == "candidate"
    assert sorted(listed.values()) == ["active", "active", "candidate"], "to recognise, and to search"


TINY = (
    "model.image_size=32",
    "model.width=64",
    "model.depth=1",
    "steps=2",
    "identities=2",
    "tracklets.steps=2",
    "tracklets.tracklets=4",
    "tracklets.films.every_s=2",
    "tracklets.films.pictures=2",
)


def _tiny(*words: object) -> list[object]:
    return [*words, *(part for setting in TINY for part in ("--set", setting))]


def test_an_image_encoder_is_learnt_from_a_video_and_used(quick: Run, tmp_path: Path) -> None:
    data, films = tmp_path / "data", tmp_path / "films"
    films.mkdir()
    shutil.copy(ROOT / "resources/demo/videos/PH4-002-E2.mp4", films)
    train = ("train", "dmcl", "--device", "cpu", "--json")
    learnt = _json(quick(data, *_tiny(*train, "--pretrain", "tracklets", "--videos", films)))
    assert learnt["tracklets"] >= 2
    assert Path(learnt["image_weights"]).is_file()
    again = _json(quick(data, *train, "--resume", learnt["run"]))
    assert again["image_weights"] == learnt["image_weights"]
    for ignored in (("--set", "steps=9"), ("--preset", "quick"), ("--pretrain", "tracklets")):
        refused = quick(data, *train, "--resume", learnt["run"], *ignored)
        assert refused.code == 2
        assert "began with" in refused.err
    weights = ("--preset", "compact", "--image-weights", learnt["image_weights"])
    done = _json(quick(data, *_tiny(*train, *weights, "--manifest", _lesions(tmp_path))))
    card = (Path(done["bundle"]) / "card.md").read_text("utf-8")
    assert f"learnt without labels from {learnt['tracklets']} tracklets" in card


def test_stills_then_dmcl_in_one_command(quick: Run, tmp_path: Path) -> None:
    manifest = _lesions(tmp_path)
    train = ("train", "dmcl", "--device", "cpu", "--json", "--pretrain", "tracklets")
    done = quick(tmp_path / "data", *_tiny(*train, "--images", tmp_path, "--manifest", manifest))
    said = _json(done)
    assert said["model"].startswith("dmcl")
    assert Path(said["image_weights"]).is_file()
    stages = [json.loads(line)["stage"] for line in done.err.splitlines() if line.startswith("{")]
    assert stages.index("pretrain") < stages.index("train")


def test_learning_without_labels_refuses_in_words(quick: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    train = ("train", "dmcl", "--json", "--pretrain", "tracklets")
    for words, code in (
        (("--videos", tmp_path / "empty"), "no-videos"),
        (("--images", tmp_path / "empty"), "no-stills"),
        (("--catalogue",), "catalogue-missing"),
        ((), "no-unlabelled-data"),
    ):
        done = quick(tmp_path / "data", *train, *words)
        assert (done.code, done.error["code"]) == (1, code)
    assert quick(tmp_path / "data", "train", "dmcl", "--videos", tmp_path).code == 2
