"""The library: patients, exams, videos and clips, with a field that finds them."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from core.counting import count
from core.errors import PolypTraceError
from desktop.item_models.library_feed import LibraryFeed, Stage
from desktop.item_models.library_rows import Key, Kind, Row, key_of_selection
from desktop.session import Selection, Session
from desktop.views.outline import OutlineView
from desktop.words import paragraphs

_TYPING_MS = 200
"""A search begins when nothing was typed for so long."""
_EMPTY = (
    "No patients yet.\n\nImport the videos of an exam (Ctrl+I), or drop them here.\n\n"
    "File › Fill with the demo exams brings rendered exams of invented patients to try everything out."
)
_NOTHING_FOUND = (
    "Nothing found for “{typed}”.\n\nThe search looks at patient codes, exam dates, file names, clips and "
    "findings (place, size, Paris class).\n\nEsc shows everything."
)


class LibraryView(QWidget):
    """Shows what the catalogue holds and says what is chosen. ``activated``: Enter or a double click."""

    activated = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._feed = LibraryFeed(session, self)
        self.model = self._feed.model
        self.tree = OutlineView(self.model)
        self.tree.setAccessibleName("Patients, exams, videos and clips")
        self._placing = False
        self._make_search()
        self._make_states()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.search)
        layout.addWidget(self._count)
        layout.addLayout(self._stack, 1)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 30)  # the date of an exam is read whole
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._connect()

    def _make_search(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find patient, date, place…")
        self.search.setToolTip("Patient code, exam date, file name, segment, size, Paris class (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find in the library")
        self._count = QLabel()
        self._count.setProperty("role", "quiet")
        self._count.setAccessibleName("What is shown")
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)

    def _make_states(self) -> None:
        self._state = QLabel("Opening the catalogue…")
        self._state.setWordWrap(True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._state.setProperty("role", "quiet")
        self._again = QPushButton("Try again")
        self._again.hide()
        page = QWidget()
        words = QVBoxLayout(page)
        words.addStretch()
        words.addWidget(self._state)
        words.addWidget(self._again, 0, Qt.AlignmentFlag.AlignHCenter)
        words.addStretch()
        self._stack = QStackedLayout()
        self._stack.addWidget(page)
        self._stack.addWidget(self.tree)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._typed)
        self.search.returnPressed.connect(self._go_to_rows)
        self._typing.timeout.connect(lambda: self._feed.search(self.search.text()))
        self._again.clicked.connect(self._feed.read)
        self._feed.staged.connect(self._show_stage)
        self._feed.reached.connect(self._place)
        self._feed.hidden.connect(self._clear_search)
        self.tree.open_wanted.connect(self._feed.open)
        self.tree.close_wanted.connect(self._feed.close)
        self.tree.entered.connect(self._enter)
        self.tree.selectionModel().currentChanged.connect(self._choose)
        self.model.modelReset.connect(lambda: self._place(key_of_selection(self._session.selection)))
        self._shortcut(self, Qt.Key.Key_Escape, self._leave_search)
        self._shortcut(self.search, Qt.Key.Key_Down, self._go_to_rows)

    def _shortcut(self, owner: QWidget, key: Qt.Key, slot: object) -> None:
        made = QShortcut(QKeySequence(key), owner, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made.activated.connect(slot)

    # --- asked from outside -------------------------------------------------------------------------------

    def show_selection(self, selection: Selection) -> None:
        """Chooses a row, also one that appears with the next refresh."""
        key = key_of_selection(selection)
        if key and self.model.number_of(key) is not None:
            self._feed.forget_wanted()
            self._place(key)
            self._feed.open(key)
        else:
            self._feed.go_to(selection)

    def focus_search(self) -> None:
        """Into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def show_problem(self, text: str) -> None:
        """The catalogue can't be opened, in words."""
        self._say(text)

    # --- states -------------------------------------------------------------------------------------------

    def _show_stage(self, stage: Stage, error: PolypTraceError | None) -> None:
        if stage is Stage.SHOWN:
            self._stack.setCurrentIndex(1)
        elif stage is Stage.EMPTY:
            self._say(_EMPTY)
        elif stage is Stage.NOTHING_FOUND:
            self._say(_NOTHING_FOUND.format(typed=self._feed.typed))
        elif error is not None:
            self._say(paragraphs(error), again=True)
        self._count.setText(self._counted(stage))

    def _counted(self, stage: Stage) -> str:
        if stage is Stage.READING:
            return "Searching…" if self._feed.typed else "Reading the library…"
        if stage is not Stage.SHOWN:
            return ""
        return count(self.model.patients, "patient") + (" found" if self._feed.typed else "")

    def _say(self, text: str, *, again: bool = False) -> None:
        self._state.setText(text)
        self._again.setVisible(again)
        self._stack.setCurrentIndex(0)

    # --- search -------------------------------------------------------------------------------------------

    def _typed(self, text: str) -> None:
        if text.strip():
            self._typing.start()
        else:
            self._typing.stop()
            self._feed.search("")

    def _clear_search(self) -> None:
        self.search.clear()

    def _leave_search(self) -> None:
        """Esc: everything again, then to the rows."""
        if self.search.text():
            self._clear_search()
        else:
            self.tree.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _go_to_rows(self) -> None:
        if self._typing.isActive():  # Enter doesn't wait
            self._typing.stop()
            self._feed.search(self.search.text())
        self.tree.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # --- rows ---------------------------------------------------------------------------------------------

    def _place(self, key: Key) -> None:
        """Makes a row the chosen one without forgetting what is looked for."""
        self._placing = True
        try:
            if key and self.tree.show_key(key):
                self._session.choose(Selection(*key))
        finally:
            self._placing = False

    def _choose(self, now: QModelIndex, _before: QModelIndex) -> None:
        row = self.tree.row_at(now)
        if not self._placing:
            self._feed.forget_wanted()
        self._session.choose(Selection() if row is None else Selection(*row.key))

    def _enter(self, row: Row) -> None:
        if row.kind in (Kind.PATIENT, Kind.EXAM):
            self.tree.toggle(row)
        self.activated.emit(Selection(*row.key))
