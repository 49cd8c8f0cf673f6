"""Each kind of field by mouse and keyboard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut, QWheelEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from core.text.normal import normalise
from core.text.sampling import random_description
from core.text.vocabulary import load
from desktop.views.description.combo import ChoiceBox
from desktop.views.description.form import DescriptionForm
from desktop.views.description.note import NoteEdit
from desktop.views.description.number import NumberEdit
from desktop.views.description.toggles import ToggleRow


def editor(form: DescriptionForm, key: str) -> Any:
    return form.body.rows[key].editor


def press(qtbot: QtBot, *keys: Qt.Key | str) -> None:
    """Presses keys and types words where the focus is."""
    for key in keys:
        for one in key if isinstance(key, str) else [key]:
            focused = QApplication.activePopupWidget() or QApplication.focusWidget()
            assert focused is not None
            if isinstance(one, str) and not one.isascii():  # which QTest doesn't know
                event = QKeyEvent(QEvent.Type.KeyPress, 0, Qt.KeyboardModifier.NoModifier, one)
                QApplication.sendEvent(focused, event)
            else:
                qtbot.keyClick(focused, one)


def button(form: DescriptionForm, key: str, text: str) -> QWidget:
    return next(one for one in editor(form, key).buttons if one.text() == text)


def shown(form: DescriptionForm, key: str) -> Any:
    """What a user sees in a field."""
    one = editor(form, key)
    if isinstance(one, ToggleRow):
        return [each.text() for each in one.buttons if each.isChecked()]
    return one.text.toPlainText() if isinstance(one, NoteEdit) else one.line.text()


def seen(value: Any) -> Any:
    """How a value looks in a field."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, (int, float)) else value


@pytest.mark.parametrize("seed", range(12))
def test_every_description_is_shown_and_given_back(form: DescriptionForm, heard: Any, seed: int) -> None:
    values = random_description(np.random.default_rng(seed))
    form.show_record(values, draft=False, number=2, record=2)
    assert form.values() == values
    assert not form.dirty
    assert heard.changes == heard.saves == []
    for key, row in form.body.rows.items():
        value = values.get(key)
        if isinstance(row.editor, ToggleRow):
            chosen = value if isinstance(value, list) else [] if value is None else [seen(value)]
            if row.field.type == "boolean" and value is None:
                chosen = ["not recorded"]
            assert sorted(shown(form, key)) == sorted(chosen)
        else:
            assert shown(form, key) == ("" if value is None else seen(value))
        assert not (value is not None and row.isHidden())


@pytest.mark.parametrize("seed", range(12))
def test_every_description_can_be_typed_and_clicked(qtbot: QtBot, form: DescriptionForm, seed: int) -> None:
    values = random_description(np.random.default_rng(seed))
    for key, value in values.items():
        one = editor(form, key)
        assert one.isVisible()
        if isinstance(one, ToggleRow):
            for word in value if isinstance(value, list) else [value]:
                qtbot.mouseClick(button(form, key, seen(word)), Qt.MouseButton.LeftButton)
        else:
            one.setFocus()
            press(qtbot, seen(value), Qt.Key.Key_Tab)
    form.footer.button.setFocus()
    assert form.values() == normalise(values)
    assert form.card.text == form._reading.sentence


def test_a_second_click_takes_a_choice_back(qtbot: QtBot, form: DescriptionForm, heard: Any) -> None:
    red = button(form, "colour", "red")
    qtbot.mouseClick(red, Qt.MouseButton.LeftButton)
    assert form.values() == {"colour": "red"}
    qtbot.mouseClick(red, Qt.MouseButton.LeftButton)
    assert form.values() == {}
    assert heard.changes == [{"colour": "red"}, {}]


def test_a_choice_by_letter_arrow_and_delete(qtbot: QtBot, form: DescriptionForm) -> None:
    editor(form, "state").setFocus()
    press(qtbot, "s")
    assert form.values() == {"state": "scar"}
    press(qtbot, "s")
    assert form.values() == {"state": "suspected cancer"}
    press(qtbot, Qt.Key.Key_Left)
    assert form.values() == {"state": "recurrence at scar"}
    press(qtbot, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Left)
    assert form.values() == {"state": "polyp"}
    press(qtbot, Qt.Key.Key_Delete)
    assert form.values() == {}
    press(qtbot, Qt.Key.Key_Space)
    assert form.values() == {"state": "polyp"}


def test_a_digit_chooses_where_values_begin_with_it(qtbot: QtBot, form: DescriptionForm) -> None:
    editor(form, "nice").setFocus()
    press(qtbot, "2")
    assert form.values() == {"nice": "2"}


