"""A long random walk of writes, undo and redo, against a simple model that keeps a copy of each state."""

from __future__ import annotations

import copy
import random
from typing import Any, NamedTuple

import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import JOINING, Verdict
from core.errors import PolypTraceError
from core.paths import DataDir

A = "walker"
STEPS = 120


class State:
    """What the user sees, kept in the plainest way."""

    def __init__(self, exam_of: dict[int, int], clips: dict[int, int]) -> None:
        self.exam_of = exam_of  # finding → place of its exam in time; removed ones stay in here
        self.clips = clips  # clip → finding, present clips only
        self.told: dict[int, dict[str, Any]] = {}
        self.verdicts: list[tuple[int, int | None, Verdict]] = []  # in force, in the order of time

    @property
    def present(self) -> set[int]:
        return set(self.clips.values())

    def standing(self) -> dict[frozenset[int], tuple[int, Verdict]]:
        """Pair or single finding → who was asked about, and what stands."""
        now: dict[frozenset[int], tuple[int, Verdict]] = {}
        for one, other, verdict in self.verdicts:
            if other is None:
                mine = [
                    key for key, (giver, said) in now.items() if giver == one and said is not Verdict.REJECT
                ]
                for key in mine:
                    del now[key]
                now[frozenset({one})] = (one, verdict)
            else:
                if verdict is not Verdict.REJECT:
                    now.pop(frozenset({one}), None)
                now[frozenset({one, other})] = (one, verdict)
        return now

    def lesions(self) -> set[tuple[int, ...]]:
        now = self.standing()
        groups = [{finding} for finding in self.present]
        for key, (_, verdict) in now.items():
            if verdict in JOINING and key <= self.present:
                met = [group for group in groups if group & key]
                groups = [group for group in groups if not group & key] + [set().union(*met)]
        none = {one for key, (one, verdict) in now.items() if verdict is Verdict.NOT_A_LESION}
        return {tuple(sorted(group)) for group in groups if not group & none}

    def cannot_links(self) -> set[frozenset[int]]:
        return {key for key, (_, verdict) in self.standing().items() if verdict is Verdict.REJECT}

    def possible(self) -> bool:
        now = self.standing()
        gone = {one for one, verdict in now.values() if verdict is Verdict.NOT_A_LESION}
        if any(verdict in JOINING and key & gone for key, (_, verdict) in now.items()):
            return False
        for members in self.lesions():
            exams = [self.exam_of[one] for one in members]
            new = [one for one in members if now.get(frozenset({one}), (0, None))[1] is Verdict.NEW]
            if len(set(exams)) < len(exams) or any(self.exam_of[one] > min(exams) for one in new):
                return False
            if any(key <= set(members) for key in self.cannot_links()):
                return False
        return True


class Seen(NamedTuple):
    """The same, read from the catalogue."""

    clips: dict[int, int]
    told: dict[int, dict[str, Any]]
    lesions: set[tuple[int, ...]]
    cannot_links: set[frozenset[int]]


def _seen(catalog: Catalog) -> Seen:
    return Seen(
        {clip.id: clip.finding_id for clip in queries.clips(catalog)},
        {finding: found.values for finding, found in queries.descriptions(catalog).items()},
        {lesion.finding_ids for lesion in queries.lesions(catalog)},
        {frozenset(pair) for pair in queries.cannot_links(catalog)},
    )


