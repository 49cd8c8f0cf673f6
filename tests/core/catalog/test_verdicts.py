"""Verdicts: what they make of lesions, what is refused and how that is said."""

from __future__ import annotations

from typing import Any

import pytest

from core.catalog import operations, queries
from core.catalog.changes import CatalogChanges
from core.domain import Verdict
from core.errors import PolypTraceError

A = "tester"


class Said:
    """Gives verdicts by finding, and shows the lesions."""

    def __init__(self, case: Any) -> None:
        self.c = case.catalog
        (self.a1, self.a2), (self.b1, self.b2), (self.c1, self.c2) = case.findings

    def say(self, verdict: Verdict, one: int, other: int | None = None, **more: Any) -> CatalogChanges:
        return operations.give_verdict(
            self.c, verdict, finding_id=one, with_finding_id=other, author=A, **more
        )

    def refused(self, code: str, verdict: Verdict, one: int, other: int | None = None, **more: Any) -> None:
        before = self.lesions()
        with pytest.raises(PolypTraceError) as caught:
            self.say(verdict, one, other, **more)
        assert caught.value.code == code
        assert caught.value.hint
        assert self.lesions() == before

    def lesions(self) -> list[tuple[int, ...]]:
        return [lesion.finding_ids for lesion in queries.lesions(self.c)]

    def joined(self) -> list[tuple[int, ...]]:
        return [members for members in self.lesions() if len(members) > 1]


@pytest.fixture
def said(case: Any) -> Said:
    return Said(case)


def test_lesions_are_what_links_connect(said: Said) -> None:
    assert len(said.lesions()) == 6
    changes = said.say(Verdict.SAME, said.b1, said.a1)
    assert changes.lesions == (said.a1, said.b1)
    said.say(Verdict.SCAR_CLEAN, said.c1, said.b1)
    assert said.joined() == [(said.a1, said.b1, said.c1)]
    lesion = queries.lesion_of_findings(said.c)[said.c1]
    assert lesion.id == said.a1
    assert {clip: one.id for clip, one in queries.lesion_of_clips(said.c).items()}[said.c1] == said.a1


def test_by_clips_by_lesion_and_with_the_ranking_that_was_shown(said: Said, case: Any) -> None:
    said.say(Verdict.SAME, said.b1, said.a1)
    shown = [{"clip": 1, "score": 0.9}]
    changes = operations.give_verdict(
        said.c,
        Verdict.RECURRENCE,
        clip_id=case.clips[2][0],
        with_lesion_id=said.a1,
        author=A,
        model_id="m1",
        ranking_shown=shown,
    )
    event = queries.verdict(said.c, said.c1)
    assert event is not None
    assert (event.id, event.other_finding_id, event.model_id) == (changes.subject, said.b1, "m1")
    assert queries.ranking_shown(said.c, event.id) == shown
    assert said.joined() == [(said.a1, said.b1, said.c1)]


def test_rejecting_a_lesion_rejects_each_of_its_findings_at_once(said: Said) -> None:
    said.say(Verdict.SAME, said.b1, said.a1)
    operations.give_verdict(said.c, Verdict.REJECT, finding_id=said.c1, with_lesion_id=said.a1, author=A)
    assert queries.cannot_links(said.c) == {(said.a1, said.c1), (said.b1, said.c1)}
    operations.undo(said.c, author=A)
    assert queries.cannot_links(said.c) == set()
    operations.redo(said.c, author=A)
    assert len(queries.cannot_links(said.c)) == 2


def test_the_same_verdict_again_changes_nothing(said: Said) -> None:
    for verdict, other in ((Verdict.SAME, said.a1), (Verdict.REJECT, said.a2), (Verdict.NEW, None)):
        one = said.b1 if other else said.c1
        first = said.say(verdict, one, other)
        again = said.say(verdict, one, other)
        assert (again.nothing, again.subject) == (True, first.subject)


