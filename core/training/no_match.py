"""Scores of validation queries inside their own patient, with and without a true match: what the threshold
for "no good match" is learnt from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError
from core.evaluation.calibration import fit_no_match
from core.inference.bundle import NoMatchSettings
from core.training.validation import ClipVectors, Validator


def within_patient_scores(
    clips: ClipVectors, is_query: npt.NDArray[np.bool_]
) -> tuple[list[float], list[bool]]:
    """Best cosine of every query against its patient's earlier clips.

    A query whose lesion was seen before counts twice: as it is (a match), and once more with that lesion left
    out of the gallery (as if it were new). So both kinds come from the same lesions and light.

    Args:
        clips: N clips.
        is_query: (N,) True for the clips of each patient's last exam.

    Returns:
        ``(best_scores, has_match)`` of equal length; queries with an empty gallery are left out.
    """
    scores: list[float] = []
    matches: list[bool] = []
    rows = clips.first_rows
    for asked in np.flatnonzero(is_query):
        own = rows[asked]
        held = [i for i in np.flatnonzero(~is_query) if rows[i].patient_id == own.patient_id]
        same = [i for i in held if own.identity is not None and rows[i].identity == own.identity]
        others = [i for i in held if i not in same]
        for gallery, match in ((held, True), (others, False)) if same else ((others, False),):
            if gallery:
                scores.append(float((clips.vectors[gallery] @ clips.vectors[asked]).max()))
                matches.append(match)
    return scores, matches


def fit_threshold(clips: ClipVectors, validator: Validator) -> NoMatchSettings | None:
    """The bundle's "no good match" rule from validation clips; None when they hold one kind of query only."""
    scores, matches = within_patient_scores(clips, validator.is_query)
    if not matches or all(matches) or not any(matches):
        return None
    try:
        rule = fit_no_match(scores, matches)
    except PolypTraceError as error:
        if error.code == "calibration-one-kind":
            return None
        raise
    return NoMatchSettings(
        threshold=rule.threshold, slope=rule.slope, intercept=rule.intercept, pairs=rule.pairs
    )
