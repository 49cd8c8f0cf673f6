"""A form on its own, shown and with the focus, in the theme."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.action_table import TABLE
from desktop.theme import style
from desktop.views.description import section
from desktop.views.description.form import DescriptionForm


class Heard:
    """What the form asked for, in order."""

    def __init__(self, form: DescriptionForm) -> None:
        self.changes: list[dict[str, Any]] = []
        self.saves: list[dict[str, Any]] = []
        self.finals: list[dict[str, Any]] = []
        form.values_changed.connect(self.changes.append)
        form.save_wanted.connect(self.saves.append)
        form.finalise_wanted.connect(self.finals.append)


@pytest.fixture
def form(qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> DescriptionForm:
    style.apply(qapp)
    monkeypatch.setattr(section, "_open", {})
    made = DescriptionForm()
    qtbot.addWidget(made)
    made.resize(440, 900)
    with qtbot.waitExposed(made):
        made.show()
    for spec in TABLE:
        if spec.id in ("field-next", "section-next", "section-previous"):
            QShortcut(spec.keys[0], made, lambda slot=spec.slot: slot(SimpleNamespace(in_form=lambda: made)))
    made.show_record({}, draft=True, number=0, record=1)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    for one in made.body.sections:
        one.open()
    return made


@pytest.fixture
def heard(form: DescriptionForm) -> Heard:
    return Heard(form)