def test_contradictions_are_refused_whoever_came_first(said: Said) -> None:
    said.say(Verdict.SAME, said.b1, said.a1)
    said.refused("link-contradiction", Verdict.REJECT, said.b1, said.a1)
    said.refused("link-contradiction", Verdict.REJECT, said.a1, said.b1)
    said.say(Verdict.REJECT, said.b2, said.a2)
    said.refused("link-contradiction", Verdict.SAME, said.b2, said.a2)
    said.refused("link-contradiction", Verdict.RECURRENCE, said.a2, said.b2)
    said.refused("link-contradiction", Verdict.CANNOT_TELL, said.b2, said.a2)
    said.say(Verdict.SAME, said.c2, said.a2)
    said.refused("link-contradiction", Verdict.SAME, said.c2, said.b2)  # over a third finding
    said.refused("link-contradiction", Verdict.NOT_A_LESION, said.a1)


def test_two_findings_of_one_exam_are_never_the_same_lesion(said: Said) -> None:
    said.refused("link-contradiction", Verdict.SAME, said.b1, said.b2)
    said.say(Verdict.SAME, said.b1, said.a1)
    said.refused("link-contradiction", Verdict.SAME, said.b2, said.a1)


def test_a_new_lesion_has_no_earlier_finding_but_may_have_later_ones(said: Said) -> None:
    said.say(Verdict.NEW, said.b1)
    said.say(Verdict.SAME, said.c1, said.b1)
    assert said.joined() == [(said.b1, said.c1)]
    said.refused("link-contradiction", Verdict.SAME, said.c1, said.a1)
    said.refused("link-contradiction", Verdict.SAME, said.a1, said.b1)


def test_a_finding_s_own_verdict_can_be_changed(said: Said) -> None:
    said.say(Verdict.SAME, said.b1, said.a1)
    said.say(Verdict.NEW, said.b1)
    assert said.joined() == []
    said.say(Verdict.SAME, said.b1, said.a2)
    assert said.joined() == [(said.a2, said.b1)]
    said.say(Verdict.NOT_A_LESION, said.b1)
    assert said.b1 not in queries.lesion_of_findings(said.c)
    said.say(Verdict.CANNOT_TELL, said.b1)
    assert queries.lesion_of_findings(said.c)[said.b1].finding_ids == (said.b1,)


def test_two_grown_lesions_merge_only_when_that_was_asked(said: Said) -> None:
    said.say(Verdict.SAME, said.b1, said.a1)
    said.say(Verdict.SAME, said.c2, said.a2)
    said.refused("link-contradiction", Verdict.SAME, said.b1, said.a2, merge=True)
    operations.withdraw_verdict(said.c, 2, author=A)
    said.say(Verdict.SAME, said.c1, said.b1)
    assert said.joined() == [(said.a1, said.b1, said.c1)]


def test_a_merge_is_a_question(said: Said, catalog: Any, make_case: Any) -> None:
    many = make_case(catalog, exams=4, findings=1, code="P-2")
    a, b, c, d = (findings[0] for findings in many.findings)
    said.say(Verdict.SAME, b, a)
    said.say(Verdict.SAME, d, c)
    said.refused("link-merge", Verdict.SAME, c, b)
    said.say(Verdict.SAME, c, b, merge=True)
    assert said.joined() == [(a, b, c, d)]
    operations.undo(catalog, author=A)
    assert said.joined() == [(a, b), (c, d)]


