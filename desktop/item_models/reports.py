"""Reports' findings as Qt tables: as they were read, and side by side with clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from desktop.item_models.rows import RowsModel, number

if TYPE_CHECKING:
    from core.catalog.values import LegacyFinding, LegacyReport
    from core.search.reports import Fit

Accepted = Mapping[int, Mapping[str, Any]]
"""Descriptions of accepted findings by their ids as read ones."""
NOTHING_READ = "no finding read"


class ReportRow(msgspec.Struct, frozen=True):
    """A finding with its report.

    Args:
        report: where it stands.
        read: as it was read; None for a report in which none was.
        accepted: how it is described since it was accepted.
    """

    report: LegacyReport
    read: LegacyFinding | None
    accepted: Mapping[str, Any] | None = None


class ReportsModel(RowsModel[ReportRow]):
    """Findings by patient and date."""

    COLUMNS = ("Patient, exam", "Finding", "Least sure", "Its words")

    def text(self, one: ReportRow, column: int) -> str:
        """What a cell says."""
        who = f"{one.report.patient}\n{one.report.date}"
        if one.read is None:
            return (who, NOTHING_READ, "", one.report.text)[column]
        return (who, stands(one.read, one.accepted), _least_sure(one), one.read.words)[column]

    def tip(self, one: ReportRow, column: int) -> str:
        """The whole report."""
        return one.report.text


class FitsModel(RowsModel["Fit"]):
    """Reports beside a clip, or clips beside a report's finding; the best first."""

    COLUMNS = ("", "", "Place, size, Paris", "Score", "Compared")

    def __init__(self, of_clip: bool) -> None:
        super().__init__()
        self._of_clip = of_clip
        self.COLUMNS = ("", "Report" if of_clip else "Clip", *FitsModel.COLUMNS[2:])

    def clip_of(self, one: Fit) -> int | None:
        """The clip, where clips are what is ranked."""
        return None if self._of_clip else one.clip

    def text(self, one: Fit, column: int) -> str:
        """What a cell says."""
        who = (
            f"{one.patient}\n{one.date}"
            if self._of_clip
            else f"{one.clip} · {one.clip_patient}\n{one.clip_date}"
        )
        place = (one.place if self._of_clip else one.clip_place).replace(", ", "\n", 1)
        return ("", who, place, number(one.score), _compared(one))[column]

    def tip(self, one: Fit, column: int) -> str:
        """The report's words."""
        return one.words


def stands(read: LegacyFinding, accepted: Mapping[str, Any] | None) -> str:
    """Where and what it is, as it was read or accepted, and how it stands."""
    from core.text.place import place_of

    state = "" if read.state.value == "proposed" else f"\n{read.state.value}"
    return place_of(read.values if accepted is None else accepted).replace(", ", "\n", 1) + state


def _least_sure(one: ReportRow) -> str:
    from core.legacy.sureness import least_sure

    found = None if one.accepted is not None or one.read is None else least_sure(one.read.fields)
    return "" if found is None else f"{found[0]}\n{found[1]:.0%}"


def _compared(one: Fit) -> str:
    from core.text.place import compared_names

    lines = [f"verdict: {one.verdict}"] if one.verdict else []
    lines += ["this exam" if one.same_exam else "same patient" if one.same_patient else "another patient"]
    lines += [f"same {compared_names(one.agree)}"] if one.agree else []
    lines += [f"differs: {compared_names(one.differ)}"] if one.differ else []
    return "\n".join(lines)
