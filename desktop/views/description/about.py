"""The copyright notice that has to be shown with the vocabulary."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from core.text.vocabulary import load


def about_vocabulary(parent: QWidget) -> QDialog:
    """Opens the notice and the sources; closing it deletes it."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("About this vocabulary")
    lay = QVBoxLayout(dialog)
    for paragraph in _paragraphs():
        lay.addWidget(_text(paragraph))
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.close)
    lay.addWidget(buttons)
    dialog.resize(dialog.fontMetrics().averageCharWidth() * 60, dialog.sizeHint().height())
    dialog.open()
    return dialog


def _paragraphs() -> list[str]:
    vocabulary = load()
    return [
        vocabulary.notice.text,
        f"Sources: {'; '.join(vocabulary.notice.sources)}.",
        f"Version {vocabulary.version}.",
    ]


def _text(paragraph: str) -> QLabel:
    label = QLabel(paragraph)
    label.setWordWrap(True)
    flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    label.setTextInteractionFlags(flags)
    return label
