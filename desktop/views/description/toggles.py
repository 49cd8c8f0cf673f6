"""Fields with few values: a row of buttons, of which one, or with chips several, can be chosen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPushButton, QWidget

from core.text.vocabulary import Field
from desktop.views.description.editor import Editor
from desktop.views.flow import FlowBox

_FORWARD = frozenset({Qt.Key.Key_Right, Qt.Key.Key_Down})
_BACK = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Up})
_CLEAR = frozenset({Qt.Key.Key_Delete, Qt.Key.Key_Backspace})
_HELP = "First letter chooses · arrows move · Delete clears"


class Toggle(QPushButton):
    """One button of a row. Its row hears the keys first."""

    def __init__(self, row: ToggleRow, code: Any, text: str, parent: QWidget) -> None:
        super().__init__(text, parent)
        self.row, self.code = row, code
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setProperty("role", "toggle")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if not self.row.pressed(self, event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        self.row.enter(self)
        self.installEventFilter(self.row)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        self.removeEventFilter(self.row)
        super().focusOutEvent(event)


class ToggleRow(Editor):
    """Buttons in a flowing line, with one Tab stop for the whole row."""

    def __init__(self, field: Field, parent: QWidget, options: list[tuple[Any, str]]) -> None:
        super().__init__(field, parent)
        self._flow = FlowBox(self)
        self._lay.addWidget(self._flow)
        self.buttons: list[Toggle] = []
        self._strays: list[Toggle] = []
        for code, text in options:
            self._add(code, text)
        self.enter(self.buttons[0])

    def stops(self) -> list[QWidget]:
        return list(self.buttons)

    def enter(self, button: Toggle) -> None:
        """Makes ``button`` the row's Tab stop."""
        for one in self.buttons:
            policy = Qt.FocusPolicy.StrongFocus if one is button else Qt.FocusPolicy.ClickFocus
            if one.focusPolicy() != policy:
                one.setFocusPolicy(policy)
        self.setFocusProxy(button)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keeps the row's keys from the window's shortcuts, which are plain letters and arrows too."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_ours(event):
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def pressed(self, button: Toggle, event: QKeyEvent) -> bool:
        """Does what a key asks for; False leaves it to the button."""
        key, typed = event.key(), event.text().casefold()
        if not _is_ours(event) or key == Qt.Key.Key_Space:
            return False
        if key in _CLEAR:
            self._choose_none()
        elif key in _FORWARD or key in _BACK:
            self._move(button, 1 if key in _FORWARD else -1)
        else:
            self._letter(button, typed)
        return True

    def _add(self, code: Any, text: str) -> Toggle:
        button = Toggle(self, code, text, self._flow)
        value = self.field.value(code)
        said = f" – {value.report}" if value and value.report not in ("", code) else ""
        button.setToolTip(f"{text}{said}\n{_HELP}")
        button.setAccessibleName(f"{self.field.label}: {text}{said}")
        button.clicked.connect(lambda checked, one=button: self._clicked(one, checked))
        self.buttons.append(button)
        self._flow.add(button)
        return button

    def _show_strays(self, codes: list[Any]) -> None:
        """Gives values that the vocabulary doesn't know buttons of their own, so that they can be seen."""
        if [stray.code for stray in self._strays] == codes:
            return
        focused = any(stray.hasFocus() for stray in self._strays)
        for stray in self._strays:
            self.buttons.remove(stray)
            self._flow.remove(stray)
        self._strays = [self._add(code, f"“{code}”") for code in codes]
        for stray in self._strays:
            stray.show()
        self.enter(self.buttons[0])
        if focused:
            self.setFocus()

    def _matches(self, letter: str) -> list[Toggle]:
        return [button for button in self.buttons if button.text().casefold().startswith(letter)]

    def _clicked(self, button: Toggle, checked: bool) -> None:
        raise NotImplementedError

    def _choose_none(self) -> None:
        raise NotImplementedError

    def _move(self, button: Toggle, step: int) -> None:
        raise NotImplementedError

    def _letter(self, button: Toggle, letter: str) -> None:
        raise NotImplementedError

    def _neighbour(self, button: Toggle, step: int) -> Toggle:
        place = self.buttons.index(button) + step
        return self.buttons[min(max(place, 0), len(self.buttons) - 1)]


