"""Scores of validation queries inside their own patient, with and without a true match: what the threshold
for "no good match" is learnt from."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError
from core.evaluation.calibration import Choice, choice_of, fit_no_match
from core.inference.bundle import NoMatchSettings
from core.training.validation import ClipVectors, Validator


class Scores(msgspec.Struct, frozen=True):
    """What the rule is learnt from.

    Args:
        best: best cosine of each query; a query whose lesion was seen before stands in it twice.
        has_match: of equal length.
        choices: what each of them can be, among its patient's earlier lesions.
        queries: how many queries there are.
        pairs: how many pairs of a query and an earlier lesion, each counted once.
    """

    best: list[float]
    has_match: list[bool]
    choices: list[Choice]
    queries: int
    pairs: int


def within_patient_scores(clips: ClipVectors, is_query: npt.NDArray[np.bool_]) -> Scores:
    """Cosines of every query with its patient's earlier clips.

    A query whose lesion was seen before counts twice: as it is (a match), and once more with that lesion left
    out of the gallery (as if it were new). So both kinds come from the same lesions and light, and a new
    lesion is about as likely as a known one. Queries with an empty gallery are left out.

    Args:
        clips: N clips.
        is_query: (N,) True for the clips of each patient's last exam.
    """
    found = Scores([], [], [], 0, 0)
    rows, asked, pairs = clips.first_rows, 0, 0
    for query in np.flatnonzero(is_query):
        own = rows[query]
        held = [i for i in np.flatnonzero(~is_query) if rows[i].patient_id == own.patient_id]
        if not held:
            continue
        asked += 1
        cosines = clips.vectors[held] @ clips.vectors[query]
        whole = choice_of(cosines, [rows[i].identity for i in held], own.identity)
        pairs += len(whole.scores)
        without = Choice(tuple(s for place, s in enumerate(whole.scores) if place != whole.right), None)
        for choice in (whole,) if whole.right is None else (whole, without):
            if choice.scores:
                found.choices.append(choice)
                found.best.append(max(choice.scores))
                found.has_match.append(choice.right is not None)
    return msgspec.structs.replace(found, queries=asked, pairs=pairs)


def fit_threshold(clips: ClipVectors, validator: Validator, learnt_on: str) -> NoMatchSettings | None:
    """The bundle's "no good match" rule from validation clips; None when they hold one kind of query only."""
    scores = within_patient_scores(clips, validator.is_query)
    try:
        rule = fit_no_match(scores.best, scores.has_match, scores.choices)
    except PolypTraceError as error:
        if error.code == "calibration-one-kind":
            return None
        raise
    curve = {"threshold": rule.threshold, "slope": rule.slope, "intercept": rule.intercept}
    return NoMatchSettings(**curve, pairs=scores.pairs, queries=scores.queries, learnt_on=learnt_on)
