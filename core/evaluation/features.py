"""Evaluation of vectors made elsewhere, from one ``.npz`` or ``.mat`` file.

The file holds either one table with a side for each row::

    features (N, d)   labels (N,)   split (N,) "query" or "gallery"   [patients (N,)]

or the two sides apart::

    query_features (Q, d)     query_labels (Q,)     [query_patients (Q,)]
    gallery_features (G, d)   gallery_labels (G,)   [gallery_patients (G,)]

or two and more modalities, each of which asks every other one::

    image_features (N, d)   image_labels (N,)   text_features (M, d)   text_labels (M,)   ...

Labels and patients are numbers or words; an empty label is an unknown identity. ``query_f``, ``query_label``,
``gallery_f`` and ``gallery_label``, as common person re-identification code saves them, are read likewise.
Rows are L2-normalised here, so the ranking is by cosine, in double precision; ties stand in gallery order. No
row is left out: patients serve the intervals and gallery C alone.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np
import numpy.typing as npt

from core.data.mat_file import load_mat
from core.errors import PolypTraceError
from core.evaluation.asking import ask_all
from core.evaluation.comparison import compare
from core.evaluation.items import Items
from core.evaluation.metrics import all_hit_ranks, average_precision_within, retrieval_figures
from core.evaluation.protocols import catalogue, other_patients

LAYOUT = (
    "It needs features (N, d), labels (N) and split (N, query or gallery), or query_features, query_labels, "
    "gallery_features and gallery_labels; patients may be added. Modalities: NAME_features and NAME_labels."
)
NO_PATIENTS = "The file names no patients."

_OTHER_NAMES = {"f": "features", "feature": "features", "label": "labels", "patient": "patients"}

# What numpy's reader comes up with on damaged files, found by damaging many; load_mat says ValueError.
_DAMAGED = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NameError, ArithmeticError,
    MemoryError, NotImplementedError, BadZipFile, struct.error, zlib.error,
)  # fmt: skip

Arrays = Mapping[str, npt.NDArray[Any]]
_SIDES = ("query", "gallery")


def evaluate_features(path: Path | str) -> dict[str, Any]:
    """The figures of a feature file.

    Returns:
        ``mAP, mAP_trapezoid, rank1, rank5, rank10, median_rank, cmc, queries, queries_without_match,
        gallery_items, intervals, other_patients`` and, for what is null, a ``reason``. Of modalities
        ``map_all`` and ``map_50``, each ``{"image->text": 0…1}``.

    Raises:
        PolypTraceError: ``features-missing``, ``features-unreadable`` or ``features-layout``.
    """
    arrays = _load(Path(path))
    if modalities := _modalities(arrays):
        return _across(Path(path), arrays, modalities)
    query, gallery = _read(Path(path), arrays)
    if not query.patients:
        figures = retrieval_figures(query.vectors, gallery.vectors, query.identities, gallery.identities)
        strangers: dict[str, Any] = {"wrong_patient": None, "reason": NO_PATIENTS}
        plain: dict[str, Any] = msgspec.to_builtins(figures) | {"gallery_items": len(gallery.clips)}
        return plain | {"intervals": None, "intervals_reason": NO_PATIENTS, "other_patients": strangers}
    compared = compare(query, gallery)
    result: dict[str, Any] = msgspec.to_builtins(catalogue(compared))
    result["gallery_items"] = len(gallery.clips)
    return result | {"other_patients": msgspec.to_builtins(other_patients(ask_all(compared)))}


def read_features(path: Path) -> tuple[Items, Items]:
    """Query and gallery of a feature file; without patients in the file both have empty ``patients``.

    Raises:
        PolypTraceError: as :func:`evaluate_features`.
    """
    return _read(path, _load(path))


def _modalities(arrays: Arrays) -> list[str]:
    """Names of the modalities in the file, in its order; none in a file of queries and gallery."""
    names = [key.removesuffix("_features") for key in arrays if key.endswith("_features")]
    return [] if set(names) & set(_SIDES) or len(names) < 2 else names


def _across(path: Path, arrays: Arrays, modalities: list[str]) -> dict[str, Any]:
    """MAP@all and MAP@50 of every modality against every other one; a query with no hit scores 0."""
    sides = {name: _side(path, arrays, f"{name}_", None, name) for name in modalities}
    if len({items.vectors.shape[1] for items in sides.values()}) > 1:
        raise _layout(path, "its modalities have different widths")
    found: dict[str, Any] = {"map_all": {}, "map_50": {}}
    for (name, asking), (other, answering) in permutations(sides.items(), 2):
        ranks = all_hit_ranks(asking.vectors, answering.vectors, asking.identities, answering.identities)
        for key, first in (("map_all", len(answering.clips)), ("map_50", 50)):
            values = [average_precision_within(own, first) for own in ranks]
            found[key][f"{name}->{other}"] = float(np.mean(values))
    return found


def _read(path: Path, arrays: Arrays) -> tuple[Items, Items]:
    if "split" in arrays:
        side = np.array([str(word).strip().casefold() for word in _line(arrays["split"])])
        if not set(side.tolist()) <= set(_SIDES):
            raise _layout(path, "split holds words other than query and gallery")
        pairs = [_side(path, arrays, "", side == name, name) for name in _SIDES]
    else:
        pairs = [_side(path, arrays, f"{name}_", None, name) for name in _SIDES]
    query, gallery = pairs
    if query.vectors.shape[1] != gallery.vectors.shape[1]:
        raise _layout(path, "query and gallery vectors have different widths")
    if bool(query.patients) != bool(gallery.patients):
        raise _layout(path, "only one side names patients")
    return query, gallery


def _side(path: Path, arrays: Arrays, prefix: str, chosen: npt.NDArray[np.bool_] | None, name: str) -> Items:
    for key in (f"{prefix}features", f"{prefix}labels"):
        if key not in arrays:
            raise _layout(path, f"{key} is missing")
    features = np.asarray(arrays[f"{prefix}features"])
    if features.ndim != 2 or not np.issubdtype(features.dtype, np.number) or np.iscomplexobj(features):
        raise _layout(path, f"{prefix}features isn't a table of numbers")
    keep = np.ones(len(features), dtype=bool) if chosen is None else chosen
    labels = _line(arrays[f"{prefix}labels"])
    patients = _line(arrays[f"{prefix}patients"]) if f"{prefix}patients" in arrays else None
    if any(len(each) != len(features) for each in (labels, keep, *([] if patients is None else [patients]))):
        raise _layout(path, "its arrays have different numbers of rows")
    if not keep.any():
        raise _layout(path, f"it has no {name} rows")
    if not np.isfinite(features).all():
        raise _layout(path, "its features hold values that aren't numbers")
    rows = np.flatnonzero(keep)
    return Items(
        vectors=_unit(features[rows].astype(np.float64)),
        clips=[str(row) for row in rows],
        identities=[labels[row] for row in rows],
        patients=[] if patients is None else [str(patients[row]) for row in rows],
        # Without exams in the file every gallery row counts as earlier than every query.
        exams=[int(name == "query")] * len(rows),
        cameras=[None] * len(rows),
        junk=[False] * len(rows),
    )


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1))


def _line(array: npt.NDArray[Any]) -> list[Any]:
    """A (N,), (1, N) or (N, 1) array, or a MATLAB cell array, as N plain values."""
    values = np.asarray(array).ravel().tolist()
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    while isinstance(value, np.ndarray | list) and np.size(value) == 1:
        value = np.asarray(value).ravel().tolist()[0]
    if isinstance(value, str):
        return value.strip() or None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise PolypTraceError("features-missing", f"There is no feature file {path.name}.", "Check the path.")
    try:
        stored = load_mat(path) if path.suffix.lower() == ".mat" else _load_npz(path)
    except _DAMAGED as error:
        raise _unreadable(path, error) from error
    return {_name(key): value for key, value in stored.items() if not key.startswith("__")}


def _load_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    stored = np.load(path, allow_pickle=False)
    if not isinstance(stored, np.lib.npyio.NpzFile):
        raise _layout(path, "it is a single array")
    with stored:
        return {key: stored[key] for key in stored.files}


def _name(key: str) -> str:
    """``Query_f`` → ``query_features``."""
    side, _, rest = key.lower().rpartition("_")
    rest = _OTHER_NAMES.get(rest, rest)
    return f"{side}_{rest}" if side else rest


def _unreadable(path: Path, error: Exception) -> PolypTraceError:
    return PolypTraceError(
        "features-unreadable",
        f"The file {path.name} can't be read as vectors.",
        "Save it as .npz without Python objects, or as .mat of version 7 or older.",
        cause=type(error).__name__,
    )


def _layout(path: Path, what: str) -> PolypTraceError:
    return PolypTraceError("features-layout", f"The file {path.name} doesn't fit: {what}.", LAYOUT)