def test_the_window_s_letters_and_arrows_stay_away_from_the_form(qtbot: QtBot, form: DescriptionForm) -> None:
    stolen: list[str] = []
    for keys in ("L", "I", "K", "Left", "Right", "Up", "8"):
        QShortcut(QKeySequence(keys), form).activated.connect(lambda keys=keys: stolen.append(keys))
    editor(form, "state").setFocus()
    press(qtbot, "l", "i", "k", Qt.Key.Key_Right)
    editor(form, "size_mm").setFocus()
    press(qtbot, "8", Qt.Key.Key_Up, Qt.Key.Key_Left)
    editor(form, "segment").setFocus()
    press(qtbot, "il", Qt.Key.Key_Tab)
    assert stolen == []
    assert form.values()["state"] == "scar"
    assert form.values()["size_mm"] == 9
    form.footer.button.setFocus()
    press(qtbot, Qt.Key.Key_L)
    assert stolen == ["L"]  # so the shortcuts do work elsewhere


def test_one_tab_stop_a_row(qtbot: QtBot, form: DescriptionForm) -> None:
    editor(form, "sub_segment").setFocus()
    press(qtbot, "d", Qt.Key.Key_Tab)
    assert form.body.rows["wall"].has_focus()
    press(qtbot, Qt.Key.Key_Tab)
    assert form.body.rows["wall_clock"].has_focus()
    press(qtbot, Qt.Key.Key_Backtab, Qt.Key.Key_Backtab)
    assert QApplication.focusWidget() is button(form, "sub_segment", "distal")


def test_what_stands_alone_takes_the_others_place(qtbot: QtBot, form: DescriptionForm) -> None:
    for word in ("smooth", "granular"):
        qtbot.mouseClick(button(form, "surface", word), Qt.MouseButton.LeftButton)
    assert form.values() == {"surface": ["smooth", "granular"]}
    qtbot.mouseClick(button(form, "surface", "not assessable"), Qt.MouseButton.LeftButton)
    assert form.values() == {"surface": ["not assessable"]}
    qtbot.mouseClick(button(form, "surface", "villous"), Qt.MouseButton.LeftButton)
    assert form.values() == {"surface": ["villous"]}
    editor(form, "surface").setFocus()
    press(qtbot, "l")
    assert form.values() == {"surface": ["villous", "lobulated"]}
    press(qtbot, Qt.Key.Key_Delete)
    assert form.values() == {}


def test_yes_no_and_not_recorded(qtbot: QtBot, form: DescriptionForm) -> None:
    assert shown(form, "magnified") == ["not recorded"]
    editor(form, "magnified").setFocus()
    press(qtbot, "y")
    assert form.values() == {"magnified": True}
    qtbot.mouseClick(button(form, "magnified", "no"), Qt.MouseButton.LeftButton)
    assert form.values() == {"magnified": False}
    qtbot.mouseClick(button(form, "magnified", "not recorded"), Qt.MouseButton.LeftButton)
    assert form.values() == {}


@pytest.mark.parametrize(
    ("key", "typed", "code"),
    [
        ("segment", "cecum", "caecum"),
        ("segment", "sig", "sigmoid"),
        ("segment", "Sigmoid Colon", "sigmoid"),
        ("paris", "0-IIa + Is", "IIa+Is"),
        ("paris", "is", "Is"),
        ("imaging", "narrow band imaging", "NBI"),
        ("action", "uemr", "underwater EMR"),
        ("histology", ">=pT2", "carcinoma ≥pT2"),
    ],
)
def test_a_list_understands_what_people_type(
    qtbot: QtBot, form: DescriptionForm, key: str, typed: str, code: str
) -> None:
    editor(form, key).setFocus()
    press(qtbot, typed, Qt.Key.Key_Tab)
    assert not form.body.rows[key].has_focus()
    assert form.values() == {key: code}
    assert shown(form, key) == code


