"""Figures across modalities, by hand."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from core.data.cross_modal.samples import CrossModal, Samples, one_hot
from core.errors import Cancelled, PolypTraceError
from core.evaluation.cross_modal import RECALLS, Embedded, across_modalities, category_ranks
from core.evaluation.features import evaluate_features
from core.evaluation.peers import WIDEST, canonical_correlation, cca_words
from core.progress import CancelToken, Progress


def plane(degrees: list[float]) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_one_category_a_sample() -> None:
    image = Embedded(plane([0, 90]), one_hot([0, 1], 2))
    text = Embedded(plane([10, 20, 80]), one_hot([1, 0, 1], 2))
    figures = across_modalities({"image": image, "text": text})
    # Image 0 sees text 0 (wrong), 1 (right), 2; image 1 sees 2 (right), 1, 0 (right).
    assert [list(one) for one in category_ranks(image, text)] == [[2], [1, 3]]
    assert figures.map_all["image->text"] == pytest.approx((1 / 2 + (1 + 2 / 3) / 2) / 2)
    # Text 0 (category 1) sees image 0, then 1 (right); text 1 and 2 see their own first.
    assert figures.map_all["text->image"] == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert figures.average == pytest.approx(np.mean(list(figures.map_all.values())))
    assert figures.queries == {"image->text": 2, "text->image": 3}


def test_several_categories_share_one() -> None:
    image = Embedded(plane([0, 90]), np.array([[1, 1, 0], [0, 0, 1]]))
    text = Embedded(plane([5, 45, 85]), np.array([[0, 0, 1], [0, 1, 1], [1, 0, 0]]))
    assert [list(one) for one in category_ranks(image, text)] == [[2, 3], [2, 3]]
    nothing = Embedded(plane([0]), np.array([[0, 0, 0]]))
    figures = across_modalities({"image": nothing, "text": text})
    assert figures.map_all["image->text"] == 0
    assert figures.precision_recall["image->text"] == ()


def test_only_the_first_fifty_places_count_for_map_50() -> None:
    count = 60
    query = Embedded(plane([0]), np.array([[1]]))
    labels = np.zeros((count, 1))
    labels[[0, 54]] = 1
    gallery = Embedded(plane(list(np.linspace(1, 80, count))), labels)
    figures = across_modalities({"a": query, "b": gallery})
    assert figures.map_50["a->b"] == 1  # the second hit stands at 55
    assert figures.map_all["a->b"] == pytest.approx((1 + 2 / 55) / 2)


def test_ties_stand_in_gallery_order() -> None:
    query = Embedded(plane([0]), one_hot([1], 2))
    gallery = Embedded(plane([30, 30, 30]), one_hot([0, 1, 0], 2))
    assert [list(one) for one in category_ranks(query, gallery)] == [[2]]


def test_precision_at_a_recall_is_the_best_there_or_beyond() -> None:
    query = Embedded(plane([0]), one_hot([0], 2))
    gallery = Embedded(plane([1, 2, 3, 4]), one_hot([1, 0, 0, 1], 2))
    curve = across_modalities({"a": query, "b": gallery}).precision_recall["a->b"]
    # Hits at 2 and 3: precision 1/2 and 2/3, so 2/3 at every recall.
    assert curve == pytest.approx([2 / 3] * len(RECALLS))
    falling = Embedded(plane([1, 2, 3, 4]), one_hot([0, 1, 1, 0], 2))
    curve = across_modalities({"a": query, "b": falling}).precision_recall["a->b"]
    assert curve == pytest.approx([1.0 if recall <= 0.5 else 0.5 for recall in RECALLS])


def test_what_doesn_t_fit_is_refused() -> None:
    good = Embedded(plane([0, 1]), one_hot([0, 1], 2))
    for bad in (
        Embedded(np.eye(3), one_hot([0, 1, 1], 2)),
        Embedded(plane([0]), one_hot([0, 1], 2)),
        Embedded(plane([0]), np.array([[1.0]])),
    ):
        with pytest.raises(PolypTraceError) as caught:
            across_modalities({"a": good, "b": bad})
        assert caught.value.code == "evaluation-shape"


def test_a_feature_file_may_have_several_categories_a_sample(tmp_path: Path) -> None:
    wide = np.array([[1, 1, 0], [0, 0, 1]])
    np.savez(
        tmp_path / "f.npz",
        image_features=plane([0, 90]),
        image_labels=wide,
        text_features=plane([5, 85]),
        text_labels=np.array([[0, 1, 0], [1, 0, 0]]),
    )
    found = evaluate_features(tmp_path / "f.npz")
    assert found["map_all"] == {
        "image->text": pytest.approx(0.5),
        "text->image": pytest.approx((1 + 0.5) / 2),
    }
    assert len(found["precision_recall"]["image->text"]) == len(RECALLS)
    np.savez(
        tmp_path / "g.npz",
        image_features=plane([0, 90]),
        image_labels=wide,
        text_features=plane([5, 85]),
        text_labels=np.array([1, 2]),
    )
    with pytest.raises(PolypTraceError, match="labels of different kinds"):
        evaluate_features(tmp_path / "g.npz")


def pairs(width: int = 8) -> CrossModal:
    """300 pairs of three shared numbers, of which the largest is the category, behind noise."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(300, 3))
    labels = one_hot(shared.argmax(1), 3)
    image = shared @ rng.normal(size=(3, width)) + 0.1 * rng.normal(size=(300, width))
    text = shared @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(size=(300, 5))

    def part(rows: slice) -> dict[str, Samples]:
        return {
            "image": Samples(image[rows].astype(np.float32), labels[rows]),
            "text": Samples(text[rows].astype(np.float32), labels[rows]),
        }

    parts = {"train": part(slice(200)), "val": part(slice(200, 250)), "test": part(slice(250, 300))}
    return CrossModal(name="pairs", title="Pairs", categories=("a", "b", "c"), parts=parts)


