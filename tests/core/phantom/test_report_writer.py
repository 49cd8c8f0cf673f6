"""Reports typed by hand, as the phantom has them."""

from __future__ import annotations

import numpy as np

from core.phantom.benchmark import load_spec, plan_benchmark
from core.phantom.report_writer import old_report
from core.phantom.search_items import reported_findings
from core.text.legacy.reading import read_findings
from core.text.sampling import random_description

VALUES = {
    "state": "polyp",
    "segment": "sigmoid",
    "paris": "Ip",
    "size_mm": 18,
    "colour": "red",
    "action": "hot snare",
}


def test_what_a_report_says_stands_in_its_words() -> None:
    rng = np.random.default_rng(0)
    reports = [old_report(VALUES, rng) for _ in range(200)]
    assert len({one.text for one in reports}) > 100, "no two people write alike"
    for one in reports:
        assert one.said.items() <= (VALUES | {"surface": None}).items()
        assert ("18" in one.text or "1.8" in one.text) == ("size_mm" in one.said)
        assert any(word in one.text.casefold() for word in ("sig", "sgi", "sim")) or "segment" not in one.said
    shares = {key: np.mean([key in one.said for one in reports]) for key in ("paris", "size_mm", "segment")}
    assert 0.5 < shares["paris"] < 0.8
    assert shares["size_mm"] > 0.8


def test_every_description_can_be_reported() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        values = random_description(rng)
        report = old_report(values, rng)
        assert report.text.strip()
        assert report.said.keys() <= values.keys()


def test_the_reader_meets_words_that_it_knows_and_words_that_it_does_not() -> None:
    """What it reads is nearly always right; that it doesn't read all is what makes the phantom hard."""
    planned = plan_benchmark(load_spec(), 9)[:20]
    read = right = said = 0
    for one in reported_findings(planned, 1):
        report = one.reports[0]
        found = read_findings(report.text)
        fields = found[0].fields if found else {}
        for key in ("segment", "paris", "size_mm"):
            said += key in report.said
            if key in fields and key in report.said:
                read += 1
                right += fields[key].value == report.said[key]
    assert 0.5 < read / said < 0.95
    assert right / read > 0.85


def test_reports_are_others_words_and_the_same_every_time() -> None:
    planned = plan_benchmark(load_spec(), 9)[:2]
    first = list(reported_findings(planned, 2))
    assert first == list(reported_findings(planned, 2))
    assert first[0].reports[0] != first[0].reports[1]
    assert {(one.patient, one.part) for one in first} == {(one.patient.code, one.part) for one in planned}
