"""Every write: returns what changed, is one transaction, is noted, and says no in words."""

from __future__ import annotations

import datetime as dt
import typing
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import Connection

from core.catalog import audit, operations, queries
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.catalog.values import (
    ClipVector,
    JobState,
    ModelState,
    NewLegacyFinding,
    NewLegacyReport,
    Touched,
)
from core.domain import Box, ScopeRegion, Verdict
from core.errors import PolypTraceError
from core.inference.vector_store import VectorStore
from core.text.legacy.read_field import ReadField

A = "tester"
DAY = dt.date(2024, 2, 29)
Write = Callable[[Any, Any], CatalogChanges]


def _unit(at: int, dim: int = 4) -> Any:
    return np.eye(dim, dtype=np.float32)[at]


def _store(catalog: Catalog) -> VectorStore:
    return VectorStore(catalog.data_dir.vectors)


def _job(catalog: Catalog) -> int:
    job = operations.create_job(catalog, "train", {"preset": "quick"}, author=A).subject
    assert job is not None
    return job


def _same(case: Any) -> int:
    """Links the second exam's first finding to the first exam's."""
    one, other = case.findings[1][0], case.findings[0][0]
    done = operations.give_verdict(
        case.catalog, Verdict.SAME, finding_id=one, with_finding_id=other, author=A
    )
    assert done.subject is not None
    return done.subject


def _model(case: Any, activate: bool = True) -> None:
    facts = {"folder": "/m1", "kind": "dmcl", "dim": 4}
    operations.register_model(case.catalog, "m1", **facts, activate=activate, author=A)


def _indexed(case: Any) -> None:
    _model(case)
    rows = [ClipVector(case.clips[0][0], _unit(0), "h")]
    operations.put_vectors(case.catalog, _store(case.catalog), "m1", rows, author=A)


def _undone(case: Any) -> None:
    operations.describe(case.catalog, case.findings[0][0], {"size_mm": 8}, author=A)
    operations.undo(case.catalog, author=A)


def _promoted(case: Any) -> None:
    for name in ("m1", "m2"):
        operations.register_model(case.catalog, name, folder="/m", kind="dmcl", dim=4, author=A)
        operations.promote_model(case.catalog, name, author=A)


def _report(code: str = "P-1", text: str = "A 5 mm polyp in the sigmoid.") -> NewLegacyReport:
    fields = {"size_mm": ReadField(5, 0.9, "5 mm"), "segment": ReadField("sigmoid", 0.9, "sigmoid")}
    return NewLegacyReport(code, DAY, text, (NewLegacyFinding(text, fields),))


def _reported(case: Any) -> None:
    operations.add_legacy_reports(case.catalog, [_report()], author=A)


def _of_the_first_exam(case: Any) -> None:
    day = queries.exam(case.catalog, case.exams[0]).date
    operations.add_legacy_reports(case.catalog, [msgspec.structs.replace(_report("p-1"), date=day)], author=A)


def _dismissed(case: Any) -> None:
    _reported(case)
    operations.dismiss_legacy_findings(case.catalog, [1], author=A)


