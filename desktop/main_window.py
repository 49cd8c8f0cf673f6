"""The window: its parts put together, and one small method for every action of the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QTabWidget, QWidget

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from desktop import actions
from desktop.action_table import TABLE
from desktop.asking import Asking
from desktop.crops import Crops
from desktop.deciding import Deciding
from desktop.demo import DemoFlow
from desktop.desk import Desk, Facts
from desktop.dialogs.pages import about_page, shortcuts_page
from desktop.frame import CentralArea, fill_menus, fill_tool_bar
from desktop.importing import ImportFlow, Outcome
from desktop.jobs_host import TRAINING, Workers
from desktop.learning import Learning
from desktop.matching import MatchFlow
from desktop.player.player import Player
from desktop.ranking import Ranking
from desktop.reporting import Reporting
from desktop.searching import SearchFlow, place_of
from desktop.session import Selection, Session
from desktop.views.activity import ActivityView
from desktop.views.description.form import DescriptionForm
from desktop.views.description.reading import warm
from desktop.views.explanation import ExplanationView
from desktop.views.library import LibraryView
from desktop.views.matches.view import MatchesView
from desktop.views.search.view import SearchView
from desktop.words import about, paragraphs, sentence, verdict_words

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.importing import ImportedVideo
    from core.matching.deciding import Decided

VERDICTS = ("same", "scar-clean", "recurrence", "new", "cannot-tell", "not-a-lesion", "reject")
MOST_REFUSALS = 8
"""So many refused videos are named; the window must still be seen."""
_LAYOUT = 1
"""Counts up when docks change, so that a layout of before isn't restored."""


