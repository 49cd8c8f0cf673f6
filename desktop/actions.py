"""What an action of the window is; all of them stand in :mod:`desktop.action_table`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence

if TYPE_CHECKING:
    from desktop.main_window import MainWindow

PLAYER_MENU = "&Video"
When = Callable[["State"], bool]
Slot = Callable[["MainWindow"], object]
NEXT_NEEDED = "F8"
"""The key of the form that its meter names, too."""
KEYS = Qt.FocusReason.ShortcutFocusReason


class State(NamedTuple):
    """What decides whether an action can be used."""

    open: bool = False
    video: bool = False
    clip: bool = False
    described: bool = False
    shown: bool = False
    """A ranking is on the screen."""
    candidate: bool = False
    """One of its rows is chosen."""
    busy: bool = False
    can_undo: bool = False
    can_redo: bool = False
    lost: bool = False
    """The video's file isn't where it was."""
    text_shown: bool = False
    text_corrected: bool = False
    region_shown: bool = False
    training: bool = False
    candidate_model: bool = False
    earlier_model: bool = False
    """A model was in use before this one."""


class Spec(NamedTuple):
    """One action. ``slot`` is what it does; ``keys`` are shortcuts, the first is shown."""

    id: str
    menu: str
    text: str
    keys: tuple[str, ...]
    slot: Slot
    when: When
    tip: str = ""
    bar: bool = False
    before: bool = False
    """A line stands before it in the menu."""
    checked: When | None = None
    """For what is on or off: whether it is on. Its slot turns it round."""

    @property
    def of_player(self) -> bool:
        """Its keys work while the player has the focus: elsewhere they are typed or move a list."""
        return self.menu == PLAYER_MENU


def build(window: MainWindow, table: Iterable[Spec]) -> dict[str, QAction]:
    """The actions by id, connected to what they do."""
    made = {}
    for spec in table:
        action = QAction(spec.text, window)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        keys = f" ({spec.keys[0]})" if spec.keys else ""
        plain = spec.text.replace("&", "").rstrip("…")
        action.setIconText(plain)
        action.setToolTip(f"{plain}{keys}" + (f"\n{spec.tip}" if spec.tip else ""))
        action.setCheckable(spec.checked is not None)
        if spec.of_player:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda *_, slot=spec.slot: slot(window))
        made[spec.id] = action
    return made


def refresh(actions: Mapping[str, QAction], state: State, table: Iterable[Spec]) -> None:
    """Enables what can be used now, and checks what is on."""
    for spec in table:
        actions[spec.id].setEnabled(spec.when(state))
        if spec.checked is not None:
            actions[spec.id].setChecked(spec.checked(state))


def menus(table: Iterable[Spec]) -> dict[str, list[Spec]]:
    """The table by menu, in its order."""
    found: dict[str, list[Spec]] = {}
    for spec in table:
        found.setdefault(spec.menu, []).append(spec)
    return found