WRITES: dict[str, tuple[Callable[[Any], Any], Write]] = {
    "promote_model": (
        lambda case: _model(case, activate=False),
        lambda c, case: operations.promote_model(c, "m1", author=A),
    ),
    "add_clip": (
        lambda case: None,
        lambda c, case: operations.add_clip(c, case.exams[0], case.video, 900, 950, author=A),
    ),
    "accept_legacy_as_clip": (
        _of_the_first_exam,
        lambda c, case: operations.accept_legacy_as_clip(c, 1, case.clips[0][0], author=A),
    ),
    "accept_legacy_findings": (
        _reported,
        lambda c, case: operations.accept_legacy_findings(c, {1: None}, author=A),
    ),
    "add_legacy_finding": (_reported, lambda c, case: operations.add_legacy_finding(c, 1, author=A)),
    "add_legacy_reports": (
        lambda case: None,
        lambda c, case: operations.add_legacy_reports(c, [_report("P-8")], author=A),
    ),
    "dismiss_legacy_findings": (
        _reported,
        lambda c, case: operations.dismiss_legacy_findings(c, [1], author=A),
    ),
    "propose_legacy_findings": (
        _dismissed,
        lambda c, case: operations.propose_legacy_findings(c, [1], author=A),
    ),
    "add_patient": (lambda case: None, lambda c, case: operations.add_patient(c, "P-1", sex="f", author=A)),
    "cancel_job": (
        lambda case: _job(case.catalog),
        lambda c, case: operations.cancel_job(c, 1, author=A),
    ),
    "create_job": (lambda case: None, lambda c, case: operations.create_job(c, "train", author=A)),
    "describe": (
        lambda case: None,
        lambda c, case: operations.describe(c, case.findings[0][0], {"size_mm": 8}, author=A),
    ),
    "drop_vectors": (_indexed, lambda c, case: operations.drop_vectors(c, "m1", author=A)),
    "describe_exam": (
        lambda case: None,
        lambda c, case: operations.describe_exam(c, case.exams[0], {"bbps_right": 3}, author=A),
    ),
    "fail_job": (
        lambda case: _job(case.catalog),
        lambda c, case: operations.fail_job(c, 1, PolypTraceError("disk-full", "Full.", "Free."), author=A),
    ),
    "finish_job": (
        lambda case: operations.start_job(case.catalog, _job(case.catalog), author=A),
        lambda c, case: operations.finish_job(c, 1, {"model": "m1"}, author=A),
    ),
    "give_verdict": (
        lambda case: None,
        lambda c, case: operations.give_verdict(c, Verdict.NEW, clip_id=case.clips[1][0], author=A),
    ),
    "import_video": (
        lambda case: None,
        lambda c, case: operations.import_video(
            c,
            msgspec.structs.replace(queries.video(c, case.video), sha256="ab" * 32, path="/videos/ä ö.mp4"),
            patient_code="P-9",
            exam_date=DAY,
            author=A,
        ),
    ),
    "move_clip": (
        lambda case: None,
        lambda c, case: operations.move_clip(c, case.clips[0][0], case.findings[0][1], author=A),
    ),
    "note_job": (
        lambda case: _job(case.catalog),
        lambda c, case: operations.note_job(c, 1, {"step": 3}, author=A),
    ),
    "mark_boxes": (
        lambda case: None,
        lambda c, case: operations.mark_boxes(c, case.clips[0][0], put=[Box(1, 2, 3, 4, 7)], author=A),
    ),
    "put_vectors": (
        _model,
        lambda c, case: operations.put_vectors(
            c, _store(c), "m1", [ClipVector(case.clips[0][0], _unit(1), "h")], author=A
        ),
    ),
    "roll_back_model": (_promoted, lambda c, case: operations.roll_back_model(c, author=A)),
    "record_event": (
        lambda case: None,
        lambda c, case: operations.record_event(c, "export", "exam 1", detail={"files": 2}, author=A),
    ),
    "redo": (_undone, lambda c, case: operations.redo(c, author=A)),
    "register_model": (
        lambda case: None,
        lambda c, case: operations.register_model(c, "m2", folder="/m", kind="dmcl", dim=8, author=A),
    ),
    "remove_clip": (lambda case: None, lambda c, case: operations.remove_clip(c, case.clips[0][0], author=A)),
    "relocate_video": (
        lambda case: None,
        lambda c, case: operations.relocate_video(c, case.video, "/videos/moved.mp4", author=A),
    ),
    "set_text_boxes": (
        lambda case: None,
        lambda c, case: operations.set_text_boxes(c, case.video, [(6, 20, 120, 18)], author=A),
    ),
    "start_job": (lambda case: _job(case.catalog), lambda c, case: operations.start_job(c, 1, author=A)),
    "trim_clip": (
        lambda case: None,
        lambda c, case: operations.trim_clip(c, case.clips[0][0], 3, 9, author=A),
    ),
    "undo": (_same, lambda c, case: operations.undo(c, author=A)),
    "withdraw_verdict": (_same, lambda c, case: operations.withdraw_verdict(c, 1, author=A)),
}
SILENT = {"record_event", "note_job"}
"""``record_event`` changes no row, ``note_job`` (progress) isn't for the audit log."""


def test_every_operation_is_tried_here_and_promises_changes() -> None:
    assert set(WRITES) == set(operations.__all__)
    for name in operations.__all__:
        assert typing.get_type_hints(getattr(operations, name))["return"] is CatalogChanges, name


@pytest.mark.parametrize("name", sorted(WRITES))
def test_it_returns_what_changed_and_is_noted(case: Any, name: str) -> None:
    prepare, write = WRITES[name]
    prepare(case)
    noted = len(queries.audit_events(case.catalog))
    changes = write(case.catalog, case)
    assert isinstance(changes, CatalogChanges)
    assert changes.label
    assert changes.nothing == (name == "record_event")
    new = queries.audit_events(case.catalog, after_id=noted)
    assert bool(new) == (name != "note_job")
    assert {event.actor for event in new} <= {A}
    assert msgspec.json.decode(msgspec.json.encode(changes), type=CatalogChanges) == changes


