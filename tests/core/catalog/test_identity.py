"""Identity as pure rules: against a slow and simple replay, for any log of events."""

from __future__ import annotations

import datetime as dt
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog import identity
from core.domain import JOINING, Finding, LinkEvent, Verdict

FINDINGS = [Finding(number, 1 + number % 3, number) for number in range(1, 7)]
WHEN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[LinkEvent], dict[int, int]]:
    """Verdicts, and for some rows the later row that takes them back."""
    events: list[LinkEvent] = []
    retracts: dict[int, int] = {}
    free: list[int] = []
    for row in range(1, draw(st.integers(1, 25)) + 1):
        if free and draw(st.integers(0, 3)) == 0:
            retracts[row] = free.pop(draw(st.integers(0, len(free) - 1)))
        else:
            events.append(draw(event(row)))
        free.append(row)
    return events, retracts


@st.composite
def event(draw: st.DrawFn, row: int) -> LinkEvent:
    verdict = draw(st.sampled_from(list(Verdict)))
    one, other = draw(st.permutations(range(1, 7)))[:2]
    alone = verdict in (Verdict.NEW, Verdict.NOT_A_LESION)
    alone = alone or (verdict is Verdict.CANNOT_TELL and draw(st.booleans()))
    return LinkEvent(row, one, None if alone else other, verdict, "a", None, WHEN)


def _alive(row: int, retracts: dict[int, int]) -> bool:
    """A row counts unless a row that counts takes it back."""
    return not any(target == row and _alive(by, retracts) for by, target in retracts.items())


@settings(max_examples=60, deadline=None)
@given(logs())
def test_a_row_counts_unless_one_that_counts_takes_it_back(
    log: tuple[list[LinkEvent], dict[int, int]],
) -> None:
    events, retracts = log
    expected = [one for one in events if _alive(one.id, retracts)]
    assert identity.in_force(reversed(events), retracts) == expected


@settings(max_examples=60, deadline=None)
@given(logs())
def test_taking_back_the_last_row_gives_the_exact_earlier_graph(
    log: tuple[list[LinkEvent], dict[int, int]],
) -> None:
    events, retracts = log
    last = max([one.id for one in events] + list(retracts))
    before = identity.in_force(
        [one for one in events if one.id != last], {row: to for row, to in retracts.items() if row != last}
    )
    undone = identity.in_force(events, {**retracts, last + 1: last})
    assert undone == before
    redone = identity.in_force(events, {**retracts, last + 1: last, last + 2: last + 1})
    assert identity.standing(redone) == identity.standing(identity.in_force(events, retracts))


@settings(max_examples=60, deadline=None)
@given(logs())
def test_lesions_are_the_components_of_standing_joins(log: tuple[list[LinkEvent], dict[int, int]]) -> None:
    stands = identity.standing(identity.in_force(*log))
    ids = [finding.id for finding in FINDINGS]
    touching = {number: {number} for number in ids}
    for one, other in itertools.product(ids, ids):
        found = stands.of(one, other) if one != other else None
        if found is not None and found.verdict in JOINING:
            touching[one].add(other)
    for _ in ids:  # spread until nothing changes
        touching = {
            one: set().union(*(touching[other] for other in reach)) for one, reach in touching.items()
        }
    nothing = {
        one for one in ids if stands.of(one, None) and stands.alone[one].verdict is Verdict.NOT_A_LESION
    }
    expected = {tuple(sorted(reach)) for reach in touching.values() if not reach & nothing}
    assert set(identity.groups(ids, stands)) == expected


@settings(max_examples=60, deadline=None)
@given(logs())
def test_what_is_free_of_contradiction_keeps_the_rules(log: tuple[list[LinkEvent], dict[int, int]]) -> None:
    stands = identity.standing(identity.in_force(*log))
    exam_of = {finding.id: finding.exam_id for finding in FINDINGS}
    lesions = identity.groups(exam_of, stands)
    broken = [
        *(members for members in lesions if len({exam_of[one] for one in members}) < len(members)),
        *(pair for pair in stands.cannot_links for members in lesions if set(pair) <= set(members)),
        *(pair for pair in stands.joins if stands.not_lesions & set(pair)),
        *(
            members
            for members in lesions
            for one in members
            if one in stands.new and any(exam_of[other] < exam_of[one] for other in members)
        ),
    ]
    assert (identity.contradiction(FINDINGS, stands, [1, 2, 3]) is not None) == bool(broken)
