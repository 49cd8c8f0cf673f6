"""Before there is anything to see: opening, an empty catalogue, a folder that is none, dialogs and pages."""

from __future__ import annotations

from pathlib import Path

from camera import Stage, clips_of, says
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMenu

from desktop.dialogs.import_dialog import ImportDialog
from desktop.dialogs.pages import about_page, shortcuts_page
from desktop.session import Selection
from desktop.views.description.about import about_vocabulary


def opening(stage: Stage) -> None:
    """The window before its catalogue is open; then one that is empty, and filled with the demo."""
    with stage.window() as window:
        stage.take(window, "library-loading")
        window.start(stage.empty())
        stage.wait(lambda: says(window.library, "no patients"), "the empty library")
        stage.take(window, "library-empty")
        window.actions_by_id["demo"].trigger()
        stage.wait(lambda: says(window.statusBar(), "demo exam"), "the demo's import")
        stage.settle(0.4)
        stage.catch(window, "status-demo-is-filled-in")


def no_catalogue(stage: Stage) -> None:
    """A folder whose catalogue file is none."""
    with stage.window() as window:
        window.start(stage.copy(stage.material.nothing))
        stage.wait(lambda: window.area.notices.text, "the notice")
        stage.take(window, "library-error")


def folder_in_use(stage: Stage) -> None:
    """A data folder that another window has open; the question before one with work going on is left."""
    folder = stage.copy(stage.demo)
    with stage.window(folder) as first, stage.window() as second:
        second.start(folder)
        stage.wait(lambda: second.area.notices.text, "the notice")
        stage.take(second, "library-folder-in-use")
        stage.ask(
            first, "question-work-going-on", lambda: first.asking.whether_to_stop(["Import (2 waiting)"])
        )


def import_dialog(stage: Stage) -> None:
    """Which exam the videos belong to: empty, filled, and with what is no pseudonym."""
    films = [Path("/videos/exam 2025.mp4"), Path("/videos/second part of the same exam, after cleaning.mp4")]
    with stage.window(stage.copy(stage.demo)) as window:
        dialog = ImportDialog(films, ["PH4-001"], parent=window)
        dialog.show()
        stage.take(window, "import-empty", dialog)
        codes = {"pseudonym": "PH4-001", "name": "Dr. John Smith", "date": "12.03.1957", "too-long": "P" * 70}
        for name, code in codes.items():
            dialog.patient.setText(code)
            stage.take(window, f"import-{name}", dialog)
        dialog.close()


def pages(stage: Stage) -> None:
    """What can be read: the keys, what this is, what the vocabulary is; and every menu."""
    with stage.window(stage.copy(stage.demo)) as window:
        for make, name in ((shortcuts_page, "shortcuts"), (about_page, "about")):
            page = make(window)
            page.show()
            stage.take(window, f"page-{name}", page)
            page.close()
        chosen = clips_of(stage.demo, "PH4-001")[-1]
        window.library.show_selection(chosen)
        stage.wait(lambda: window.desk.facts.clip is not None, "the clip")
        page = about_vocabulary(window.form)
        stage.take(window, "page-vocabulary", page)
        page.close()
        window.actions_by_id["text-show"].trigger()
        for action in window.menuBar().actions():
            menu = action.menu()
            assert isinstance(menu, QMenu)
            at = window.menuBar().actionGeometry(action).bottomLeft()
            menu.popup(window.menuBar().mapToGlobal(at))
            stage.take(window, f"menu-{action.text().replace('&', '').lower()}", menu)
            menu.close()


def library(stage: Stage) -> None:
    """The tree, searched with and without success, with each kind of row chosen, and narrow."""
    with stage.window(stage.copy(stage.demo)) as window:
        view = window.library
        stage.take(window, "library")
        for name, words, said in (("search", "rectum", "found"), ("search-nothing", "Hugo", "nothing found")):
            view.search.setText(words)
            stage.wait(lambda said=said: says(view, said), "the search", 20)  # type: ignore[misc]
            stage.take(window, f"library-{name}")
        view.search.clear()
        chosen = clips_of(stage.demo, "PH4-002")[-1]
        kinds = {
            "patient": Selection(chosen.patient),
            "exam": Selection(chosen.patient, chosen.exam),
            "video": Selection(chosen.patient, chosen.exam, chosen.video),
            "clip": chosen,
        }
        for name, selection in kinds.items():
            view.show_selection(selection)
            stage.settle(1.0)
            stage.take(window, f"library-{name}-chosen")
        dock = view.parentWidget()
        assert isinstance(dock, QDockWidget)
        window.resizeDocks([dock], [view.minimumWidth()], Qt.Orientation.Horizontal)
        stage.take(window, "library-narrow")


SCENES = (opening, no_catalogue, folder_in_use, import_dialog, pages, library)
