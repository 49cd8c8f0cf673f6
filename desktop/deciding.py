"""Verdicts: given with the ranking that was seen, with the questions that have to be answered first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from core.domain import RESEARCH_BANNER, Verdict
from core.errors import PolypTraceError
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.engine import Catalog
    from core.matching.deciding import Decided

REMOVED, MERGE = "link-removed", "link-merge"


class ReportFinding(NamedTuple):
    """A finding of a report, by its id: what a verdict on a clip can name instead of another clip."""

    id: int


Other = int | ReportFinding


class Deciding(QObject):
    """Gives verdicts. ``decided`` carries what came of one."""

    decided = Signal(object)

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._window = session, window

    def give(self, verdict: Verdict, clip: int, other: Other | None = None, **allowed: bool) -> None:
        """Puts a verdict on a clip on record.

        Args:
            verdict: the verdict.
            clip: the clip that was asked about.
            other: the earlier clip, or a report's finding, for a verdict about two.
            allowed: ``merge`` and ``removed``, when the question was answered with yes.
        """
        author = self._session.author

        def work(catalog: Catalog) -> Decided:
            from core.matching.deciding import decide, decide_report

            if isinstance(other, ReportFinding):
                return decide_report(catalog, verdict, clip, other.id, author=author, **allowed)
            return decide(catalog, verdict, clip, other=other, author=author, **allowed)

        def failed(error: PolypTraceError) -> None:
            self._refused(error, verdict, clip, other, allowed)

        self._session.write(work, self.decided.emit, failed)

    def _refused(
        self,
        error: PolypTraceError,
        verdict: Verdict,
        clip: int,
        other: Other | None,
        allowed: dict[str, bool],
    ) -> None:
        folder = self._session.folder
        if error.code == REMOVED and not allowed.get("removed"):
            choices = {"It is a &recurrence": "recurrence", "It is the &same all the same": "same"}
            answer = self._ask(error, choices)
            if folder is not self._session.folder:
                return  # the question was about another catalogue
            if answer == "recurrence":
                self.give(Verdict.RECURRENCE, clip, other, **allowed)
            elif answer == "same":
                self.give(verdict, clip, other, **allowed, removed=True)
        elif error.code == MERGE and not allowed.get("merge"):
            if self._ask(error, {"&Join them": "join"}) and folder is self._session.folder:
                self.give(verdict, clip, other, **allowed, merge=True)
        else:
            self._session.report(error)

    def _ask(self, error: PolypTraceError, choices: dict[str, str]) -> str | None:
        """A question that blocks: which of the choices, or None for "cancel", which is the default."""
        box = QMessageBox(self._window)
        box.setWindowTitle(f"Please decide – {RESEARCH_BANNER}")
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(error.message)
        made: dict[Any, str] = {}
        for text, answer in choices.items():
            made[box.addButton(text, QMessageBox.ButtonRole.ActionRole)] = answer
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(cancel)
        box.setEscapeButton(cancel)
        box.exec()
        return made.get(box.clickedButton())
