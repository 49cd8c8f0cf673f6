"""Reports of exams without video in the window: read, kept, corrected, accepted, compared, linked, undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QToolButton

from core.catalog import queries
from core.domain import Verdict
from desktop.dialogs.report_dialog import ReportDialog
from desktop.dialogs.report_import_dialog import ReportImportDialog
from desktop.item_models.reports import ReportRow
from desktop.main_window import MainWindow
from desktop.reports import Comparison
from desktop.views.reports.listed import NONE_KEPT

from .window_case import LONG_MS, Case, choose

TABLE = """Who,Day,Words
P-1,2019-05-06,8 mm sessile polyp in the sigmoid. 25 mm polyp in the caecum.
P-1,2020-05-06,No polyps seen.
P-7,2019-01-02,8 mm sessile polyp in the sigmoid.
P-7,soon,Polyp.
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "reports.csv"
    file.write_text(TABLE, "utf-8")
    return file


def press(window: MainWindow, name: str) -> None:
    view = window.reporting.view
    kinds = (*view.findChildren(QToolButton), *view.findChildren(QPushButton))
    button = next(one for one in kinds if one.text().replace("&", "") == name and one.isVisible())
    assert button.isEnabled(), name
    button.click()


def says(window: MainWindow, words: str) -> bool:
    return any(words in one.text() for one in window.reporting.view.findChildren(QLabel) if one.isVisible())


def asked(qtbot: Any, window: MainWindow, file: Path) -> ReportImportDialog:
    """The dialog before reports are kept."""
    window.reporting.ask_how(file)
    dialog = window.findChildren(ReportImportDialog)[-1]
    qtbot.waitUntil(
        lambda: "Reading" not in dialog.words.text() and bool(dialog.words.text()), timeout=LONG_MS
    )
    return dialog


def bring(qtbot: Any, window: MainWindow, file: Path) -> None:
    """Keeps a table whose columns have to be named, and goes to the panel."""
    window.actions_by_id["reports"].trigger()
    dialog = asked(qtbot, window, file)
    for role, name in (("text", "Words"), ("patient", "Who"), ("date", "Day")):
        box = dialog.columns[role]
        box.setCurrentIndex(box.findData(name))
    qtbot.waitUntil(dialog.keep.isEnabled, timeout=LONG_MS)
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        dialog.keep.click()


def focus(qtbot: Any, window: MainWindow) -> None:
    """Keys go to the list, also after a dialog."""
    window.activateWindow()
    window.actions_by_id["reports"].trigger()
    qtbot.waitUntil(window.reporting.view.listed.table.hasFocus, timeout=LONG_MS)


def shown_report(qtbot: Any, window: MainWindow) -> ReportDialog:
    """The dialog that asks whether a proposal is accepted."""

    def there() -> list[ReportDialog]:
        return [one for one in window.findChildren(ReportDialog) if one.isVisible()]

    qtbot.waitUntil(lambda: bool(there()), timeout=LONG_MS)
    return there()[-1]


def rows(window: MainWindow) -> list[str]:
    model = window.reporting.view.listed.model
    return [model.index(row, 1).data().replace("\n", ", ") for row in range(model.rowCount())]


def states(case: Case) -> list[str]:
    reports = case.ask(queries.legacy_reports)
    return [one.state.value for report in reports for one in report.findings]


def test_columns_are_named_and_nothing_is_kept_before(
    qtbot: Any, window: MainWindow, case: Case, table: Path
) -> None:
    window.actions_by_id["reports"].trigger()
    assert says(window, NONE_KEPT)
    dialog = asked(qtbot, window, table)
    assert "Which column holds the reports isn't known" in dialog.words.text()
    assert "Choose the column above" in dialog.words.text()
    assert not dialog.keep.isEnabled()
    heads = [dialog.table.horizontalHeaderItem(at).text() for at in range(dialog.table.columnCount())]
    assert heads == ["Who", "Day", "Words"], "what to choose from"
    assert "polyp" in dialog.table.item(0, 2).text()
    assert [dialog.columns["text"].itemText(at) for at in range(1, 4)] == ["Who", "Day", "Words"]
    bring_columns = {"text": "Words", "patient": "Who"}
    for role, name in bring_columns.items():
        dialog.columns[role].setCurrentIndex(dialog.columns[role].findData(name))
    qtbot.waitUntil(lambda: "of when" in dialog.words.text(), timeout=LONG_MS)
    dialog.columns["date"].setCurrentIndex(dialog.columns["date"].findData("Day"))
    qtbot.waitUntil(dialog.keep.isEnabled, timeout=LONG_MS)
    assert "3 reports of 2 patients, 3 findings" in dialog.words.text()
    assert "Row 5: its date can't be read." in dialog.problems.toPlainText()
    assert dialog.table.rowCount() == 4
    dialog.reject()
    assert case.ask(queries.legacy_reports) == []


