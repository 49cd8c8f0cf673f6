"""Steps on legacy reports that undo takes back: what became of a finding, and an import as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, update

from core.catalog import legacy_rows, rows
from core.catalog.changes import CatalogChanges, Created, ids_of
from core.catalog.operations import descriptions
from core.catalog.schema import FindingRow, LegacyFindingRow, LegacyReportRow
from core.catalog.values import LegacyFinding, LegacyState


class Step(msgspec.Struct, frozen=True):
    """What becomes of one legacy finding, and what it was before.

    ``kept`` where the finding is a clip's: it stays, whatever becomes of the report's.
    """

    legacy: int
    report: int
    before: tuple[LegacyState, int | None]
    after: tuple[LegacyState, int | None]
    kept: bool = False

    @classmethod
    def of(cls, found: LegacyFinding, state: LegacyState, finding: int | None, *, kept: bool = False) -> Step:
        """From what it is now to a state with a finding."""
        return cls(found.id, found.report, (found.state, found.finding), (state, finding), kept)

    @property
    def stored(self) -> Any:
        """For the undo log."""
        return msgspec.to_builtins(self)


def put_step(connection: Connection, step: Step, *, forward: bool) -> None:
    """Puts a legacy finding, and the catalogue's finding of it, into the state after or before a step."""
    state, finding = step.after if forward else step.before
    mine = LegacyFindingRow.id == step.legacy
    connection.execute(update(LegacyFindingRow).where(mine).values(state=state, finding_id=finding))
    made = step.after[1] or step.before[1]
    if made is not None and not step.kept:
        removed = state is not LegacyState.ACCEPTED
        connection.execute(update(FindingRow).where(FindingRow.id == made).values(removed=removed))


def replay(
    connection: Connection, payload: dict[str, Any], label: str, *, forward: bool, author: str
) -> CatalogChanges:
    """Does steps again (``forward``) or takes them back, with the description that one has filled."""
    steps = msgspec.convert(payload["steps"], list[Step])
    for step in steps:
        put_step(connection, step, forward=forward)
    described, made = payload.get("described"), Created()
    if described:
        made = descriptions.replay(connection, described, label, forward=forward, author=author).created
    return steps_changes(connection, label, steps, made)


def replay_import(
    connection: Connection, payload: dict[str, Any], label: str, *, forward: bool
) -> CatalogChanges:
    """Brings imported reports back (``forward``) or takes them away."""
    reports = ids_of(payload["reports"])
    for portion in rows.chunks(reports):
        mine = LegacyReportRow.id.in_(portion)
        connection.execute(update(LegacyReportRow).where(mine).values(removed=not forward))
    return CatalogChanges(label, undoable=True, reports=reports)


def steps_changes(connection: Connection, label: str, steps: Sequence[Step], made: Created) -> CatalogChanges:
    """What some steps have touched."""
    findings = {one for step in steps for one in (step.before[1], step.after[1]) if one is not None}
    exams = legacy_rows.exams_of_findings(connection, findings)
    return CatalogChanges(
        label,
        subject=steps[0].legacy if len(steps) == 1 else None,
        undoable=True,
        created=made,
        patients=made.patients,
        exams=ids_of(exams),
        findings=ids_of(findings),
        lesions=ids_of(findings),
        reports=ids_of(step.report for step in steps),
    )
