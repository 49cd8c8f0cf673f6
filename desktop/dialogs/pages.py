"""Pages to read: the keyboard shortcuts, and what PolypTrace is and is not."""

from __future__ import annotations

from html import escape

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from core import __version__
from core.domain import RESEARCH_BANNER
from core.text.vocabulary import load
from desktop import actions
from desktop.action_table import TABLE


def shortcuts_page(parent: QWidget) -> QDialog:
    """Every action with its keys, from the table."""
    parts = []
    for menu, specs in actions.menus(TABLE).items():
        where = " <i>(while the player has the focus: F3)</i>" if menu == actions.PLAYER_MENU else ""
        rows = "".join(
            f"<tr><td style='padding-right:2em'>{escape(spec.text.replace('&', ''))}</td>"
            f"<td><b>{escape(' or '.join(spec.keys)) or '–'}</b></td></tr>"
            for spec in specs
        )
        parts.append(f"<h3>{escape(menu.replace('&', ''))}{where}</h3><table>{rows}</table>")
    return _page(parent, "Keyboard shortcuts", "".join(parts))


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
