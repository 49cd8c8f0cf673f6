"""Descriptions: revisions that are only added, drafts and final ones, autosaves as one step of undo."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from core.catalog import operations, queries
from core.catalog.operations import descriptions
from core.errors import PolypTraceError

A = "tester"
FINAL = {
    "state": "polyp",
    "segment": "sigmoid",
    "size_mm": 8,
    "size_method": "eye",
    "paris": "Is",
    "imaging": "NBI",
    "action": "left in situ",
}


def _now(case: Any) -> dict[str, Any] | None:
    found = queries.description(case.catalog, case.findings[0][0])
    return None if found is None else found.values


def test_a_draft_is_kept_as_typed_and_each_save_is_a_revision(case: Any) -> None:
    c, finding = case.catalog, case.findings[0][0]
    states = [
        {"size_mm": 8},
        {"size_mm": 8, "free_text": "Sü\u00df ✓"},
        {"size_mm": -3, "unknown": [1, None]},
    ]
    for values in states:
        operations.describe(c, finding, values, author=A)
    assert [revision.values for revision in queries.revisions(c, finding)] == states
    assert [revision.number for revision in queries.revisions(c, finding)] == [1, 2, 3]
    assert operations.describe(c, finding, states[-1], author="b").nothing
    assert _now(case) == states[-1]
    assert set(queries.descriptions(c)) == {finding}


def test_finalising_asks_for_what_is_required(case: Any) -> None:
    c, finding = case.catalog, case.findings[0][0]
    partial = {key: value for key, value in FINAL.items() if key != "segment"}
    with pytest.raises(PolypTraceError) as caught:
        operations.describe(c, finding, partial, draft=False, author=A)
    assert caught.value.code == "description-incomplete"
    assert caught.value.detail["fields"] == ["segment"]
    assert _now(case) is None
    operations.describe(c, finding, FINAL, author=A)
    final = operations.describe(c, finding, FINAL, draft=False, author=A)
    assert not final.nothing
    found = queries.description(c, finding)
    assert found is not None
    assert (found.values, found.draft) == (FINAL, False)
    assert operations.undo(c, author=A).label.startswith("Undo describe")
    found = queries.description(c, finding)
    assert found is not None
    assert (found.values, found.draft) == (FINAL, True)


@pytest.mark.parametrize("values", [{"a": float("nan")}, {"a": object()}, {"a": {1, 2}}])
def test_what_json_can_t_hold_is_refused(case: Any, values: dict[str, Any]) -> None:
    with pytest.raises(PolypTraceError) as caught:
        operations.describe(case.catalog, case.findings[0][0], values, author=A)
    assert caught.value.code == "description-values"


def test_a_second_editor_doesn_t_overwrite_the_first(case: Any) -> None:
    c, finding = case.catalog, case.findings[0][0]
    operations.describe(c, finding, {"size_mm": 8}, base=0, author="one")
    with pytest.raises(PolypTraceError) as caught:
        operations.describe(c, finding, {"size_mm": 9}, base=0, author="two")
    assert caught.value.code == "description-conflict"
    assert _now(case) == {"size_mm": 8}
    operations.describe(c, finding, {"size_mm": 9}, base=1, author="two")
    assert _now(case) == {"size_mm": 9}


def test_the_autosaves_of_one_edit_are_one_step(case: Any) -> None:
    c, finding = case.catalog, case.findings[0][0]
    operations.describe(c, finding, {"size_mm": 5}, author=A)
    for text in ("a", "ab", "abc"):
        operations.describe(c, finding, {"free_text": text}, autosave=True, author=A)
    assert len(queries.revisions(c, finding)) == 4
    operations.undo(c, author=A)
    assert _now(case) == {"size_mm": 5}
    operations.redo(c, author=A)
    assert _now(case) == {"free_text": "abc"}


def test_what_ends_a_run_of_autosaves(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    c, (finding, other) = case.catalog, case.findings[0]

    def save(text: str, *, of: int = finding, by: str = A) -> None:
        operations.describe(c, of, {"free_text": text}, autosave=True, author=by)

    save("a")
    save("b", by="somebody else")
    save("c", of=other)
    save("d")
    operations.undo(c, author=A)
    save("e")  # what was undone is gone; this doesn't grow the step below
    monkeypatch.setattr(descriptions, "AUTOSAVE_RUN", dt.timedelta(0))
    save("f")
    seen = []
    while (queries.undo_label(c) or "").startswith("Undo describe"):
        seen.append(_now(case))
        operations.undo(c, author=A)
    texts = [None if values is None else values["free_text"] for values in seen]
    assert texts == ["f", "e", "b", "b", "a"]
    assert _now(case) is None


def test_undo_goes_back_to_no_description_and_adds_instead_of_deleting(case: Any) -> None:
    c, finding = case.catalog, case.findings[0][0]
    operations.describe(c, finding, {"size_mm": 8}, author=A)
    assert queries.undo_label(c) == "Undo describe finding 1 of exam 1"
    operations.undo(c, author=A)
    assert _now(case) is None
    assert finding not in queries.descriptions(c)
    assert queries.redo_label(c) == "Redo describe finding 1 of exam 1"
    operations.redo(c, author=A)
    assert _now(case) == {"size_mm": 8}
    sources = [revision.source for revision in queries.revisions(c, finding)]
    assert sources == ["typed", "undo", "redo"]
