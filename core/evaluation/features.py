"""Evaluation of vectors made elsewhere, from one ``.npz``, ``.mat`` or HDF5 file.

The file holds either one table with a side for each row::

    features (N, d)   labels (N,)   split (N,) "query" or "gallery"   [patients (N,)]

or the two sides apart::

    query_features (Q, d)     query_labels (Q,)     [query_patients (Q,)]
    gallery_features (G, d)   gallery_labels (G,)   [gallery_patients (G,)]

or two and more modalities, each of which asks every other one::

    image_features (N, d)   image_labels (N,)   text_features (M, d)   text_labels (M,)   ...

whose labels may be (N, C) with a column a category, where a sample may have several.

Labels and patients are numbers or words; an empty label is an unknown identity. ``query_f``, ``query_label``,
``gallery_f`` and ``gallery_label``, as common person re-identification code saves them, are read likewise.
Rows are L2-normalised here, so the ranking is by cosine, in double precision; ties stand in gallery order. No
row is left out: patients serve the intervals and gallery C alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.data.cross_modal.feature_sets import has_parts, refuse_names
from core.data.feature_file import load_arrays
from core.errors import PolypTraceError
from core.evaluation.asking import ask_all
from core.evaluation.comparison import compare
from core.evaluation.cross_modal import Embedded, across_modalities
from core.evaluation.items import Items, unit_rows
from core.evaluation.metrics import retrieval_figures
from core.evaluation.protocols import catalogue, other_patients

LAYOUT = (
    "It needs features (N, d), labels (N) and split (N, query or gallery), or query_features, query_labels, "
    "gallery_features and gallery_labels; patients may be added. Modalities: NAME_features and NAME_labels."
)
NO_PATIENTS = "The file names no patients."

_OTHER_NAMES = {"f": "features", "feature": "features", "label": "labels", "patient": "patients"}

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
    if has_parts(arrays):
        raise PolypTraceError(
            "features-layout",
            f"The file {Path(path).name} holds samples to learn from or to test on, not vectors to compare.",
            "Say whose encoders to ask: --protocol cross-modal --model MODEL, one of `train drcl`.",
        )
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
    return [] if set(names) & set(_SIDES) else names


def _across(path: Path, arrays: Arrays, modalities: list[str]) -> dict[str, Any]:
    """MAP@all, MAP@50 and the precision–recall curve of every modality against every other one."""
    refuse_names(path, modalities)
    if len(modalities) < 2:
        raise _layout(path, f"it has one modality alone, {modalities[0]}, which has no other one to ask")
    vectors = {name: unit_rows(_table(path, arrays, f"{name}_features")) for name in modalities}
    if empty := [name for name, one in vectors.items() if not one.size]:
        raise _layout(path, f"{empty[0]}_features is empty")
    if len({one.shape[1] for one in vectors.values()}) > 1:
        raise _layout(path, "its modalities have different widths")
    labels = _label_vectors(path, [_labels(path, arrays, f"{name}_labels") for name in modalities])
    for one, own in zip(vectors.values(), labels, strict=True):
        if len(one) != len(own):
            raise _layout(path, "its arrays have different numbers of rows")
    figures = across_modalities(
        {name: Embedded(one, own) for (name, one), own in zip(vectors.items(), labels, strict=True)}
    )
    plain: dict[str, Any] = msgspec.to_builtins(figures)
    return plain | {"average": figures.average}


def _label_vectors(path: Path, held: list[npt.NDArray[Any]]) -> list[npt.NDArray[np.bool_]]:
    """(N, C) where samples belong to categories; labels without a value belong to none."""
    wide = [one.ndim == 2 and 1 not in one.shape for one in held]
    if (
        all(wide)
        and len({one.shape[1] for one in held}) == 1
        and all(one.dtype.kind in "biuf" for one in held)
    ):
        return [one > 0 for one in held]
    if any(wide):
        raise _layout(path, "its modalities have labels of different kinds")
    lines = [_line(one) for one in held]
    names = list(dict.fromkeys(label for line in lines for label in line if label is not None))
    return [np.array([[own == name for name in names] for own in line], dtype=bool) for line in lines]


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
    features = _table(path, arrays, f"{prefix}features")
    keep = np.ones(len(features), dtype=bool) if chosen is None else chosen
    labels = _line(_labels(path, arrays, f"{prefix}labels"))
    patients = _line(arrays[f"{prefix}patients"]) if f"{prefix}patients" in arrays else None
    if any(len(each) != len(features) for each in (labels, keep, *([] if patients is None else [patients]))):
        raise _layout(path, "its arrays have different numbers of rows")
    if not keep.any():
        raise _layout(path, f"it has no {name} rows")
    rows = np.flatnonzero(keep)
    return Items(
        vectors=unit_rows(features[rows]),
        clips=[str(row) for row in rows],
        identities=[labels[row] for row in rows],
        patients=[] if patients is None else [str(patients[row]) for row in rows],
        # Without exams in the file every gallery row counts as earlier than every query.
        exams=[int(name == "query")] * len(rows),
        cameras=[None] * len(rows),
        junk=[False] * len(rows),
    )


def _table(path: Path, arrays: Arrays, key: str) -> npt.NDArray[np.float64]:
    """A table of vectors, double precision.

    Raises:
        PolypTraceError: ``features-layout``.
    """
    if key not in arrays:
        raise _layout(path, f"{key} is missing")
    table = np.asarray(arrays[key])
    if table.ndim != 2 or not np.issubdtype(table.dtype, np.number) or np.iscomplexobj(table):
        raise _layout(path, f"{key} isn't a table of numbers")
    if not np.isfinite(table).all():
        raise _layout(path, "its features hold values that aren't numbers")
    return table.astype(np.float64)


def _labels(path: Path, arrays: Arrays, key: str) -> npt.NDArray[Any]:
    if key not in arrays:
        raise _layout(path, f"{key} is missing")
    return np.asarray(arrays[key])


def _line(array: npt.NDArray[Any]) -> list[Any]:
    """A (N,), (1, N) or (N, 1) array, or a MATLAB cell array, as N plain values."""
    values = np.asarray(array).ravel().tolist()
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    while isinstance(value, np.ndarray | list) and np.size(value) == 1:
        value = np.asarray(value).ravel().tolist()[0]
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    return value


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    return {_name(key): value for key, value in load_arrays(path).items()}


def _name(key: str) -> str:
    """``Query_f`` → ``query_features``."""
    side, _, rest = key.lower().rpartition("_")
    rest = _OTHER_NAMES.get(rest, rest)
    return f"{side}_{rest}" if side else rest


def _layout(path: Path, what: str) -> PolypTraceError:
    return PolypTraceError("features-layout", f"The file {path.name} doesn't fit: {what}.", LAYOUT)
