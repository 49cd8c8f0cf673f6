"""The main job by command line, from a video to an explained match, with the shipped model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Run

SHARED = Path(os.environ.get("POLYPTRACE_SHARED", ROOT.parent / "shared")) / "data"
REAL = SHARED / "video" / "colonoscopy_560x480.mp4"


def _json(done: Any) -> dict[str, Any]:
    assert done.code == 0, done.out + done.err
    document: dict[str, Any] = done.document
    assert document["notice"].startswith("Research use only")
    return document


def test_the_demo_ranks_every_follow_up_clip(demo: tuple[Path, dict[str, Any]]) -> None:
    _, said = demo
    assert said["queries"] >= 3
    assert 0 <= said["rank1"] <= 1
    assert len(said["ranking"]) >= 3
    scores = [one["score"] for one in said["ranking"]]
    assert scores == sorted(scores, reverse=True)
    assert all(Path(path).read_bytes()[:4] == b"\x89PNG" for path in said["overlays"])


def test_the_demo_report_stands_alone(demo: tuple[Path, dict[str, Any]]) -> None:
    page = Path(demo[1]["report"]).read_text("utf-8")
    assert "Research use only" in page
    assert "data:image/" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="/' not in page


def test_the_demo_again_changes_nothing(quick: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    data, first = demo
    assert _json(quick(data, "demo", "--json")) == first


def test_a_model_that_guesses_scores_worse_than_perfect_would(
    quick: Run, demo: tuple[Path, dict[str, Any]], small_bundle: Path
) -> None:
    """The demo's score is measured: an untrained network doesn't get the trained one's ranking."""
    data, trained = demo
    guessed = _json(quick(data, "demo", "--model", small_bundle, "--json"))
    assert guessed["model"] != trained["model"]
    assert trained["rank1_patient"] > guessed["rank1_patient"]
    assert trained["rank1"] > guessed["rank1"]


def test_a_match_on_the_cpu_loads_no_torch(program: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    data, said = demo
    done = program(
        data, "match", said["query"], "--device", "cpu", "--json", env={"PYTHONPROFILEIMPORTTIME": "1"}
    )
    assert _json(done)["device"] == "cpu"
    loaded = {
        line.rpartition("|")[2].strip() for line in done.err.splitlines() if line.startswith("import time")
    }
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "torchvision", "transformers"}


