"""The benchmarks of cross-modal retrieval as their authors publish the features, with their splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np

from core.counting import count
from core.data.cross_modal.labels import Array, Labelled, Parts, with_label_vectors
from core.data.cross_modal.samples import TEST, TRAIN, VAL, CrossModal, invalid
from core.data.feature_file import Arrays, load_arrays
from core.errors import PolypTraceError


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark.

    Args:
        title: for people.
        files: names of which the first that is there is read, each with its reader.
        published: MAP@all that papers report on other (deep) features, by direction.
    """

    title: str
    files: Mapping[str, Callable[[Arrays, Path], Parts]]
    published: Mapping[str, Mapping[str, float]]


def read_benchmark(name: str, root: Path) -> CrossModal:
    """A benchmark's features, from the folder that they were unpacked to.

    Args:
        name: a key of :data:`BENCHMARKS`.

    Raises:
        PolypTraceError: ``layout-root``, ``layout-file`` where none of its files is there,
            ``features-unreadable``, ``features-layout`` or ``cross-modal-invalid``.
        ValueError: an unknown name.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"unknown benchmark: {name}")
    one = BENCHMARKS[name]
    file = _file(one, root)
    try:
        parts = one.files[file.name](load_arrays(file), file.parent)
    except KeyError as error:
        raise PolypTraceError(
            "features-layout",
            f"The file {file.name} isn't that of {one.title}: {error.args[0]} is missing.",
            "Unpack the published file anew.",
        ) from error
    data = with_label_vectors(parts, name, one.title)
    names = _names(file.parent, len(data.categories)) or data.categories
    notes = (f"read from {file.name}", *data.notes)
    return msgspec.structs.replace(data, categories=names, notes=notes, published=one.published)


def _file(one: Benchmark, root: Path) -> Path:
    if not root.is_dir():
        raise PolypTraceError(
            "layout-root",
            f"There is no folder {root.name or root}, so {one.title} can't be read.",
            "Give the folder that the data were unpacked to.",
        )
    found = next((root / name for name in one.files if (root / name).is_file()), None)
    if found is None:
        raise PolypTraceError(
            "layout-file",
            f"{root.absolute().name} has no {' or '.join(one.files)}, so it isn't {one.title} as published.",
            "Give the folder that this file lies in.",
        )
    return found


def _names(folder: Path, count: int) -> tuple[str, ...]:
    """The categories' names from ``categories.list``, one a line; empty where it does not fit."""
    file = folder / "categories.list"
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    names = tuple(line.strip() for line in lines if line.strip())
    return names if len(names) == count else ()


def _rows(labelled: Labelled, rows: slice) -> Labelled:
    features, labels = labelled
    return features[rows], (labels.reshape(-1, 1) if 1 in labels.shape else labels)[rows]


def _halved(test: dict[str, Labelled], val_rows: Mapping[str, slice], rest: Mapping[str, slice]) -> Parts:
    """A published test set as validation and test part."""
    return {
        VAL: {name: _rows(one, val_rows[name]) for name, one in test.items()},
        TEST: {name: _rows(one, rest[name]) for name, one in test.items()},
    }


WIKIPEDIA_VAL = 231
"""So many of the 693 test pairs, the first, are for validation."""


def _wikipedia_raw(arrays: Arrays, folder: Path) -> Parts:
    """SIFT words and topics, (2173 + 693) × 128 and × 10; categories are the lists' last column."""
    labels = {side: _listed(folder / f"{side}set_txt_img_cat.list") for side in ("train", "test")}
    train = {
        "image": (arrays["I_tr"], labels["train"]),
        "text": (arrays["T_tr"], labels["train"]),
    }
    test = {"image": (arrays["I_te"], labels["test"]), "text": (arrays["T_te"], labels["test"])}
    return {TRAIN: train, **_first_for_validation(test, WIKIPEDIA_VAL)}


def _wikipedia_deep(arrays: Arrays, _folder: Path) -> Parts:
    """VGG features and paragraph vectors, 4096 and 300 long."""
    sides = {
        side: {
            "image": (arrays[f"{side}_imgs_deep"], arrays[f"{side}_imgs_labels"]),
            "text": (
                arrays[f"{side}_texts_doc"],
                _own(arrays, f"{side}_texts_labels", f"{side}_imgs_labels"),
            ),
        }
        for side in ("train", "test")
    }
    return {TRAIN: sides["train"], **_first_for_validation(sides["test"], WIKIPEDIA_VAL)}


def _first_for_validation(test: dict[str, Labelled], count: int) -> Parts:
    return _halved(test, dict.fromkeys(test, slice(count)), dict.fromkeys(test, slice(count, None)))


