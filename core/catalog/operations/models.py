"""Writes: model versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from core.catalog import audit, promotions, rows
from core.catalog.changes import CatalogChanges, Created
from core.catalog.engine import Catalog
from core.catalog.schema import ModelVersionRow
from core.catalog.types import now
from core.catalog.values import ModelState
from core.domain import DMCL
from core.errors import PolypTraceError


def register_model(
    catalog: Catalog,
    model_id: str,
    *,
    folder: str,
    kind: str,
    dim: int,
    metrics: Mapping[str, Any] | None = None,
    activate: bool = False,
    author: str,
) -> CatalogChanges:
    """Makes a model bundle known, as a candidate; a known one gets its folder and metrics brought up to date.

    Args:
        catalog: where to.
        model_id: the bundle's id, which belongs to its weights.
        folder: where the bundle lies.
        kind: the architecture, e.g. ``dmcl``.
        dim: width of its vectors.
        metrics: as the bundle's manifest has them; None leaves known ones as they are.
        activate: also put it to use; the one before is retired.
        author: who does it.

    Raises:
        PolypTraceError: ``model-changed`` when the id is known with another kind or width.
    """
    given: dict[str, Any] = {"folder": folder}
    given |= {} if metrics is None else {"metrics": dict(metrics)}
    with catalog.write() as connection:
        known = connection.execute(
            select(ModelVersionRow).where(ModelVersionRow.model_id == model_id)
        ).first()
        if known is None:
            facts = {"metrics": {}, **given, "model_id": model_id, "kind": kind, "dim": dim}
            row = {**facts, "state": ModelState.CANDIDATE.value, "added_at": now()}
            connection.execute(insert(ModelVersionRow).values(row))
            audit.note(connection, author, "add-model", f"model {model_id}", after={"kind": kind, "dim": dim})
        else:
            _check_same(known, kind, dim)
        renewed = known is not None and any(getattr(known, key) != value for key, value in given.items())
        if renewed:
            same = ModelVersionRow.model_id == model_id
            connection.execute(update(ModelVersionRow).where(same).values(given))
            audit.note(connection, author, "edit-model", f"model {model_id}", after={"fields": sorted(given)})
        switched = _activate(connection, model_id, author) if activate else ()
    new = (model_id,) if known is None else ()
    touched = {*switched, model_id} if known is None or renewed else {*switched}
    return CatalogChanges("add model", created=Created(models=new), models=tuple(sorted(touched)))


def promote_model(
    catalog: Catalog, model_id: str, *, record: Mapping[str, Any] | None = None, author: str
) -> CatalogChanges:
    """Puts a model to use, by a user's decision; the one of its kind before is retired and can be gone back
    to.

    Args:
        catalog: where to.
        model_id: a registered model.
        record: what the decision was based on, JSON-able: protocol and measured impact.
        author: who decides.

    Raises:
        PolypTraceError: ``model-unknown``.
    """
    with catalog.write() as connection:
        rows.model_number(connection, model_id)
        before = promotions.active(connection, _kind(connection, model_id))
        switched = _activate(connection, model_id, author)
        if switched:
            was, after = {"model": before}, {"model": model_id, **(record or {})}
            audit.note(connection, author, promotions.PROMOTED, f"model {model_id}", before=was, after=after)
    return CatalogChanges("promote model", models=switched)


def roll_back_model(catalog: Catalog, *, kind: str = DMCL, author: str) -> CatalogChanges:
    """Puts the model of a kind to use again that was in use before the last promotion that still stands.

    Each call goes back one promotion more. ``changes.models`` holds the ids of both models.

    Raises:
        PolypTraceError: ``rollback-nothing``.
    """
    with catalog.write() as connection:
        target = promotions.before_active(connection, kind)
        if target is None:
            raise PolypTraceError(
                "rollback-nothing",
                "There is no model to go back to: none was promoted since the first one.",
                "`polyptrace models list` shows the known models; `models promote` puts one to use.",
            )
        left = promotions.active(connection, kind)
        switched = _activate(connection, target, author)
        was, after = {"model": left}, {"model": target}
        audit.note(connection, author, promotions.ROLLED_BACK, f"model {left}", before=was, after=after)
    return CatalogChanges("roll back model", models=switched)


def _activate(connection: Connection, model_id: str, author: str) -> tuple[str, ...]:
    before = promotions.active(connection, _kind(connection, model_id))
    if before == model_id:
        return ()
    retired = () if before is None else _put(connection, before, ModelState.RETIRED, author)
    return tuple(sorted((*retired, *_put(connection, model_id, ModelState.ACTIVE, author))))


def _kind(connection: Connection, model_id: str) -> str:
    query = select(ModelVersionRow.kind).where(ModelVersionRow.model_id == model_id)
    return connection.execute(query).scalar_one()


def _put(connection: Connection, model_id: str, state: ModelState, author: str) -> tuple[str, ...]:
    mine = ModelVersionRow.model_id == model_id
    before = connection.execute(select(ModelVersionRow.state).where(mine)).scalar_one()
    if before == state.value:
        return ()
    connection.execute(update(ModelVersionRow).where(mine).values(state=state.value))
    change = {"before": {"state": before}, "after": {"state": state.value}}
    audit.note(connection, author, "model-state", f"model {model_id}", **change)
    return (model_id,)


def _check_same(known: rows.AnyRow, kind: str, dim: int) -> None:
    if (known.kind, known.dim) != (kind, dim):
        raise PolypTraceError(
            "model-changed",
            "A model with this id is known, but it isn't of the same kind.",
            "Give the new model an id of its own.",
        )