@pytest.mark.parametrize("name", sorted(set(WRITES) - {"note_job"}))
def test_it_is_one_transaction(case: Any, name: str, dump: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure right before the end leaves no trace."""
    prepare, write = WRITES[name]
    prepare(case)
    before = dump(case.catalog)
    real, calls = audit.note, []

    def failing(connection: Connection, *args: Any, **named: Any) -> int:
        calls.append(real(connection, *args, **named))
        if len(calls) == notes:
            raise RuntimeError("the program ends here")
        return calls[-1]

    notes = {"import_video": 4, "accept_legacy_findings": 2}.get(name, 1)
    monkeypatch.setattr(audit, "note", failing)
    with pytest.raises(RuntimeError):
        write(case.catalog, case)
    assert dump(case.catalog) == before


def test_no_database_object_leaves_the_room(case: Any) -> None:
    for _, (prepare, write) in sorted(WRITES.items()):
        try:
            prepare(case)
            _assert_plain(write(case.catalog, case))
        except PolypTraceError:
            continue  # the case is used up by other writes; each is tried alone above
    c, finding, exam = case.catalog, queries.findings(case.catalog)[0].id, case.exams[0]
    patient = queries.patients(c)[0].id
    operations.describe(c, finding, {"free_text": "Süß"}, author=A)
    operations.create_job(c, "train", author=A)
    operations.register_model(c, "m3", folder="/m", kind="dmcl", dim=4, activate=True, author=A)
    told = {
        "accepted_values": (queries.legacy_reports(c),),
        "active_model": (), "around": (queries.clips(c),), "audit_events": (), "audit_head": (),
        "broken_audit_event": (), "cannot_links": (),
        "clip": (queries.clips(c)[0].id,), "clip_lines": (), "exam_lines": (), "patient_lines": (),
        "search_library": ("one",), "search_words": (("one",),),
        "touched_lines": (Touched(clips=frozenset([1])),), "video_lines": ([exam],),
        "clips": (), "clips_before_exam": (case.exams[2],), "clips_outside_exam": (exam,),
        "clips_to_index": (_store(c), "m3", {1: "h"}), "described_since": ("m3",),
            "description": (finding,), "descriptions": (),
        "exam": (exam,), "exam_on": (patient, dt.date(2020, 5, 1)), "exams": (), "exams_of_video": (1,),
        "finding": (finding,), "findings": (), "indexed_clips": (_store(c), "m3"), "jobs": (),
        "last_audit_event": ("add-clip", "clip 1"),
        "legacy_finding": (1,), "legacy_reports": (),
        "lesion_of_clips": (), "lesion_of_findings": (), "lesions": (), "link_events": (),
        "model_before": (), "model_version": ("m3",), "model_versions": (),
        "narrowed_clips": (), "patient": (patient,), "patient_by_code": ("p-1",),
        "patient_of_code": ("p-1",),
        "patients": (), "ranking_shown": (1,), "redo_label": (), "removed_lesions": (dt.date(2030, 1, 1),),
        "revisions": (finding,),
        "undo_label": (), "vector_rows": ("m3",), "verdict": (finding,), "video": (1,),
        "video_by_path": ("/videos/one.mp4",), "video_by_sha256": ("0" * 64,), "videos": (),
    }  # fmt: skip
    assert set(told) == {name for name in queries.__all__ if name.islower()}
    for name, arguments in told.items():
        _assert_plain(getattr(queries, name)(c, *arguments))


def _assert_plain(value: Any) -> None:
    assert type(value).__module__.split(".")[0] not in ("sqlalchemy", "sqlite3"), type(value)
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            _assert_plain(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            _assert_plain(key)
            _assert_plain(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            _assert_plain(inner)


def test_a_video_is_known_by_its_content(catalog: Catalog, make_video: Any) -> None:
    region = ScopeRegion((1, 2, 3, 4), ((1, 2), (4, 2), (3, 6)), True)
    video = msgspec.structs.replace(make_video("a"), region=region, time_base=(1, 90_000))
    first = operations.import_video(catalog, video, patient_code="P-1", exam_date=DAY, author=A)
    (stored,) = queries.videos(catalog)
    assert stored == msgspec.structs.replace(video, id=first.subject)
    assert len(first.created.patients) == len(first.created.exams) == len(first.created.videos) == 1
    again = operations.import_video(catalog, video, patient_code=" p-1", exam_date=DAY, author=A)
    assert again.subject == first.subject
    assert not any((again.videos, again.created.videos, again.created.exams, again.created.patients))
    moved = msgspec.structs.replace(video, path="/moved/film.avi", codec="other")
    later = operations.import_video(
        catalog, moved, patient_code="P-1", exam_date=dt.date(2025, 1, 1), author=A
    )
    assert (later.subject, later.created.videos) == (first.subject, ())
    assert [exam.date.year for exam in queries.exams_of_video(catalog, stored.id)] == [2024, 2025]
    assert queries.videos(catalog) == [msgspec.structs.replace(stored, path="/moved/film.avi")]


@pytest.mark.parametrize("code", ["", "   ", "x" * 65, "two\nlines", "\x00"])
def test_a_patient_code_that_is_none_is_refused(catalog: Catalog, dump: Any, code: str) -> None:
    before = dump(catalog)
    with pytest.raises(PolypTraceError) as caught:
        operations.add_patient(catalog, code, author=A)
    assert caught.value.code == "patient-code"
    assert dump(catalog) == before


def test_facts_that_no_video_has_are_refused(catalog: Catalog, make_video: Any) -> None:
    for wrong in ({"frames": 0}, {"sha256": "abc"}, {"width": 0}, {"time_base": (0, 1)}, {"path": ""}):
        video = msgspec.structs.replace(make_video("a"), **wrong)
        with pytest.raises(PolypTraceError, match="can't be true"):
            operations.import_video(catalog, video, patient_code="P-1", exam_date=DAY, author=A)
    assert queries.patients(catalog) == []


def test_clips_of_one_stretch(case: Any) -> None:
    c, exam = case.catalog, case.exams[0]
    add = operations.add_clip
    plain = add(c, exam, case.video, 500, 600, author=A)
    assert add(c, exam, case.video, 500, 600, author=A).subject == plain.subject
    assert add(c, exam, case.video, 500, 600, author=A).nothing
    late, early = Box(5, 5, 5, 5, 590), Box(1, 1, 9, 9, 510)
    boxed = add(c, exam, case.video, 500, 600, boxes=[late, early], author=A)
    assert boxed.subject != plain.subject
    assert queries.clip(c, boxed.subject).boxes == (early, late)
    (finding,) = plain.created.findings
    second = add(c, exam, case.video, 700, 710, finding_id=finding, author=A)
    assert second.created.findings == ()
    assert [clip.id for clip in queries.clips(c, finding_id=finding)] == [plain.subject, second.subject]
    numbers = [one.lesion_no for one in queries.findings(c, exam_id=exam)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    ("box", "code"),
    [
        (Box(1, 1, 0, 4), "clip-box"),
        (Box(float("nan"), 1, 4, 4), "clip-box"),
        (Box(560, 1, 4, 4), "clip-box"),
        (Box(-9, 1, 9, 4), "clip-box"),
        (Box(1, 1, 4, 4, 51), "clip-box"),
    ],
)
def test_boxes_that_can_t_be_are_refused(case: Any, box: Box, code: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        operations.add_clip(case.catalog, case.exams[0], case.video, 0, 50, boxes=[box], author=A)
    assert caught.value.code == code
    with pytest.raises(PolypTraceError):
        operations.mark_boxes(case.catalog, case.clips[0][0], put=[box], author=A)


def test_other_refusals_of_clips(case: Any, make_case: Any) -> None:
    c = case.catalog
    other = make_case(c, exams=1, code="P-2")
    elsewhere = msgspec.structs.replace(queries.video(c, case.video), sha256="cd" * 32, path="/b.mp4")
    (free,) = operations.import_video(c, elsewhere, patient_code="P-3", exam_date=DAY, author=A).exams
    add = operations.add_clip
    tries = {
        "exam-unknown": lambda: add(c, 99, case.video, 0, 1, author=A),
        "video-unknown": lambda: add(c, case.exams[0], 99, 0, 1, author=A),
        "video-other-exam": lambda: add(c, free, case.video, 0, 1, author=A),
        "clip-range": lambda: add(c, case.exams[0], case.video, 2, 1, author=A),
        "finding-unknown": lambda: add(c, case.exams[0], case.video, 0, 1, finding_id=99, author=A),
        "finding-other-exam": lambda: operations.move_clip(
            c, case.clips[0][0], other.findings[0][0], author=A
        ),
        "clip-unknown": lambda: operations.remove_clip(c, 99, author=A),
        "box-unknown": lambda: operations.mark_boxes(c, case.clips[0][0], remove=[10], author=A),
        "clip-box": lambda: add(
            c, case.exams[0], case.video, 0, 9, boxes=[Box(1, 1, 2, 2, 3), Box(2, 2, 3, 3, 3)], author=A
        ),
    }
    for code, attempt in tries.items():
        with pytest.raises(PolypTraceError) as caught:
            attempt()
        assert caught.value.code == code


def test_rolling_back_goes_one_promotion_further_each_time(catalog: Catalog) -> None:
    facts = {"folder": "/m", "kind": "dmcl", "dim": 4, "author": A}
    operations.register_model(catalog, "first", **facts, activate=True)
    for name in ("second", "third"):
        operations.register_model(catalog, name, **facts)
        operations.promote_model(catalog, name, record={"impact": {"rank1": 0.5}}, author=A)
    told = queries.last_audit_event(catalog, "promote-model", "model third")
    assert told is not None
    assert (told.before, told.after) == (
        {"model": "second"},
        {"model": "third", "impact": {"rank1": 0.5}},
    )

    def active() -> str | None:
        found = queries.active_model(catalog)
        return found.model_id if found else None

    for name in ("second", "first"):
        assert queries.model_before(catalog) == name
        operations.roll_back_model(catalog, author=A)
        assert active() == name
    assert queries.model_before(catalog) is None
    with pytest.raises(PolypTraceError) as caught:
        operations.roll_back_model(catalog, author=A)
    assert caught.value.code == "rollback-nothing"
    operations.promote_model(catalog, "third", author=A)
    operations.roll_back_model(catalog, author=A)
    assert active() == "first"  # not the one that was in use in between


def test_one_model_is_active(catalog: Catalog) -> None:
    for name in ("a", "b"):
        operations.register_model(catalog, name, folder="/" + name, kind="dmcl", dim=4, author=A)
    assert queries.active_model(catalog) is None
    operations.promote_model(catalog, "a", author=A)
    assert operations.promote_model(catalog, "b", author=A).models == ("a", "b")
    states = {model.model_id: model.state for model in queries.model_versions(catalog)}
    assert states == {"a": ModelState.RETIRED, "b": ModelState.ACTIVE}
    assert operations.promote_model(catalog, "b", author=A).nothing
    same = {"folder": "/b", "kind": "dmcl", "dim": 4}
    assert operations.register_model(catalog, "b", **same, author=A).nothing
    told = operations.register_model(catalog, "b", **same, metrics={"rank1": 0.5}, author=A)
    assert told.models == ("b",)
    assert queries.model_version(catalog, "b").metrics == {"rank1": 0.5}
    with pytest.raises(PolypTraceError) as caught:
        operations.register_model(catalog, "b", folder="/b", kind="dmcl", dim=5, author=A)
    assert caught.value.code == "model-changed"


def test_a_job_goes_one_way(catalog: Catalog) -> None:
    job = _job(catalog)
    with pytest.raises(PolypTraceError) as caught:
        operations.finish_job(catalog, job, author=A)
    assert caught.value.code == "job-state"
    operations.start_job(catalog, job, author=A)
    operations.note_job(catalog, job, {"step": 1}, author=A)
    operations.finish_job(catalog, job, {"model": "m"}, author=A)
    (stored,) = queries.jobs(catalog, JobState.DONE)
    assert stored.detail == {"preset": "quick", "step": 1, "model": "m"}
    for attempt in (operations.start_job, operations.cancel_job):
        with pytest.raises(PolypTraceError, match="is done"):
            attempt(catalog, job, author=A)
    other = _job(catalog)
    operations.fail_job(catalog, other, PolypTraceError("disk-full", "Full.", "Free some."), author=A)
    assert queries.jobs(catalog, JobState.FAILED)[0].detail["error"]["code"] == "disk-full"


def test_facts_of_exams_and_patients_are_kept_and_undone(case: Any) -> None:
    c, exam = case.catalog, case.exams[0]
    operations.describe_exam(c, exam, {"bbps_right": 2, "indication": "screening"}, author=A)
    operations.describe_exam(c, exam, {"bbps_right": 3, "indication": None}, author=A)
    assert queries.exam(c, exam).facts == {"bbps_right": 3}
    assert operations.describe_exam(c, exam, {"bbps_right": 3}, author=A).nothing
    operations.undo(c, author=A)
    assert queries.exam(c, exam).facts == {"bbps_right": 2, "indication": "screening"}
    operations.redo(c, author=A)
    assert queries.exam(c, exam).facts == {"bbps_right": 3}
    for facts in ({"ibd": True, "lynch": False}, {"lynch": None}):
        operations.add_patient(c, "P-1", facts=facts, author=A)
    assert queries.patients(c)[0].facts == {"ibd": True}