class MainWindow(QMainWindow):
    """The window of one catalogue. :meth:`start` opens it, after the first paint."""

    player: Player
    form: DescriptionForm
    library: LibraryView
    desk: Desk
    asking: Asking
    ranking: Ranking
    area: CentralArea
    session: Session
    demo: DemoFlow
    learning: Learning

    def __init__(self, author: str = "user") -> None:
        super().__init__()
        self.setWindowTitle(f"PolypTrace – {RESEARCH_BANNER}")
        self.setAcceptDrops(True)
        self.session = Session(author, self)
        self.workers = Workers(self)
        self.imports = ImportFlow(self.session, self.workers, self)
        self.asking = Asking(self.session, self.imports, self)
        self.demo = DemoFlow(self.session, self.workers, self)
        self.matching = MatchFlow(self.session, self.workers, self)
        self.crops = Crops(self.session, self.workers, self)
        self.searching = SearchFlow(self.session, self.workers, self)
        self.deciding = Deciding(self.session, self)
        self.reporting = Reporting(self.session, self.searching, self.deciding, self)
        self.learning = Learning(self.session, self.workers, self.asking, self)
        self.actions_by_id = actions.build(self, TABLE)
        self.player, self.form = Player(), DescriptionForm()
        self.library = LibraryView(self.session)
        self.matches = MatchesView([self.actions_by_id[name] for name in VERDICTS])
        self.explanation = ExplanationView()
        self.search = SearchView()
        self.desk = Desk(self.session, self.player, self.form, self)
        views = (self.matches, self.explanation)
        self.ranking = Ranking(self.session, self.desk, self.matching, self.deciding, views, self)
        self.area = CentralArea(self.player)
        self.learning.tell_in(self.area.notices)
        self._folder: Path | None = None
        self._before_import = Selection()
        self._new: Selection | None = None
        self._refusals: list[str] = []
        self._then: Callable[[], None] | None = None
        self._leaving = False
        self._put_together()
        self._connect()
        self._refresh_actions()

    # --- set-up -------------------------------------------------------------------------------------------

    def _put_together(self) -> None:
        self.setCentralWidget(self.area)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName("Lesion")
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)  # where they don't fit they are scrolled
        self.tabs.addTab(self.form, "Description")
        self.tabs.addTab(self.matches, "Matches")
        self.tabs.addTab(self.explanation, "Explanation")
        self.tabs.addTab(self.search, "Search")
        self.tabs.addTab(self.reporting.view, "Reports")
        self._dock("library", "Library", self.library, Qt.DockWidgetArea.LeftDockWidgetArea)
        self._dock("lesion", "Lesion", self.tabs, Qt.DockWidgetArea.RightDockWidgetArea)
        fill_menus(self, self.actions_by_id)
        fill_tool_bar(self, self.actions_by_id)
        for spec in TABLE:
            if spec.of_player:
                self.player.addAction(self.actions_by_id[spec.id])
            else:
                self.addAction(self.actions_by_id[spec.id])
        self._model = QLabel("Model: loading…")
        self._model.setAccessibleName("Model and device")
        self.statusBar().addWidget(ActivityView(self.workers))
        self.statusBar().addWidget(ActivityView(self.workers, TRAINING))
        self.statusBar().addPermanentWidget(self._model)
        self._set_least_width()
        self.reset_layout()
        self._settings = QSettings("PolypTrace", "PolypTrace")
        self._restore()

    def _set_least_width(self) -> None:
        """The lesion's panel shows the names of all its tabs, unless the screen is too small for that."""
        others = self.area.minimumSizeHint().width() + self.library.minimumWidth()
        room = int(self.screen().availableSize().width() * 0.95) - others
        least = self.fontMetrics().averageCharWidth() * 44
        self.tabs.setMinimumWidth(max(least, min(self.tabs.tabBar().sizeHint().width(), room)))

    def _dock(self, name: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> None:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(widget)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable
            | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        self.addDockWidget(area, dock)

    def _connect(self) -> None:
        notices = self.area.notices
        for source in (self.session.problem, self.workers.noticed, self.player.problem):
            source.connect(notices.show_error)
        self.session.opened.connect(self._opened)
        self.session.changed.connect(self._changed)
        self.session.chosen.connect(lambda _: self._refresh_actions())
        self.workers.changed.connect(self._refresh_actions)
        self.library.activated.connect(self._activated)
        self.player.modes_changed.connect(self._refresh_actions)
        self.player.file_wanted.connect(lambda: self.asking.lost_file(self.desk.facts.video))
        self.form.settled.connect(self._settled)
        self.desk.facts_changed.connect(self._facts_changed)
        self.desk.clip_added.connect(self.library.show_selection)
        self.desk.clip_added.connect(lambda _: self.in_form())  # to be described next
        self.imports.began.connect(self._import_began)
        self.imports.imported.connect(self._imported)
        self.imports.finished.connect(self._import_finished)
        self.imports.refused.connect(self._refused)
        self.imports.warned.connect(notices.show_warning)
        self.matches.wanted.connect(self.show_matches)
        self.matches.opened.connect(lambda _: self.explain())
        self.matches.whole_catalogue.connect(lambda _: self.show_matches())
        self.ranking.changed.connect(self._refresh_actions)
        self._connect_search()
        self.matching.model_known.connect(lambda *told: self._model.setText(" on ".join(told)))
        self.deciding.decided.connect(self._decided)
        self.learning.changed.connect(self._refresh_actions)
        self.learning.switched.connect(lambda _: self.matching.open_model())
        self.learning.switched.connect(lambda _: self.ranking.anew())

    def _connect_search(self) -> None:
        flow, view = self.searching, self.search
        view.asked.connect(flow.ask)
        view.emptied.connect(flow.drop)
        flow.prepare_for(view)
        view.opened.connect(self._open_clip)
        for pictured in (self.matches, view, self.reporting.view.fits):
            self.crops.serve(pictured)
        flow.found.connect(view.show_result)
        flow.failed.connect(view.show_error)
        self.session.chosen.connect(lambda chosen: view.chips.choose(chosen.clip))
        self.session.chosen.connect(lambda chosen: view.filters.choose(chosen.patient))
        self.session.opened.connect(view.forget)
        self.session.changed.connect(view.ask_again)
        self.reporting.opened.connect(self._open_clip)
        self.reporting.told.connect(self.area.notices.show_note)

    def start(self, folder: Path) -> None:
        """Opens the catalogue of a data folder. Until then nothing can be done: it would belong nowhere."""
        self.session.open(folder, lambda error: self._cannot_open(folder, error))
        self.form.setEnabled(not self.session.opening)
        self._refresh_actions()

    def _opened(self) -> None:
        self.form.setEnabled(True)
        self.area.notices.clear()
        folder = self.session.folder
        if folder is not None:
            self._folder = folder.root
            self.setWindowTitle(f"{folder.root.name} – PolypTrace – {RESEARCH_BANNER}")
        self.matching.open_model()
        # Reads the rules of the form once, so that its first keystroke costs no more than others.
        self.session.read(lambda _: warm(), lambda _: None)
        self._refresh_actions()

    def _cannot_open(self, folder: Path, error: PolypTraceError) -> None:
        self.form.setEnabled(True)
        self._refresh_actions()
        self.area.notices.show_error(about(folder, error))
        if not self.session.is_open:
            self.library.show_problem(paragraphs(error))

    # --- what happened ------------------------------------------------------------------------------------

    def _refresh_actions(self) -> None:
        facts = self.desk.facts
        state = actions.State(
            open=self.session.is_open,
            video=facts.video is not None,
            clip=facts.clip is not None,
            described=facts.revision is not None or self.form.dirty,
            shown=self.ranking.result is not None,
            candidate=self.ranking.candidate is not None,
            busy=self.ranking.busy,
            can_undo=facts.undo is not None,
            can_redo=facts.redo is not None,
            lost=self.player.lost,
            text_shown=self.player.canvas.text.shown,
            text_corrected=self.player.canvas.text.correcting,
            region_shown=self.player.canvas.region_shown,
            training=self.learning.training.running,
            candidate_model=self.learning.has_candidate,
            earlier_model=self.learning.can_go_back,
        )
        actions.refresh(self.actions_by_id, actions.State() if self.session.opening else state, TABLE)

    def _facts_changed(self, facts: Facts) -> None:
        for name, label in (("undo", facts.undo), ("redo", facts.redo)):
            self.actions_by_id[name].setText(f"&{label}" if label else f"&{name.capitalize()}")
        self._refresh_actions()

    def _changed(self, changes: CatalogChanges) -> None:
        """“Ctrl+Z takes it back” is true until the next step that can be undone."""
        if changes.undoable:
            self.area.notices.clear_note()

    def _activated(self, selection: Selection) -> None:
        if selection.video is not None:
            self.player.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _imported(self, result: tuple[ImportedVideo, CatalogChanges]) -> None:
        video, changes = result
        if changes.exams and self._new is None:
            self._new = Selection(exam=changes.exams[0], video=video.id)

    def _import_began(self) -> None:
        self._before_import, self._new, self._refusals = self.session.selection, None, []

    def _import_finished(self, outcome: Outcome) -> None:
        """Shows the first new video, unless somebody chose something else meanwhile or works on a clip."""
        say = (
            self.area.notices.show_warning if outcome.refused or outcome.left else self.area.notices.show_note
        )
        more = len(self._refusals) - MOST_REFUSALS
        rest = [f"… and {more} more."] if more > 0 else []
        say("\n".join([outcome.words, *self._refusals[:MOST_REFUSALS], *rest]))
        now = self.session.selection
        if self._new is not None and now == self._before_import and now.clip is None:
            self.library.show_selection(self._new)

    def _refused(self, path: Path, error: PolypTraceError) -> None:
        self._refusals.append(sentence(about(path, error)))

    def _decided(self, decided: Decided) -> None:
        said = verdict_words(decided)
        if decided.warning:
            self.area.notices.show_warning(f"{said} {decided.warning}")
        else:
            self.area.notices.show_note(f"{said} Ctrl+Z takes it back.")

    # --- actions ------------------------------------------------------------------------------------------

    def open_folder(self) -> None:
        """Another catalogue."""

        def chosen(folder: Path) -> None:
            going = [job.title for job in self.workers.active]
            if going and not self.asking.whether_to_stop(going):
                return
            if not self._waits_for_saves(lambda: leave(folder)):
                leave(folder)

        def leave(folder: Path) -> None:
            if self._may_leave():
                self.start(folder)

        self.asking.folder(self._folder, chosen)

    def go_describe(self) -> None:
        """Keys go to the form, to what is needed next; where they are there already, they stay."""
        if (
            not self.form.has_keys
        ):  # asked before: a page that comes to the front takes them where it was left
            self.in_form().enter()

    def in_form(self) -> DescriptionForm:
        """The form, after bringing it to the front."""
        self.tabs.setCurrentWidget(self.form)
        return self.form

    def go_matches(self) -> None:
        """Keys go to the ranking."""
        self.tabs.setCurrentWidget(self.matches)
        self.matches.focus_list()

    def show_matches(self) -> None:
        """Ranks the patient's earlier clips; what is typed is saved first, since the ranking uses it."""
        if self.desk.facts.clip is not None:
            self.tabs.setCurrentWidget(self.matches)  # leaving the form writes out what was begun there
            if not self._waits_for_saves(self.ranking.start):
                self.ranking.start()
            self.matches.focus_list()

    def explain(self) -> None:
        """Where in both pictures the score of the chosen match is sensitive."""
        if self.ranking.explain():
            self.tabs.setCurrentWidget(self.explanation)

    def go_search(self) -> None:
        """Keys go to the words that clips are found by."""
        self.tabs.setCurrentWidget(self.search)
        self.search.take_focus()

    def go_reports(self) -> None:
        """Keys go to the findings of reports."""
        self.tabs.setCurrentWidget(self.reporting.view)
        self.reporting.view.take_focus()

    def bring_reports(self) -> None:
        """A table or a text of reports; what is read in it stands in the panel."""
        self.tabs.setCurrentWidget(self.reporting.view)
        self.reporting.ask_for_file()

    def _open_clip(self, clip: int) -> None:
        """A clip that was found, in the library and the player."""
        self.session.read(lambda catalog: place_of(catalog, clip), self.library.show_selection)

    def show_shortcuts(self) -> None:
        """The page of keys."""
        shortcuts_page(self).open()

    def show_about(self) -> None:
        """What this is and is not."""
        about_page(self).open()

    # --- the window itself --------------------------------------------------------------------------------

    def reset_layout(self) -> None:
        """Docks as they were at first."""
        docks = self.findChildren(QDockWidget)
        areas = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
        for dock, area in zip(docks, areas, strict=True):
            dock.setFloating(False)
            self.addDockWidget(area, dock)
            dock.show()
        self._size_docks()

    def _size_docks(self) -> None:
        """The library narrow, the lesion's panel wide enough for a ranking's columns."""
        unit = self.fontMetrics().averageCharWidth()
        docks = [self.findChild(QDockWidget, name) for name in ("library", "lesion")]
        self.resizeDocks([one for one in docks if one], [unit * 44, unit * 96], Qt.Orientation.Horizontal)

    def _restore(self) -> None:
        unit = self.fontMetrics().averageCharWidth()
        screen = self.screen().availableSize() * 0.95
        self.resize(min(unit * 230, screen.width()), min(unit * 130, screen.height()))
        self._size_docks()
        geometry, layout = self._settings.value("geometry"), self._settings.value("layout")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(layout, QByteArray):
            self.restoreState(layout, _LAYOUT)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Files and folders are welcome."""
        if self.session.is_open and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Asks which exam they belong to."""
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.asking.exam(files)

    def _waits_for_saves(self, then: Callable[[], None]) -> bool:
        """Whether saves are on their way; then ``then`` is done once they are answered."""
        waits = self.form.flush() or self.form.saving
        if waits:
            self._then = then
            self.area.notices.show_note("Saving what you typed…")
        return waits

    def _settled(self) -> None:
        then, self._then = self._then, None
        if then is None or (not self.form.save_failed and self._waits_for_saves(then)):
            return  # typed on meanwhile
        self.area.notices.clear_note()
        then()

    def _may_leave(self) -> bool:
        """Whether all words are saved, or their user gives them up."""
        return not self.form.unsaved or self.asking.whether_to_lose_words()

    def _close_now(self) -> None:
        self._leaving = True
        self.close()
        self._leaving = False

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """The one way out: saves what is typed, ends the workers, waits for the writer.

        What can't be saved keeps the window open, unless its user gives it up.
        """
        waits = not self._leaving and self._waits_for_saves(self._close_now)
        if waits or not self._may_leave() or not self.learning.may_close():
            event.ignore()
            return
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("layout", self.saveState(_LAYOUT))
        self.hide()
        self.player.shutdown()
        self.imports.cancel()
        self.workers.shutdown()
        self.matching.clear_explanations()
        self.session.shutdown()
        for timer in self.findChildren(QTimer):
            timer.stop()
        event.accept()
