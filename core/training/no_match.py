"""Scores of validation queries inside their own patient, with and without a true match: what the threshold
for "no good match" is learnt from."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError
from core.evaluation.calibration import fit_no_match
from core.inference.bundle import NoMatchSettings
from core.training.validation import ClipVectors, Validator


class Scores(msgspec.Struct, frozen=True):
    """What the rule is learnt from.

    Args:
        best: best cosine of each query; a query whose lesion was seen before stands in it twice.
        has_match: of equal length.
        pairs: cosines of each query with each earlier clip of its patient.
        same: of equal length: whether both show one lesion.
        queries: how many queries there are.
    """

    best: list[float]
    has_match: list[bool]
    pairs: list[float]
    same: list[bool]
    queries: int


def within_patient_scores(clips: ClipVectors, is_query: npt.NDArray[np.bool_]) -> Scores:
    """Cosines of every query with its patient's earlier clips.

    A query whose lesion was seen before counts twice for the threshold: as it is (a match), and once more
    with that lesion left out of the gallery (as if it were new). So both kinds come from the same lesions and
    light. Queries with an empty gallery are left out.

    Args:
        clips: N clips.
        is_query: (N,) True for the clips of each patient's last exam.
    """
    found = Scores([], [], [], [], 0)
    rows, asked = clips.first_rows, 0
    for query in np.flatnonzero(is_query):
        own = rows[query]
        held = [i for i in np.flatnonzero(~is_query) if rows[i].patient_id == own.patient_id]
        if not held:
            continue
        asked += 1
        same = [own.identity is not None and rows[i].identity == own.identity for i in held]
        cosines = [float(cosine) for cosine in clips.vectors[held] @ clips.vectors[query]]
        others = [cosine for cosine, one in zip(cosines, same, strict=True) if not one]
        found.pairs.extend(cosines)
        found.same.extend(same)
        for gallery, match in ((cosines, True), (others, False)) if any(same) else ((others, False),):
            if gallery:
                found.best.append(max(gallery))
                found.has_match.append(match)
    return msgspec.structs.replace(found, queries=asked)


def fit_threshold(clips: ClipVectors, validator: Validator, learnt_on: str) -> NoMatchSettings | None:
    """The bundle's "no good match" rule from validation clips; None when they hold one kind of query only."""
    scores = within_patient_scores(clips, validator.is_query)
    kinds = (scores.has_match, scores.same)
    if any(all(kind) or not any(kind) for kind in kinds):
        return None
    try:
        rule = fit_no_match(scores.best, scores.has_match, scores.pairs, scores.same)
    except PolypTraceError as error:
        if error.code == "calibration-one-kind":
            return None
        raise
    curve = {"threshold": rule.threshold, "slope": rule.slope, "intercept": rule.intercept}
    return NoMatchSettings(**curve, pairs=rule.pairs, queries=scores.queries, learnt_on=learnt_on)
