"""When the form asks for a save, and that nothing typed is ever lost."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from core.errors import PolypTraceError
from desktop.views.description.form import SAVE_PAUSE_MS, DescriptionForm

FULL = {
    "state": "polyp", "segment": "sigmoid", "size_mm": 6, "size_method": "eye", "paris": "Is",
    "imaging": "NBI", "action": "biopsy only",
}  # fmt: skip
ERROR = PolypTraceError("catalog-busy", "The catalogue is busy.", "Try again in a moment.")


def type_size(qtbot: QtBot, form: DescriptionForm, text: str) -> None:
    form.body.go_to("size_mm")
    qtbot.keyClicks(form.body.rows["size_mm"].editor.stops()[0], text)


def test_a_pause_in_typing_asks_for_one_save(qtbot: QtBot, form: DescriptionForm, heard: Any) -> None:
    with qtbot.waitSignal(form.save_wanted, timeout=SAVE_PAUSE_MS + 2000) as asked:
        type_size(qtbot, form, "12")
        assert heard.saves == []
        assert form.footer.state == "Not saved yet"
    assert asked.args == [{"size_mm": 12}]
    assert heard.saves == [{"size_mm": 12}]
    assert form.footer.state == "Saving…"
    assert form.dirty
    form.saved(1)
    assert not form.dirty
    assert form.footer.state.startswith("Saved ")
    assert form.footer.revision == "Revision 1 · Draft"
    assert not form.flush()


def test_leaving_the_form_asks_at_once(qtbot: QtBot, form: DescriptionForm, heard: Any) -> None:
    other = QLineEdit()
    qtbot.addWidget(other)
    type_size(qtbot, form, "12")
    form.body.go_to("colour")
    assert heard.saves == []
    with qtbot.waitExposed(other):
        other.show()
    other.activateWindow()
    other.setFocus()
    qtbot.waitUntil(lambda: heard.saves == [{"size_mm": 12}], timeout=SAVE_PAUSE_MS // 2)


def test_flush_asks_once_for_what_is_not_on_its_way(qtbot: QtBot, form: DescriptionForm, heard: Any) -> None:
    assert not form.flush()
    type_size(qtbot, form, "1")
    assert form.flush()
    assert not form.flush()
    type_size(qtbot, form, "2")
    assert form.flush()
    assert heard.saves == [{"size_mm": 1}, {"size_mm": 12}]
    form.saved(1)
    assert form.dirty
    assert form.footer.state == "Saving…"
    form.saved(2)
    assert not form.dirty


def test_a_failed_save_keeps_the_text_and_can_be_repeated(
    qtbot: QtBot, form: DescriptionForm, heard: Any
) -> None:
    type_size(qtbot, form, "12")
    form.flush()
    form.failed(ERROR)
    assert form.dirty
    assert form.values() == {"size_mm": 12}
    assert form.footer.state == "Not saved"
    assert form.footer.problem.isVisible()
    assert ERROR.message in form.footer.problem.text
    assert ERROR.hint in form.footer.problem.text
    qtbot.mouseClick(form.footer.again_button, Qt.MouseButton.LeftButton)
    assert heard.saves == [{"size_mm": 12}, {"size_mm": 12}]
    assert not form.footer.problem.isVisible()
    form.saved(1)
    assert not form.dirty


def test_another_record_first_asks_for_the_save_of_this_one(
    qtbot: QtBot, form: DescriptionForm, heard: Any
) -> None:
    records: list[object] = []
    form.save_wanted.connect(lambda values: records.append(form.record))
    type_size(qtbot, form, "12")
    form.show_record({"size_mm": 3}, draft=True, number=5, record=2)
    assert heard.saves == [{"size_mm": 12}]
    assert records == [1]
    assert form.values() == {"size_mm": 3}
    assert not form.dirty
    form.saved(1)  # of the record before
    assert form.footer.revision == "Revision 5 · Draft"
    type_size(qtbot, form, "4")
    form.clear("Choose a clip.")
    assert records == [1, 2]
    assert form.values() == {}


def test_a_save_that_failed_after_the_switch_comes_back_with_its_record(
    qtbot: QtBot, form: DescriptionForm, heard: Any
) -> None:
    type_size(qtbot, form, "12")
    form.show_record({}, draft=True, number=0, record=2)
    form.failed(ERROR)
    assert form.values() == {}
    form.show_record({}, draft=True, number=0, record=1)
    assert form.values() == {"size_mm": 12}
    with qtbot.waitSignal(form.save_wanted, timeout=SAVE_PAUSE_MS + 2000):
        pass
    assert heard.saves[-1] == {"size_mm": 12}


def test_our_own_save_coming_back_disturbs_nothing(qtbot: QtBot, form: DescriptionForm, heard: Any) -> None:
    note = form.body.rows["free_text"].editor
    note.setFocus()
    qtbot.keyClicks(note.stops()[0], "Close to the ")
    form.flush()
    asked = heard.saves[-1]
    qtbot.keyClicks(note.stops()[0], "scar")
    qtbot.keyClick(note.stops()[0], Qt.Key.Key_Left)
    changes = len(heard.changes)
    form.show_record(asked, draft=True, number=1, record=1)
    form.saved(1)
    assert form.values() == {"free_text": "Close to the scar"}
    assert note.text.textCursor().position() == len("Close to the sca")
    assert note.text.hasFocus()
    assert note.text.document().isUndoAvailable()
    assert form.dirty
    assert len(heard.changes) == changes
    assert form.flush()


def test_undo_from_outside_changes_what_was_not_touched(
    qtbot: QtBot, form: DescriptionForm, heard: Any
) -> None:
    form.show_record({"colour": "red"}, draft=True, number=3, record=7)
    type_size(qtbot, form, "12")
    form.show_record({"colour": "pale"}, draft=True, number=4, record=7)
    assert form.values() == {"size_mm": 12, "colour": "pale"}
    assert form.dirty
    assert heard.saves == []
    with qtbot.waitSignal(form.save_wanted, timeout=SAVE_PAUSE_MS + 2000):
        pass
    assert heard.saves == [{"size_mm": 12, "colour": "pale"}]


def test_half_typed_words_are_saved_as_they_are(qtbot: QtBot, form: DescriptionForm, heard: Any) -> None:
    form.body.go_to("segment")
    qtbot.keyClicks(form.body.rows["segment"].editor.line, "rect")
    form.flush()
    assert heard.saves == [{"segment": "rect"}]


def test_showing_emits_nothing(form: DescriptionForm, heard: Any, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(form.save_wanted, wait=SAVE_PAUSE_MS + 200):
        form.show_record(FULL, draft=False, number=3, record=2)
        form.show_record(FULL | {"segment": "wrong"}, draft=True, number=4, record=2)
        form.clear("Choose a clip.")
        form.show_record({}, draft=True, number=0, record=3)
    assert (heard.changes, heard.saves, heard.finals) == ([], [], [])


def test_finalise_asks_for_a_final_save(qtbot: QtBot, form: DescriptionForm, heard: Any) -> None:
    form.show_record(FULL, draft=True, number=3, record=2)
    type_size(qtbot, form, "7")
    qtbot.mouseClick(form.footer.button, Qt.MouseButton.LeftButton)
    assert heard.finals == [FULL | {"size_mm": 7}]
    assert form.footer.state == "Saving…"
    form.saved(4)
    assert form.footer.revision == "Revision 4 · Final"
    assert not form.dirty
    type_size(qtbot, form, "8")
    form.flush()
    form.saved(5)
    assert form.footer.revision == "Revision 5 · Draft"


def test_finalise_names_all_that_is_missing_and_goes_there(
    qtbot: QtBot, form: DescriptionForm, heard: Any
) -> None:
    values = {key: value for key, value in FULL.items() if key not in ("segment", "imaging")}
    form.show_record(values | {"height_mm": 500}, draft=True, number=3, record=2)
    qtbot.mouseClick(form.footer.button, Qt.MouseButton.LeftButton)
    assert heard.finals == []
    said = form.footer.problem.text
    assert said == "Still needed: Segment and Imaging. To be put right: Height."
    assert form.body.rows["segment"].has_focus()
    assert ("error", "“Segment” is needed.") in form.body.rows["segment"].remarks
    qtbot.keyClicks(form.body.rows["segment"].editor.line, "caecum")
    assert form.footer.problem.text == "Still needed: Imaging. To be put right: Height."
