"""Writes: audit events that stand by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.catalog import audit
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog


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
