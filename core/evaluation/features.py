"""Evaluation of vectors made elsewhere, from one ``.npz`` or ``.mat`` file.

The file holds either one table with a side for each row::

    features (N, d)   labels (N,)   split (N,) "query" or "gallery"   [patients (N,)]

or the two sides apart::

    query_features (Q, d)     query_labels (Q,)     [query_patients (Q,)]
    gallery_features (G, d)   gallery_labels (G,)   [gallery_patients (G,)]

Labels and patients are numbers or words. Rows are L2-normalised here, so the ranking is by cosine. No row
is left
out: patients serve the intervals and gallery C alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError
from core.evaluation.items import Items, normalised
from core.evaluation.metrics import retrieval_figures
from core.evaluation.protocols import catalogue, other_patients

LAYOUT = (
    "It needs features (N, d), labels (N) and split (N, query or gallery), or query_features, query_labels, "
    "gallery_features and gallery_labels; patients may be added."
)
NO_PATIENTS = "The file names no patients."

Arrays = Mapping[str, npt.NDArray[Any]]
_SIDES = ("query", "gallery")


def evaluate_features(path: Path | str) -> dict[str, Any]:
    """The figures of a feature file.

    Returns:
        ``mAP, mAP_trapezoid, rank1, rank5, rank10, median_rank, queries, queries_without_match, intervals,
        other_patients`` and, for what is null, a ``reason``.

    Raises:
        PolypTraceError: ``features-missing``, ``features-unreadable`` or ``features-layout``.
    """
    query, gallery = read_features(Path(path))
    if not query.patients:
        figures = retrieval_figures(query.vectors, gallery.vectors, query.identities, gallery.identities)
        strangers: dict[str, Any] = {"wrong_patient": None, "reason": NO_PATIENTS}
        plain: dict[str, Any] = msgspec.to_builtins(figures)
        return plain | {"intervals": None, "intervals_reason": NO_PATIENTS, "other_patients": strangers}
    result: dict[str, Any] = msgspec.to_builtins(catalogue(query, gallery))
    return result | {"other_patients": msgspec.to_builtins(other_patients(query, gallery))}


def read_features(path: Path) -> tuple[Items, Items]:
    """Query and gallery of a feature file; without patients in the file both have empty ``patients``.

    Raises:
        PolypTraceError: as :func:`evaluate_features`.
    """
    arrays = _load(path)
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
        vectors=normalised(features[rows].astype(np.float64)),
        clips=[str(row) for row in rows],
        identities=[labels[row] for row in rows],
        patients=[] if patients is None else [str(patients[row]) for row in rows],
        # Without exams in the file every gallery row counts as earlier than every query.
        exams=[int(name == "query")] * len(rows),
    )


def _line(array: npt.NDArray[Any]) -> list[Any]:
    """A (N,), (1, N) or (N, 1) array, or a MATLAB cell array, as N plain values."""
    values = np.asarray(array).ravel().tolist()
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    while isinstance(value, np.ndarray | list) and np.size(value) == 1:
        value = np.asarray(value).ravel().tolist()[0]
    if isinstance(value, str):
        return value.strip()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise PolypTraceError("features-missing", f"There is no feature file {path.name}.", "Check the path.")
    try:
        if path.suffix.lower() == ".mat":
            # scipy.io costs a quarter of a second and only this reads MATLAB files.
            from scipy.io import loadmat

            return {key.lower(): value for key, value in loadmat(path).items() if not key.startswith("__")}
        with np.load(path, allow_pickle=False) as stored:
            return {key.lower(): stored[key] for key in stored.files}
    except (OSError, ValueError, NotImplementedError, BadZipFile, AttributeError, TypeError) as error:
        raise PolypTraceError(
            "features-unreadable",
            f"The file {path.name} can't be read as vectors.",
            "Save it as .npz without Python objects, or as .mat of version 7 or older.",
            cause=type(error).__name__,
        ) from error


def _layout(path: Path, what: str) -> PolypTraceError:
    return PolypTraceError("features-layout", f"The file {path.name} doesn't fit: {what}.", LAYOUT)