def test_a_click_right_after_the_pseudonym_counts(
    qtbot: Any, window: MainWindow, case: Case, tmp_path: Path
) -> None:
    file = tmp_path / "reports.csv"
    file.write_text("patient,date,report\nP-1,2019-05-06,Polyp.\n,2019-05-06,Another polyp.\n", "utf-8")
    dialog = asked(qtbot, window, file)
    assert "Row 3: it names no patient." in dialog.problems.toPlainText()
    assert dialog.table.horizontalHeaderItem(4).text() == "Least sure"
    dialog.patient.setFocus()
    qtbot.keyClicks(dialog.patient, "p-1")
    qtbot.keyClick(dialog.patient, Qt.Key.Key_Return)
    assert dialog.isVisible(), "what comes of the pseudonym is shown first"
    qtbot.waitUntil(lambda: "2 reports" in dialog.words.text(), timeout=LONG_MS)
    qtbot.keyClicks(dialog.patient, "0")
    dialog.patient.editingFinished.emit()  # as the button takes the focus
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        qtbot.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
    assert [one.patient for one in case.ask(queries.legacy_reports)] == ["P-1", "p-10"]


def test_what_was_read_waits_is_accepted_and_undone(
    qtbot: Any, window: MainWindow, case: Case, table: Path
) -> None:
    bring(qtbot, window, table)
    view = window.reporting.view.listed
    assert rows(window) == ["sigmoid, 8 mm, Paris Is", "caecum, 25 mm", "sigmoid, 8 mm, Paris Is"]
    choose(qtbot, window, case.follow_up)
    qtbot.waitUntil(view.mine.isEnabled, timeout=LONG_MS)
    view.mine.setChecked(True)
    assert len(rows(window)) == 2
    view.table.selectAll()
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        press(window, "Accept as read")
    assert rows(window) == []
    assert says(window, "None of the reports' findings stand so")
    assert states(case) == ["accepted", "accepted", "proposed"]
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        window.actions_by_id["undo"].trigger()
    assert len(rows(window)) == 2
    view.table.selectRow(0)
    focus(qtbot, window)
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        qtbot.keyClick(view.table, Qt.Key.Key_Delete)
    assert states(case) == ["dismissed", "proposed", "proposed"]
    view.state.setCurrentIndex(view.state.findText("Dismissed"))
    view.table.selectRow(0)
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        press(window, "Propose again")
    view.state.setCurrentIndex(view.state.findText("All"))
    assert "no finding read" in rows(window)


def test_a_finding_is_corrected_beside_its_report(
    qtbot: Any, window: MainWindow, case: Case, table: Path
) -> None:
    bring(qtbot, window, table)
    view = window.reporting.view.listed
    view.table.selectRow(1)
    focus(qtbot, window)
    qtbot.keyClick(view.table, Qt.Key.Key_Return)
    (dialog,) = window.findChildren(ReportDialog)
    assert "caecum" in dialog.report.toPlainText()
    assert "95%" in dialog.report.toPlainText()
    assert (dialog.values["segment"], dialog.values["size_mm"]) == ("caecum", 25)
    dialog.body.show_values({**dialog.values, "size_mm": 28})
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        dialog.accept_button.click()
    reports = case.ask(queries.legacy_reports)
    finding = reports[0].findings[1].finding
    assert case.ask(lambda c: queries.description(c, finding)).values["size_mm"] == 28
    view.state.setCurrentIndex(view.state.findText("Accepted"))
    assert rows(window) == ["caecum, 28 mm, accepted"]
    view.table.selectRow(0)
    press(window, "Look and edit…")
    qtbot.waitUntil(lambda: len(window.findChildren(ReportDialog)) > 0, timeout=LONG_MS)
    dialog = window.findChildren(ReportDialog)[-1]
    assert dialog.values["size_mm"] == 28
    dialog.body.show_values({**dialog.values, "size_mm": 30})
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        dialog.accept_button.click()
    assert case.ask(lambda c: queries.description(c, finding)).values["size_mm"] == 30
    assert rows(window) == ["caecum, 30 mm, accepted"]


