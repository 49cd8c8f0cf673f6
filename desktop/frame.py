"""The window's frame: banner and notices above the player; menus and tool bar from the table of actions."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QMainWindow, QMenu, QToolBar, QVBoxLayout, QWidget

from core.domain import RESEARCH_BANNER
from desktop import actions
from desktop.action_table import TABLE
from desktop.notices import NoticeBar


class CentralArea(QWidget):
    """The research banner above, then notices, then what the window is about."""

    def __init__(self, body: QWidget) -> None:
        super().__init__()
        banner = QLabel(RESEARCH_BANNER)
        banner.setAlignment(Qt.AlignmentFlag.AlignCenter)
        banner.setProperty("role", "banner")
        self.notices: NoticeBar = NoticeBar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(banner)
        layout.addWidget(self.notices)
        layout.addWidget(body, 1)


def fill_menus(window: QMainWindow, made: Mapping[str, QAction]) -> None:
    """One menu for each of the table."""
    for title, specs in actions.menus(TABLE).items():
        menu: QMenu = window.menuBar().addMenu(title)
        menu.setToolTipsVisible(True)
        for spec in specs:
            if spec.before:
                menu.addSeparator()
            menu.addAction(made[spec.id])


def fill_tool_bar(window: QMainWindow, made: Mapping[str, QAction]) -> None:
    """The actions that are needed most."""
    bar = QToolBar("Tools")
    bar.setObjectName("tools")
    bar.setMovable(False)
    window.addToolBar(bar)
    for spec in TABLE:
        if spec.bar:
            bar.addAction(made[spec.id])
