"""Intervals over patients: against the plain way, and wider than intervals over queries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.evaluation.bootstrap import (
    Interval,
    auroc_interval,
    fnir_interval,
    gap_interval,
    mean_band,
    mean_interval,
    median_interval,
)
from core.evaluation.metrics import auroc
from core.evaluation.open_set import fnir_at_fpir
from core.evaluation.reliability import expected_calibration_error


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


def redrawn(figure: Callable[[np.ndarray], float | None], patients: list[str], draws: int = 1000) -> Interval:
    """The plain way: patients drawn one by one, their queries put together, the figure computed anew."""
    rng = np.random.default_rng(3)
    names = sorted(set(patients))
    places = {name: [at for at, patient in enumerate(patients) if patient == name] for name in names}
    values = []
    for _ in range(draws):
        chosen = [at for name in rng.choice(names, len(names)) for at in places[name]]
        value = figure(np.array(chosen))
        if value is not None:
            values.append(value)
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def test_median_interval_is_that_of_the_plain_way() -> None:
    rng = np.random.default_rng(0)
    ranks = rng.geometric(0.15, 50)
    patients = [f"p{at}" for at in rng.integers(0, 10, 50)]
    plainly = redrawn(lambda at: float(np.median(ranks[at])), patients)
    assert median_interval(ranks, patients) == pytest.approx(plainly, abs=0.6)
    # One patient of an even number of queries: the mean of the middle two, as everywhere.
    assert median_interval(np.array([1, 2, 1, 2]), ["a", "a", "b", "b"]) == (1.5, 1.5)
    assert median_interval(ranks, ["p"] * 50) is None


def test_fnir_interval_is_that_of_the_plain_way() -> None:
    rng = np.random.default_rng(0)
    mate, unmated = rng.normal(1.5, 1, 60), rng.normal(0, 1, 50)
    patients = [f"p{at}" for at in rng.integers(0, 15, 110)]

    def figure(chosen: np.ndarray) -> float | None:
        both = np.concatenate([mate, unmated])
        return fnir_at_fpir(both[chosen[chosen < 60]], both[chosen[chosen >= 60]])

    found = fnir_interval(mate, patients[:60], unmated, patients[60:])
    assert found == pytest.approx(redrawn(figure, patients), abs=0.03)
    assert found is not None
    assert found[0] < float(fnir_at_fpir(mate, unmated) or 0) < found[1]
    assert fnir_interval(mate, patients[:60], unmated, patients[60:], fpir=1.0) == (0.0, 0.0)
    assert fnir_interval(mate, ["p"] * 60, unmated, patients[60:]) is None


def test_gap_interval_is_that_of_the_plain_way() -> None:
    rng = np.random.default_rng(0)
    shown = rng.random(80)
    true = rng.random(80) < shown**2
    patients = [f"p{at}" for at in rng.integers(0, 12, 80)]
    gaps = np.zeros((80, 10))
    gaps[np.arange(80), (shown * 10).astype(int)] = shown - true
    plainly = redrawn(lambda at: expected_calibration_error(shown[at], true[at].tolist()), patients)
    assert gap_interval(gaps, np.ones(80), patients) == pytest.approx(plainly, abs=0.02)
    assert gap_interval(gaps, np.ones(80), ["p"] * 80) is None


def test_a_band_is_its_means_intervals() -> None:
    rng = np.random.default_rng(0)
    table = rng.random((30, 4))
    patients = [f"p{at % 7}" for at in range(30)]
    band = mean_band(table, patients)
    assert band is not None
    for column in range(4):
        assert tuple(band[:, column]) == pytest.approx(mean_interval(table[:, column], patients))
