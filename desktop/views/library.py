"""The library: patients, exams, videos and clips, with a field that finds a patient."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QStackedLayout, QTreeView, QVBoxLayout, QWidget

from desktop.item_models.library import KIND, SELECTION, Kind, LibraryModel, Node, load_library
from desktop.session import Selection, Session

_REFRESH_MS = 30
"""Changes that come close together are read once."""
_EMPTY = (
    "No patients yet.\n\nImport the videos of an exam (Ctrl+I), or drop them here.\n\n"
    "File › Fill with the demo exams brings rendered exams of invented patients to try everything out."
)


class LibraryView(QWidget):
    """Shows what the catalogue holds and says what is chosen. ``activated``: Enter or a double click."""

    activated = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.model = LibraryModel(self)
        self._found = QSortFilterProxyModel(self)
        self._found.setSourceModel(self.model)
        self._found.setRecursiveFilteringEnabled(True)
        self._found.setAutoAcceptChildRows(True)
        self._found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find patient, date, place…")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find in the library")
        self.search.textChanged.connect(self._search)
        self.tree = _Tree()
        self.tree.setModel(self._found)
        self.tree.entered_row.connect(self._activate)
        self.tree.selectionModel().currentChanged.connect(self._choose)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 34)
        self._state = QLabel("Opening the catalogue…")
        self._state.setWordWrap(True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._state.setProperty("role", "quiet")
        self._state.setMargin(16)
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(self._state)
        self._stack.addWidget(self.tree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.search)
        layout.addWidget(body, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self._read)
        self._wanted: Selection | None = None
        self._fresh = True
        session.opened.connect(self._read)
        session.changed.connect(lambda _changes: self._timer.start())

    def show_selection(self, selection: Selection) -> None:
        """Chooses a row, also one that appears with the next refresh."""
        self._wanted = selection
        self._choose_wanted()

    def focus_search(self) -> None:
        """Into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def show_problem(self, text: str) -> None:
        """The catalogue can't be opened, in words."""
        self._state.setText(text)
        self._stack.setCurrentIndex(0)

    def _read(self) -> None:
        self._session.read(load_library, self._show)

    def _show(self, nodes: tuple[Node, ...]) -> None:
        self.model.show_nodes(nodes)
        self._state.setText(_EMPTY)
        self._stack.setCurrentIndex(1 if nodes else 0)
        if self._fresh and nodes:
            self._fresh = False
            self.tree.expandToDepth(1 if len(nodes) < 20 else 0)
        self._choose_wanted()

    def _choose_wanted(self) -> None:
        """Goes to what is wanted, or as near as there is: the rest may come with the next read."""
        if self._wanted is None:
            return
        keys = _keys(self._wanted)
        found = next((key for key in keys if self.model.item_of(key) is not None), None)
        item = self.model.item_of(found) if found else None
        if item is None:
            return
        wanted = self._wanted
        index = self._found.mapFromSource(item.index())
        self.tree.setCurrentIndex(index)
        self.tree.expand(index)
        self.tree.scrollTo(index)
        self._wanted = None if found == keys[0] else wanted

    def _choose(self, now: QModelIndex, _before: QModelIndex) -> None:
        self._wanted = None
        held = now.data(SELECTION)
        self._session.choose(held[0] if held else Selection())

    def _activate(self, index: QModelIndex) -> None:
        held = index.data(SELECTION)
        if held is None:
            return
        if index.data(KIND) in (Kind.PATIENT.value, Kind.EXAM.value):
            self.tree.setExpanded(index, not self.tree.isExpanded(index))
        self.activated.emit(held[0])

    def _search(self, text: str) -> None:
        self._found.setFilterFixedString(text.strip())
        if text.strip():
            self.tree.expandAll()


class _Tree(QTreeView):
    """A tree whose Enter key works on every platform."""

    entered_row = Signal(QModelIndex)

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.setUniformRowHeights(False)
        self.setExpandsOnDoubleClick(False)
        self.setAccessibleName("Patients, exams, videos and clips")
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.doubleClicked.connect(self.entered_row)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter opens the chosen row; everything else is the tree's own."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.entered_row.emit(self.currentIndex())
            return
        super().keyPressEvent(event)


def _keys(selection: Selection) -> list[tuple[str, int, int]]:
    """Keys of the rows that stand for a selection, the most exact first."""
    keys = []
    if selection.clip is not None:
        keys.append(("clip", selection.clip, 0))
    if selection.video is not None and selection.exam is not None:
        keys.append(("video", selection.exam, selection.video))
    if selection.exam is not None:
        keys.append(("exam", selection.exam, 0))
    if selection.patient is not None:
        keys.append(("patient", selection.patient, 0))
    return keys
