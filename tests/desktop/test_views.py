"""Matches, explanation, notices and the import dialogue: each in every state."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtGui import QAction, QColor, QImage
from PySide6.QtWidgets import QDateEdit, QDialogButtonBox, QLabel

from core.catalog.changes import CatalogChanges
from core.domain import Verdict
from core.errors import PolypTraceError
from core.matching.deciding import Decided
from core.progress import Progress
from desktop.dialogs.import_dialog import ImportDialog
from desktop.item_models.matches import MatchesModel
from desktop.notices import NoticeBar
from desktop.views.explanation import ExplanationView
from desktop.views.matches.view import LOCKED, NO_CLIP, MatchesView
from desktop.words import hint_of, verdict_words

from .window_case import result, tables


@pytest.fixture
def matches(qtbot: Any) -> MatchesView:
    view = MatchesView([QAction("Same lesion"), QAction("New lesion")])
    qtbot.addWidget(view)
    view.resize(700, 700)
    view.show()
    return view


def words(view: Any) -> str:
    return " ".join(one.text() for one in view.findChildren(QLabel) if one.isVisible())


def test_matches_in_every_state(qtbot: Any, matches: MatchesView) -> None:
    assert NO_CLIP in words(matches)
    matches.show_locked()
    assert LOCKED in words(matches)
    matches.show_ready()
    with qtbot.waitSignal(matches.wanted):
        qtbot.mouseClick(matches._state.ask, Qt.MouseButton.LeftButton)
    matches.show_busy(Progress("embedding clips", 2, 5))
    assert "Embedding clips" in words(matches)
    with qtbot.waitSignal(matches.cancelled):
        qtbot.mouseClick(matches._state.cancel, Qt.MouseButton.LeftButton)
    matches.show_error(PolypTraceError("x", "It failed.", "Try again."))
    assert "It failed." in words(matches)
    assert "Try again." in words(matches)
    assert matches.candidate is None
    wanted: list[int] = []
    matches.crop_wanted.connect(wanted.append)
    matches.show_result(result())
    assert "A good match is there." in words(matches)
    assert wanted == [4, 3], "the wish for the first row comes last: the newest is looked at first"
    assert matches.candidate is not None
    assert matches.candidate.clip == 3  # a verdict is one key away


def test_none_of_these_is_a_row_of_its_own(qtbot: Any, matches: MatchesView) -> None:
    answer = {
        "score": 0.1,
        "threshold": 0.5,
        "is_no_match": True,
        "queries": 60,
        "reason": "Below.",
        "learnt_on": "",
    }
    matches.show_result(result(no_match=answer))
    assert "No good match." in words(matches)
    table, _ = tables(matches)
    model = table.model()
    assert isinstance(model, MatchesModel)
    assert model.rowCount() == 3
    cells = [model.index(2, column).data() for column in range(model.columnCount())]
    assert "None of these" in cells
    table.selectRow(2)
    assert matches.candidate is None


def test_a_ruled_out_clip_has_no_place_in_the_ranking(qtbot: Any) -> None:
    model = MatchesModel()
    model.show_candidates(result().patient, "answer")
    places = [model.headerData(row, Qt.Orientation.Vertical) for row in range(3)]
    assert places == ["1", "–", "–"]
    assert "not the same lesion" in model.index(1, model.columnCount() - 1).data()
    spoken = model.index(0, 1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "sigmoid" in spoken
    assert "completely removed" in spoken


def test_the_whole_catalogue_names_the_patients(qtbot: Any, matches: MatchesView) -> None:
    found = result()
    matches.show_result(msgspec.structs.replace(found, catalogue=found.patient))
    own, everyone = tables(matches)
    assert "P-1" not in own.model().index(0, 1).data()
    assert "P-1" in everyone.model().index(0, 1).data()
    everyone.selectRow(1)
    assert matches.candidate is not None
    assert matches.candidate.clip == 4


def test_an_explanation_is_blended_by_the_slider(qtbot: Any, tmp_path: Path) -> None:
    crop, heat = tmp_path / "crop.png", tmp_path / "map.png"
    picture = QImage(40, 40, QImage.Format.Format_RGB32)
    picture.fill(QColor("#804030"))
    picture.save(str(crop))
    layer = QImage(40, 40, QImage.Format.Format_ARGB32)
    layer.fill(QColor(255, 255, 0, 255))
    layer.save(str(heat))
    side = {"crop": str(crop), "map": str(heat), "clear": True, "clip": 1, "words": "clear", "strength": 0.1}
    view = ExplanationView()
    qtbot.addWidget(view)
    view.resize(500, 500)
    view.show()
    assert "Ctrl+E" in words(view)
    view.show_explanation(
        {
            "query": side,
            "candidate": side | {"clear": False},
            "similarity": 0.5,
            "model": "m",
            "device": "cpu",
        }
    )
    assert "not the outline of the lesion" in words(view)

    def middle(which: int) -> QColor:
        shown = view._pictures[which].grab().toImage()
        return shown.pixelColor(shown.width() // 2, shown.height() // 2)

    view._slider.setValue(0)
    assert middle(0) == QColor("#804030")
    view._slider.setValue(100)
    assert middle(0) == QColor("#ffff00")
    assert middle(1) == QColor("#804030")  # no clear region: nothing is drawn
    view.show_nothing()
    assert "Ctrl+E" in words(view)


def test_notices_say_what_to_do_in_the_window_s_words(qtbot: Any) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    assert bar.text == ""
    bar.show_error(PolypTraceError("match-not-described", "Not described.", "polyptrace describe 1 --set …"))
    assert bar.text == "Not described. Describe the finding (Ctrl+D); a draft is enough."
    error = bar.text
    for note in ("Saved.", "Imported.", "Imported."):
        bar.show_note(note)
    assert bar.text == f"{error}\nImported."
    for number in range(4):
        bar.show_warning(f"Warning {number}.")
    assert bar.text == "Warning 0.\nWarning 1.\nWarning 2.\nWarning 3."
    bar.clear()
    assert bar.text == ""
    assert bar.isHidden()
    assert hint_of(PolypTraceError("y", "m", "Run `polyptrace index` again.")) == ""
    assert hint_of(PolypTraceError("y", "m", "Check the file.")) == "Check the file."


def test_the_import_asks_for_a_pseudonym(qtbot: Any, tmp_path: Path) -> None:
    dialog = ImportDialog([tmp_path / "a.mp4"], ["P-1", "P-2"])
    qtbot.addWidget(dialog)
    dialog.show()
    button = next(
        one for one in dialog.findChild(QDialogButtonBox).buttons() if one.text().replace("&", "") == "Import"
    )
    assert not button.isEnabled()
    dialog.patient.setText("Dr. John Smith")
    assert "looks like" in words(dialog)
    dialog.patient.setText("P-2")
    assert "looks like" not in words(dialog)
    assert button.isEnabled()
    dialog.date.setDate(QDate(2024, 5, 6))
    assert dialog.date.date().toPython() == dt.date(2024, 5, 6)
    assert dialog.date.maximumDate() <= QDate.currentDate().addDays(1)
    assert dialog.files == [tmp_path / "a.mp4"]
    assert dialog.code == "P-2"
    dialog.patient.setText("P" * 65)
    assert not button.isEnabled()
    assert "at most 64" in words(dialog)


@pytest.mark.parametrize("typed", ["2025-03-02", "20250302", "2025-3-2"])
def test_a_day_is_typed_with_dashes_or_without(qtbot: Any, typed: str) -> None:
    dialog = ImportDialog([Path("a.mp4")], [])
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.date.setFocus()
    dialog.date.setSelectedSection(QDateEdit.Section.YearSection)
    qtbot.keyClicks(dialog.date, typed)
    qtbot.keyClick(dialog.date, Qt.Key.Key_Return)
    assert dialog.date.date() == QDate(2025, 3, 2)
    assert "2 March 2025" in words(dialog)


def test_a_reject_says_what_it_was_about() -> None:
    told = {
        other: verdict_words(Decided(CatalogChanges("reject"), Verdict.REJECT, other, 1, None, None))
        for other in (None, 7)
    }
    assert told == {
        None: "The report names another lesion.",
        7: "Clip 7 shows another lesion.",
    }
