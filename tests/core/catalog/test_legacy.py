"""Legacy reports in the catalogue: kept once, accepted, dismissed, taken back, linked like anything else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text

from core.catalog import migrate, operations, queries
from core.catalog.engine import Catalog
from core.catalog.values import LegacyState, ModelState, NewLegacyFinding, NewLegacyReport
from core.domain import Verdict
from core.errors import PolypTraceError
from core.text.legacy.read_field import ReadField

A = "tester"
DAY = dt.date(2018, 3, 12)


def report(
    code: str = "p-1", words: str = "A 5 mm polyp in the sigmoid.", findings: int = 2
) -> NewLegacyReport:
    fields = {
        "size_mm": ReadField(5, 0.9, "5 mm"),
        "segment": ReadField("sigmoid", 0.8, "sigmoid"),
        "surface": ReadField(("granular", "nodular"), 0.6, "granular, nodular"),
    }
    return NewLegacyReport(code, DAY, words, tuple(NewLegacyFinding(words, fields) for _ in range(findings)))


def keep(catalog: Catalog, *reports: NewLegacyReport) -> Any:
    return operations.add_legacy_reports(catalog, reports or [report()], author=A)


def states(catalog: Catalog) -> list[str]:
    return [one.state.value for known in queries.legacy_reports(catalog) for one in known.findings]


def refused(code: str, call: Any) -> None:
    with pytest.raises(PolypTraceError) as caught:
        call()
    assert caught.value.code == code


def test_reports_are_kept_as_read_and_make_nothing_by_themselves(catalog: Catalog) -> None:
    done = keep(catalog, report(), report("P-2", findings=0))
    assert (len(done.created.reports), done.undoable, queries.patients(catalog)) == (2, True, [])
    first, second = queries.legacy_reports(catalog)
    assert (first.patient, first.date, second.findings) == ("p-1", DAY, ())
    read = first.findings[0]
    assert read.fields["segment"] == ReadField("sigmoid", 0.8, "sigmoid")
    assert read.values == {
        "size_mm": 5,
        "segment": "sigmoid",
        "surface": ["granular", "nodular"],
        "free_text": "A 5 mm polyp in the sigmoid.",
    }
    assert [one.id for one in queries.legacy_reports(catalog, patient="P-1 ")] == [first.id]


def test_a_report_is_known_whatever_its_spaces_and_its_patients_capitals(catalog: Catalog) -> None:
    keep(catalog)
    again = keep(catalog, report("P-1", "A 5 mm  polyp in\nthe sigmoid."))
    assert again.nothing
    assert not again.undoable
    operations.undo(catalog, author=A)
    assert queries.legacy_reports(catalog) == []
    assert keep(catalog).created.reports  # what was taken back can be imported again
    refused("patient-code", lambda: keep(catalog, report(" ")))


def test_a_known_patient_is_spelt_as_in_the_catalogue(case: Any) -> None:
    keep(case.catalog)
    assert [one.patient for one in queries.legacy_reports(case.catalog)] == ["P-1"]


def test_accepting_makes_findings_with_descriptions_and_undo_takes_them_back(case: Any) -> None:
    c = case.catalog
    keep(c)
    done = operations.accept_legacy_findings(c, {1: None, 2: {"size_mm": 6}}, author=A)
    assert done.created.patients == ()
    assert len(done.created.exams) == 1
    one, other = done.created.findings
    described = queries.description(c, one)
    assert described is not None
    assert (described.source, described.values["segment"]) == (
        "imported",
        "sigmoid",
    )
    assert queries.description(c, other).values == {"size_mm": 6}  # type: ignore[union-attr]
    assert queries.exam(c, queries.finding(c, one).exam_id).date == DAY
    refused("report-accepted", lambda: operations.accept_legacy_findings(c, {1: None}, author=A))
    operations.undo(c, author=A)
    assert states(c) == ["proposed", "proposed"]
    refused("finding-unknown", lambda: queries.finding(c, one))
    operations.redo(c, author=A)
    assert states(c) == ["accepted", "accepted"]
    assert queries.finding(c, one).lesion_no == 1


def test_an_accepted_finding_is_linked_like_any_other(case: Any) -> None:
    c = case.catalog
    keep(c)
    (one, _) = operations.accept_legacy_findings(c, {1: None, 2: None}, author=A).created.findings
    operations.give_verdict(c, Verdict.SAME, clip_id=case.clips[0][0], with_finding_id=one, author=A)
    lesion = queries.lesion_of_clips(c)[case.clips[0][0]]
    assert set(lesion.finding_ids) == {one, case.findings[0][0]}
    refused("report-linked", lambda: operations.dismiss_legacy_findings(c, [1], author=A))
    assert states(c) == ["accepted", "accepted"]
    operations.undo(c, author=A)
    operations.dismiss_legacy_findings(c, [1], author=A)
    assert states(c) == ["dismissed", "accepted"]
    refused("finding-unknown", lambda: queries.finding(c, one))
    assert operations.dismiss_legacy_findings(c, [1], author=A).nothing


def test_what_was_dismissed_comes_back_as_the_same_finding(catalog: Catalog) -> None:
    keep(catalog)
    first = operations.accept_legacy_findings(catalog, {1: None}, author=A).created.findings
    operations.dismiss_legacy_findings(catalog, [1, 2], author=A)
    operations.propose_legacy_findings(catalog, [1, 2], author=A)
    assert states(catalog) == ["proposed", "proposed"]
    again = operations.accept_legacy_findings(catalog, {1: {"size_mm": 9}}, author=A)
    assert again.created.findings == ()
    assert again.findings == first
    assert queries.description(catalog, first[0]).values == {"size_mm": 9}  # type: ignore[union-attr]


def test_a_finding_that_was_overlooked_is_added_by_hand(catalog: Catalog) -> None:
    keep(catalog, report(findings=0))
    added = operations.add_legacy_finding(catalog, 1, author=A).subject
    assert added is not None
    refused(
        "report-says-nothing", lambda: operations.accept_legacy_findings(catalog, {added: None}, author=A)
    )
    operations.accept_legacy_findings(catalog, {added: {"segment": "rectum"}}, author=A)
    assert states(catalog) == ["accepted"]
    operations.undo(catalog, author=A)
    operations.undo(catalog, author=A)  # of adding it: what was there before isn't touched
    assert states(catalog) == ["dismissed"]
    assert len(queries.legacy_reports(catalog)) == 1
    refused("report-unknown", lambda: operations.add_legacy_finding(catalog, 7, author=A))
    refused("report-finding-unknown", lambda: queries.legacy_finding(catalog, 7))


def test_a_reports_finding_outlives_the_clips_that_show_it(case: Any) -> None:
    """An exam may have both: a clip that goes doesn't take what the report said with it."""
    c = case.catalog
    first_day = queries.exam(c, case.exams[0]).date
    same_day = NewLegacyReport("P-1", first_day, "Polyp.", report().findings[:1])
    keep(c, same_day)
    (finding,) = operations.accept_legacy_findings(c, {1: None}, author=A).created.findings
    operations.move_clip(c, case.clips[0][0], finding, author=A)
    refused("report-linked", lambda: operations.dismiss_legacy_findings(c, [1], author=A))
    operations.remove_clip(c, case.clips[0][0], author=A)
    assert queries.finding(c, finding).id == finding