def test_a_report_in_which_nothing_was_read_gets_a_finding_by_hand(
    qtbot: Any, window: MainWindow, case: Case, table: Path
) -> None:
    bring(qtbot, window, table)
    view = window.reporting.view.listed
    view.state.setCurrentIndex(view.state.findText("All"))
    view.table.selectRow(rows(window).index("no finding read"))
    press(window, "Look and accept…")
    qtbot.waitUntil(lambda: len(window.findChildren(ReportDialog)) > 0, timeout=LONG_MS)
    (dialog,) = window.findChildren(ReportDialog)
    assert not dialog.accept_button.isEnabled()
    dialog.body.show_values({"segment": "rectum"})
    dialog.body.changed.emit()
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        dialog.accept_button.click()
    qtbot.waitUntil(lambda: "accepted" in states(case), timeout=LONG_MS)


def test_a_clip_and_a_report_are_compared_and_linked(
    qtbot: Any, window: MainWindow, case: Case, table: Path
) -> None:
    bring(qtbot, window, table)
    choose(qtbot, window, case.follow_up)
    flow, view = window.reporting.flow, window.reporting.view
    with qtbot.waitSignal(flow.not_compared, timeout=LONG_MS):
        press(window, "Reports for this clip")
    assert says(window, "isn't prepared")
    with qtbot.waitSignal(flow.compared, timeout=LONG_MS) as heard:
        press(window, "Prepare them")
    wanted, fits = heard.args
    assert wanted == Comparison("clip", case.clips[1])
    assert [one.same_patient for one in fits.fits] == [True, True, False]
    assert (fits.fits[0].place, fits.fits[0].state.value) == ("sigmoid, 8 mm, Paris Is", "proposed")
    table = view.fits.tables["clip"]
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)  # not of the match on another page
    shown_report(qtbot, window).reject()
    qtbot.wait(200)
    assert "accepted" not in states(case), "nobody has accepted it"
    assert case.ask(queries.link_events) == []
    press(window, "Same lesion")
    with qtbot.waitSignals([window.deciding.decided, flow.compared], timeout=LONG_MS):
        shown_report(qtbot, window).accept_button.click()
    assert states(case) == ["accepted", "proposed", "proposed"]
    event = case.ask(queries.link_events)[-1]
    own = case.ask(lambda c: queries.clip(c, case.clips[1]).finding_id)
    assert (event.finding_id, event.verdict) == (own, Verdict.SAME)
    qtbot.waitUntil(
        lambda: "same lesion" in view.fits.tables["clip"].model().index(0, 4).data(), timeout=LONG_MS
    )
    shown = view.fits.tables["clip"]
    assert shown.rowHeight(0) >= shown.sizeHintForRow(0) + 8, "rows don't touch"
    shown.selectRow(2)
    assert not any(
        one.isEnabled() for one in view.fits.findChildren(QToolButton) if one.text() == "Same lesion"
    )
    press(window, "Back to all reports")
    window.searching.prepared.emit()  # as the Search panel's preparing does
    qtbot.wait(200)
    assert view.comparing is None, "what was left doesn't come back by itself"
    view.listed.table.selectRow(0)
    with qtbot.waitSignal(flow.compared, timeout=LONG_MS) as heard:
        press(window, "Which clip fits?")
    assert heard.args[1].fits[0].clip in case.clips
    view.fits.tables["report"].doubleClicked.emit(view.fits.tables["report"].model().index(0, 0))
    shown = heard.args[1].fits[0].clip
    qtbot.waitUntil(lambda: window.session.selection.clip == shown, timeout=LONG_MS)


