"""The benchmarks of cross-modal retrieval, read from small files of the published shape."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

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
        "nus-wide": {"train": [8, 8], "val": [4, 4], "test": [4, 4]},
        "websearch": {"train": [8, 8], "val": [4, 4], "test": [6, 6]},
        "xmedia": {"train": [8, 9, 10, 11, 12], "val": [3, 4, 5, 6, 7], "test": [3, 4, 5, 6, 7]},
        "xmedianet": {"train": [8, 9, 10, 11, 12], "val": [4, 5, 6, 7, 8], "test": [4, 5, 6, 7, 8]},
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
    from scipy.io import loadmat

    stored = loadmat(tmp_path / "raw_features.mat")
    assert np.allclose(data.parts["val"]["image"].features, stored["I_te"][:231])
    assert np.allclose(data.parts["test"]["text"].features, stored["T_te"][231:])
    assert data.parts["test"]["text"].labels.argmax(1).tolist() == [0, 1, 2] * 3
    nus = made(tmp_path, "nus-wide")
    assert nus.parts["train"]["image"].labels.tolist()[:2] == [[1, 0, 1], [1, 0, 0]]
    assert nus.categories == ("art", "biology", "music")  # the names beside them, where they fit


def test_the_first_half_of_xmedia_s_test_set_is_the_test(tmp_path: Path) -> None:
    data = made(tmp_path, "xmedia")
    from scipy.io import loadmat

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
