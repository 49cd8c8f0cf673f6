"""The report: what stands in it is what was found, right is told from wrong, nothing half is left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest

from core.data.manifest import read_manifest
from core.data.rules import PAIRED_EXAMS, PERSONS, RankingRule
from core.errors import Cancelled, PolypTraceError
from core.evaluation.calibration import NoMatch
from core.evaluation.features import evaluate_features
from core.evaluation.projection import chosen_frames, chosen_lesions, project
from core.evaluation.query_text import QueryText
from core.evaluation.report.examples import examples, pairs_to_explain
from core.evaluation.report.of_features import features_page
from core.evaluation.report.writing import check_folder, evaluation_page, write_report
from core.evaluation.result import Evaluation
from core.evaluation.run import evaluate_manifest
from core.progress import CancelToken
from core.report.charts import Curve, cmc_chart
from core.report.evaluation_page import render_evaluation_page, with_interval
from core.report.svg import GREEN, RED, Svg, wrapped

from .test_run import Angles, manifest

RULE = NoMatch(0.5, 3.0, -1.0, 60)
SVG = "{http://www.w3.org/2000/svg}"


class Brighter:
    """An explainer whose maps are the crops themselves, lighter where texts are given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str | None]] = []

    def overlays(
        self, crops: tuple[np.ndarray, np.ndarray], texts: tuple[str | None, str | None]
    ) -> tuple[tuple[np.ndarray, str], tuple[np.ndarray, str], float]:
        self.asked.append(texts)
        return (crops[0], "weak"), (crops[1], "strong"), 0.25 if texts == (None, None) else 0.75


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    path = manifest(tmp_path_factory.mktemp("world"), texts=True)
    return evaluate_manifest(path, Angles(), rule=RULE)


def test_the_report_holds_the_figures_and_every_drawing(found: Evaluation, tmp_path: Path) -> None:
    explainer = Brighter()
    facts = [("Model", "m <&>"), ("Data", "manifest.csv")]
    page = evaluation_page(found, facts, ["text-leak: beware <b>"], RULE, explainer)
    paths = write_report(tmp_path / "new" / "out", page, json.dumps(found.as_dict()))
    html = Path(paths["report"]).read_text("utf-8")
    assert "Research use only – not for diagnosis" in html
    assert "m &lt;&amp;&gt;" in html
    assert "beware &lt;b&gt;" in html
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|src=\"(?!data:)", html)
    clip = found.figures.clip
    assert with_interval(clip.mean_average_precision, clip.intervals["mAP"]) in html
    assert set(paths["figures"]) == {"cmc", "reliability", "ranked", "tsne", "attention"}
    for path in paths["figures"].values():
        drawn = Path(path).read_text("utf-8")
        assert ElementTree.fromstring(drawn).tag == f"{SVG}svg"
        assert drawn.strip() in html
    assert json.loads((tmp_path / "new" / "out" / "evaluation.json").read_text("utf-8"))["clip"]
    # Each pair without its texts, then with them.
    assert explainer.asked[0] == (None, None)
    assert all(explainer.asked[1])


def test_right_and_wrong_are_told_by_colour_and_shape(found: Evaluation) -> None:
    page = evaluation_page(found, [], [], RULE, None)
    ranked = next(figure.svg for figure in page.figures if figure.name == "ranked")
    shown = examples(found.evidence.clips)
    assert {one.kind for one in shown} == {"right", "new"}
    assert [one.rank for one in shown if one.kind == "right"] == [1, 1, 1]
    own = found.evidence.clips
    frames = [
        rect for rect in ElementTree.fromstring(ranked).iter(f"{SVG}rect") if rect.get("stroke-width") == "4"
    ]
    right = [
        own.gallery.identities[place] == own.query.identities[one.at] for one in shown for place in one.order
    ]
    assert [rect.get("stroke") == GREEN for rect in frames] == right
    assert [bool(rect.get("stroke-dasharray")) for rect in frames] == [not is_right for is_right in right]
    assert {rect.get("stroke") for rect in frames} == {GREEN, RED}
    words = "".join(ElementTree.fromstring(ranked).itertext())
    assert "No match" in words
    assert "angle 12" in words


@pytest.mark.parametrize(("rule", "who"), [(PAIRED_EXAMS, "lesion"), (PERSONS, "person")])
def test_the_examples_say_the_rule_of_their_data(tmp_path: Path, rule: RankingRule, who: str) -> None:
    data = msgspec.structs.replace(read_manifest(manifest(tmp_path)), ranking=rule)
    page = evaluation_page(evaluate_manifest(data, Angles(), baselines=()), [], [])
    ranked = next(figure for figure in page.figures if figure.name == "ranked")
    assert rule.words in ranked.caption
    assert f"the query's {who}." in ranked.caption
    assert "exam left out" not in ranked.caption
    words = " ".join(ElementTree.fromstring(ranked.svg).itertext())
    assert f"this {who}" in " ".join(words.split())