class Walk:
    """Does the same to the catalogue and to the model."""

    def __init__(self, catalog: Catalog, case: Any, seed: int) -> None:
        self.catalog, self.chance = catalog, random.Random(seed)
        exam_of = {one: at for at, findings in enumerate(case.findings) for one in findings}
        clips = [
            (clip, finding)
            for both in zip(case.clips, case.findings, strict=True)
            for clip, finding in zip(*both, strict=True)
        ]
        self.exams, self.video = case.exams, case.video
        # The case's clips were added one by one, and undo goes back to before them.
        self.past = [State(exam_of, dict(clips[:count])) for count in range(len(clips))]
        self.now = State(exam_of, dict(clips))
        self.future: list[State] = []
        self.refused = self.added = 0

    def check(self) -> None:
        seen, now = _seen(self.catalog), self.now
        told = {finding: values for finding, values in now.told.items() if values}
        assert seen == Seen(now.clips, told, now.lesions(), now.cannot_links())
        assert bool(queries.undo_label(self.catalog)) == bool(self.past)
        assert bool(queries.redo_label(self.catalog)) == bool(self.future)
        members = [finding for lesion in seen.lesions for finding in lesion]
        assert len(members) == len(set(members))
        assert not any(pair <= set(lesion) for pair in seen.cannot_links for lesion in seen.lesions)
        findings = queries.findings(self.catalog)
        assert {finding.id for finding in findings} == now.present
        assert len({(finding.exam_id, finding.lesion_no) for finding in findings}) == len(findings)

    def step(self) -> None:
        deeds = [self.describe, self.verdict, self.verdict, self.verdict, self.edit, self.undo, self.redo]
        self.chance.choices(deeds, weights=[2, 2, 2, 2, 1, 3, 2])[0]()

    def _done(self, after: State) -> None:
        self.past.append(self.now)
        self.now = after
        self.future.clear()

    def describe(self) -> None:
        if not self.now.present:
            return
        finding = self.chance.choice(sorted(self.now.present))
        values = {"size_mm": self.chance.randint(1, 3)} if self.chance.random() < 0.9 else {}
        done = operations.describe(self.catalog, finding, values, author=A)
        same = self.now.told.get(finding, {}) == values
        assert done.nothing == same
        if not same:
            after = copy.deepcopy(self.now)
            after.told[finding] = values
            self._done(after)

    def verdict(self) -> None:
        """Any verdict on any two findings: the model foretells whether it is let through."""
        verdict = self.chance.choice(list(Verdict))
        if len(self.now.present) < 2:
            return
        one, other = self.chance.sample(sorted(self.now.present), 2)
        alone = verdict in (Verdict.NEW, Verdict.NOT_A_LESION)
        with_other = (
            None if alone or (verdict is Verdict.CANNOT_TELL and self.chance.random() < 0.5) else other
        )
        after = copy.deepcopy(self.now)
        after.verdicts.append((one, with_other, verdict))
        stands = self.now.standing().get(frozenset({one, with_other} - {None}))
        same = stands is not None and stands[1] is verdict
        if same and verdict is not Verdict.REJECT and stands is not None and stands[0] != one:
            same = frozenset({one}) not in self.now.standing()
        allowed = same or (self._may_replace(stands, verdict) and after.possible())
        sides = {"finding_id": one, "with_finding_id": with_other}
        if not allowed:
            with pytest.raises(PolypTraceError) as caught:
                operations.give_verdict(self.catalog, verdict, **sides, author=A, merge=True)
            assert caught.value.code == "link-contradiction"
            self.refused += 1
            return
        done = operations.give_verdict(self.catalog, verdict, **sides, author=A, merge=True)
        assert done.nothing == same
        if not same:
            before, then = self.now.lesions(), after.lesions()
            assert set(done.lesions) == {members[0] for members in before ^ then}
            self._done(after)

    def _may_replace(self, stands: tuple[int, Verdict] | None, verdict: Verdict) -> bool:
        if stands is None:
            return True
        if stands[1] is Verdict.REJECT:
            return verdict is Verdict.REJECT
        return not (stands[1] in JOINING and verdict is Verdict.REJECT)

    def edit(self) -> None:
        """Adds, moves or removes a clip."""
        if self.chance.random() < 0.3 or not self.now.clips:
            self.add()
            return
        clip = self.chance.choice(sorted(self.now.clips))
        after = copy.deepcopy(self.now)
        exam = after.exam_of[after.clips[clip]]
        if self.chance.random() < 0.3 and len(after.clips) > 4:
            operations.remove_clip(self.catalog, clip, author=A)
            del after.clips[clip]
        elif self.chance.random() < 0.5:
            target = self.chance.choice([one for one in sorted(after.present) if after.exam_of[one] == exam])
            done = operations.move_clip(self.catalog, clip, target, author=A)
            assert done.nothing == (target == after.clips[clip])
            if done.nothing:
                return
            after.clips[clip] = target
        else:
            (new,) = operations.move_clip(self.catalog, clip, None, author=A).created.findings
            after.exam_of[new] = exam
            after.clips[clip] = new
        self._done(after)

    def add(self) -> None:
        """Adds a clip of a new finding or of one that is there."""
        after = copy.deepcopy(self.now)
        place = self.chance.randrange(len(self.exams))
        known = [one for one in sorted(after.present) if after.exam_of[one] == place]
        to = self.chance.choice([None, *known])
        start = 1000 + 10 * self.added
        self.added += 1
        done = operations.add_clip(
            self.catalog, self.exams[place], self.video, start, start + 5, finding_id=to, author=A
        )
        assert done.undoable
        assert bool(done.created.findings) == (to is None)
        finding = done.created.findings[0] if to is None else to
        after.exam_of[finding] = place
        after.clips[done.subject] = finding
        self._done(after)

    def undo(self) -> None:
        if not self.past:
            with pytest.raises(PolypTraceError, match="nothing to undo"):
                operations.undo(self.catalog, author=A)
            return
        label = queries.undo_label(self.catalog)
        assert operations.undo(self.catalog, author=A).label == label
        self.future.append(self.now)
        self.now = self.past.pop()

    def redo(self) -> None:
        if not self.future:
            with pytest.raises(PolypTraceError, match="nothing to redo"):
                operations.redo(self.catalog, author=A)
            return
        label = queries.redo_label(self.catalog)
        assert operations.redo(self.catalog, author=A).label == label
        self.past.append(self.now)
        self.now = self.future.pop()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_walk_keeps_every_rule_and_undo_restores_exactly(
    case: Any, data_dir: DataDir, seed: int
) -> None:
    walk = Walk(case.catalog, case, seed)
    case.catalog.close()
    rounds = 4
    for _ in range(rounds):  # the stack lies in the file: each round opens it anew
        with Catalog.open(data_dir) as catalog:
            walk.catalog = catalog
            for _ in range(STEPS // rounds):
                walk.step()
                walk.check()
    assert walk.refused > 3
    with Catalog.open(data_dir) as catalog:
        walk.catalog = catalog
        while walk.past:
            walk.undo()
            walk.check()
        while walk.future:
            walk.redo()
            walk.check()
        assert catalog.problems() == []
