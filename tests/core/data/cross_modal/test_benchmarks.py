"""The benchmarks of cross-modal retrieval, read from small files of the published shape."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from core.data.cross_modal.benchmarks import BENCHMARKS, read_benchmark
from core.data.cross_modal.samples import CrossModal
from core.errors import PolypTraceError

from .trees import TREES, listed, rows, wikipedia

SHARED = Path(os.environ.get("POLYPTRACE_SHARED") or Path(__file__).resolve().parents[5] / "shared") / "data"


def made(folder: Path, tree: str) -> CrossModal:
    name, make = TREES[tree]
    make(folder)
    return read_benchmark(name, folder)


@pytest.mark.parametrize("tree", TREES)
def test_every_benchmark_is_read_with_its_split(tmp_path: Path, tree: str) -> None:
    data = made(tmp_path, tree)
    sizes = {
        "raw": {"train": [9, 9], "val": [231, 231], "test": [9, 9]},
        "deep": {"train": [9, 9], "val": [231, 231], "test": [9, 9]},
        "nus-wide": {"train": [8, 8], "val": [4, 4], "test": [5, 5]},
        "websearch": {"train": [8, 8], "val": [4, 4], "test": [6, 6]},
        "xmedia": {"train": [8, 9, 10, 11, 12], "val": [3, 4, 5, 6, 7], "test": [3, 4, 5, 6, 7]},
        "xmedianet": {"train": [8, 9, 10, 11, 12], "val": [4, 5, 6, 7, 8], "test": [6, 7, 8, 9, 10]},
    }
    assert {part: list(own.values()) for part, own in data.sizes.items()} == sizes[tree]
    many = tree.startswith("xmedia")
    assert data.modalities == (("image", "text", "audio", "3d", "video") if many else ("image", "text"))
    assert data.single == (tree != "nus-wide")
    assert data.published
    assert BENCHMARKS[data.name].title == data.title


def test_five_modalities_are_five_cells(tmp_path: Path) -> None:
    arrays = {}
    for part in ("train", "valid", "test"):
        for name, of in ((part, lambda: rows(4, 3)), (f"{part}_labels", lambda: np.arange(4).reshape(1, -1))):
            arrays[name] = np.empty(2, dtype=object)
            arrays[name][:] = [of(), of()]
    savemat(tmp_path / "XMediaNet5View_Doc2Vec.mat", arrays)
    with pytest.raises(PolypTraceError, match="train has 2 cells instead of 5"):
        read_benchmark("xmedianet", tmp_path)


def test_names_rows_and_labels_are_the_files_own(tmp_path: Path) -> None:
    data = made(tmp_path, "raw")
    assert data.categories == ("art", "biology", "music")
    stored = loadmat(tmp_path / "raw_features.mat")
    assert np.allclose(data.parts["val"]["image"].features, stored["I_te"][:231])
    assert np.allclose(data.parts["test"]["text"].features, stored["T_te"][231:])
    assert data.parts["test"]["text"].labels.argmax(1).tolist() == [0, 1, 2] * 3
    nus = made(tmp_path, "nus-wide")
    assert nus.parts["train"]["image"].labels.tolist()[:2] == [[1, 0, 1], [1, 0, 0]]
    assert nus.categories == ("art", "biology", "music")  # the names beside them, where they fit


FIRST, REST = slice(231), slice(231, None)
ARRAYS: dict[str, dict[tuple[str, str], tuple[str, slice]]] = {
    "raw": {
        (part, name): (f"{short}_{'tr' if part == 'train' else 'te'}", rows)
        for name, short in (("image", "I"), ("text", "T"))
        for part, rows in (("train", slice(None)), ("val", FIRST), ("test", REST))
    },
    "deep": {
        (part, name): (f"{'train' if part == 'train' else 'test'}_{kind}", rows)
        for name, kind in (("image", "imgs_deep"), ("text", "texts_doc"))
        for part, rows in (("train", slice(None)), ("val", FIRST), ("test", REST))
    },
    "nus-wide": {
        (part, name): (f"{key}_{kind}", slice(None))
        for name, kind in (("image", "imgs_deep"), ("text", "texts"))
        for part, key in (("train", "train"), ("val", "valid"), ("test", "test"))
    },
    "websearch": {
        (part, name): (f"{key}_{kind}", slice(None))
        for name, kind in (("image", "img"), ("text", "txt"))
        for part, key in (("train", "tr"), ("val", "val"), ("test", "te"))
    },
    "xmedia": {
        (part, name): (key.format("tr" if part == "train" else "te"), rows)
        for at, (name, key) in enumerate(
            (
                ("image", "I_{}_CNN"), ("text", "T_{}_BOW"), ("audio", "A_{}"), ("3d", "d3_{}"),
                ("video", "V_{}_CNN"),
            )
        )
        for part, rows in (
            ("train", slice(None)), ("val", slice(3 + at, None)), ("test", slice(3 + at)),
        )
    },
    "xmedianet": {
        (part, name): (f"{key}[{at}]", slice(None))
        for at, name in enumerate(("image", "text", "audio", "3d", "video"))
        for part, key in (("train", "train"), ("val", "valid"), ("test", "test"))
    },
}  # fmt: skip
"""Which array, and which rows of it, every modality of every part is."""


@pytest.mark.parametrize("tree", TREES)
def test_every_part_is_the_array_of_that_name(tmp_path: Path, tree: str) -> None:
    data = made(tmp_path, tree)
    stored = plain_arrays(next(one for one in tmp_path.iterdir() if one.suffix in (".mat", ".h5py")))
    found = {(part, name): one.features for part, own in data.parts.items() for name, one in own.items()}
    assert found.keys() == ARRAYS[tree].keys()
    for which, (key, part) in ARRAYS[tree].items():
        assert np.allclose(found[which], stored[key][part]), which


def plain_arrays(file: Path) -> dict[str, np.ndarray]:
    if file.suffix == ".h5py":
        with h5py.File(file) as held:
            return {name: np.asarray(one) for name, one in held.items()}
    arrays: dict[str, np.ndarray] = {}
    for name, one in loadmat(file).items():
        cells = isinstance(one, np.ndarray) and one.dtype == object
        arrays |= {f"{name}[{at}]": cell for at, cell in enumerate(np.ravel(one))} if cells else {name: one}
    return arrays


def test_texts_have_labels_of_their_own_where_the_file_has_them(tmp_path: Path) -> None:
    data = made(tmp_path, "nus-wide")
    with h5py.File(tmp_path / "nus_wide_deep_doc2vec-corr-ae.h5py") as file:
        own = np.asarray(file["test_texts_labels"])
    assert np.array_equal(data.parts["test"]["text"].labels, own)
    assert not np.array_equal(data.parts["test"]["image"].labels, own)


def test_the_first_half_of_xmedia_s_test_set_is_the_test(tmp_path: Path) -> None:
    data = made(tmp_path, "xmedia")
    stored = loadmat(tmp_path / "XMediaFeatures.mat")
    assert np.allclose(data.parts["test"]["3d"].features, stored["d3_te"][:6])
    assert np.allclose(data.parts["val"]["3d"].features, stored["d3_te"][6:])


@pytest.mark.parametrize("tree", TREES)
def test_damage_is_refused_in_words(tmp_path: Path, tree: str) -> None:
    name, make = TREES[tree]
    with pytest.raises(PolypTraceError) as caught:
        read_benchmark(name, tmp_path / "nowhere")
    assert caught.value.code == "layout-root"
    with pytest.raises(PolypTraceError) as caught:
        read_benchmark(name, tmp_path)
    assert caught.value.code == "layout-file"
    assert next(iter(BENCHMARKS[name].files)) in caught.value.message
    make(tmp_path)
    file = next(tmp_path / one for one in BENCHMARKS[name].files if (tmp_path / one).exists())
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PolypTraceError) as caught:
        read_benchmark(name, tmp_path)
    assert caught.value.code in ("features-unreadable", "features-layout", "cross-modal-invalid")
    if file.suffix == ".mat":
        savemat(file, {"x": rows(2, 2)})
    else:
        with h5py.File(file, "w") as other:
            other["x"] = rows(2, 2)
    with pytest.raises(PolypTraceError) as caught:
        read_benchmark(name, tmp_path)
    assert caught.value.code == "features-layout"
    assert "is missing" in caught.value.message


def test_labels_that_don_t_fit_are_refused(tmp_path: Path) -> None:
    wikipedia(tmp_path)
    listed(tmp_path, "trainset_txt_img_cat.list", [1, 2])
    with pytest.raises(PolypTraceError) as caught:
        read_benchmark("wikipedia", tmp_path)
    assert caught.value.code == "cross-modal-invalid"
    (tmp_path / "trainset_txt_img_cat.list").unlink()
    with pytest.raises(PolypTraceError) as caught:
        read_benchmark("wikipedia", tmp_path)
    assert caught.value.code == "layout-file"
    assert "categories" in caught.value.message


def test_the_real_wikipedia_features() -> None:
    folder = SHARED / "wikipedia"
    if not folder.is_dir():
        pytest.skip("the research data aren't here")
    data = read_benchmark("wikipedia", folder)
    assert data.sizes == {
        "train": {"image": 2173, "text": 2173},
        "val": {"image": 231, "text": 231},
        "test": {"image": 462, "text": 462},
    }
    assert data.categories[0] == "art"
    assert data.parts["train"]["image"].features.shape[1] == 128
    assert np.bincount(data.parts["test"]["text"].labels.argmax(1)).tolist() == [
        23, 55, 62, 58, 49, 40, 35, 26, 50, 64,
    ]  # fmt: skip
