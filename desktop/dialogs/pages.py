"""Pages to read: the keyboard shortcuts, and what PolypTrace is and is not."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from core import __version__
from core.domain import RESEARCH_BANNER
from core.text.vocabulary import load
from desktop import actions
from desktop.action_table import TABLE

_BY_HAND = (
    ("Draw, move or resize the lesion box", "drag"),
    ("Draw one without the mouse", "B, then Enter"),
    ("Move the lesion box by one pixel", "Alt + arrows"),
    ("Resize it by one pixel", "Alt + Shift + arrows"),
    ("End drawing, or correcting burned-in text", "Esc"),
    ("One frame on or back", "wheel"),
    ("Enlarge or reduce", "Ctrl + wheel"),
    ("Move the enlarged picture", "Space + drag, or drag with the middle button"),
    ("Whole picture", "double click"),
)
"""What belongs to the hand on the picture, and so is no action of the table."""


def shortcuts_page(parent: QWidget) -> QDialog:
    """Every action with its keys, from the table; then what the hand does on the picture."""
    parts = []
    for menu, specs in actions.menus(TABLE).items():
        where = " <i>(while the player has the focus: F3)</i>" if menu == actions.PLAYER_MENU else ""
        keys = ((spec.text.replace("&", ""), " or ".join(spec.keys) or "–") for spec in specs)
        parts.append(f"<h3>{escape(menu.replace('&', ''))}{where}</h3>{_table(keys)}")
    parts.append(f"<h3>On the picture</h3>{_table(_BY_HAND)}")
    return _page(parent, "Keyboard shortcuts", "".join(parts))


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (
        f"<tr><td style='padding-right:2em'>{escape(what)}</td><td><b>{escape(keys)}</b></td></tr>"
        for what, keys in rows
    )
    return f"<table>{''.join(lines)}</table>"


def about_page(parent: QWidget) -> QDialog:
    """Version, purpose and the vocabulary's notice."""
    notice = load().notice
    text = (
        f"<h2>PolypTrace {escape(__version__)}</h2><p><b>{escape(RESEARCH_BANNER)}.</b></p>"
        "<p>Recognises a polyp that was seen at an earlier colonoscopy of the same patient. It ranks; "
        "the endoscopist decides: nothing is linked without a verdict. It works offline; nothing leaves this "
        "computer.</p>"
        f"<p>{escape(notice.text)}</p><p>Sources: {escape(', '.join(notice.sources))}.</p>"
        "<p>Apache License 2.0.</p>"
    )
    return _page(parent, "About PolypTrace", text)


def _page(parent: QWidget, title: str, html: str) -> QDialog:
    dialog = QDialog(parent)
    dialog.setWindowTitle(f"{title} – {RESEARCH_BANNER}")
    view = QTextBrowser()
    view.setHtml(html)
    view.setAccessibleName(title)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.close)
    layout = QVBoxLayout(dialog)
    layout.addWidget(view)
    layout.addWidget(buttons)
    unit = dialog.fontMetrics().averageCharWidth()
    dialog.resize(unit * 80, unit * 90)
    return dialog
