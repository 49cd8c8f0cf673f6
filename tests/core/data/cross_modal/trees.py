"""Small files in the published shape of the benchmarks of cross-modal retrieval."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

RNG = np.random.default_rng(5)


def rows(count: int, length: int) -> np.ndarray:
    return RNG.normal(size=(count, length))


def listed(folder: Path, name: str, labels: list[int]) -> None:
    lines = [f"text-{at}\timage-{at}\t{label}" for at, label in enumerate(labels)]
    (folder / name).write_text("\n".join(lines) + "\n", "utf-8")


def wikipedia(folder: Path) -> None:
    train, test = [1, 2, 3] * 3, [1, 2, 3] * 80
    savemat(
        folder / "raw_features.mat",
        {"I_tr": rows(9, 6), "T_tr": rows(9, 4), "I_te": rows(240, 6), "T_te": rows(240, 4)},
    )
    listed(folder, "trainset_txt_img_cat.list", train)
    listed(folder, "testset_txt_img_cat.list", test)
    (folder / "categories.list").write_text("art\nbiology\nmusic\n", "utf-8")


def wikipedia_deep(folder: Path) -> None:
    savemat(
        folder / "wiki.mat",
        {
            "train_imgs_deep": rows(9, 6),
            "train_texts_doc": rows(9, 4),
            "train_imgs_labels": np.array([[1, 2, 3] * 3]),
            "test_imgs_deep": rows(240, 6),
            "test_texts_doc": rows(240, 4),
            "test_imgs_labels": np.array([[1, 2, 3] * 80]),
        },
    )


def nus_wide(folder: Path) -> None:
    with h5py.File(folder / "nus_wide_deep_doc2vec-corr-ae.h5py", "w") as file:
        for part, count in (("train", 8), ("valid", 4), ("test", 5)):
            file[f"{part}_imgs_deep"] = rows(count, 6)
            file[f"{part}_texts"] = rows(count, 3)
            labels = np.zeros((count, 3), dtype=np.int16)
            labels[:, 0], labels[::2, 2] = 1, 1
            file[f"{part}_imgs_labels"] = labels
            file[f"{part}_texts_labels"] = np.roll(labels, 1, axis=1)


def websearch(folder: Path) -> None:
    arrays = {}
    for key, count in (("tr", 8), ("val", 4), ("te", 6)):
        arrays |= {f"{key}_img": rows(count, 6), f"{key}_txt": rows(count, 3)}
        arrays[f"{key}_img_lab"] = np.arange(count).reshape(-1, 1) % 4
    savemat(folder / "INRIA-Websearch.mat", arrays)


def xmedia(folder: Path) -> None:
    arrays = {}
    names = {"I_{}_CNN": "Img", "T_{}_BOW": "Txt", "A_{}": "Aud", "d3_{}": "3d", "V_{}_CNN": "Vid"}
    for at, (features, short) in enumerate(names.items()):
        for side, count in (("tr", 8 + at), ("te", 6 + 2 * at)):
            arrays[features.format(side)] = rows(count, 3 + at)
            arrays[f"{side}{short}Cat"] = 1 + np.arange(count).reshape(-1, 1) % 4
    savemat(folder / "XMediaFeatures.mat", arrays)


def xmedianet(folder: Path) -> None:
    arrays = {}
    for part, count in (("train", 8), ("valid", 4), ("test", 6)):
        features, labels = np.empty(5, dtype=object), np.empty(5, dtype=object)
        for at in range(5):
            features[at] = rows(count + at, 3 + at)
            labels[at] = np.arange(count + at).reshape(1, -1) % 4
        arrays |= {part: features, f"{part}_labels": labels}
    savemat(folder / "XMediaNet5View_Doc2Vec.mat", arrays)


TREES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "raw": ("wikipedia", wikipedia),
    "deep": ("wikipedia", wikipedia_deep),
    "nus-wide": ("nus-wide", nus_wide),
    "websearch": ("inria-websearch", websearch),
    "xmedia": ("xmedia", xmedia),
    "xmedianet": ("xmedianet", xmedianet),
}
