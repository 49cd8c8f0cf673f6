"""Public data sets by their layout, through the real program with the shipped model: Table 1 and Table 2."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from ..core.data.layouts.trees import DUKE, MARKET, TRAIN, colo_pair, persons, write_csv, write_xlsx
from .conftest import Run

SMALL = (
    "steps=2 identities=2 pictures=2 model.image_size=32 model.width=32 model.depth=1 model.text.hidden=32"
)
TINY = ["--preset", "compact"]
for _change in (*SMALL.split(), "model.text.layers=1", "model.text.heads=2", "model.text.intermediate=32"):
    TINY += ["--set", _change]


def _json(done: Any) -> dict[str, Any]:
    assert done.code == 0, done.out + done.err
    document: dict[str, Any] = done.document
    return document


def test_market_is_evaluated_beside_what_was_published(quick: Run, tmp_path: Path) -> None:
    root, out = persons(tmp_path / "Market-1501-v15.09.15", MARKET), tmp_path / "out"
    said = _json(quick(tmp_path / "d", "evaluate", "--layout", "market1501", root, "--out", out, "--json"))
    assert (said["counts"]["junk_clips"], said["counts"]["pairs_left_out"]) == (1, 2)
    assert said["clip"]["queries"] == 3
    assert said["within_patient"]["rank1"] is None
    assert "persons" in said["within_patient"]["reasons"]["rank1"]
    assert said["layout"]["name"] == "market1501"
    assert any("stretched" in note for note in said["layout"]["notes"])
    assert said["published"][0] == {
        "method": "DMCL", "mAP": 0.921, "rank1": 0.963, "rank5": None, "rank10": None
    }  # fmt: skip
    assert "mAP_trapezoid" in said["published_note"]
    # By the plain histogram every colour is like nothing but itself; its figures stand beside.
    assert said["baselines"]["colour_histogram"]["clip"]["queries"] == 3
    page = (out / "report.html").read_text("utf-8")
    assert "As others published it" in page
    assert "Within the patient" not in page
    assert json.loads((out / "evaluation.json").read_text("utf-8"))["published"] == said["published"]


def test_duke_takes_texts_and_prints_the_published_figures(quick: Run, tmp_path: Path) -> None:
    texts = write_csv(tmp_path / "texts.csv", [["id", "text"], ["0005", "A man in red."], ["0006", "Blue."]])
    root = persons(tmp_path / "duke", DUKE)
    done = quick(
        tmp_path / "d", "evaluate", "--layout", "duke", root, "--texts", texts, "--no-baselines"
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "DMCL (published)" in done.out
    assert "0.935" in done.out
    assert "text-leak" in done.err


@pytest.fixture
def paired(tmp_path: Path) -> Path:
    """Eight identities of eight patients, with a sheet."""
    names = [f"{letters}1" for letters in ("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op")]
    clips = {(name, exam): [5 + 10 * at, 8 + 10 * at] for at, name in enumerate(names) for exam in "12"}
    root = colo_pair(tmp_path / "frames", clips)
    write_xlsx(
        root / "process_text.xlsx", [["id", "Eng_text"], *([name, f"Text of {name}."] for name in names)]
    )
    return root


def test_a_fold_of_colo_pair_is_kept_from_training_and_the_rest_is_told_from_it(
    quick: Run, tmp_path: Path, paired: Path
) -> None:
    data = tmp_path / "d"
    said = _json(quick(data, "train", "dmcl", "--layout", "colopair", paired, *TINY, "--json"))
    with (data / "runs" / said["run"] / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["polyp_id"] for row in rows} == {"ab1", "cd1", "ef1", "gh1", "ij1", "kl1"}
    assert {row["text"] for row in rows if row["polyp_id"] == "ab1"} == {"Text of ab1."}
    mine = ("evaluate", "--layout", "colopair", paired, "--model", said["model"], "--no-baselines", "--json")
    tested = _json(quick(data, *mine, "--fold", 1))
    assert tested["counts"]["query_clips"] == 2
    assert tested["layout"]["fold"] == 1
    assert [warning.split(":")[0] for warning in tested["warnings"]] == ["text-leak"]
    whole = _json(quick(data, *mine))
    assert whole["counts"]["query_clips"] == 8
    assert any("train-leak: the model learnt from 24 of these 32" in warning for warning in whole["warnings"])


def test_a_refused_training_leaves_no_run(quick: Run, tmp_path: Path) -> None:
    one = next(iter(MARKET[TRAIN]))[:4]
    few = {TRAIN: {name: MARKET[TRAIN][name] for name in MARKET[TRAIN] if name.startswith(one)}}
    root = persons(tmp_path / "few", MARKET | few)
    done = quick(tmp_path / "d", "train", "dmcl", "--layout", "market1501", root, *TINY, "--json")
    assert (done.code, done.error["code"]) == (1, "too-few-identities")
    assert list((tmp_path / "d" / "runs").iterdir()) == []


def test_what_does_not_fit_is_refused_in_words(quick: Run, tmp_path: Path) -> None:
    data = tmp_path / "d"
    root = persons(tmp_path / "market", MARKET)
    for words in (
        ("evaluate", root),
        ("evaluate", "--layout", "market1501"),
        ("evaluate", "--layout", "market1501", root, "--manifest", root / "m.csv"),
        ("evaluate", "--manifest", root / "m.csv", "--texts", root / "t.csv"),
        ("evaluate", "--layout", "msmt17", root),
        ("evaluate", "--layout", "colopair", root, "--fold", 5),
        ("train", "dmcl", "--layout", "market1501", root, "--manifest", root / "m.csv"),
        ("train", "dmcl", "--layout", "market1501", root, "--from-catalogue"),
    ):
        assert quick(data, *words).code == 2, words
    wrong = quick(data, "evaluate", "--layout", "duke", root, "--json")
    assert (wrong.code, wrong.error["code"]) == (1, "layout-names")
    assert "market1501" in wrong.error["hint"]
