"""The description form: filled by mouse or keyboard, saved by itself, with its report sentence below."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QLabel, QStackedWidget, QVBoxLayout, QWidget

from core.errors import PolypTraceError
from core.text.normal import normalise
from desktop.actions import NEXT_NEEDED
from desktop.views.description.about import about_vocabulary
from desktop.views.description.body import FormBody
from desktop.views.description.footer import Footer
from desktop.views.description.look import SHEET
from desktop.views.description.meter import Meter
from desktop.views.description.reading import NOTHING, read
from desktop.views.description.saving import Saves
from desktop.views.description.sentence import SentenceCard

SAVE_PAUSE_MS = 800
"""So long after the last change the form asks for a save."""
SAVE_WITHIN_MS = 3000
"""So long after the first change it asks in any case, however busily somebody types."""


class DescriptionForm(QWidget):
    """Edits the description of one finding at a time. It saves nothing itself but asks for it.

    Each ``save_wanted`` and ``finalise_wanted`` is answered, in their order, by one :meth:`saved` or
    :meth:`failed`. While they are emitted, :attr:`record` is the finding that the values belong to.
    """

    values_changed = Signal(object)
    """The normalised values, after each change by the user."""
    save_wanted = Signal(object)
    """The values to save as a draft: some time after the last change, on leaving the form, on flush."""
    finalise_wanted = Signal(object)
    """The values to save as final; they have no error."""
    settled = Signal()
    """Every save that was asked for is answered."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._saves = Saves()
        self._unknown: dict[str, Any] = {}
        self._is_strict = False
        self._reading = NOTHING  # the first look loads word lists and templates: after the first paint
        self._timer = QTimer(self, singleShot=True, interval=SAVE_PAUSE_MS)
        self._limit = QTimer(self, singleShot=True, interval=SAVE_WITHIN_MS)
        for timer in (self._timer, self._limit):
            timer.timeout.connect(self.flush)
        self.setStyleSheet(SHEET)
        self._pages = QStackedWidget(self)
        self._reason, self._page = QLabel(self._pages), QWidget(self._pages)
        page = self._page
        self.meter, self.body = Meter(NEXT_NEEDED, page), FormBody(page)
        self.card, self.footer = SentenceCard(page), Footer(page)
        self._build(page)
        self._connect()
        self._grower = QTimer(self, interval=0)
        self._grower.timeout.connect(self._grow)
        self._grower.start()
        self.clear("Choose a clip to describe its finding.")

    @property
    def record(self) -> object:
        """The finding that is shown, as it was named to :meth:`show_record`."""
        return self._saves.record

    @property
    def number(self) -> int:
        """The revision of the description that is shown; 0 for none."""
        return self._saves.number

    @property
    def dirty(self) -> bool:
        """Whether something was typed that isn't saved, also while its save is on the way."""
        return self._saves.is_dirty(self.values())

    def values(self) -> dict[str, Any]:
        """The description as it would be saved: normalised, wrong values as they were typed."""
        return normalise(self.body.values() | self._unknown)

    def show_record(
        self, values: Mapping[str, Any], *, draft: bool, number: int, record: object = None
    ) -> None:
        """Fills the form; nothing is emitted but a save of what the form held before and nobody asked for.

        Args:
            values: the description, by vocabulary key; wrong ones are shown as they are.
            draft: whether it may still be partial.
            number: of the revision, 0 for none.
            record: which finding it is. The same one again is a refresh: what was typed since, the cursor
                and the focus stay. Without it every call shows another record.
        """
        while self._grower.isActive():
            self._grow()
        before = self._saves.number
        incoming = normalise(values)
        if record is not None and record == self._saves.record:
            shown = self._saves.refresh(self.values(), incoming, draft, number)
        else:
            self.flush()
            self._is_strict = False
            shown = self._saves.begin(record, incoming, draft, number)
            self.body.verticalScrollBar().setValue(0)
        self._fill(shown)
        self._page.setEnabled(True)
        self._pages.setCurrentIndex(1)
        is_news = not self.save_failed or self._saves.number > before
        if is_news and self._saves.is_unasked(self.values()):
            self._timer.start()  # what failed isn't tried again every second

    def clear(self, reason: str) -> None:
        """Nothing to describe: says why, in a sentence."""
        self.flush()
        self._empty(reason)

    def discard(self, reason: str) -> None:
        """As :meth:`clear`, and what isn't saved is given up: another catalogue is about to be opened."""
        self._timer.stop()
        self._limit.stop()
        self._saves.forget()
        self._empty(reason)

    def _empty(self, reason: str) -> None:
        self._is_strict = False
        self._saves.begin(None, {}, True, 0)
        self._reading, self._unknown = NOTHING, {}
        self.body.show_values({})
        self._show_state()
        self._reason.setText(reason)
        if self._is_inside(QApplication.focusWidget()):
            self.setFocus()  # or Qt would give the keys to whatever comes next
        self._page.setEnabled(False)  # what is typed now belongs to no finding
        self._pages.setCurrentIndex(0)

    def saved(self, number: int) -> None:
        """The oldest save that was asked for succeeded, as revision ``number``."""
        if self._saves.answered(number):
            self._show_state()
            if not self.dirty:
                self.footer.show_saved()
        self._settle()

    def failed(self, error: PolypTraceError) -> None:
        """The oldest save that was asked for failed. What was typed stays, and the next save brings it."""
        if self._saves.failed(error):
            self._show_state()
        self._settle()

    @property
    def saving(self) -> bool:
        """Whether a save that was asked for isn't answered yet."""
        return self._saves.waiting

    @property
    def save_failed(self) -> bool:
        """Whether the last save of the shown record was refused."""
        return self._saves.error is not None

    @property
    def unsaved(self) -> bool:
        """Whether words would be lost with the form: typed since, or refused by the catalogue."""
        return self._saves.holds_lost or (self.record is not None and self.dirty)

    def _settle(self) -> None:
        if not self.saving:
            self.settled.emit()

    def flush(self) -> bool:
        """Asks for the save of what nobody was asked to save yet; says whether there was something."""
        self._timer.stop()
        self._limit.stop()
        values = self.values()
        if self.record is None or not self._saves.is_unasked(values):
            return False
        self._saves.ask(values)
        self._show_state()
        self.save_wanted.emit(values)
        return True

    def finalise(self) -> None:
        """Asks for a final save; where something is missing or wrong, names it all and goes to the first."""
        self._look(strict=True)
        if self._reading.errors:
            self._show_state()
            self.body.go_to_first(problem.key for problem in self._reading.errors)
            return
        self._timer.stop()
        self._look(strict=False)
        self._saves.ask(self._reading.values, final=True)
        self._show_state()
        self.finalise_wanted.emit(dict(self._reading.values))

    @property
    def has_keys(self) -> bool:
        """Whether keys go to a field of the form."""
        return self._is_inside(QApplication.focusWidget())

    def enter(self) -> None:
        """Keys go to the form: to the first needed field that is empty or wrong."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.next_missing()

    def next_missing(self) -> None:
        """Goes to the first needed field that is empty or wrong, after the present one if there is such."""
        order = list(self.body.rows)
        here = next((n for n, key in enumerate(order) if self.body.rows[key].has_focus()), -1)
        if here >= 0:
            self.body.rows[order[here]].editor.settle()  # which may be what others need
        missing = self._reading.missing
        if missing:
            after = [key for key in missing if order.index(key) > here]
            self.body.go_to((after or missing)[0])

    def next_section(self) -> None:
        """Goes to the section after the present one."""
        self.body.next_section(1)

    def previous_section(self) -> None:
        """Goes to the section before the present one."""
        self.body.next_section(-1)

    def _grow(self) -> None:
        """Makes one field at a time, so that the window can be painted in between."""
        if not self.body.grow():
            self._grower.stop()
            stops = [self.meter.button, *self.body.tab_stops(), self.card.view, *self.footer.tab_stops()]
            for first, second in pairwise(stops):
                QWidget.setTabOrder(first, second)
            for page in (1, self._pages.currentIndex()):
                self._pages.setCurrentIndex(page)  # laid out now, or the first clip would wait for it

    def _fill(self, values: Mapping[str, Any]) -> None:
        self._unknown = {key: value for key, value in values.items() if key not in self.body.rows}
        self.body.show_values(values)
        self._look()
        self._show_state()

    def _edited(self) -> None:
        self._timer.start()
        if not self._limit.isActive():
            self._limit.start()
        self._look()
        self._show_state()
        self.values_changed.emit(dict(self._reading.values))

    def _look(self, strict: bool | None = None) -> None:
        self._is_strict = self._is_strict if strict is None else strict
        self._reading = read(self.values(), finalise=self._is_strict)
        self.meter.tell(self._reading)
        self.body.tell(self._reading)
        self.card.tell(self._reading)

    def _show_state(self) -> None:
        self.footer.show_revision(self._saves.number, self._saves.draft)
        self.footer.say(self._faults())
        if self._saves.error is not None:
            self.footer.show_failed(self._saves.error)
        elif self._saves.on_the_way:
            self.footer.show_quiet("Saving…")
        elif self.dirty:
            self.footer.show_quiet("Not saved yet")
        else:
            self.footer.show_quiet("All saved" if self._saves.number else "Nothing recorded yet")

    def _faults(self) -> str:
        """What keeps the description from being final, once the user has asked; else unknown fields only."""
        if not self._is_strict:
            unknown = ", ".join(self._unknown)
            return f"The record holds fields that the vocabulary doesn't have: {unknown}." if unknown else ""
        return self._reading.obstacles()

    def _focus_moved(self, old: QWidget | None, new: QWidget | None) -> None:
        is_mouse = QApplication.mouseButtons() != Qt.MouseButton.NoButton  # a click mustn't move its target
        if new is not None and self.body.isAncestorOf(new) and not is_mouse:
            self.body.ensureWidgetVisible(new)
        if not self._is_inside(old):
            return
        self.body.tell(self._reading)
        if not self._is_inside(new):
            self.flush()

    def _is_inside(self, widget: QWidget | None) -> bool:
        """Whether a widget belongs to the form, also if it is a list that a box has opened."""
        while widget is not None and widget is not self:
            widget = widget.parentWidget()
        return widget is not None

    def _build(self, page: QWidget) -> None:
        self._reason.setProperty("role", "quiet")
        self._reason.setWordWrap(True)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        height = self.fontMetrics().height()
        lay = QVBoxLayout(page)
        lay.setContentsMargins(height // 2, height // 2, height // 2, height // 2)
        lay.setSpacing(height // 2)
        lay.addWidget(self.meter)
        lay.addWidget(self.body, 1)
        lay.addWidget(self.card)
        lay.addWidget(self.footer)
        self._pages.addWidget(self._reason)
        self._pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    def _connect(self) -> None:
        self.body.changed.connect(self._edited)
        self.meter.wanted.connect(self.next_missing)
        self.footer.finalise.connect(self.finalise)
        self.footer.about.connect(lambda: about_vocabulary(self))
        self.footer.again.connect(self.flush)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._focus_moved)