def test_counterparts(said: Said, make_case: Any) -> None:
    other = make_case(said.c, exams=1, code="P-2").findings[0][0]
    said.refused("link-counterpart", Verdict.SAME, said.b1)
    said.refused("link-counterpart", Verdict.REJECT, said.b1)
    said.refused("link-counterpart", Verdict.NEW, said.b1, said.a1)
    said.refused("link-counterpart", Verdict.NOT_A_LESION, said.b1, said.a1)
    said.refused("link-itself", Verdict.SAME, said.b1, said.b1)
    said.refused("link-other-patient", Verdict.SAME, said.b1, other)
    with pytest.raises(PolypTraceError) as caught:
        operations.give_verdict(said.c, Verdict.SAME, finding_id=said.b1, with_lesion_id=said.b1, author=A)
    assert caught.value.code == "link-itself"
    with pytest.raises(PolypTraceError) as caught:
        operations.give_verdict(said.c, Verdict.SAME, finding_id=said.b1, with_lesion_id=99, author=A)
    assert caught.value.code == "lesion-unknown"
    with pytest.raises(PolypTraceError, match="one counterpart"):
        operations.give_verdict(
            said.c, Verdict.SAME, finding_id=said.b1, with_finding_id=1, with_lesion_id=1, author=A
        )
    with pytest.raises(ValueError, match="one clip or one finding"):
        operations.give_verdict(said.c, Verdict.NEW, author=A)


def test_an_old_link_can_be_withdrawn_after_later_verdicts(said: Said) -> None:
    first = said.say(Verdict.SAME, said.b1, said.a1).subject
    assert first is not None
    said.say(Verdict.SAME, said.c1, said.b1)
    said.say(Verdict.REJECT, said.c2, said.a2)
    operations.withdraw_verdict(said.c, first, author=A)
    assert said.joined() == [(said.b1, said.c1)]
    assert queries.cannot_links(said.c) == {(said.a2, said.c2)}
    with pytest.raises(PolypTraceError) as caught:
        operations.withdraw_verdict(said.c, first, author=A)
    assert caught.value.code == "verdict-not-in-force"
    operations.undo(said.c, author=A)
    assert said.joined() == [(said.a1, said.b1, said.c1)]


def test_undo_redo_and_withdrawing_go_together(said: Said) -> None:
    event = said.say(Verdict.SAME, said.b1, said.a1).subject
    assert event is not None
    joined, apart = [(said.a1, said.b1)], []
    for write, after in (
        (operations.undo, apart),
        (operations.redo, joined),
        (lambda c, author: operations.withdraw_verdict(c, event, author=author), apart),
        (operations.undo, joined),
        (operations.redo, apart),
        (operations.undo, joined),
        (operations.undo, apart),
        (operations.redo, joined),
    ):
        write(said.c, author=A)
        assert said.joined() == after


def test_withdrawing_may_bring_back_only_what_can_stand(said: Said) -> None:
    said.say(Verdict.SAME, said.b1, said.a1)
    new = said.say(Verdict.NEW, said.b1).subject
    assert new is not None
    said.say(Verdict.SAME, said.c1, said.a1)
    said.say(Verdict.SAME, said.c2, said.b1)
    before = said.lesions()
    with pytest.raises(PolypTraceError) as caught:
        operations.withdraw_verdict(said.c, new, author=A)  # c1 and c2 of one exam would meet
    assert caught.value.code == "link-contradiction"
    assert said.lesions() == before


def test_cannot_links_survive_a_change_of_model_and_a_new_index(said: Said) -> None:
    said.say(Verdict.REJECT, said.b1, said.a1, model_id="old")
    operations.register_model(said.c, "new", folder="/n", kind="dmcl", dim=4, activate=True, author=A)
    operations.drop_vectors(said.c, "new", author=A)
    assert queries.cannot_links(said.c) == {(said.a1, said.b1)}


def test_a_clip_is_reassigned_in_two_actions_and_undone_in_two(said: Said, case: Any) -> None:
    said.say(Verdict.SAME, said.b1, said.a1)
    before = (said.lesions(), queries.clips(said.c))
    moved = operations.move_clip(said.c, case.clips[1][0], None, author=A)
    (new,) = moved.created.findings
    assert said.joined() == []  # the finding that was linked has no clip left
    said.say(Verdict.SAME, new, said.a2)
    assert said.joined() == [(said.a2, new)]
    operations.undo(said.c, author=A)
    assert operations.undo(said.c, author=A).label == f"Undo move clip {case.clips[1][0]}"
    assert (said.lesions(), queries.clips(said.c)) == before
