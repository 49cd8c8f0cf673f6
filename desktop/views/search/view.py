"""The panel that finds clips by words: what is typed, what refines it, what was found."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QScrollArea, QToolButton, QVBoxLayout, QWidget

from core.counting import count
from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.progress import Progress
from desktop.item_models.hits import HitsModel
from desktop.searching import Wish
from desktop.theme.style import set_role
from desktop.views.ranking_table import crop_icon, ranking_table
from desktop.views.search.chips import Chips
from desktop.views.search.filters import SearchFilters
from desktop.views.search.preparing import Preparing
from desktop.words import paragraphs

if TYPE_CHECKING:
    from core.search.searching import SearchResult

_TYPING_MS = 200
_LOW_LINES = 27
"""A panel with fewer lines of text has no room for filters and hits."""
OF_A_KIND = "Finds polyps of a kind. It doesn't decide whether two are the same lesion: matches and you do."
NOTHING_TYPED = "Type what the polyp is like, or choose a clip and search for clips like it."


class SearchView(QWidget):
    """Signals: ``asked`` (a Wish), ``emptied``, ``prepare_wanted``, ``prepare_cancelled``, ``opened`` (a
    clip's id), ``crop_wanted`` (a clip's id)."""

    asked = Signal(object)
    emptied = Signal()
    prepare_wanted = Signal()
    prepare_cancelled = Signal()
    opened = Signal(int)
    crop_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit()
        self.field.setPlaceholderText("2 cm pedunculated polyp in the sigmoid…")
        self.field.setToolTip("Size, form, place and look of a polyp, in any words (Ctrl+K)")
        self.field.setClearButtonEnabled(True)
        self.field.setAccessibleName("Find clips by words")
        self.chips, self.filters = Chips(self), SearchFilters(self)
        self.fold = QToolButton(self.chips)
        self.fold.setCheckable(True)
        self.fold.setChecked(True)
        self.fold.setToolTip("Shows or hides which clips are searched: patient, segment, days of exams")
        self.chips.add(self.fold)
        self._folded_by_hand = False
        self._said = QLabel()
        self._said.setWordWrap(True)
        self._said.setAccessibleName("How the query was understood")
        self._limits = QLabel(OF_A_KIND)
        self._limits.setWordWrap(True)
        self._limits.setProperty("role", "quiet")
        self._hits = HitsModel(self)
        self.table = ranking_table(self._hits, "Clips that were found")
        self._preparing = Preparing()
        self._outdated = False
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._lay_out()
        self._connect()
        self.show_nothing_typed()

    @property
    def wish(self) -> Wish:
        """The search as it stands here."""
        return Wish(
            text=self.field.text(),
            like=self.chips.like,
            refinements=self.chips.refinements,
            patient=self.filters.patient,
            since=self.filters.since,
            until=self.filters.until,
            segment=self.filters.segment,
        )

    def show_nothing_typed(self) -> None:
        """No query."""
        self._hits.show_rows(())
        self._say(NOTHING_TYPED)

    def show_result(self, result: SearchResult) -> None:
        """The hits, with the query as it was understood above."""
        from core.search.query import LONGEST

        self._hits.show_rows(result.hits)
        self.table.resizeRowsToContents()
        self.table.scrollToTop()
        lost = f"Not understood: {', '.join(result.ignored)}." if result.ignored else ""
        said = f"Understood: {result.said}." if result.said else ""
        cut = f"Only the first {LONGEST} characters were read." if len(self.field.text()) > LONGEST else ""
        self._say(" ".join(filter(None, (said, cut, lost, result.nowhere_words, _how_many(result)))), role="")
        self._said.setToolTip(f"Model: {result.model}")
        self._preparing.show_missing(result.unprepared)
        for one in reversed(result.hits):  # the first row's comes first
            if self._hits.lacks_crop(one.clip):
                self.crop_wanted.emit(one.clip)

    def show_error(self, error: PolypTraceError) -> None:
        """It couldn't be searched, in words."""
        self._hits.show_rows(())
        self._say(paragraphs(error), role="error")

    def show_progress(self, progress: Progress) -> None:
        """Clips are being prepared."""
        self._preparing.show_progress(progress)

    def show_prepared(self, error: PolypTraceError | None = None) -> None:
        """That is over; what was searched for is searched for again."""
        self._preparing.end()
        if error is not None:
            self._say(paragraphs(error), role="error")
        else:
            self.ask()

    def show_crop(self, clip: int, path: str) -> None:
        """A clip's crop lies in a file now."""
        icon = crop_icon(path, self.table)
        if icon is not None:
            self._hits.show_crop(clip, icon)

    def forget(self) -> None:
        """Another catalogue."""
        self.chips.choose(None)
        self.chips.clear()
        self.filters.forget()
        self._name_fold()
        self._hits.forget_crops()
        self._preparing.end()
        self.ask()

    def take_focus(self) -> None:
        """Into the field, all of it chosen."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self._scrolled.verticalScrollBar().setValue(0)

    def ask(self) -> None:
        """Asks for what stands here."""
        self._typing.stop()
        self._outdated = False
        if self.wish.empty:
            self.emptied.emit()
            self.show_nothing_typed()
            return
        if not self._hits.rowCount():
            self._say("Searching…")
        self.asked.emit(self.wish)

    def ask_again(self) -> None:
        """Something was written: what is shown may not be so any more."""
        if self.isVisible():
            self.ask()
        else:
            self._outdated = True

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catches up with what was written meanwhile."""
        super().showEvent(event)
        if self._outdated:
            self.ask()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """On a low screen the filters fold away until somebody wants them: hits come first."""
        super().resizeEvent(event)
        if not self._folded_by_hand:
            self.fold.setChecked(event.size().height() >= _LOW_LINES * self.fontMetrics().lineSpacing())

    # --- set-up -------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        inside, whole = QWidget(), QVBoxLayout(self)
        self._scrolled = scrolled = QScrollArea()  # on a small screen nothing is painted over anything
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scrolled.setWidget(inside)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolled)
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(8, 8, 8, 8)
        for widget in (self.field, self.chips, self.filters, self._said, self._preparing, self._limits):
            layout.addWidget(widget)
        layout.addWidget(self.table, 1)
        banner = QLabel(RESEARCH_BANNER)
        banner.setProperty("role", "quiet")
        layout.addWidget(banner)

    def _connect(self) -> None:
        order = (self.field, *self.chips.buttons, self.fold, *self.filters.fields, self.table)
        self.fold.toggled.connect(self.filters.setVisible)
        self.fold.clicked.connect(self._fold)
        self.filters.changed.connect(self._name_fold)
        self._name_fold()
        for one, following in itertools.pairwise(order):
            self.setTabOrder(one, following)
        self.field.textChanged.connect(self._typing.start)
        self._typing.timeout.connect(self.ask)
        self.field.returnPressed.connect(self._go_to_hits)
        self.chips.changed.connect(self.ask)
        self.filters.changed.connect(self.ask)
        self._preparing.wanted.connect(self.prepare_wanted)
        self._preparing.cancelled.connect(self.prepare_cancelled)
        self.table.selectionModel().currentRowChanged.connect(lambda index: self._choose(index.row()))
        self.table.doubleClicked.connect(lambda index: self._open(index.row()))
        for owner, key, slot in (
            (self.field, Qt.Key.Key_Down, self._go_to_hits),
            (self.field, Qt.Key.Key_Escape, self.field.clear),
            (self.table, Qt.Key.Key_Return, lambda: self._open(self.table.currentIndex().row())),
            (self.table, Qt.Key.Key_Enter, lambda: self._open(self.table.currentIndex().row())),
        ):
            made = QShortcut(QKeySequence(key), owner, context=Qt.ShortcutContext.WidgetShortcut)
            made.activated.connect(slot)

    def _go_to_hits(self) -> None:
        if self._typing.isActive():  # Enter doesn't wait
            self.ask()
        self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._scrolled.verticalScrollBar().setValue(self.table.y())
        if self._hits.rowCount() and not self.table.currentIndex().isValid():
            self.table.selectRow(0)

    def _fold(self) -> None:
        self._folded_by_hand = True

    def _name_fold(self) -> None:
        count = self.filters.set
        self.fold.setText(f"Filters ({count})" if count else "Filters")

    def _open(self, row: int) -> None:
        hit = self._hits.row(row)
        if hit is not None:
            self.opened.emit(hit.clip)

    def _choose(self, row: int) -> None:
        hit = self._hits.row(row)
        if hit is not None:
            self.chips.choose(hit.clip)

    def _say(self, text: str, role: str = "quiet") -> None:
        self._said.setText(text)
        self._said.setToolTip("")
        set_role(self._said, role)


def _how_many(result: SearchResult) -> str:
    return f"The best of {count(result.searched, 'clip')}." if result.hits else result.advice