def test_all_or_nothing_of_a_table(catalog: Catalog, dump: Any) -> None:
    before = dump(catalog)
    refused("patient-code", lambda: keep(catalog, report(), report("x" * 65)))
    assert dump(catalog) == before


def test_each_kind_of_model_has_its_own_line(catalog: Catalog) -> None:
    for name, kind in (("dmcl-1", "dmcl"), ("drcl-1", "drcl"), ("dmcl-2", "dmcl"), ("drcl-2", "drcl")):
        operations.register_model(catalog, name, folder="/m", kind=kind, dim=4, author=A)
        operations.promote_model(catalog, name, author=A)
    in_use = {kind: queries.active_model(catalog, kind) for kind in ("dmcl", "drcl")}
    assert {kind: one.model_id for kind, one in in_use.items() if one} == {"dmcl": "dmcl-2", "drcl": "drcl-2"}
    operations.roll_back_model(catalog, kind="drcl", author=A)
    known = {one.model_id: one.state for one in queries.model_versions(catalog)}
    assert known["drcl-1"] is ModelState.ACTIVE
    assert known["dmcl-2"] is ModelState.ACTIVE
    assert (queries.model_before(catalog), queries.model_before(catalog, "drcl")) == ("dmcl-1", None)


def test_a_catalogue_of_the_first_schema_is_brought_up_to_date(case: Any) -> None:
    """Without its new tables and with the old index, as the first revision left it."""
    c, clips = case.catalog, queries.clips(case.catalog)
    with c.write() as connection:
        for table in ("legacy_findings", "legacy_reports"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DROP INDEX uq_model_versions_active"))
        made = "CREATE UNIQUE INDEX uq_model_versions_active ON model_versions (state) WHERE state = 'active'"
        connection.execute(text(made))
        connection.execute(text("UPDATE alembic_version SET version_num = 'r0001'"))
    c.close()
    with Catalog.open(c.data_dir) as opened:
        assert queries.clips(opened) == clips
        keep(opened)
        operations.accept_legacy_findings(opened, {1: None}, author=A)
        assert queries.legacy_finding(opened, 1)[1].state is LegacyState.ACCEPTED
    assert len(list(migrate.scripts().walk_revisions())) == 2