class ChoiceRow(ToggleRow):
    """One of few values. A second click, or Delete, takes it back."""

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(field, parent, _options(field))
        self._display()

    def _display(self) -> None:
        known = [button.code for button in self.buttons if button not in self._strays]
        is_stray = self._value is not None and not _among(self._value, known)
        self._show_strays([self._value] if is_stray else [])
        for button in self.buttons:
            button.setChecked(_same(button.code, self._value))
        chosen = next((button for button in self.buttons if button.isChecked()), None)
        if chosen is not None and not any(button.hasFocus() for button in self.buttons):
            self.enter(chosen)

    def _choose(self, code: Any) -> None:
        before = self._value
        self._value = code
        self._display()
        if not _same(before, code):
            self.changed.emit()

    def _clicked(self, button: Toggle, checked: bool) -> None:
        self._choose(button.code if checked else None)

    def _choose_none(self) -> None:
        self._choose(None)

    def _move(self, button: Toggle, step: int) -> None:
        """Chooses the neighbour; where nothing is chosen, the button that has the focus."""
        target = self._neighbour(button, step) if self._value is not None else button
        target.setFocus()
        self._choose(target.code)

    def _letter(self, button: Toggle, letter: str) -> None:
        """Chooses what begins with the letter; pressed again, the next that does."""
        matches = self._matches(letter)
        if not matches:
            return
        chosen = [place for place, one in enumerate(matches) if one.isChecked()]
        target = matches[(chosen[0] + 1) % len(matches)] if chosen else matches[0]
        target.setFocus()
        self._choose(target.code)


class ChipRow(ToggleRow):
    """Several of few values. What stands alone takes the others' place."""

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(field, parent, [(code, code) for code in field.codes])

    def _display(self) -> None:
        chosen = self._chosen()
        self._show_strays([one for one in chosen if one not in self.field.codes])
        for button in self.buttons:
            button.setChecked(button.code in chosen)

    def _chosen(self) -> list[Any]:
        if self._value is None:
            return []
        return list(self._value) if isinstance(self._value, list) else [self._value]

    def _clicked(self, button: Toggle, checked: bool) -> None:
        chosen = [one for one in self._chosen() if one != button.code]
        if checked:
            alone = self.field.alone
            chosen = [] if button.code in alone else [one for one in chosen if one not in alone]
            chosen.append(button.code)
        self._take(chosen)

    def _choose_none(self) -> None:
        self._take([])

    def _take(self, chosen: list[Any]) -> None:
        before, self._value = self._value, chosen or None
        self._display()
        if before != self._value:
            self.changed.emit()

    def _move(self, button: Toggle, step: int) -> None:
        self._neighbour(button, step).setFocus()

    def _letter(self, button: Toggle, letter: str) -> None:
        """Turns on or off what begins with the letter; where several do, goes to the next of them."""
        matches = self._matches(letter)
        if not matches:
            return
        place = matches.index(button) + 1 if button in matches else 0
        target = matches[place % len(matches)]
        target.setFocus()
        if len(matches) == 1:
            target.click()


def _options(field: Field) -> list[tuple[Any, str]]:
    if field.type == "boolean":
        return [(True, "yes"), (False, "no"), (None, "not recorded")]
    return [(code, code) for code in field.codes]


def _is_ours(event: QKeyEvent) -> bool:
    modifiers = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    if modifiers != Qt.KeyboardModifier.NoModifier:
        return False
    return event.key() in _FORWARD | _BACK | _CLEAR or (event.text().isprintable() and bool(event.text()))


def _same(a: Any, b: Any) -> bool:
    """Equal and of one kind: yes isn't the number 1."""
    return type(a) is type(b) and bool(a == b)


def _among(value: Any, codes: list[Any]) -> bool:
    return any(_same(value, code) for code in codes)