def test_verdicts_survive_and_can_be_taken_back(quick: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    data, said = demo
    query = said["query"]
    best = _json(quick(data, "match", query, "--json"))["patient"][0]["clip"]

    def together() -> bool:
        """Whether one lesion of the catalogue holds both clips."""
        code = _json(quick(data, "match", query, "--json"))["query_info"]["patient"]
        lesions = _json(quick(data, "patient", "show", code, "--json"))["lesions"]
        return any({query, best} <= set(lesion["clips"]) for lesion in lesions)

    assert not together()
    linked = _json(quick(data, "link", query, "--verdict", "recurrence", "--with", best, "--json"))
    assert len(linked["findings"]) >= 2
    assert together()
    assert "verdict" in _json(quick(data, "undo", "--json"))["done"]
    assert not together()
    _json(quick(data, "redo", "--json"))
    assert together()
    code = _json(quick(data, "match", query, "--json"))["query_info"]["patient"]
    listed = _json(quick(data, "patient", "show", code, "--json"))["verdicts"]
    (event,) = [one["event"] for one in listed if one["verdict"] == "same site, recurrence"]
    _json(quick(data, "unlink", event, "--json"))
    assert not together()
    _json(quick(data, "undo", "--json"))
    assert together()
    _json(quick(data, "undo", "--json"))
    assert not together()


def test_a_clip_can_be_edited_and_every_edit_undone(quick: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    data, said = demo
    clip = said["query"]

    def shown() -> dict[str, Any]:
        return _json(quick(data, "clip", "show", clip, "--json"))

    before = shown()
    at = before["from_s"] + 0.2
    boxed = _json(quick(data, "clip", "box", clip, "--box", f"20,30,60,70@{at:.3f}s", "--json"))
    assert len(boxed["boxes"]) in (len(before["boxes"]), len(before["boxes"]) + 1)
    gone = _json(quick(data, "clip", "box", clip, "--remove", f"{at:.3f}s", "--json"))
    assert len(gone["boxes"]) == len(boxed["boxes"]) - 1
    moved = _json(quick(data, "clip", "move", clip, "--json"))
    assert moved["finding"] != before["finding"]
    for _ in range(3):
        _json(quick(data, "undo", "--json"))
    assert shown() == before
    only = [box["pts"] for box in before["boxes"]]
    refused = quick(data, "clip", "trim", clip, "--to", min(only) - 1, "--json")
    assert (refused.code, refused.error["code"]) == (1, "clip-box")
    trimmed = _json(quick(data, "clip", "trim", clip, "--to", max(only), "--json"))
    assert (trimmed["pts_in"], trimmed["pts_out"]) == (before["pts_in"], max(only))
    _json(quick(data, "undo", "--json"))
    assert shown() == before


def test_an_exam_s_facts_are_kept(quick: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    data, _ = demo
    settings = ("--set", "indication=FIT", "--set", "bbps_left=3", "--set", "caecum_reached=yes")
    said = _json(quick(data, "exam", "describe", 1, *settings, "--set", "withdrawal_min=7.5", "--json"))
    assert said["facts"].pop("indication") == "positive stool test"
    assert said["facts"] == {"bbps_left": 3, "caecum_reached": True, "withdrawal_min": 7.5}
    _json(quick(data, "undo", "--json"))
    assert _json(quick(data, "exam", "show", 1, "--json"))["facts"] == {}


def test_another_model_can_be_put_to_use(
    quick: Run, demo: tuple[Path, dict[str, Any]], small_bundle: Path
) -> None:
    data, said = demo
    target = data / "models" / "small"
    target.parent.mkdir(exist_ok=True)
    shutil.copytree(small_bundle, target)
    small = _json(quick(data, "models", "show", target, "--json"))["id"]
    assert _json(quick(data, "models", "promote", small, "--confirm", small, "--json"))["changed"]
    assert _json(quick(data, "match", said["query"], "--json"))["model"] == small
    states = {one["id"]: one["state"] for one in _json(quick(data, "models", "list", "--json"))["models"]}
    assert (states[small], states[said["model"]]) == ("active", "retired")
    shipped = said["model"]
    _json(quick(data, "models", "promote", shipped, "--confirm", shipped, "--json"))
    states = {one["id"]: one["state"] for one in _json(quick(data, "models", "list", "--json"))["models"]}
    assert (states[small], states[shipped]) == ("retired", "active")
    assert _json(quick(data, "match", said["query"], "--json"))["model"] == said["model"]


def test_words_find_clips_of_their_kind(quick: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    data, _ = demo
    wish = "sessile polyp in the sigmoid"
    found = _json(quick(data, "search", wish, "--top", "5", "--json"))
    assert len(found["hits"]) == 5
    assert (found["unprepared"], found["searched"]) == (0, found["searched"])
    assert found["codes"] == {"state": ["polyp"], "segment": ["sigmoid"], "paris": ["Is"]}
    first = found["hits"][0]
    assert "sigmoid" in first["place"]
    assert first["words"][0]["word"] in ("sessile", "sigmoid")
    assert [one["score"] for one in found["hits"]] == sorted(
        (one["score"] for one in found["hits"]), reverse=True
    )
    assert "doesn't decide" in found["note"]
    nonsense = _json(quick(data, "search", "xyzzy plugh " * 200, "--json"))
    assert len(nonsense["warnings"]) == 2  # not understood, too long
    assert (nonsense["hits"], bool(nonsense["advice"])) == ([], True)
    wrong = quick(data, "search", wish, "--device", "tpu", "--json")
    assert wrong.error["code"] == "device-unknown"
    other = _json(quick(data, "search", wish, "--other-segment", "--json"))
    assert all("sigmoid" not in one["place"] for one in other["hits"])
    like = _json(quick(data, "search", "--like", str(first["clip"]), "--json"))
    assert first["clip"] not in [one["clip"] for one in like["hits"]]
    assert _json(quick(data, "search", wish, "--top", "5", "--json")) == found
    shown = quick(data, "search", wish, "--top", "3")
    assert "words that mattered" in shown.out
    assert "doesn't decide whether two are the same lesion" in shown.out
    for wrong, code in (
        (("search",), "search-empty"),
        (("search", "red", "--larger"), "refine-no-size"),
        (("search", "polyp", "--segment", "nowhere"), "segment-unknown"),
        (("search", "polyp", "--patient", "nobody"), "patient-unknown"),
        (("search", "polyp", "--model", "nothing"), "model-unknown"),
    ):
        refused = quick(data, *wrong, "--json")
        assert refused.code == 1
        assert refused.error["code"] == code
        assert refused.error["hint"]
    assert quick(data, "search", "polyp", "--from", "soon").code == 2


def test_a_space_is_learnt_from_the_catalogue(quick: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    data, _ = demo
    few = ("--set", "epochs=3", "--set", "batch=16")
    made = _json(quick(data, "train", "drcl", "--from-catalogue", *few, "--json"))
    assert {"frame", "clip", "description", "report"} == set(made["data"]["sizes"]["train"])
    assert any(name.startswith("segment: ") for name in made["data"]["categories"])
    found = _json(quick(data, "search", "polyp", "--model", made["model"], "--json"))
    assert (found["model"], found["unprepared"]) == (made["model"], 0)
    assert found["hits"]
    shipped = _json(quick(data, "search", "polyp", "--json"))["model"]
    before = {one["id"]: one["state"] for one in _json(quick(data, "models", "list", "--json"))["models"]}
    assert (before[made["model"]], before[shipped]) == ("candidate", "active")
    _json(quick(data, "models", "promote", made["model"], "--confirm", made["model"], "--json"))
    assert _json(quick(data, "search", "polyp", "--json"))["model"] == made["model"]
    states = {one["id"]: one["state"] for one in _json(quick(data, "models", "list", "--json"))["models"]}
    assert (states[made["model"]], states[shipped]) == ("active", "retired")
    assert [one for one in states if one.startswith("dmcl") and states[one] == "active"] == [
        one for one in before if one.startswith("dmcl") and before[one] == "active"
    ]
    assert _json(quick(data, "models", "rollback", "--search", "--json"))["model"] == shipped
    assert _json(quick(data, "search", "polyp", "--json"))["model"] == shipped
    for wrong in (
        ("train", "drcl", "--from-catalogue", "--pretrain", "tracklets"),
        ("train", "drcl", "--categories", "class", "--features", "x.npz"),
        ("train", "dmcl", "--from-catalogue", "--categories", "class"),
    ):
        assert quick(data, *wrong).code == 2
    listed = _json(quick(data, "models", "list", "--json"))["models"]
    assert {one["kind"]: one["state"] for one in listed if one["shipped"]} == {
        "dmcl": "active",
        "drcl": "active",
    }


def test_the_doctor_reads_the_records(quick: Run, demo: tuple[Path, dict[str, Any]]) -> None:
    checks = {one["name"]: one for one in _json(quick(demo[0], "doctor", "--json"))["checks"]}
    assert "chain whole" in checks["records"]["message"]
    assert "jobs done" in checks["records"]["message"]
    with_vectors = demo[0].with_name("broken")
    shutil.copytree(demo[0], with_vectors)
    shutil.rmtree(with_vectors / "vectors")
    broken = quick(with_vectors, "doctor", "--json")
    assert (broken.code, broken.error["code"]) == (1, "doctor-problems")
    assert "embeddings" in {one["name"]: one["message"] for one in broken.document["checks"]}["records"]
    _json(quick(with_vectors, "index", "--json"))
    assert _json(quick(with_vectors, "doctor", "--json"))["ok"]


@pytest.mark.shared
def test_a_real_polyp_in_two_exams(quick: Run, demo: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Two stretches of a real video, filed as two exams of one patient, among the demo's patients."""
    if not REAL.exists():
        pytest.skip("no shared data")
    data, _ = demo
    said = ["--set=segment=sigmoid", "--set=paris=Is", "--set=size_mm=8", "--set=colour=red"]
    clips = []
    stretches = (
        ("2025-03-03", "1.2", "1.68", ("350,70,85,150@1.32s",)),
        ("2026-04-04", "5s", "6.2", ("362,232,84,165@5.28s",)),
    )
    for day, start, end, boxes in stretches:
        done = _json(quick(data, "import", REAL, "--patient", "REAL", "--exam-date", day, "--json"))
        video = done["videos"][0]["id"]
        marked = [f"--box={box}" for box in boxes]
        add = quick(
            data,
            "clip",
            "add",
            done["exam"],
            "--video",
            video,
            "--from",
            start,
            "--to",
            end,
            *marked,
            "--json",
        )
        clips.append(_json(add)["clip"])
        _json(quick(data, "describe", clips[-1], *said, "--json"))
    first, query = clips
    found = _json(
        quick(data, "match", query, "--scope", "catalogue", "--report", tmp_path / "m.html", "--json")
    )
    assert [one["clip"] for one in found["patient"]] == [first]
    assert len(found["catalogue"]) > 3
    assert found["query_info"]["evidence"]["source"] == "lesion box"
    assert (tmp_path / "m.html").stat().st_size > 20_000
    shown = _json(quick(data, "explain", query, "--with", first, "--out", tmp_path / "maps", "--json"))
    assert {Path(shown[side]["path"]).name for side in ("query", "candidate")} == {
        "query.png",
        "candidate.png",
    }
