"""Writes: verdicts on findings. Each is an event that is added; lesions follow from the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from core.catalog import audit, identity, rows
from core.catalog.changes import CatalogChanges, Created, ids_of
from core.catalog.engine import Catalog
from core.catalog.operations import undo_log
from core.catalog.operations.lesion_changes import lesions_of, touched
from core.catalog.operations.verdict_checks import (
    Side,
    check_allowed,
    check_now,
    check_removed,
    counterpart,
    patient_of,
    query_finding,
)
from core.catalog.schema import LinkEventRow
from core.catalog.types import now
from core.domain import LinkEvent, Verdict
from core.errors import PolypTraceError


def give_verdict(
    catalog: Catalog,
    verdict: Verdict,
    *,
    clip_id: int | None = None,
    finding_id: int | None = None,
    with_clip_id: int | None = None,
    with_finding_id: int | None = None,
    with_lesion_id: int | None = None,
    author: str,
    model_id: str | None = None,
    ranking_shown: Sequence[Any] | None = None,
    merge: bool = False,
    removed: bool = False,
) -> CatalogChanges:
    """Records what was decided about a finding, alone or with a counterpart.

    A verdict without counterpart replaces the finding's own earlier ones, rejections apart. "Same" with a
    lesion links to its newest finding; "reject" of a lesion rejects each of its findings.

    Args:
        catalog: where to.
        verdict: the decision. Joining verdicts and REJECT need a counterpart, CANNOT_TELL may have one, NEW
            and NOT_A_LESION have none.
        clip_id: the clip that was asked about, or
        finding_id: its finding; exactly one of the two.
        with_clip_id: the counterpart's clip, or
        with_finding_id: its finding, or
        with_lesion_id: its lesion; at most one of the three.
        author: who decides.
        model_id: the model whose ranking was seen.
        ranking_shown: the ranking that was on the screen, as JSON-able items.
        merge: the user has agreed that two lesions of several findings each become one.
        removed: the user has confirmed that it is the lesion that was recorded as completely removed.

    Raises:
        PolypTraceError: ``clip-unknown``, ``finding-unknown``, ``lesion-unknown``, ``link-counterpart``,
            ``link-itself``, ``link-other-patient``, ``link-merge``, ``link-contradiction``,
            ``link-removed``.
    """
    with catalog.write() as connection:
        finding = query_finding(connection, clip_id, finding_id)
        patient_id = patient_of(connection, finding)
        side = Side(with_clip_id, with_finding_id, with_lesion_id)
        others = counterpart(connection, patient_id, finding, verdict, side)
        label = f"verdict “{verdict}” on {undo_log.name_of(connection, finding)}"
        wanted = _not_standing(connection, patient_id, finding, others, verdict)
        if not wanted:
            return CatalogChanges(label, subject=_standing_event(connection, patient_id, finding, others))
        check_allowed(connection, patient_id, finding, wanted, verdict, merge)
        if not removed:
            check_removed(connection, patient_id, finding, wanted, verdict)
        before = lesions_of(connection, patient_id)
        facts = {"verdict": verdict.value, "author": author, "model_id": model_id}
        shown = None if ranking_shown is None else list(ranking_shown)
        events = [
            _add(connection, finding_id=finding, other_finding_id=other, ranking_shown=shown, **facts)
            for other in wanted
        ]
        check_now(connection, patient_id)
        undo_log.push(connection, undo_log.VERDICT, label, {"finding": finding, "rows": events})
        named = [other for other in others if other]
        after: dict[str, Any] = {"verdict": verdict.value, "with": named, "model": model_id}
        after |= {"removed_confirmed": True} if removed else {}
        audit.note(connection, author, "verdict", f"finding {finding}", after=after)
        return _changes(connection, label, patient_id, before, events, [finding, *wanted])


def withdraw_verdict(catalog: Catalog, event_id: int, *, author: str) -> CatalogChanges:
    """Takes one verdict back, also after later ones: un-merges, or frees a rejected pair.

    Raises:
        PolypTraceError: ``verdict-not-in-force`` when it was withdrawn or undone; ``link-contradiction`` when
            what it had replaced can't stand beside later verdicts.
    """
    with catalog.write() as connection:
        event = _in_force(connection, event_id)
        patient_id = patient_of(connection, event.finding_id)
        label = f"withdraw verdict “{event.verdict}” on {undo_log.name_of(connection, event.finding_id)}"
        before = lesions_of(connection, patient_id)
        row = retract(connection, event_id, event, author)
        check_now(connection, patient_id)
        undo_log.push(connection, undo_log.VERDICT, label, {"finding": event.finding_id, "rows": [row]})
        audit.note(connection, author, "withdraw-verdict", f"finding {event.finding_id}", before=_fact(event))
        ends = [event.finding_id, event.other_finding_id]
        return _changes(connection, label, patient_id, before, [row], ends)


def retract(connection: Connection, row_id: int, event: LinkEvent, author: str) -> int:
    """Turns a row (a verdict or a retraction) that concerns ``event`` off, or on again; returns the new id.

    A row that was retracted and put back before carries a chain of retractions: its last one is retracted.
    """
    return _add(
        connection,
        finding_id=event.finding_id,
        other_finding_id=event.other_finding_id,
        verdict=event.verdict.value,
        author=author,
        model_id=event.model_id,
        ranking_shown=None,
        retracts_id=_end_of_chain(connection, row_id),
    )


def _end_of_chain(connection: Connection, row_id: int) -> int:
    following = select(LinkEventRow.id).where(LinkEventRow.retracts_id == row_id)
    last = connection.execute(following).scalar()
    return row_id if last is None else _end_of_chain(connection, last)


def replay(
    connection: Connection, payload: dict[str, Any], label: str, author: str
) -> tuple[CatalogChanges, dict[str, Any]]:
    """Retracts what a step (or its undoing) added. Returns its new payload: what to retract next time."""
    finding = payload["finding"]
    patient_id = patient_of(connection, finding)
    before = lesions_of(connection, patient_id)
    added: list[int] = []
    ends: list[int | None] = []
    for row_id in payload["rows"]:
        row = connection.execute(select(LinkEventRow.__table__).where(LinkEventRow.id == row_id)).one()
        event = rows.link_event(row)
        added.append(retract(connection, row_id, event, author))
        ends += [event.finding_id, event.other_finding_id]
    check_now(connection, patient_id)
    return _changes(connection, label, patient_id, before, added, ends), {**payload, "rows": added}


def _add(connection: Connection, **values: Any) -> int:
    new = insert(LinkEventRow).values(**values, created_at=now()).returning(LinkEventRow.id)
    return connection.execute(new).scalar_one()


def _in_force(connection: Connection, event_id: int) -> LinkEvent:
    finding = connection.execute(select(LinkEventRow.finding_id).where(LinkEventRow.id == event_id)).scalar()
    events = [] if finding is None else rows.link_events(connection, LinkEventRow.finding_id == finding)
    for event in events:
        if event.id == event_id:
            return event
    raise PolypTraceError(
        "verdict-not-in-force",
        f"No verdict {event_id} is in force.",
        "It may have been withdrawn or undone already.",
    )


def _not_standing(
    connection: Connection, patient_id: int, finding: int, others: Sequence[int | None], verdict: Verdict
) -> list[int | None]:
    """The counterparts with which the verdict doesn't stand yet."""
    stands = identity.standing(rows.patient_events(connection, patient_id))
    wanted: list[int | None] = []
    for other in others:
        event = stands.of(finding, other)
        # What the counterpart was given says nothing of a finding that has another verdict by itself.
        outdone = event is not None and event.finding_id != finding and finding in stands.alone
        if event is None or event.verdict is not verdict or (outdone and verdict is not Verdict.REJECT):
            wanted.append(other)
    return wanted


def _standing_event(
    connection: Connection, patient_id: int, finding: int, others: Sequence[int | None]
) -> int | None:
    stands = identity.standing(rows.patient_events(connection, patient_id))
    event = stands.of(finding, others[0])
    return event.id if event else None


def _fact(event: LinkEvent) -> dict[str, Any]:
    return {"verdict": event.verdict.value, "with": event.other_finding_id, "event": event.id}


def _changes(
    connection: Connection,
    label: str,
    patient_id: int,
    before: set[tuple[int, ...]],
    events: Sequence[int],
    ends: Sequence[int | None],
) -> CatalogChanges:
    return CatalogChanges(
        label,
        subject=events[0],
        undoable=True,
        created=Created(link_events=ids_of(events)),
        findings=ids_of(end for end in ends if end is not None),
        lesions=touched(before, lesions_of(connection, patient_id)),
    )
