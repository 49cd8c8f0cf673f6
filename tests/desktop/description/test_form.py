"""The form as a whole: conditions, problems, the meter, sections, keys, size and speed."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from core.text.render import report_text
from core.text.sampling import random_description
from core.text.vocabulary import load
from desktop.views.description import section
from desktop.views.description.form import SAVE_PAUSE_MS, SAVE_WITHIN_MS, DescriptionForm
from desktop.views.description.reading import warm

from .conftest import Heard

REQUIRED = [field.key for field in load().editable if field.required == "always"]


def press(qtbot: QtBot, *keys: Qt.Key | str) -> None:
    for key in keys:
        for one in key if isinstance(key, str) else [key]:
            focused = QApplication.activePopupWidget() or QApplication.focusWidget()
            assert focused is not None
            qtbot.keyClick(focused, one)


def is_shown(form: DescriptionForm, key: str) -> bool:
    return not form.body.rows[key].isHidden()


def box_of(form: DescriptionForm, key: str) -> section.SectionBox:
    return next(one for one in form.body.sections if one.section.key == key)


def test_every_field_that_a_person_fills_in_is_there_once(form: DescriptionForm) -> None:
    assert list(form.body.rows) == [
        field.key for one in load().sections for field in load().in_section(one.key) if field.type != "auto"
    ]


def test_fields_come_and_go_with_what_they_depend_on(qtbot: QtBot, form: DescriptionForm) -> None:
    assert not is_shown(form, "lst")
    form.body.go_to("size_mm")
    press(qtbot, "1")
    assert not is_shown(form, "lst")
    press(qtbot, "2")
    assert is_shown(form, "lst")
    form.body.go_to("lst")
    press(qtbot, "g")
    form.body.go_to("size_mm")
    press(qtbot, "9")
    assert is_shown(form, "lst")  # what was chosen isn't hidden but complained about
    assert form.body.rows["lst"].remarks == (
        ("error", "LST type applies only when largest diameter is at least 10 mm."),
    )
    form.body.go_to("lst")
    press(qtbot, Qt.Key.Key_Delete)
    assert is_shown(form, "lst")  # not under the user's hands
    press(qtbot, Qt.Key.Key_Tab)
    assert not is_shown(form, "lst")


def test_a_needed_field_is_marked_until_it_is_filled(qtbot: QtBot, form: DescriptionForm) -> None:
    assert [key for key, row in form.body.rows.items() if not row.needed.isHidden()] == REQUIRED
    form.body.go_to("action")
    press(qtbot, "cold snare", Qt.Key.Key_Tab)
    marked = [key for key, row in form.body.rows.items() if not row.needed.isHidden()]
    assert set(marked) == {*REQUIRED, "en_bloc", "complete", "retrieved"} - {"action"}
    kind, said = form.body.rows["complete"].remarks[0]
    assert kind == "needed"
    assert "“Complete removal” is needed" in said


def test_problems_stand_beside_their_field_and_leave_the_focus(qtbot: QtBot, form: DescriptionForm) -> None:
    form.show_record({"state": "scar"}, draft=True, number=1, record=2)
    form.body.go_to("paris")
    press(qtbot, "Is", Qt.Key.Key_Tab)
    assert form.body.rows["paris"].remarks == (("error", "A scar has no Paris class: choose n/a."),)
    form.body.go_to("free_text")
    press(qtbot, "seen by dr meier: Dr Meier")
    kind, said = form.body.rows["free_text"].remarks[0]
    assert (kind, "a name" in said) == ("warning", True)
    assert form.body.rows["free_text"].has_focus()
    assert box_of(form, "form").summary == "1 wrong"


def test_a_word_in_the_middle_of_typing_is_not_complained_about(qtbot: QtBot, form: DescriptionForm) -> None:
    form.body.go_to("segment")
    press(qtbot, "sig")
    assert form.body.rows["segment"].remarks == ()
    press(qtbot, "x")
    assert form.body.rows["segment"].remarks[0][0] == "error"


def test_the_sentence_is_live_and_says_what_blocks_it(qtbot: QtBot, form: DescriptionForm) -> None:
    assert "appears here" in form.card.text
    form.body.go_to("size_mm")
    press(qtbot, "12")
    assert form.card.text == report_text({"size_mm": 12})
    press(qtbot, "99")
    assert form.card.text == "Not written yet. Largest diameter lies between 1 and 150 mm."
    values = random_description(np.random.default_rng(4))
    form.show_record(values, draft=True, number=1, record=2)
    assert form.card.text == report_text(values)


def test_the_meter_counts_and_leads_to_what_is_missing(qtbot: QtBot, form: DescriptionForm) -> None:
    form.show_record({"state": "polyp", "size_mm": 12}, draft=True, number=1, record=2)
    assert form.meter.button.text() == "2 of 8 needed"
    assert (form.meter.bar.value(), form.meter.bar.maximum()) == (2, 8)
    visited = []
    form.meter.button.setFocus()
    for _ in range(7):
        press(qtbot, Qt.Key.Key_F8)
        visited.append(next(key for key, row in form.body.rows.items() if row.has_focus()))
    missing = ["segment", "size_method", "paris", "lst", "imaging", "action"]
    assert visited == [*missing, "segment"]
    form.show_record(random_description(np.random.default_rng(1)), draft=True, number=1, record=3)
    assert form.meter.button.text().startswith("All ")
    form.show_record({}, draft=True, number=0, record=4)
    form.footer.button.setFocus()
    qtbot.mouseClick(form.meter, Qt.MouseButton.LeftButton, pos=form.meter.bar.geometry().center())
    assert form.body.rows["state"].has_focus()


def test_the_needed_fields_by_keyboard_alone(qtbot: QtBot, form: DescriptionForm) -> None:
    form.meter.button.setFocus()
    strokes = ["p", Qt.Key.Key_F8, "sig", Qt.Key.Key_F8, "9", Qt.Key.Key_F8, "e", Qt.Key.Key_F8]
    strokes += ["Is", Qt.Key.Key_F8, "N", "B", "I", Qt.Key.Key_F8, "biopsy", Qt.Key.Key_Tab]
    press(qtbot, Qt.Key.Key_F8, *strokes)
    assert form.values() == {
        "state": "polyp", "segment": "sigmoid", "size_mm": 9, "size_method": "eye", "paris": "Is",
        "imaging": "NBI", "action": "biopsy only",
    }  # fmt: skip
    assert form.meter.button.text() == "All 7 needed are there"


def test_a_list_that_is_left_by_a_shortcut_takes_no_more_keys(qtbot: QtBot, form: DescriptionForm) -> None:
    form.next_missing()
    press(qtbot, "p", Qt.Key.Key_F8, "trans")
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    form.next_missing()
    assert QApplication.activePopupWidget() is None
    press(qtbot, "28")
    assert form.values() == {"state": "polyp", "segment": "transverse", "size_mm": 28}


def test_the_start_of_a_word_is_enough_to_go_on(qtbot: QtBot, form: DescriptionForm) -> None:
    values = {"state": "polyp", "segment": "caecum", "size_mm": 5, "size_method": "eye", "paris": "Is"}
    form.show_record(values | {"imaging": "NBI"}, draft=True, number=1, record=5)
    form.next_missing()
    press(qtbot, "cold sn")
    form.next_missing()
    assert form.values()["action"] == "cold snare"
    assert form.body.rows["en_bloc"].has_focus()


def test_sections_fold_and_remember_it(qtbot: QtBot, qapp: QApplication, monkeypatch: Any) -> None:
    monkeypatch.setattr(section, "_open", {})
    first, second = DescriptionForm(), DescriptionForm()
    for one in (first, second):
        qtbot.addWidget(one)
    first.show_record({}, draft=True, number=0, record=1)
    is_open = {box.section.key: box.is_open for box in first.body.sections}
    assert is_open == {
        "kind": True, "site": True, "form": True, "look": False, "imaging": True, "treatment": True,
        "marks": False, "pathology": False, "note": False,
    }  # fmt: skip
    qtbot.mouseClick(box_of(first, "look").header, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(box_of(first, "site").header, Qt.MouseButton.LeftButton)
    second.show_record({}, draft=True, number=0, record=1)
    assert box_of(second, "look").is_open
    assert not box_of(second, "site").is_open


def test_a_missing_field_in_a_folded_section_is_opened(qtbot: QtBot, form: DescriptionForm) -> None:
    for box in form.body.sections:
        box.header.click()
        assert not box.is_open
    form.show_record({"state": "polyp"}, draft=True, number=1, record=2)
    form.meter.button.setFocus()
    press(qtbot, Qt.Key.Key_F8)
    assert box_of(form, "site").is_open
    assert form.body.rows["segment"].has_focus()


def test_keys_go_from_section_to_section(qtbot: QtBot, form: DescriptionForm) -> None:
    box_of(form, "form").header.click()
    form.body.go_to("state")
    control = Qt.KeyboardModifier.ControlModifier
    focused = []
    for key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageDown, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
        qtbot.keyClick(QApplication.focusWidget(), key, control)
        focused.append(QApplication.focusWidget())
    rows = form.body.rows
    folded = box_of(form, "form")
    assert rows["segment"].isAncestorOf(focused[0])
    assert folded.is_open  # or what is typed would go to a heading
    assert folded.holds_focus(focused[1])
    assert focused[1] is not folded.header
    assert rows["colour"].isAncestorOf(focused[2])
    assert folded.holds_focus(focused[3])


def test_tab_follows_the_form_and_scrolls_it(qtbot: QtBot, form: DescriptionForm) -> None:
    form.meter.button.setFocus()
    visited: list[str] = []
    for _ in range(200):
        press(qtbot, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        assert focused is not None
        assert focused.visibleRegion().boundingRect().height() > 0
        visited += [key for key, row in form.body.rows.items() if row.isAncestorOf(focused)]
        if focused is form.footer.button:
            break
    assert visited == [key for key in form.body.rows if is_shown(form, key)]


def test_nothing_to_describe_says_why(form: DescriptionForm) -> None:
    form.clear("Choose a clip to describe its finding.")
    labels = [label.text() for label in form.findChildren(QLabel) if label.isVisible()]
    assert labels == ["Choose a clip to describe its finding."]
    assert not form.body.isVisible()


def test_the_copyright_notice_is_one_click_away(qtbot: QtBot, form: DescriptionForm) -> None:
    qtbot.mouseClick(form.footer.about_button, Qt.MouseButton.LeftButton)
    dialog = form.findChild(QDialog)
    assert dialog is not None
    assert dialog.isVisible()
    said = " ".join(label.text() for label in dialog.findChildren(QLabel))
    assert load().notice.text in said
    dialog.close()


@pytest.mark.parametrize("width", [320, 440, 900])
def test_nothing_is_cut_off(qtbot: QtBot, form: DescriptionForm, width: int) -> None:
    values = random_description(np.random.default_rng(8)) | {"size_2_mm": 900, "free_text": "W" * 200}
    form.resize(width, 700)
    form.show_record(values, draft=True, number=1, record=2)
    form.finalise()
    qtbot.waitUntil(lambda: form.width() == width)
    QApplication.processEvents()
    assert not form.body.horizontalScrollBar().isVisible()
    inner = form.body.widget()
    assert inner is not None
    for one in inner.findChildren(QWidget):
        if one.isVisible() and isinstance(one, (QPushButton, QLineEdit, QLabel)):
            right = one.mapTo(inner, QPoint(one.width(), 0)).x()
            assert right <= inner.width()
            if isinstance(one, QPushButton):
                assert one.width() >= one.sizeHint().width()
            if isinstance(one, QLabel):
                assert one.height() >= one.heightForWidth(one.width())


def test_a_keystroke_takes_little_of_the_window_s_time(qtbot: QtBot, form: DescriptionForm) -> None:
    warm()
    values = random_description(np.random.default_rng(2)) | {"free_text": "Close to the old scar. " * 15}
    form.show_record(values, draft=True, number=1, record=2)
    form.body.go_to("free_text")
    times = []
    for letter in "seen again at":
        start = time.thread_time()
        qtbot.keyClick(QApplication.focusWidget(), letter)
        QApplication.processEvents()
        times.append(time.thread_time() - start)
    assert sorted(times)[len(times) // 2] < 0.05


def test_the_first_import_is_light() -> None:
    code = (
        "import sys, desktop.views.description.form\n"
        "heavy = {'torch', 'numpy', 'sqlalchemy', 'av', 'tokenizers', 'transformers', 'pyqtgraph'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_words_are_saved_while_somebody_types_on(
    qtbot: QtBot, form: DescriptionForm, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SAVE_WITHIN_MS <= 5000
    form.body.go_to("free_text")
    typed = 0
    began = time.monotonic()
    while not heard.saves:
        assert time.monotonic() - began < 4 * SAVE_WITHIN_MS / 1000
        press(qtbot, "a")
        typed += 1
        qtbot.wait(SAVE_PAUSE_MS // 8)
    assert typed > 4  # never a pause that is long enough
    assert set(heard.saves[0]["free_text"]) == {"a"}