class Echo:
    """A fusion that gives back the pictures' own vectors."""

    def looks(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        return Angles().embed_pairs(crops, [None] * len(crops))

    def fuse(self, looks: np.ndarray, text: str | None, cancel: CancelToken | None = None) -> np.ndarray:
        return looks


@pytest.mark.parametrize(("first", "behind"), [(1, True), (None, False)])
def test_what_is_not_re_ranked_has_no_score(tmp_path: Path, first: int | None, behind: bool) -> None:
    settings = QueryText(Echo(), first)
    found = evaluate_manifest(manifest(tmp_path), Angles(), baselines=(), query_text=settings)
    ranked = next(figure for figure in evaluation_page(found, [], []).figures if figure.name == "ranked")
    words = " ".join(ElementTree.fromstring(ranked.svg).itertext())
    scores = [float(said) for said in re.findall(r"score (-?[\d.]+)", words)]
    assert scores
    assert min(scores) >= -1
    assert ("not re-ranked" in words) is behind


def test_examples_leave_out_what_no_ranking_counts(found: Evaluation) -> None:
    own = found.evidence.clips
    for one in examples(own):
        assert not set(one.order) & set(own.left_out[one.at].tolist())
        assert one.scores == sorted(one.scores, reverse=True)
    pairs = pairs_to_explain(examples(own), own)
    assert pairs == [("qa", "a1"), ("qb", "b1"), ("qc", "c1")]


def test_without_texts_and_without_probability_the_report_says_so(tmp_path: Path) -> None:
    found = evaluate_manifest(manifest(tmp_path), Angles())
    html = render_evaluation_page(evaluation_page(found, [], []))
    assert "No row of the manifest" in html
    assert "calibrated on fewer than 50 pairs" in html
    assert "column date" in html
    assert "Reliability diagram" not in html


def test_cancelled_it_leaves_nothing_behind(found: Evaluation) -> None:
    token = CancelToken()
    seen: list[str] = []

    def stop(step: object) -> None:
        seen.append(str(step))
        token.cancel()

    with pytest.raises(Cancelled):
        evaluation_page(found, [], [], progress=stop, cancel=token)
    assert len(seen) == 1


def test_a_place_that_is_no_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(PolypTraceError) as caught:
            check_folder(place)
        assert caught.value.code == "evaluate-out"
    check_folder(tmp_path / "new" / "deep")
    assert not (tmp_path / "new").exists()


def test_ready_features_get_a_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(12) % 4
    np.savez(
        tmp_path / "f.npz",
        features=np.eye(4)[labels] + 0.4 * rng.normal(size=(12, 4)),
        labels=labels,
        split=np.array(["query"] * 4 + ["gallery"] * 8),
        patients=labels,
    )
    document = evaluate_features(tmp_path / "f.npz")
    page = features_page(document, "f.npz")
    assert [figure.name for figure in page.figures] == ["cmc"]
    assert "4 query clips" in page.figures[0].svg or "4 queries" in page.figures[0].svg
    np.savez(tmp_path / "x.npz", image_features=np.eye(2), image_labels=[0, 1], text_features=np.eye(2),
             text_labels=[0, 1])  # fmt: skip
    across = features_page(evaluate_features(tmp_path / "x.npz"), "x.npz")
    assert "image-&gt;text" in render_evaluation_page(across)


def test_the_curve_is_a_stair_between_the_axes() -> None:
    drawn = cmc_chart([Curve("ours", [(1, 0.25), (3, 1.0)])], 4, 20)
    line = next(ElementTree.fromstring(drawn).iter(f"{SVG}polyline")).get("points", "")
    ys = [float(point.split(",")[1]) for point in line.split()]
    xs = [float(point.split(",")[0]) for point in line.split()]
    assert ys == sorted(ys, reverse=True)
    assert xs == sorted(xs)
    # 0.25 and 1 of a plot that is 328 high from 46 down: held until the next step.
    assert ys == pytest.approx([292.0, 292.0, 46.0, 46.0])


def test_words_are_wrapped_and_cut() -> None:
    assert wrapped("one two three", 60, 12, 3) == ["one two", "three"]
    assert wrapped("one two three four", 30, 12, 2)[-1].endswith("…")
    drawn = Svg(10, 10, 'a "b" <c>').render()
    assert ElementTree.fromstring(drawn).get("aria-label") == 'a "b" <c>'


def test_what_is_alike_lies_together_on_the_map() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4
    vectors = np.eye(8)[labels] + 0.05 * rng.normal(size=(40, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = project(vectors.astype(np.float32))
    assert made.min() >= 0
    assert made.max() <= 1
    apart = np.linalg.norm(made[:, None] - made[None], axis=2) + np.eye(40)
    assert np.mean(labels[apart.argmin(axis=1)] == labels) == 1
    np.testing.assert_array_equal(made, project(vectors.astype(np.float32)))


def test_lesions_with_frames_on_both_sides_are_coloured() -> None:
    assert chosen_lesions(["a", "a", "b", None, "c"], ["a", "c", "c", None]) == ["a", "c"]
    assert chosen_frames(["a", "b", "a"], ["a"]) == [0, 1, 2]
    many = ["a"] * 10 + [None] * 5000
    places = chosen_frames(many, ["a"])
    assert places[:10] == list(range(10))
    assert len(places) == 600


def test_half_a_rank_shows_in_the_interval_too() -> None:
    assert with_interval(4.5, (3.5, 4.5), digits=1) == "4.5 (3.5–4.5)"
    assert with_interval(0.676, (0.521, 0.81)) == "0.676 (0.52–0.81)"
