"""Ranked examples: what is said of a query whose lesion the gallery doesn't hold."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.rules import LESIONS
from core.evaluation.calibration import NoMatch
from core.evaluation.comparison import Comparison
from core.evaluation.items import Items
from core.evaluation.report.examples import _verdict, examples


def items(patients: list[str], lesions: list[str], exam: int) -> Items:
    count = len(patients)
    return Items(
        np.zeros((count, 2), dtype=np.float32),
        [f"{patient}-{lesion}-{exam}" for patient, lesion in zip(patients, lesions, strict=True)],
        list(zip(patients, lesions, strict=True)),
        patients,
        [exam] * count,
        [None] * count,
        [False] * count,
    )


@pytest.mark.parametrize(("own", "words"), [(0.3, "Says “no good match”"), (0.7, "Doesn't say")])
def test_no_good_match_is_about_the_patients_own_lesions(own: float, words: str) -> None:
    """Another patient's clip stands first; the rule, and the figures, ask the patient's own best."""
    scores = np.array([[own, own - 0.1, 0.9]], dtype=np.float32)
    gallery = items(["A", "A", "B"], ["1", "2", "1"], 1)
    compared = Comparison(items(["A"], ["new"], 2), gallery, LESIONS, [np.array([], dtype=int)], scores)
    (one,) = examples(compared)
    assert (one.kind, one.order[0], one.own) == ("new", 2, pytest.approx(own))
    said = _verdict(one, compared, NoMatch(0.5, 1.0, 0.0, 100, 100))
    assert words in said
    assert f"{own:.3f}" in said


def test_without_earlier_lesions_the_rule_has_nothing_to_say() -> None:
    scores = np.array([[0.9]], dtype=np.float32)
    compared = Comparison(
        items(["A"], ["new"], 2), items(["B"], ["1"], 1), LESIONS, [np.array([], dtype=int)], scores
    )
    (one,) = examples(compared)
    assert one.own is None
    assert "good match" not in _verdict(one, compared, NoMatch(0.5, 1.0, 0.0, 100, 100))