def _listed(file: Path) -> Array:
    """The last column of a list of text, image and category."""
    try:
        lines = [line.split() for line in file.read_text("utf-8").splitlines() if line.strip()]
        return np.asarray([int(cells[-1]) for cells in lines], dtype=np.int64)
    except (OSError, ValueError) as error:
        raise PolypTraceError(
            "layout-file",
            f"The list {file.name}, which gives the categories, is missing or holds other lines.",
            "Put the published list beside the features.",
        ) from error


def _websearch(arrays: Arrays, _folder: Path) -> Parts:
    """VGG features and topics, 9000 + 1332 + 4366 pairs of 100 categories."""
    sides = {TRAIN: "tr", VAL: "val", TEST: "te"}
    return {
        part: {
            name: (arrays[f"{key}_{short}"], _own(arrays, f"{key}_{short}_lab", f"{key}_img_lab"))
            for name, short in (("image", "img"), ("text", "txt"))
        }
        for part, key in sides.items()
    }


def _own(arrays: Arrays, labels: str, of_its_pair: str) -> Array:
    """A modality's labels where the file has them; else those of the other half of each pair."""
    return arrays[labels] if labels in arrays else arrays[of_its_pair]


def _nus_wide(arrays: Arrays, _folder: Path) -> Parts:
    """VGG features and paragraph vectors of 8000 + 1000 + 1000 pairs; categories as numbers or columns."""
    return {
        part: {
            "image": (arrays[f"{key}_imgs_deep"], arrays[f"{key}_imgs_labels"]),
            "text": (arrays[f"{key}_texts"], _own(arrays, f"{key}_texts_labels", f"{key}_imgs_labels")),
        }
        for part, key in ((TRAIN, "train"), (VAL, "valid"), (TEST, "test"))
    }


_XMEDIA = {
    "image": ("I_{}_CNN", "{}ImgCat"),
    "text": ("T_{}_BOW", "{}TxtCat"),
    "audio": ("A_{}", "{}AudCat"),
    "3d": ("d3_{}", "{}3dCat"),
    "video": ("V_{}_CNN", "{}VidCat"),
}


def _xmedia(arrays: Arrays, _folder: Path) -> Parts:
    """Five modalities; the first half of each test set is the test, the second the validation part."""
    sides = {
        side: {
            name: (arrays[features.format(side)], arrays[labels.format(side)])
            for name, (features, labels) in _XMEDIA.items()
        }
        for side in ("tr", "te")
    }
    half = {name: len(features) // 2 for name, (features, _) in sides["te"].items()}
    first = {name: slice(count) for name, count in half.items()}
    second = {name: slice(count, None) for name, count in half.items()}
    return {TRAIN: sides["tr"], **_halved(sides["te"], second, first)}


def _xmedianet(arrays: Arrays, _folder: Path) -> Parts:
    """Five modalities as MATLAB cells, in the order of :data:`_XMEDIA`."""

    def cells(name: str) -> list[Array]:
        held = [np.asarray(cell) for cell in np.ravel(arrays[name])]
        if len(held) != len(_XMEDIA):
            raise invalid("XMediaNet", f"{name} has {count(len(held), 'cell')} instead of {len(_XMEDIA)}")
        return held

    return {
        part: {
            name: (features, labels)
            for name, features, labels in zip(_XMEDIA, cells(key), cells(f"{key}_labels"), strict=True)
        }
        for part, key in ((TRAIN, "train"), (VAL, "valid"), (TEST, "test"))
    }


BENCHMARKS = {
    "wikipedia": Benchmark(
        title="Wikipedia",
        files={"raw_features.mat": _wikipedia_raw, "wiki.mat": _wikipedia_deep},
        published={"DRCL (4096-d VGG, 300-d Doc2Vec)": {"image->text": 0.562, "text->image": 0.537}},
    ),
    "nus-wide": Benchmark(
        title="NUS-WIDE",
        files={"nus_wide_deep_doc2vec-corr-ae.h5py": _nus_wide},
        published={"DRCL": {"image->text": 0.606, "text->image": 0.615}},
    ),
    "inria-websearch": Benchmark(
        title="INRIA-Websearch",
        files={"INRIA-Websearch.mat": _websearch},
        published={"DRCL": {"image->text": 0.567, "text->image": 0.588}},
    ),
    "xmedia": Benchmark(
        title="XMedia",
        files={"XMediaFeatures.mat": _xmedia},
        published={"DRCL": {"average": 0.630}},
    ),
    "xmedianet": Benchmark(
        title="XMediaNet",
        files={"XMediaNet5View_Doc2Vec.mat": _xmedianet},
        published={"DRCL": {"average": 0.345}},
    ),
}
"""Where methods.md and the paper's table I say what; the figures are the DRCL paper's."""
