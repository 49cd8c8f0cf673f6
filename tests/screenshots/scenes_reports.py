"""Reports of exams without video, in every state."""

from __future__ import annotations

from pathlib import Path

from camera import Heard, Stage, button, choose, clips_of
from PySide6.QtWidgets import QDialog, QToolButton

from desktop.dialogs.report_dialog import ReportDialog
from desktop.dialogs.report_import_dialog import ReportImportDialog
from desktop.item_models.reports import ReportRow
from desktop.main_window import MainWindow

PATIENT = "PH4-001"
ROWS = (
    "PH4-001,12.03.2018,Two sessile polyps 4 mm in the sigmoid colon and rectum. 15mm pedunculated polyp "
    "splenic flexure\n"
    "PH4-001,25.11.2019,Caecum reached. No polyps seen.\n"
    "P-0907,05.06.2017,20 mm flat granular lesion in the caecum lifted and removed by EMR\n"
    "P-0907,sometime,x\n"
)


def of_reports(stage: Stage) -> None:
    """None; a file being read; as read; a finding beside its report; compared, unprepared and prepared."""
    data = stage.copy(stage.demo)
    clip = clips_of(stage.demo, PATIENT)[0]
    file = data / "reports.csv"
    file.write_text("patient,date,report\n" + ROWS, "utf-8")
    with stage.window(data) as window:
        window.actions_by_id["reports"].trigger()
        stage.settle(0.5)
        stage.take(window, "reports-none")
        _bring(stage, window, file)
        choose(stage, window, clip)
        stage.take(window, "reports-waiting")
        _look(stage, window)
        press(stage, window, "Reports for this clip")
        stage.take(window, "reports-unprepared")
        again = Heard(window.reporting.flow.compared)
        button(window.reporting.view.fits, "Prepare them").click()
        stage.wait(lambda: again, "the reports that fit", 300)
        stage.settle(0.5)
        stage.take(window, "reports-for-clip")
        button(window.reporting.view.fits, "Back to all reports").click()
        window.reporting.view.listed.table.selectRow(2)
        press(stage, window, "Which clip fits?")
        stage.settle(6.0)  # the crops
        stage.take(window, "reports-clips")
        decided = Heard(window.deciding.decided)
        again = Heard(window.reporting.flow.compared)
        tool(window, "Same lesion").click()
        stage.settle(0.5)
        dialog = window.findChildren(ReportDialog)[-1]
        stage.take(dialog, "reports-same-lesion")
        dialog.accept_button.click()
        stage.wait(lambda: decided and again, "the verdict", 30)
        stage.settle(0.5)
        stage.take(window, "reports-linked")


def _bring(stage: Stage, window: MainWindow, file: Path) -> None:
    """The file's columns and what was understood; then it is kept."""
    window.reporting.ask_how(file)
    dialog = window.findChildren(ReportImportDialog)[-1]
    stage.wait(dialog.keep.isEnabled, "the preview", 30)
    stage.settle(0.3)
    stage.take(dialog, "reports-import")
    kept = Heard(window.reporting.flow.kept)
    dialog.keep.click()
    stage.wait(lambda: kept, "the import", 30)
    stage.settle(0.5)


def _look(stage: Stage, window: MainWindow) -> None:
    model = window.reporting.view.listed.model
    row = model.row(0)
    assert isinstance(row, ReportRow)
    window.reporting.show_row(row)
    stage.settle(0.5)
    dialog = window.findChildren(QDialog)[-1]
    stage.take(dialog, "reports-finding")
    dialog.reject()
    stage.settle(0.2)


def tool(window: MainWindow, text: str) -> QToolButton:
    view = window.reporting.view
    return next(one for one in view.findChildren(QToolButton) if one.text() == text and one.isVisible())


def press(stage: Stage, window: MainWindow, text: str) -> None:
    """Presses what compares, and waits for the answer or for why there is none."""
    flow = window.reporting.flow
    heard = (Heard(flow.compared), Heard(flow.not_compared))
    tool(window, text).click()
    stage.wait(lambda: any(heard), "the comparison", 60)


SCENES = (of_reports,)
