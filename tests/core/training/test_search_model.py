"""The shipped search model by one command, at a tiny size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.inference.registry import search_folder
from core.inference.space import SpaceReader
from core.phantom.benchmark import BenchmarkSpec, load_spec
from core.search.figures import (
    CLIP_TO_REPORT,
    FUZZY,
    OURS,
    RAW,
    REPORT_TO_CLIP,
    TEXT_TO_CLIP,
    WORDS_TO_CLIP,
)
from core.search.vectors import WordSpace
from core.training import search_model
from core.training.drcl.config import DrclSettings
from core.training.search_model import LIMIT_BYTES, SearchRecipe, make_search_model

RECIPE = SearchRecipe(
    settings=DrclSettings(width=32, dim=32, epochs=3, batch=64, rate=3e-3), patients=4, reports=2
)


@pytest.fixture
def spec() -> BenchmarkSpec:
    published = load_spec()
    rendering = msgspec.structs.replace(published.rendering, crop_px=64, views=1)
    return msgspec.structs.replace(
        published, seed=5, patients=4, val=1, test=2, rendering=rendering, plan_sha256="", samples=()
    )


def test_a_space_is_made_measured_and_kept(spec: BenchmarkSpec, small_bundle: Path, tmp_path: Path) -> None:
    out, work, events = tmp_path / "out", tmp_path / "work", list[dict[str, Any]]()
    given: dict[str, Any] = {"starter": small_bundle, "spec": spec, "device": "cpu", "workers": 1}
    done = make_search_model(out, work, RECIPE, on_event=events.append, **given)
    assert {event["stage"] for event in events} >= {"embedding pictures", "prior", "encoder"}
    space = WordSpace(SpaceReader.open(out))
    assert space.pictures_of == read_bundle(small_bundle).manifest.model_id
    figures = done["metrics"]["search"]
    assert list(figures) == [WORDS_TO_CLIP, TEXT_TO_CLIP, CLIP_TO_REPORT, REPORT_TO_CLIP]
    for question, ways in figures.items():
        assert ({OURS} if question == WORDS_TO_CLIP else {OURS, FUZZY, RAW}) <= set(ways)
    assert figures[TEXT_TO_CLIP][FUZZY]["queries"] > 5
    card = (out / "card.md").read_text("utf-8")
    assert "2 invented test patients" in card
    assert f"| {FUZZY} |" in card
    again = make_search_model(out, work, RECIPE, on_event=events.append, **given)
    assert again["model"] == done["model"]
    assert json.dumps(again["metrics"]) == json.dumps(done["metrics"])
    assert (out / "card.md").read_text("utf-8") == card
    with pytest.raises(PolypTraceError) as refused:
        make_search_model(out, work, msgspec.structs.replace(RECIPE, kind="class"), **given)
    assert refused.value.code == "search-other-recipe"


def test_what_is_shipped_reads_the_shipped_starter() -> None:
    folder = search_folder()
    assert folder is not None
    space = WordSpace(SpaceReader.open(folder))
    assert space.pictures_of == read_bundle(folder.parent / "starter").manifest.model_id
    assert sum(path.stat().st_size for path in folder.iterdir()) < LIMIT_BYTES
    ours, plain = (space.reader.info.manifest.metrics["search"][TEXT_TO_CLIP][way] for way in (OURS, FUZZY))
    assert ours["mAP"] > 2 * plain["mAP"]


def test_the_command_refuses_a_work_folder_of_another_recipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PolypTraceError("search-other-recipe", "Begun with another recipe.", "Choose another folder.")

    monkeypatch.setattr(search_model, "make_search_model", refuse)
    assert search_model.main(["--kind", "class", "--set", "epochs=2"]) == 1
    assert "search-other-recipe" in capsys.readouterr().out
