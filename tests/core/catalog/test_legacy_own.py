"""Reports of a clip's own exam: accepted as the clip's finding, its gaps filled, put aside, taken back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from core.catalog import operations, queries
from core.catalog.values import LegacyState
from core.domain import Verdict
from core.errors import PolypTraceError

from .test_legacy import A, keep, refused, report, states

THERE = {"size_mm": 8, "paris": "Is"}


@pytest.fixture
def own(case: Any) -> tuple[Any, int, int]:
    """The case with a report of its first exam: two proposals; the first clip and its described finding."""
    day = queries.exam(case.catalog, case.exams[0]).date
    clip, finding = case.clips[0][0], case.findings[0][0]
    operations.describe(case.catalog, finding, THERE, author=A)
    keep(case.catalog, msgspec.structs.replace(report("P-1"), date=day))
    return case, clip, finding


def values(case: Any, finding: int) -> dict[str, Any]:
    known = queries.description(case.catalog, finding)
    assert known is not None
    return known.values


def test_it_is_the_clips_finding_and_fills_what_its_description_lacks(own: tuple[Any, int, int]) -> None:
    case, clip, finding = own
    findings = queries.findings(case.catalog)
    done = operations.accept_legacy_as_clip(case.catalog, 1, clip, author=A)
    assert "(3 fields filled)" in done.label
    assert queries.findings(case.catalog) == findings
    assert queries.link_events(case.catalog) == []
    assert values(case, finding) == {
        **THERE,
        "segment": "sigmoid",
        "surface": ["granular", "nodular"],
        "free_text": "A 5 mm polyp in the sigmoid.",
    }
    read = queries.legacy_finding(case.catalog, 1)[1]
    assert (read.state, read.finding) == (LegacyState.ACCEPTED, finding)
    refused("report-same-finding", lambda: operations.accept_legacy_as_clip(case.catalog, 2, clip, author=A))
    refused("report-accepted", lambda: operations.accept_legacy_as_clip(case.catalog, 1, clip, author=A))


def test_undo_and_redo_restore_the_proposal_and_the_description(own: tuple[Any, int, int]) -> None:
    case, clip, finding = own
    operations.accept_legacy_as_clip(case.catalog, 1, clip, {"segment": "rectum"}, author=A)
    operations.undo(case.catalog, author=A)
    assert (states(case.catalog), values(case, finding)) == (["proposed", "proposed"], THERE)
    assert queries.legacy_finding(case.catalog, 1)[1].finding is None
    assert queries.clip(case.catalog, clip).finding_id == queries.finding(case.catalog, finding).id
    operations.redo(case.catalog, author=A)
    assert states(case.catalog) == ["accepted", "proposed"]
    assert values(case, finding) == {**THERE, "segment": "rectum"}


def test_put_aside_it_leaves_the_clips_finding_alone(own: tuple[Any, int, int]) -> None:
    case, clip, finding = own
    operations.accept_legacy_as_clip(case.catalog, 1, clip, {"size_mm": 5}, author=A)
    operations.give_verdict(case.catalog, Verdict.NEW, clip_id=clip, author=A)
    operations.dismiss_legacy_findings(case.catalog, [1], author=A)
    assert queries.finding(case.catalog, finding).id == finding
    assert queries.legacy_finding(case.catalog, 1)[1].finding is None
    operations.undo(case.catalog, author=A)
    assert queries.legacy_finding(case.catalog, 1)[1].finding == finding
    assert values(case, finding) == THERE  # nothing was lacking


def test_with_its_last_clip_gone_the_finding_goes_when_the_report_is_put_aside(
    own: tuple[Any, int, int],
) -> None:
    case, clip, finding = own
    operations.accept_legacy_as_clip(case.catalog, 1, clip, author=A)
    operations.remove_clip(case.catalog, clip, author=A)
    assert queries.finding(case.catalog, finding).id == finding
    operations.dismiss_legacy_findings(case.catalog, [1], author=A)
    refused("finding-unknown", lambda: queries.finding(case.catalog, finding))


def test_a_finding_that_two_reports_name_stays_while_one_does(own: tuple[Any, int, int]) -> None:
    case, clip, _ = own
    day = queries.exam(case.catalog, case.exams[0]).date
    keep(case.catalog, msgspec.structs.replace(report("P-1", "Another report."), date=day))
    (made,) = operations.accept_legacy_findings(case.catalog, {1: None}, author=A).created.findings
    operations.move_clip(case.catalog, clip, made, author=A)
    operations.accept_legacy_as_clip(case.catalog, 3, clip, author=A)
    operations.remove_clip(case.catalog, clip, author=A)
    refused("report-linked", lambda: operations.dismiss_legacy_findings(case.catalog, [1], author=A))
    operations.dismiss_legacy_findings(case.catalog, [3], author=A)
    assert queries.finding(case.catalog, made).id == made


def test_a_report_of_another_exam_is_refused(own: tuple[Any, int, int]) -> None:
    case, _, _ = own
    with pytest.raises(PolypTraceError) as caught:
        operations.accept_legacy_as_clip(case.catalog, 1, case.clips[1][0], author=A)
    assert caught.value.code == "report-other-exam"
    assert "--with-report 1" in caught.value.hint
    assert states(case.catalog) == ["proposed", "proposed"]
