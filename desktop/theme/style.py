"""The style sheet and palette of the whole window, made of the theme's colours."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from desktop.theme import colours as c

_SHEET = f"""
QWidget {{ color: {c.TEXT}; background: {c.PANEL}; }}
QLabel, QStatusBar QWidget {{ background: transparent; }}
QMainWindow, QMainWindow::separator {{ background: {c.WINDOW}; }}
QMainWindow::separator {{ width: 0.4em; height: 0.4em; }}
QToolTip {{ color: {c.TEXT}; background: {c.RAISED}; border: 1px solid {c.LINE}; padding: 0.3em; }}

QMenuBar, QMenu, QToolBar, QStatusBar {{ background: {c.WINDOW}; }}
QMenuBar::item {{ padding: 0.3em 0.7em; background: transparent; }}
QMenuBar::item:selected, QMenu::item:selected {{ background: {c.RAISED}; }}
QMenu {{ border: 1px solid {c.LINE}; padding: 0.3em 0; }}
QMenu::item {{ padding: 0.35em 2em 0.35em 1.2em; }}
QMenu::item:disabled {{ color: {c.FAINT}; }}
QMenu::separator {{ height: 1px; background: {c.LINE}; margin: 0.3em 0; }}
QStatusBar::item {{ border: none; }}
QToolBar {{ border: none; spacing: 0.2em; padding: 0.25em; }}

QPushButton, QToolButton {{
    background: {c.RAISED}; border: 1px solid {c.LINE}; border-radius: 0.35em; padding: 0.35em 0.8em;
}}
QToolBar QToolButton {{ background: transparent; border-color: transparent; }}
QPushButton:hover, QToolButton:hover {{ border-color: {c.QUIET}; }}
QPushButton:checked, QToolButton:checked {{
    background: {c.ACCENT}; color: {c.WINDOW}; border-color: {c.ACCENT};
}}
QPushButton:disabled, QToolButton:disabled {{ color: {c.FAINT}; border-color: {c.RAISED}; }}
QFileDialog QToolButton {{ padding: 0.1em; }}
QToolBar QToolButton:disabled {{ border-color: transparent; }}
QPushButton:default {{ border-color: {c.ACCENT}; }}
QPushButton:focus, QToolButton:focus, QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus,
QDateEdit:focus, QTreeView:focus, QListView:focus, QTableView:focus {{ border: 1px solid {c.ACCENT}; }}

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QDateEdit {{
    background: {c.WINDOW}; border: 1px solid {c.LINE}; border-radius: 0.3em; padding: 0.25em 0.4em;
    selection-background-color: {c.ACCENT}; selection-color: {c.WINDOW};
}}
QCheckBox::indicator {{
    width: 0.9em; height: 0.9em; background: {c.WINDOW}; border: 1px solid {c.QUIET}; border-radius: 0.2em;
}}
QCheckBox::indicator:checked {{ background: {c.ACCENT}; border-color: {c.ACCENT}; }}
QCheckBox::indicator:focus {{ border-color: {c.ACCENT}; }}
QComboBox QAbstractItemView {{ background: {c.RAISED}; border: 1px solid {c.LINE}; }}
QTreeView, QListView, QTableView {{
    background: {c.PANEL}; border: 1px solid {c.PANEL}; outline: none; alternate-background-color: {c.PANEL};
}}
QTreeView::item, QListView::item {{ padding: 0.25em 0.2em; }}
QTreeView::item:hover, QListView::item:hover, QTableView::item:hover {{ background: {c.RAISED}; }}
QTreeView::item:selected, QListView::item:selected, QTableView::item:selected {{
    background: {c.RAISED}; color: {c.ACCENT};
}}
QHeaderView::section {{
    background: {c.PANEL}; color: {c.QUIET}; border: none; border-bottom: 1px solid {c.LINE}; padding: 0.3em;
}}
QHeaderView::section:vertical {{ border-bottom: none; }}
QScrollBar {{ background: {c.PANEL}; width: 0.8em; height: 0.8em; margin: 0; }}
QScrollBar::handle {{ background: {c.LINE}; border-radius: 0.4em; min-height: 2em; min-width: 2em; }}
QScrollBar::handle:hover {{ background: {c.QUIET}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QProgressBar {{
    background: {c.WINDOW}; border: 1px solid {c.LINE}; border-radius: 0.3em; text-align: center;
}}
QProgressBar::chunk {{ background: {c.ACCENT}; border-radius: 0.25em; }}
QSlider::groove:horizontal {{ height: 0.3em; background: {c.LINE}; border-radius: 0.15em; }}
QSlider::handle:horizontal {{
    width: 1em; margin: -0.4em 0; border-radius: 0.5em; background: {c.ACCENT};
}}
QTabBar QToolButton {{ padding: 0; margin: 0; }}
QTabBar::tab {{
    background: {c.WINDOW}; color: {c.QUIET}; padding: 0.45em 1em; border: none;
    border-bottom: 2px solid transparent;
}}
QTabBar::tab:selected {{ color: {c.TEXT}; border-bottom-color: {c.ACCENT}; background: {c.PANEL}; }}
QTabBar::tab:focus {{ color: {c.ACCENT}; }}
QTabWidget::pane {{ border: none; }}
QDockWidget {{ color: {c.QUIET}; }}
QDockWidget::title {{ background: {c.WINDOW}; padding: 0.4em 0.6em; }}
QSplitter::handle {{ background: {c.WINDOW}; }}
QGroupBox {{ border: 1px solid {c.LINE}; border-radius: 0.4em; margin-top: 0.8em; padding-top: 0.5em; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 0.8em; color: {c.QUIET}; }}

*[role="quiet"] {{ color: {c.QUIET}; }}
*[role="title"] {{ font-weight: 600; }}
*[role="warning"] {{ color: {c.WARN}; }}
*[role="error"] {{ color: {c.BAD}; }}
*[role="good"] {{ color: {c.GOOD}; }}
*[role="card"] {{ background: {c.RAISED}; border: 1px solid {c.LINE}; border-radius: 0.4em; padding: 0.5em; }}
*[role="banner"] {{ background: {c.BANNER}; color: #ffffff; font-weight: 600; padding: 0.25em; }}
"""


def style_sheet() -> str:
    """The application's style sheet."""
    return _SHEET


def palette() -> QPalette:
    """The same colours for what the style sheet doesn't reach: placeholder text, links, native parts."""
    made = QPalette()
    roles = {
        QPalette.ColorRole.Window: c.PANEL,
        QPalette.ColorRole.WindowText: c.TEXT,
        QPalette.ColorRole.Base: c.WINDOW,
        QPalette.ColorRole.AlternateBase: c.PANEL,
        QPalette.ColorRole.Text: c.TEXT,
        QPalette.ColorRole.PlaceholderText: c.QUIET,
        QPalette.ColorRole.Button: c.RAISED,
        QPalette.ColorRole.ButtonText: c.TEXT,
        QPalette.ColorRole.Highlight: c.ACCENT,
        QPalette.ColorRole.HighlightedText: c.WINDOW,
        QPalette.ColorRole.Link: c.ACCENT,
        QPalette.ColorRole.ToolTipBase: c.RAISED,
        QPalette.ColorRole.ToolTipText: c.TEXT,
    }
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    return made


def apply(app: QApplication) -> None:
    """Gives the application its look, the same on every platform."""
    app.setStyle("Fusion")
    app.setPalette(palette())
    app.setStyleSheet(style_sheet())


def set_role(widget: QWidget, role: str, name: str = "role") -> None:
    """Gives a widget its role in the style sheet, now."""
    if widget.property(name) != role:
        widget.setProperty(name, role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
