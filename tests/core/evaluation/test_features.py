"""Feature files: layouts, hand-made rankings, ties, patients, and files that aren't what they should be."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from core.errors import PolypTraceError
from core.evaluation.features import evaluate_features, read_features

# Directions of one query "a" and of five gallery items; 5 and 6 degrees tie by twins.
GALLERY = {"features": [20, 5, 5, -20, 40], "labels": ["b", "b", "a", "a", "c"]}


def turned(degrees: list[float], length: float = 1.0) -> np.ndarray:
    turns = np.radians(degrees)
    return length * np.stack([np.cos(turns), np.sin(turns)], axis=1)


def apart(**changes: Any) -> dict[str, Any]:
    return {
        "query_features": turned([0, 38]),
        "query_labels": np.array(["a", "c"]),
        "gallery_features": turned(GALLERY["features"]),
        "gallery_labels": np.array(GALLERY["labels"]),
    } | changes


def stored(path: Path, arrays: dict[str, Any]) -> Path:
    if path.suffix == ".mat":
        savemat(path, arrays)
    else:
        np.savez(path, **arrays)
    return path


def check_by_hand(figures: dict[str, Any]) -> None:
    # Query a: items 1 and 2 tie at 5 degrees, items 0 and 3 at 20; gallery order: 1 b, 2 a, 0 b, 3 a, 4 c.
    # Query c finds 4 first.
    assert figures["mAP"] == pytest.approx(((1 / 2 + 2 / 4) / 2 + 1) / 2)
    assert figures["mAP_trapezoid"] == pytest.approx((((0 + 1 / 2) / 2 + (1 / 3 + 2 / 4) / 2) / 2 + 1) / 2)
    assert [figures[f"rank{k}"] for k in (1, 5, 10)] == [0.5, 1, 1]
    assert (figures["median_rank"], figures["queries"], figures["queries_without_match"]) == (1.5, 2, 0)
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize("name", ["sides.npz", "sides.mat"])
def test_sides_apart(tmp_path: Path, name: str) -> None:
    figures = evaluate_features(stored(tmp_path / name, apart()))
    check_by_hand(figures)
    assert figures["intervals"] is None
    assert "patients" in figures["intervals_reason"]
    assert figures["other_patients"]["reason"]


@pytest.mark.parametrize("name", ["table.npz", "table.mat"])
def test_one_table_with_a_side_for_each_row(tmp_path: Path, name: str) -> None:
    table = {
        "features": np.concatenate([turned([38]), turned(GALLERY["features"]), turned([0])]),
        "labels": np.array(["c", *GALLERY["labels"], "a"]),
        "split": np.array(["query", *["gallery"] * 5, "Query"]),
    }
    check_by_hand(evaluate_features(stored(tmp_path / name, table)))


def test_names_of_common_reidentification_code(tmp_path: Path) -> None:
    numbers = {"a": 1, "b": 2, "c": 3}
    arrays = {
        "query_f": turned([0, 38]),
        "query_label": np.array([[1, 3]]),
        "query_cam": np.array([[1, 1]]),
        "gallery_f": turned(GALLERY["features"]),
        "gallery_label": np.array([[numbers[label] for label in GALLERY["labels"]]]),
        "gallery_cam": np.array([[1, 1, 1, 1, 1]]),
    }
    check_by_hand(evaluate_features(stored(tmp_path / "result.mat", arrays)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_length_and_type_of_vectors_do_not_matter(tmp_path: Path, dtype: type) -> None:
    # Multiples of one vector tie, whatever rounding does to their lengths.
    gallery = np.array([[3, 4], [1, 0], [6, 8], [30, 40], [-3, 4]]).astype(dtype)
    query = np.array([[1, 2]]).astype(dtype)
    arrays = {
        "query_features": query,
        "query_labels": np.array([7]),
        "gallery_features": gallery,
        "gallery_labels": np.array([1, 2, 3, 7, 5]),
    }
    figures = evaluate_features(stored(tmp_path / "f.npz", arrays))
    assert figures["median_rank"] == 3  # 0, 2 and 3 tie and stand in gallery order


def test_patients_serve_the_intervals_and_gallery_c_alone(tmp_path: Path) -> None:
    patients = {
        "query_patients": np.array(["P1", "P2"]),
        "gallery_patients": np.array(["P3", "P1", "P1", "P1", "P2"]),
    }
    figures = evaluate_features(stored(tmp_path / "f.npz", apart(**patients)))
    check_by_hand(figures)  # no row is left out
    assert figures["intervals"]["mAP"] == (0.5, 1.0) or figures["intervals"]["mAP"] == [0.5, 1.0]
    # Query a: its own patient's item at 5 degrees beats the strangers; so does query c's at 2 degrees.
    assert figures["other_patients"]["wrong_patient"] == 0
    # A stranger nearer than the own patient's items is an alarm.
    patients["gallery_patients"] = np.array(["P1", "P3", "P1", "P1", "P2"])
    patients["gallery_patients"][1:3] = ["P3", "P3"]
    figures = evaluate_features(stored(tmp_path / "g.npz", apart(**patients)))
    check_by_hand(figures)
    assert figures["other_patients"]["wrong_patient"] == 0.5


def test_no_positive_and_unknown_labels(tmp_path: Path) -> None:
    arrays = apart(query_labels=np.array(["z", ""]), gallery_labels=np.array(["b", "", "a", "a", "c"]))
    figures = evaluate_features(stored(tmp_path / "f.npz", arrays))
    assert all(figures[name] is None for name in ("mAP", "mAP_trapezoid", "rank1", "rank5", "rank10"))
    assert figures["reason"]
    assert figures["queries_without_match"] == 1  # z; nobody knows whether the other one has a match
    patients = {"query_patients": np.array(["P1", "P2"]), "gallery_patients": np.array(["P1"] * 5)}
    with_patients = evaluate_features(stored(tmp_path / "p.npz", arrays | patients))
    assert with_patients["queries_without_match"] == 1
    json.dumps(figures, allow_nan=False)


def test_modalities_by_hand(tmp_path: Path) -> None:
    arrays = {
        "image_features": turned([0, 90]),
        "image_labels": np.array([1, 2]),
        "text_features": turned([10, 20, 80]),
        "text_labels": np.array([2, 1, 3]),
    }
    figures = evaluate_features(stored(tmp_path / "f.npz", arrays))
    # Image 1: text 2 first, hit at rank 2. Image 2: 80, 20, 10: hit at rank 3.
    assert figures["map_all"]["image->text"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    # Text 10 finds its image second, text 20 first; text 80 has none and scores 0.
    assert figures["map_all"]["text->image"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert figures["map_50"] == figures["map_all"]


def test_big_file_is_one_product(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "query_features": rng.normal(size=(200, 32)).astype(np.float32),
        "query_labels": rng.integers(0, 300, 200),
        "gallery_features": rng.normal(size=(4000, 32)).astype(np.float32),
        "gallery_labels": rng.integers(0, 300, 4000),
    }
    query, gallery = read_features(stored(tmp_path / "f.npz", arrays))
    figures = evaluate_features(tmp_path / "f.npz")
    aps, first = [], []
    for vector, label in zip(query.vectors, query.identities, strict=True):
        order = np.argsort(-(gallery.vectors @ vector), kind="stable")
        hits = np.flatnonzero(np.array(gallery.identities)[order] == label) + 1
        aps.append(np.mean(np.arange(1, len(hits) + 1) / hits))
        first.append(hits[0])
    assert figures["mAP"] == pytest.approx(np.mean(aps), abs=1e-6)
    assert figures["rank10"] == pytest.approx(np.mean(np.array(first) <= 10))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"features": np.eye(2)}, "query_features is missing"),
        (apart(query_labels=np.array(["a"])), "different numbers of rows"),
        (apart(query_features=np.array([["x"], ["y"]])), "table of numbers"),
        (apart(query_features=np.ones(2)), "table of numbers"),
        (apart(query_features=np.ones((2, 3))), "different widths"),
        (apart(query_features=np.full((2, 2), np.nan)), "aren't numbers"),
        (apart(query_features=np.empty((0, 2)), query_labels=np.array([])), "no query rows"),
        (apart(query_patients=np.array(["P1", "P2"])), "only one side"),
        ({"features": np.eye(2), "labels": np.ones(2), "split": np.array(["query", "train"])}, "other than"),
        ({"features": np.eye(2), "labels": np.ones(2), "split": np.array(["query", "query"])}, "no gallery"),
    ],
)
def test_wrong_layouts_are_refused_in_words(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        evaluate_features(stored(tmp_path / "f.npz", arrays))
    assert caught.value.code == "features-layout"
    assert words in caught.value.message
    assert "query_features" in caught.value.hint


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".npy", ".csv", ""])
@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"PK\x03\x04broken", b"\x93NUMPY\x01\x00", b"MATLAB 5.0" + b"\0" * 300, bytes(range(256))],
)
def test_other_files_are_refused_in_words(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"features{suffix}"
    path.write_bytes(content)
    with pytest.raises(PolypTraceError) as caught:
        evaluate_features(path)
    assert caught.value.code == "features-unreadable"


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_damaged_files_are_refused_in_words(tmp_path: Path, suffix: str) -> None:
    whole = stored(tmp_path / f"f{suffix}", apart()).read_bytes()
    path = tmp_path / f"damaged{suffix}"
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        # scipy reads MATLAB files in native code, which can't be trusted with wrong bytes, only with a cut.
        for place in rng.integers(0, len(damaged), 8 if suffix == ".npz" else 0):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        with contextlib.suppress(PolypTraceError):  # a sentence, or figures where the damage hit nothing
            json.dumps(evaluate_features(path), allow_nan=False)


def test_missing_file_single_array_and_objects(tmp_path: Path) -> None:
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(PolypTraceError) as caught:
            evaluate_features(path)
        assert caught.value.code == "features-missing"
    np.save(tmp_path / "one.npy", np.eye(2))
    with pytest.raises(PolypTraceError) as caught:
        evaluate_features(tmp_path / "one.npy")
    assert caught.value.code == "features-layout"
    np.savez(tmp_path / "objects.npz", **apart(query_labels=np.array([{"a": 1}, None])))
    with pytest.raises(PolypTraceError) as caught:
        evaluate_features(tmp_path / "objects.npz")
    assert caught.value.code == "features-unreadable"