def test_cca_finds_pairs_and_says_when_there_are_none() -> None:
    data = pairs()
    peer = canonical_correlation(data, "test")
    assert peer.figures is not None
    assert peer.figures["average"] > 0.6
    assert peer.figures["components"] in (2, 3, 5)
    assert cca_words(peer.figures) == f"CCA, {peer.figures['components']} components"
    text = data.parts["train"]["text"].at(slice(1, 150))
    unpaired = {**data.parts, "train": {**data.parts["train"], "text": text}}
    lonely = canonical_correlation(
        CrossModal(name="x", title="X", categories=("a", "b", "c"), parts=unpaired), "test"
    )
    assert lonely.figures is None
    assert "pairs" in lonely.reason


def test_cca_reduces_long_features_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.cross_decomposition as sklearn

    widths = []
    plain = sklearn.CCA.fit
    monkeypatch.setattr(
        sklearn.CCA, "fit", lambda self, x, y: (widths.append((x.shape[1], y.shape[1])), plain(self, x, y))[1]
    )
    peer = canonical_correlation(pairs(WIDEST + 44), "test").figures
    assert peer is not None
    assert set(widths) == {(200, 5)}  # no more than there are samples
    assert peer["reduced"] == {"image": 200}
    assert "image reduced to 200 by PCA" in cca_words(peer)
    assert canonical_correlation(pairs(WIDEST), "test").figures["reduced"] == {}  # type: ignore[index]


def test_cca_takes_the_rounding_of_shares_for_nothing() -> None:
    """Shares that sum to 1 say as much as all but one of them."""

    def average(columns: int) -> float:
        parts = {}
        for part, own in pairs().parts.items():
            wide = np.exp(own["text"].features.astype(np.float64))
            shares = (wide / wide.sum(1, keepdims=True)).astype(np.float32)[:, :columns]
            parts[part] = {**own, "text": Samples(shares, own["text"].labels)}
        figures = canonical_correlation(msgspec.structs.replace(pairs(), parts=parts), "test").figures
        assert figures is not None
        return float(figures["average"])

    assert average(5) == pytest.approx(average(4), abs=0.02)


def test_cca_chooses_its_components_on_the_validation_part() -> None:
    data = pairs()
    upside_down = {
        name: Samples(-one.features, one.labels) if name == "text" else one
        for name, one in data.parts["test"].items()
    }
    other = msgspec.structs.replace(data, parts={**data.parts, "test": upside_down})
    figures = [canonical_correlation(one, "test").figures for one in (data, other)]
    assert figures[0] is not None
    assert figures[1] is not None
    assert figures[0]["average"] > figures[1]["average"]
    assert figures[0]["components"] == figures[1]["components"]
    twisted = msgspec.structs.replace(data, parts={**data.parts, "val": upside_down})
    chosen = canonical_correlation(twisted, "test").figures
    assert chosen is not None
    assert chosen["components"] != figures[0]["components"]


def test_cca_tells_how_far_it_is_and_can_be_cancelled() -> None:
    token, told = CancelToken(), []

    def watch(step: Progress) -> None:
        told.append(step)
        if step.done == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        canonical_correlation(pairs(), "test", watch, token)
    assert [step.done for step in told] == [0, 1]
    assert {step.total for step in told} == {3}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text_features": None, "text_labels": None}, "one modality alone, image"),
        ({"text_features": np.empty((0, 2)), "text_labels": np.empty(0)}, "text_features is empty"),
        ({"../x_features": plane([0]), "../x_labels": np.ones(1)}, "“../x” is no name"),
    ],
)
def test_a_feature_file_that_can_t_be_asked_is_refused_in_words(
    changes: dict[str, np.ndarray | None], words: str, tmp_path: Path
) -> None:
    arrays: dict[str, np.ndarray | None] = {
        "image_features": plane([0, 90]),
        "image_labels": np.array([0, 1]),
        "text_features": plane([5, 85]),
        "text_labels": np.array([0, 1]),
    }
    kept = {name: value for name, value in (arrays | changes).items() if value is not None}
    np.savez(tmp_path / "f.npz", **kept)  # type: ignore[arg-type]
    with pytest.raises(PolypTraceError) as caught:
        evaluate_features(tmp_path / "f.npz")
    assert words in caught.value.message
    assert caught.value.hint
