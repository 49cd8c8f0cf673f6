"""Reads: clips whose description changed after their vector was made."""

from __future__ import annotations

from sqlalchemy import func, select

from core.catalog import rows
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, RevisionRow, VectorRow


def described_since(catalog: Catalog, model_id: str) -> dict[int, int]:
    """Present clips whose present revision isn't the one that their vector's ``sources`` name → finding.

    Raises:
        PolypTraceError: ``model-unknown``.
    """
    with catalog.read() as connection:
        last = select(RevisionRow.finding_id, func.max(RevisionRow.number).label("number"))
        now = last.group_by(RevisionRow.finding_id).subquery()
        then = func.coalesce(VectorRow.sources["revision"].as_integer(), 0)
        query = (
            select(ClipRow.id, ClipRow.finding_id)
            .join(VectorRow, VectorRow.clip_id == ClipRow.id)
            .outerjoin(now, now.c.finding_id == ClipRow.finding_id)
            .where(VectorRow.model == rows.model_number(connection, model_id), ClipRow.removed.is_(False))
            .where(then != func.coalesce(now.c.number, 0))
        )
        return {row.id: row.finding_id for row in connection.execute(query)}
