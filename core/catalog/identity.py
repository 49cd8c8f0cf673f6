"""Lesions from the log of verdicts. Pure functions over link events; nothing here is stored.

Rules (clinical rules, section 5):

* A retracted event doesn't count; retracting the retraction brings it back *at its old place*, so that an
  undone merge gives the exact earlier graph.
* A pair of findings has one standing event, the latest that names both, whichever was named first.
* A verdict without counterpart (new, cannot tell, not a lesion) replaces the finding's own earlier verdicts:
  the joins that *it* was given fall away. Rejections stay: a cannot-link is about the pair.
* Findings joined by standing events form one lesion. A finding that was never joined is a lesion by itself;
  one that stands as "not a lesion" is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from core.domain import JOINING, Finding, LinkEvent, Verdict

Pair = tuple[int, int]


class Standing(NamedTuple):
    """What the log says at its end: the event of each pair, and of each finding by itself."""

    pairs: dict[Pair, LinkEvent]
    alone: dict[int, LinkEvent]

    @property
    def joins(self) -> list[Pair]:
        """Pairs that are one lesion."""
        return [pair for pair, event in self.pairs.items() if event.verdict in JOINING]

    @property
    def cannot_links(self) -> list[Pair]:
        """Pairs that were rejected."""
        return [pair for pair, event in self.pairs.items() if event.verdict is Verdict.REJECT]

    @property
    def not_lesions(self) -> set[int]:
        """Findings that stand as "not a lesion"."""
        return {finding for finding, event in self.alone.items() if event.verdict is Verdict.NOT_A_LESION}

    @property
    def new(self) -> set[int]:
        """Findings that stand as "new lesion"."""
        return {finding for finding, event in self.alone.items() if event.verdict is Verdict.NEW}

    def of(self, finding_id: int, other_id: int | None) -> LinkEvent | None:
        """What stands of a pair, or with None of the finding by itself."""
        if other_id is None:
            return self.alone.get(finding_id)
        return self.pairs.get(pair_of(finding_id, other_id))

    def verdict_of(self, finding_id: int) -> LinkEvent | None:
        """The finding's verdict: its latest standing event that isn't a mere rejection."""
        own = [
            e for e in self.pairs.values() if e.finding_id == finding_id and e.verdict is not Verdict.REJECT
        ]
        own += [self.alone[finding_id]] if finding_id in self.alone else []
        return max(own, key=lambda event: event.id, default=None)


def pair_of(one: int, other: int) -> Pair:
    """Two findings, the smaller id first."""
    return (one, other) if one < other else (other, one)


def in_force(events: Iterable[LinkEvent], retracts: Mapping[int, int]) -> list[LinkEvent]:
    """The events that count, by id.

    Args:
        events: verdicts only.
        retracts: for each retraction the id of the row it takes back, which may be a retraction itself.
    """
    dead: set[int] = set()
    # A row is only ever retracted by a later one: from the end, each row's fate is known when it comes.
    for row in sorted(retracts, reverse=True):
        if row not in dead:
            dead.add(retracts[row])
    return sorted((event for event in events if event.id not in dead), key=lambda event: event.id)


def standing(events: Iterable[LinkEvent]) -> Standing:
    """Replays events that are in force, in the order of their ids."""
    pairs: dict[Pair, LinkEvent] = {}
    alone: dict[int, LinkEvent] = {}
    for event in events:
        finding, other = event.finding_id, event.other_finding_id
        if other is not None:
            pairs[pair_of(finding, other)] = event
            if event.verdict is not Verdict.REJECT:
                alone.pop(finding, None)
            continue
        alone[finding] = event
        for pair, earlier in list(pairs.items()):
            if earlier.finding_id == finding and earlier.verdict is not Verdict.REJECT:
                del pairs[pair]
    return Standing(pairs, alone)


def groups(finding_ids: Collection[int], now: Standing) -> list[tuple[int, ...]]:
    """The findings of each lesion in rising order, lesions by their smallest finding."""
    parent = {finding: finding for finding in sorted(finding_ids)}

    def root(finding: int) -> int:
        while parent[finding] != finding:
            parent[finding] = parent[parent[finding]]
            finding = parent[finding]
        return finding

    for one, other in now.joins:
        if one in parent and other in parent:
            low, high = sorted((root(one), root(other)))
            parent[high] = low
    found: dict[int, list[int]] = {}
    for finding in parent:
        found.setdefault(root(finding), []).append(finding)
    not_lesions = now.not_lesions
    return [tuple(members) for members in found.values() if not not_lesions.intersection(members)]


def contradiction(findings: Sequence[Finding], now: Standing, exam_order: Sequence[int]) -> str | None:
    """The first thing in the log's end state that can't be true, in words; None when all is well.

    Args:
        findings: present findings of the patient.
        now: what stands.
        exam_order: ids of the patient's exams in the order of time.
    """
    place = {exam: at for at, exam in enumerate(exam_order)}
    by_id = {finding.id: finding for finding in findings}
    not_lesions = now.not_lesions
    for pair in now.joins:
        if not_lesions.intersection(pair):
            return "a finding that is recorded as “not a lesion” would be part of a lesion"
    cannot = [pair for pair in now.cannot_links if pair[0] in by_id and pair[1] in by_id]
    for members in groups(by_id, now):
        exams = [by_id[finding].exam_id for finding in members]
        if len(set(exams)) < len(exams):
            return "two findings of one exam would become the same lesion"
        first = min(place[exam] for exam in exams)
        if any(place[by_id[finding].exam_id] > first for finding in now.new.intersection(members)):
            return "a finding that is recorded as “new lesion” would belong to a lesion of an earlier exam"
        inside = set(members)
        if any(one in inside and other in inside for one, other in cannot):
            return "two findings that were rejected as a pair would become the same lesion"
    return None
