"""The panel of matches: locked until the finding is described, then shown on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.progress import Progress
from desktop.item_models.matches import MatchesModel
from desktop.theme.style import set_role
from desktop.views.flow import FlowBox
from desktop.views.ranking_table import crop_icon, ranking_table
from desktop.words import paragraphs

if TYPE_CHECKING:
    from core.matching.values import Candidate, MatchResult

NO_CLIP = "Choose a clip: its matches come here once its finding is described."
LOCKED = (
    "Decide first, then look.\n\n"
    "Describe the finding (Ctrl+D); a draft is enough. Then show its matches (Ctrl+M)."
)
READY = "The finding is described."


class MatchesView(QWidget):
    """Signals: ``wanted`` (show the matches), ``cancelled``, ``candidate_chosen`` (a Candidate or None),
    ``crop_wanted`` (a clip's id), ``whole_catalogue`` (bool)."""

    wanted = Signal()
    cancelled = Signal()
    candidate_chosen = Signal(object)
    opened = Signal(object)
    crop_wanted = Signal(int)
    whole_catalogue = Signal(bool)

    def __init__(self, verdicts: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stack = QStackedWidget()
        self._state = _State()
        self._state.ask.clicked.connect(self.wanted)
        self._state.cancel.clicked.connect(self.cancelled)
        self._result = _Result(verdicts)
        self._result.candidate_chosen.connect(self.candidate_chosen)
        self._result.opened.connect(self.opened)
        self._result.others.toggled.connect(self.whole_catalogue)
        self._stack.addWidget(self._state)
        self._page = QScrollArea(widgetResizable=True)
        self._page.setFrameShape(QFrame.Shape.NoFrame)
        self._page.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._page.setWidget(self._result)
        self._stack.addWidget(self._page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self._stack)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.show_no_clip()

    @property
    def everywhere(self) -> bool:
        """Whether the whole catalogue is to be ranked, too."""
        return self._result.others.isChecked()

    @property
    def candidate(self) -> Candidate | None:
        """The chosen row's candidate; none while no ranking is shown, whatever was chosen in the last one."""
        return self._result.candidate if self._stack.currentWidget() is self._page else None

    def show_no_clip(self) -> None:
        """Nothing is chosen."""
        self._say(NO_CLIP)

    def show_locked(self) -> None:
        """The finding isn't described yet."""
        self._say(LOCKED)

    def show_ready(self) -> None:
        """The matches can be shown."""
        self._say(READY, ask=True)

    def show_busy(self, progress: Progress) -> None:
        """They are being looked for."""
        self._say("", progress=progress)

    def show_error(self, error: PolypTraceError) -> None:
        """It failed, in words; asking again is possible."""
        self._say(paragraphs(error), ask=True, role="error")

    def show_result(self, result: MatchResult) -> None:
        """The ranking, with the answer above."""
        self._result.show_result(result)
        focused = QApplication.focusWidget()
        waiting = focused is not None and (focused is self or self.isAncestorOf(focused))
        self._stack.setCurrentWidget(self._page)
        if waiting:
            self.focus_list()  # who works elsewhere keeps the keys
        for one in reversed((*result.patient, *(result.catalogue or ()))):  # the first row's comes first
            self.crop_wanted.emit(one.clip)

    def show_crop(self, clip: int, path: str) -> None:
        """A clip's crop lies in a file now."""
        icon = crop_icon(path, self._result.table)
        if icon is not None:
            self._result.show_crop(clip, icon)

    def forget_crops(self) -> None:
        """Another catalogue: its clips have the same numbers."""
        self._result.forget_crops()

    def focus_list(self) -> None:
        """Keys go to the ranking; while there is none, to what asks for it."""
        if self._stack.currentWidget() is self._page:
            self._result.take_focus()
        elif self._state.ask.isVisible():
            self._state.ask.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            self.setFocus(Qt.FocusReason.ShortcutFocusReason)  # not to Cancel: the next Space isn't meant so

    def _say(
        self, text: str, *, ask: bool = False, progress: Progress | None = None, role: str = "quiet"
    ) -> None:
        self._state.say(text, ask, progress, role)
        self._stack.setCurrentWidget(self._state)
        self.candidate_chosen.emit(None)


class _State(QWidget):
    """Everything but a ranking: a sentence, and what can be done about it."""

    def __init__(self) -> None:
        super().__init__()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.ask = QPushButton("Show matches")
        self.ask.setToolTip("Show matches (Ctrl+M)")
        self._bar = QProgressBar()
        self._bar.setAccessibleName("Progress of matching")
        self.cancel = QPushButton("Cancel")
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        for widget in (self._text, self._bar):
            layout.addWidget(widget)
        for button in (self.ask, self.cancel):
            layout.addWidget(button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def say(self, text: str, ask: bool, progress: Progress | None, role: str) -> None:
        """Shows the parts that belong to a state."""
        self.ask.setVisible(ask)
        for widget in (self._bar, self.cancel):
            widget.setVisible(progress is not None)
        if progress is not None:
            total = progress.total or 0
            self._bar.setRange(0, total)
            self._bar.setValue(progress.done if total else -1)
            stage = progress.stage[:1].upper() + progress.stage[1:]
            text = f"{stage} {progress.note}".strip() + "…"
        self._text.setText(text)
        set_role(self._text, role)


class _Result(QWidget):
    """Answer, the patient's earlier findings, on request the whole catalogue, and the verdicts."""

    candidate_chosen = Signal(object)
    opened = Signal(object)

    def __init__(self, verdicts: list[QAction]) -> None:
        super().__init__()
        self._answer = QLabel()
        self._answer.setWordWrap(True)
        self._answer.setProperty("role", "card")
        self._saw = QLabel()
        self._saw.setWordWrap(True)
        self._saw.setProperty("role", "quiet")
        self.own, self.all = MatchesModel(self), MatchesModel(self)
        self._query: int | None = None
        self._everyone = QWidget()
        self._tables = (
            ranking_table(self.own, "The patient's earlier findings"),
            ranking_table(self.all, "All clips outside this exam"),
        )
        for table in self._tables:
            table.selectionModel().currentRowChanged.connect(lambda *_, of=table: self._choose(of))
            table.doubleClicked.connect(lambda _, of=table: self.opened.emit(self._at(of)))
        self._empty = QLabel("The patient has no earlier described clip.")
        self._empty.setProperty("role", "quiet")
        self.others = QToolButton()
        self.others.setText("Whole catalogue")
        self.others.setCheckable(True)
        self.others.setToolTip("Also rank the clips of all other patients: a wrong patient shows there")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        title = QLabel("The patient's earlier findings")
        title.setProperty("role", "title")
        row = QHBoxLayout()
        row.addWidget(title, 1)
        row.addWidget(self.others)
        layout.addLayout(row)
        layout.addWidget(self._answer)
        layout.addWidget(self._empty)
        layout.addWidget(self._split(), 1)
        layout.addWidget(_verdict_buttons(verdicts, self))
        layout.addWidget(self._saw)
        banner = QLabel(RESEARCH_BANNER)
        banner.setProperty("role", "quiet")
        layout.addWidget(banner)

    def _split(self) -> QSplitter:
        """The patient's table above the whole catalogue's; the line between can be moved."""
        title = QLabel("All clips outside this exam")
        title.setProperty("role", "title")
        column = QVBoxLayout(self._everyone)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(title)
        column.addWidget(self._tables[1])
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self._tables[0])
        split.addWidget(self._everyone)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        return split

    @property
    def table(self) -> QTableView:
        """The patient's ranking."""
        return self._tables[0]

    @property
    def candidate(self) -> Candidate | None:
        """The chosen candidate of whichever table has one."""
        return next((one for table in self._tables if (one := self._at(table)) is not None), None)

    def show_result(self, result: MatchResult) -> None:
        """Fills both tables. The clip that was chosen before stays so, else the best one is.

        So a verdict is one key away, and the next one is about the same row.
        """
        again = self._query == result.query.clip
        before = self.candidate if again else None
        none = again and before is None and self._tables[0].currentIndex().isValid()
        self._query = result.query.clip
        answer = result.no_match
        words = {True: "No good match.", False: "A good match is there.", None: ""}[answer.is_no_match]
        reason = answer.reason.replace("-0.", "−0.")  # as in the table
        self._answer.setText(f"{words} {reason}".strip())
        evidence = result.query.evidence
        self._saw.setText(
            f"{result.model.id} saw {evidence.crops} frames ({evidence.source}) and the description. "
            f"The score is a cosine; {_chances(result)}"
        )
        self.own.show_candidates(result.patient, words if answer.is_no_match else "a new lesion")
        self._empty.setVisible(not result.patient)
        self.all.show_candidates(result.catalogue or (), others=True)
        self._everyone.setVisible(result.catalogue is not None)
        for table in self._tables:
            table.resizeRowsToContents()
            table.clearSelection()
        if none:
            self._tables[0].selectRow(self.own.rowCount() - 1)
        else:
            self._select(before.clip if before is not None else None)
        self.candidate_chosen.emit(self.candidate)

    def _select(self, clip: int | None) -> None:
        for table, model in zip(self._tables, (self.own, self.all), strict=True):
            row = model.row_of(clip)
            if row is not None and (table is self._tables[0] or not self._everyone.isHidden()):
                table.selectRow(row)
                return
        self._tables[0].selectRow(0)

    def forget_crops(self) -> None:
        """In both tables."""
        self.own.forget_crops()
        self.all.forget_crops()

    def show_crop(self, clip: int, icon: QIcon) -> None:
        """Into both tables."""
        self.own.show_crop(clip, icon)
        self.all.show_crop(clip, icon)

    def take_focus(self) -> None:
        """Arrow keys move through the patient's ranking."""
        self._tables[0].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _choose(self, table: QTableView) -> None:
        """One row of both tables is chosen, "none of these" included."""
        for other in self._tables:
            if other is not table and table.currentIndex().isValid():
                other.clearSelection()
                other.setCurrentIndex(QModelIndex())
        self.candidate_chosen.emit(self.candidate)

    @staticmethod
    def _at(table: QTableView) -> Candidate | None:
        model, index = table.model(), table.currentIndex()
        return model.candidate(index.row()) if isinstance(model, MatchesModel) and index.isValid() else None


def _chances(result: MatchResult) -> str:
    """What stands in the column of probabilities."""
    if any(one.probability is not None for one in result.patient):
        return "the probability is its lesion's, the rest to 100 % is “none of these”."
    return "this model has learnt from too few lesions to give probabilities."


def _verdict_buttons(actions: list[QAction], parent: QWidget) -> FlowBox:
    """The verdicts as buttons, in as many lines as they need."""
    box = FlowBox(parent)
    for action in actions:
        button = QToolButton(box)
        button.setDefaultAction(action)
        box.add(button)
    return box
