"""What fits: reports beside a clip, or clips beside a report's finding, and the verdict on one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.counting import count
from core.domain import Verdict
from core.errors import PolypTraceError
from core.progress import Progress
from desktop.item_models.reports import FitsModel
from desktop.reports import Comparison
from desktop.theme.style import set_role
from desktop.views.flow import FlowBox
from desktop.views.ranking_table import crop_icon, fit_rows, ranking_table
from desktop.views.search.preparing import Preparing
from desktop.words import paragraphs

if TYPE_CHECKING:
    from core.search.reports import Fit, Fits

_KEYS = {Qt.Key.Key_1.value: 0, Qt.Key.Key_2.value: 1, Qt.Key.Key_3.value: 2, Qt.Key.Key_0.value: 3}
"""With Alt, the same keys as of the matches → the verdict's place here."""
_SAME = 0
"""The verdict that can be given on a report of the clip's own exam, by its place."""
OF_A_KIND = "Says what is of a kind. It doesn't decide whether two are the same lesion: you do."


class FitsPage(QWidget):
    """Signals: ``back``; ``decided`` (a verdict, a Fit); ``opened`` and ``crop_wanted`` (a clip's id);
    ``prepare_wanted``, ``prepare_cancelled``; ``asked_again`` with the :class:`Comparison`."""

    back = Signal()
    decided = Signal(object, object)
    opened = Signal(int)
    crop_wanted = Signal(int)
    prepare_wanted = Signal()
    prepare_cancelled = Signal()
    asked_again = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.wanted: Comparison | None = None
        self._back = QPushButton("&Back to all reports")
        self._title, self._said = QLabel(), QLabel()
        self._title.setProperty("role", "title")
        for label in (self._title, self._said):
            label.setWordWrap(True)
        self._models = {"clip": FitsModel(of_clip=True), "report": FitsModel(of_clip=False)}
        self.tables = {
            "clip": ranking_table(self._models["clip"], "Reports that fit the clip"),
            "report": ranking_table(self._models["report"], "Clips that fit the report"),
        }
        self._stack = QStackedWidget()
        self.preparing = Preparing()
        verdicts = FlowBox(self)
        self._verdicts = [
            self._button(verdicts, Verdict.SAME, "Same lesion", "Links the two findings"),
            self._button(verdicts, Verdict.SCAR_CLEAN, "Scar, clean", "The same site, nothing left"),
            self._button(verdicts, Verdict.RECURRENCE, "Recurrence", "The same site, it has come back"),
            self._button(verdicts, Verdict.REJECT, "Not this one", "The pair stands last from now on"),
        ]
        for key, place in _KEYS.items():
            button = self._verdicts[place]
            button.setToolTip(f"{button.toolTip()} (Alt+{chr(key)})")
        self._limits = QLabel(OF_A_KIND)
        self._limits.setWordWrap(True)
        self._limits.setProperty("role", "quiet")
        self._lay_out(verdicts)
        self._connect()

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """What the Tab key goes through, in this order."""
        return (*self.tables.values(), *self._verdicts, self._back)

    @property
    def chosen(self) -> Fit | None:
        """The chosen row."""
        if self.wanted is None:
            return None
        return self._models[self.wanted.of].row(self.tables[self.wanted.of].currentIndex().row())

    def show_fits(self, wanted: Comparison, fits: Fits) -> None:
        """A ranking, best first; the row that was chosen before stays so."""
        again, before = wanted == self.wanted, self.chosen
        self._begin(wanted)
        if wanted.of == "report" and fits.fits:
            one = fits.fits[0]
            self._title.setText(f"Clips that fit {one.patient}, {one.date}: {one.place}")
        model, table = self._models[wanted.of], self.tables[wanted.of]
        model.show_rows(fits.fits)
        fit_rows(table)
        same = [
            row
            for row, one in enumerate(fits.fits)
            if again and before is not None and (one.legacy, one.clip) == (before.legacy, before.clip)
        ]
        if fits.fits:
            table.selectRow(same[0] if same else 0)
        what = "finding" if wanted.of == "clip" else "clip"
        none = "" if fits.unprepared else "There is none of another exam."
        self._say(f"The best of {count(fits.searched, what)}." if fits.fits else none)
        self.preparing.show_missing(fits.unprepared)
        self._enable()
        for one in reversed(fits.fits) if wanted.of == "report" else ():  # the first row's comes first
            if model.lacks_crop(one.clip):
                self.crop_wanted.emit(one.clip)

    def show_error(self, wanted: Comparison, error: PolypTraceError) -> None:
        """It couldn't be compared, in words."""
        self._begin(wanted)
        self._models[wanted.of].show_rows(())
        self._say(paragraphs(error), role="error")
        self.preparing.show_missing(1 if error.code == "search-like-unprepared" else 0)
        self._enable()

    def show_progress(self, progress: Progress) -> None:
        """Clips are being prepared."""
        self.preparing.show_progress(progress)

    def show_prepared(self, error: PolypTraceError | None = None) -> None:
        """That is over; what was compared is compared again."""
        self.preparing.end()
        if error is not None:
            self._say(paragraphs(error), role="error")
        elif self.wanted is not None:
            self.asked_again.emit(self.wanted)

    def show_crop(self, clip: int, path: str) -> None:
        """A clip's crop lies in a file now."""
        icon = crop_icon(path, self.tables["report"])
        if icon is not None:
            self._models["report"].show_crop(clip, icon)

    def forget(self) -> None:
        """Another catalogue."""
        self.wanted = None
        for model in self._models.values():
            model.show_rows(())
            model.forget_crops()
        self.preparing.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The keys of verdicts mean what is shown here, not the match that is chosen on another page."""
        if isinstance(event, QKeyEvent) and event.modifiers() == Qt.KeyboardModifier.AltModifier:
            place = _KEYS.get(event.key())
            if place is not None and event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if place is not None and event.type() == QEvent.Type.KeyPress:
                self._verdicts[place].click()
                return True
        return super().eventFilter(watched, event)

    # --- inside -------------------------------------------------------------------------------------------

    def _begin(self, wanted: Comparison) -> None:
        self.wanted = wanted
        clip = f"Reports that fit clip {wanted.id}"
        self._title.setText(clip if wanted.of == "clip" else "Clips that fit the chosen finding")
        self._stack.setCurrentWidget(self.tables[wanted.of])

    def _say(self, text: str, role: str = "quiet") -> None:
        self._said.setText(text)
        set_role(self._said, role)

    def _enable(self) -> None:
        chosen = self.chosen
        for at, button in enumerate(self._verdicts):
            may = chosen is not None and chosen.same_patient
            button.setEnabled(may and (at == _SAME or chosen is None or not chosen.same_exam))

    def _button(self, box: FlowBox, verdict: Verdict, text: str, tip: str) -> QToolButton:
        button = QToolButton(box)
        button.setText(text)
        button.setToolTip(f"{tip}; a proposal is looked at and accepted first")
        button.clicked.connect(lambda: self._decide(verdict))
        box.add(button)
        return button

    def _decide(self, verdict: Verdict) -> None:
        if self.chosen is not None:
            self.decided.emit(verdict, self.chosen)

    def _open(self) -> None:
        if self.chosen is not None:
            self.opened.emit(self.chosen.clip)

    def _lay_out(self, verdicts: FlowBox) -> None:
        head = QHBoxLayout()
        head.addWidget(self._back)
        head.addStretch(1)
        for table in self.tables.values():
            self._stack.addWidget(table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        for widget in (self._title, self._said, self.preparing):
            layout.addWidget(widget)
        layout.addWidget(self._stack, 1)
        layout.addWidget(verdicts)
        layout.addWidget(self._limits)

    def _connect(self) -> None:
        for widget in self.tab_order:
            widget.installEventFilter(self)
        self._back.clicked.connect(self.back)
        self.preparing.wanted.connect(self.prepare_wanted)
        self.preparing.cancelled.connect(self.prepare_cancelled)
        for table in self.tables.values():
            table.selectionModel().currentRowChanged.connect(lambda *_: self._enable())
        self.tables["report"].doubleClicked.connect(lambda _: self._open())
