"""Writes: settings of the catalogue, and audit events that stand by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update

from core.catalog import audit
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.catalog.schema import SettingRow


def put_setting(catalog: Catalog, key: str, value: Any, *, author: str) -> CatalogChanges:
    """Sets a setting of this catalogue; ``value`` is anything that JSON can hold."""
    mine = SettingRow.key == key
    with catalog.write() as connection:
        known = connection.execute(select(SettingRow.value).where(mine)).first()
        if known is not None and known[0] == value:
            return CatalogChanges("change setting")
        if known is None:
            connection.execute(insert(SettingRow).values(key=key, value=value))
        else:
            connection.execute(update(SettingRow).where(mine).values(value=value))
        before = None if known is None else {"value": known[0]}
        audit.note(connection, author, "setting", f"setting {key}", before=before, after={"value": value})
    return CatalogChanges("change setting", settings=(key,))


def record_event(
    catalog: Catalog, action: str, subject: str, *, detail: Mapping[str, Any] | None = None, author: str
) -> CatalogChanges:
    """Writes into the audit log what changes no row: an export, a ranking that was shown.

    Args:
        catalog: where to.
        action: what happened, in kebab-case.
        subject: to what, e.g. ``clip 7``; no name, no record number.
        detail: JSON-able facts.
        author: who did it.
    """
    with catalog.write() as connection:
        audit.note(connection, author, action, subject, after=detail)
    return CatalogChanges(action)
