"""The audit log's chain: whole after any writes, broken by any change from outside."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Box, Verdict

A = "tester"


@pytest.fixture
def busy(case: Any) -> Catalog:
    """A catalogue with some of every kind of event."""
    catalog: Catalog = case.catalog
    clip = case.clips[0][0]
    operations.mark_boxes(catalog, clip, put=[Box(1.5, 2, 30.25, 40, 10)], author=A)
    operations.describe(catalog, case.findings[0][0], {"size_mm": 8, "free_text": "Süß – 1 cm"}, author=A)
    operations.give_verdict(catalog, Verdict.NEW, clip_id=clip, author=A)
    operations.undo(catalog, author=A)
    operations.record_event(catalog, "export", "exam 1", detail={"files": [1, 2.5, None, {"b": 1}]}, author=A)
    return catalog


def test_the_chain_is_whole_and_every_event_has_its_own_hash(busy: Catalog) -> None:
    assert queries.broken_audit_event(busy) is None
    assert len(queries.audit_events(busy)) > 5


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_events SET actor = 'other' WHERE id = 3",
        "UPDATE audit_events SET action = 'x' WHERE id = 3",
        "UPDATE audit_events SET subject = 'clip 99' WHERE id = 3",
        "UPDATE audit_events SET after = '{}' WHERE id = 3",
        "UPDATE audit_events SET at = '2020-01-01 00:00:00' WHERE id = 3",
        "UPDATE audit_events SET row_hash = 'x' WHERE id = 3",
        "UPDATE audit_events SET previous_hash = 'x' WHERE id = 3",
        "DELETE FROM audit_events WHERE id = 3",
        "DELETE FROM audit_events WHERE id >= 3",
    ],
)
def test_the_first_changed_event_is_named(busy: Catalog, change: str) -> None:
    with sqlite3.connect(busy.data_dir.catalogue) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(change)
    connection.close()
    assert queries.broken_audit_event(busy) == 3