def test_a_report_of_the_clips_own_exam_becomes_the_clips_finding(
    qtbot: Any, window: MainWindow, case: Case, tmp_path: Path
) -> None:
    own = case.ask(lambda c: queries.clip(c, case.clips[1]))
    day = case.ask(lambda c: queries.exam(c, own.exam_id)).date
    file = tmp_path / "own.csv"
    file.write_text(f"Who,Day,Words\nP-1,{day},8 mm sessile polyp in the sigmoid.\n", "utf-8")
    bring(qtbot, window, file)
    choose(qtbot, window, case.follow_up)
    flow, fits = window.reporting.flow, window.reporting.view.fits
    with qtbot.waitSignal(flow.not_compared, timeout=LONG_MS):
        press(window, "Reports for this clip")
    with qtbot.waitSignal(flow.compared, timeout=LONG_MS):
        press(window, "Prepare them")
    assert "this exam" in fits.tables["clip"].model().index(0, 4).data()
    enabled = [one.text() for one in fits.findChildren(QToolButton) if one.isVisible() and one.isEnabled()]
    assert enabled == ["Same lesion"]
    before = case.ask(queries.findings)
    press(window, "Same lesion")
    with qtbot.waitSignal(window.reporting.told, timeout=LONG_MS) as heard:
        shown_report(qtbot, window).accept_button.click()
    assert "filled)" in heard.args[0]
    assert (case.ask(queries.findings), case.ask(queries.link_events)) == (before, [])
    (kept,) = case.ask(queries.legacy_reports)
    assert kept.findings[0].finding == own.finding_id


def test_files_and_folders_can_be_chosen(window: MainWindow) -> None:
    menus = window.reporting.view.listed.bring.findChildren(QMenu)
    assert [one.text().replace("&", "") for one in menus[0].actions()] == [
        "A table or a text…",
        "A folder of texts…",
    ]


def test_names_in_reports_are_announced(qtbot: Any, window: MainWindow, case: Case, tmp_path: Path) -> None:
    file = tmp_path / "P-7_2019-01-02.txt"
    file.write_text("Mr John Smith. 8 mm sessile polyp in the sigmoid.", "utf-8")
    dialog = asked(qtbot, window, file)
    qtbot.waitUntil(dialog.keep.isEnabled, timeout=LONG_MS)
    assert "1 report seems to hold a name" in dialog.problems.toPlainText()
    with qtbot.waitSignal(window.reporting.flow.listed, timeout=LONG_MS):
        dialog.keep.click()
    (kept,) = case.ask(queries.legacy_reports)
    window.reporting.show_row(ReportRow(kept, kept.findings[0]))
    (shown,) = window.findChildren(ReportDialog)
    assert "seems to hold a name" in shown.identity.text()
    shown.reject()
    window.actions_by_id["reports"].trigger()
    window.reporting.view.listed.table.selectRow(0)
    with qtbot.waitSignal(window.reporting.told, timeout=LONG_MS) as heard:
        press(window, "Accept as read")
    assert "seems to hold a name" in heard.args[0]


def test_the_tab_key_goes_through_the_list_and_what_can_be_done(qtbot: Any, window: MainWindow) -> None:
    window.actions_by_id["reports"].trigger()
    for page in (window.reporting.view.listed, window.reporting.view.fits):
        qtbot.waitUntil(window.reporting.view.isVisible, timeout=LONG_MS)
        told, after = [page.tab_order[0]], page.tab_order[0].nextInFocusChain()
        while len(told) < len(page.tab_order):
            told += [after] if after in page.tab_order else []
            after = after.nextInFocusChain()
        assert told == list(page.tab_order)
        between = page.tab_order[3].nextInFocusChain()
        while between is not page.tab_order[4]:
            assert between.focusPolicy() == Qt.FocusPolicy.NoFocus, between
            between = between.nextInFocusChain()


def test_the_import_dialog_fits_a_low_screen(qtbot: Any, window: MainWindow, table: Path) -> None:
    dialog = asked(qtbot, window, table)
    dialog.resize(dialog.width(), 300)
    qtbot.waitUntil(lambda: dialog.height() <= 300, timeout=LONG_MS)
    assert dialog.keep.mapTo(dialog, dialog.keep.rect().bottomRight()).y() < 300