def test_a_list_offers_what_holds_the_typed_letters(qtbot: QtBot, form: DescriptionForm) -> None:
    box: ChoiceBox = editor(form, "segment")
    box.setFocus()
    press(qtbot, "flex")
    popup = box.box.completer().popup()
    qtbot.waitUntil(popup.isVisible)
    offered = [str(popup.model().index(row, 0).data()) for row in range(popup.model().rowCount())]
    assert offered == ["hepatic flexure", "splenic flexure"]
    press(qtbot, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert form.values() == {"segment": "hepatic flexure"}
    assert shown(form, "segment") == "hepatic flexure"


def test_a_list_can_be_stepped_and_emptied(qtbot: QtBot, form: DescriptionForm) -> None:
    editor(form, "paris").setFocus()
    press(qtbot, Qt.Key.Key_Down, Qt.Key.Key_Down)
    assert form.values() == {"paris": "Isp"}
    editor(form, "paris").line.selectAll()
    press(qtbot, Qt.Key.Key_Delete, Qt.Key.Key_Tab)
    assert form.values() == {}
    assert shown(form, "paris") == ""


def test_an_ambiguous_or_unknown_word_stays_as_typed(qtbot: QtBot, form: DescriptionForm) -> None:
    for typed in ("rect", "sigmoyd"):
        editor(form, "segment").setFocus()
        editor(form, "segment").line.selectAll()
        press(qtbot, typed, Qt.Key.Key_Tab)
        form.footer.button.setFocus()
        assert form.values() == {"segment": typed}
        assert shown(form, "segment") == typed
        kind, said = form.body.rows["segment"].remarks[0]
        assert kind == "error"
    assert "Did you mean “sigmoid”?" in said


def test_numbers_step_within_their_range(qtbot: QtBot, form: DescriptionForm) -> None:
    line: NumberEdit = editor(form, "dist_av_cm")
    line.setFocus()
    press(qtbot, Qt.Key.Key_Up)
    assert form.values() == {"dist_av_cm": 0.0}
    press(qtbot, Qt.Key.Key_Up)
    assert form.values() == {"dist_av_cm": 0.5}
    press(qtbot, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down)
    assert form.values() == {"dist_av_cm": 0.0}
    press(qtbot, Qt.Key.Key_Backspace)
    assert form.values() == {}


def test_numbers_understand_units_and_keep_what_they_do_not(qtbot: QtBot, form: DescriptionForm) -> None:
    editor(form, "size_mm").setFocus()
    press(qtbot, "2 cm")
    assert form.values() == {"size_mm": 20}
    assert shown(form, "size_mm") == "2 cm"
    press(qtbot, Qt.Key.Key_Tab)
    assert shown(form, "size_mm") == "20"
    editor(form, "size_mm").setFocus()
    editor(form, "size_mm").line.selectAll()
    press(qtbot, "about 9", Qt.Key.Key_Tab)
    assert form.values() == {"size_mm": "about 9"}
    assert shown(form, "size_mm") == "about 9"


def turn_wheel(widget: QWidget) -> None:
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle, QPointF(widget.mapToGlobal(middle.toPoint())), QPoint(), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("key", ["segment", "size_mm", "state", "surface"])
def test_the_wheel_changes_no_value(form: DescriptionForm, key: str) -> None:
    values = {"segment": "sigmoid", "size_mm": 8, "state": "polyp", "surface": ["smooth"]}
    form.show_record(values, draft=True, number=1, record=2)
    for focused in (False, True):
        if focused:
            editor(form, key).setFocus()
        for stop in editor(form, key).stops():
            turn_wheel(stop)
        assert form.values() == values


def test_the_note_counts_and_keeps_every_character(qtbot: QtBot, form: DescriptionForm) -> None:
    note: NoteEdit = editor(form, "free_text")
    note.setFocus()
    press(qtbot, "Close to the  scar.", Qt.Key.Key_Return, "Second line ")
    assert form.values() == {"free_text": "Close to the  scar.\nSecond line "}
    assert note.counter.text() == "32 / 400 characters"
    note.text.setPlainText("x" * 405)
    assert note.counter.text() == "405 / 400 characters, 5 too many"
    assert form.values() == {"free_text": "x" * 405}


def test_wrong_values_of_a_record_are_shown_and_kept(qtbot: QtBot, form: DescriptionForm) -> None:
    values = {
        "state": "wart",
        "surface": ["smooth", "furry"],
        "magnified": "perhaps",
        "size_mm": [1],
        "extra": 1,
    }
    form.show_record(values, draft=True, number=1, record=2)
    assert form.values() == normalise(values)
    assert shown(form, "state") == ["“wart”"]
    assert shown(form, "surface") == ["smooth", "“furry”"]
    assert shown(form, "magnified") == ["“perhaps”"]
    assert not form.dirty
    assert "extra" in form.footer.problem.text
    qtbot.mouseClick(button(form, "state", "polyp"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(button(form, "surface", "“furry”"), Qt.MouseButton.LeftButton)
    assert shown(form, "state") == ["polyp"]
    assert form.values() == normalise(values | {"state": "polyp", "surface": ["smooth"]})


def test_every_field_has_a_name_for_screen_readers(form: DescriptionForm) -> None:
    for key, row in form.body.rows.items():
        label = load().by_key[key].label
        for stop in row.editor.stops():
            assert label in stop.accessibleName()
        assert row.label.buddy() is row.editor


def test_the_mnemonics_go_to_their_fields(qtbot: QtBot, form: DescriptionForm) -> None:
    for key in ("paris", "size_mm", "state", "free_text"):
        letter = form.body.rows[key].label.text().partition("&")[2][0].upper()
        form.footer.button.setFocus()
        qtbot.keyClick(form.footer.button, getattr(Qt.Key, f"Key_{letter}"), Qt.KeyboardModifier.AltModifier)
        assert form.body.rows[key].has_focus()
    focused = QApplication.focusWidget()
    assert isinstance(focused, QPlainTextEdit)
