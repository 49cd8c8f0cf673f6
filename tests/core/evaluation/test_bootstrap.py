"""Intervals over patients: against the plain way, and wider than intervals over queries."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.bootstrap import auroc_interval, mean_interval
from core.evaluation.metrics import auroc


def plain(values: np.ndarray, patients: list[str], draws: int) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    names = sorted(set(patients))
    means = []
    for _ in range(draws):
        chosen = rng.choice(names, len(names))
        means.append(
            np.mean([v for name in chosen for v, p in zip(values, patients, strict=True) if p == name])
        )
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def test_mean_interval_is_that_of_the_plain_way() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(60)
    patients = [f"p{at}" for at in rng.integers(0, 12, 60)]
    assert mean_interval(values, patients) == pytest.approx(plain(values, patients, 2000), abs=0.015)


def test_queries_of_one_patient_are_no_new_evidence() -> None:
    values = np.repeat([0.0, 1.0, 1.0, 0.0, 1.0, 0.0], 50)
    by_patient = mean_interval(values, [f"p{at // 50}" for at in range(300)])
    by_query = mean_interval(values, [str(at) for at in range(300)])
    assert by_patient is not None
    assert by_query is not None
    assert by_patient[1] - by_patient[0] > 3 * (by_query[1] - by_query[0])


def test_one_patient_has_no_interval() -> None:
    assert mean_interval(np.ones(3), ["p", "p", "p"]) is None
    assert mean_interval(np.empty(0), []) is None
    assert auroc_interval(np.ones(2), ["p", "p"], np.zeros(2), ["q", "r"]) is None


def test_auroc_interval_holds_the_auroc_and_its_ends() -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(1, 1, 40), rng.normal(0, 1, 30)
    interval = auroc_interval(
        positive, [str(at) for at in range(40)], negative, [f"n{at}" for at in range(30)]
    )
    assert interval is not None
    assert interval[0] < float(auroc(positive, negative) or 0) < interval[1]
    # Hanley and McNeil's standard error of this AUROC is about 0.055.
    assert 0.12 < interval[1] - interval[0] < 0.32
    apart = auroc_interval(np.ones(3), ["a", "b", "c"], np.zeros(3), ["d", "e", "f"])
    assert apart == (1.0, 1.0)
