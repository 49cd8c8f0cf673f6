"""Whether a finding of a legacy report can be accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.catalog.operations.descriptions import plain_values
from core.catalog.values import LegacyFinding, LegacyState
from core.errors import PolypTraceError


def values_to_accept(found: LegacyFinding, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values of the description that accepting makes; None = as it was read.

    Raises:
        PolypTraceError: ``report-accepted``, ``report-says-nothing``, ``description-values``.
    """
    if found.state is LegacyState.ACCEPTED:
        raise PolypTraceError(
            "report-accepted",
            f"Finding {found.id} of the reports is accepted already.",
            "Its description can be edited; undo or dismissing it takes it back.",
        )
    kept = plain_values(found.values if values is None else values)
    if not kept:
        raise PolypTraceError(
            "report-says-nothing",
            f"Nothing was read of finding {found.id} of the reports: there is nothing to accept.",
            "Fill in what the report says first: in its form, or with --set KEY=VALUE.",
        )
    return kept
