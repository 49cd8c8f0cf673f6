"""The panel of reports without video: what was read in them, and which clips they fit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QApplication, QLabel, QStackedWidget, QVBoxLayout, QWidget

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from desktop.item_models.reports import Accepted
from desktop.reports import Comparison
from desktop.views.reports.fits import FitsPage
from desktop.views.reports.listed import ListPage

if TYPE_CHECKING:
    from core.catalog.values import LegacyReport
    from core.search.reports import Fits


class ReportsView(QWidget):
    """Two pages: all findings of reports, and what fits one of them or a clip.

    ``compare_wanted`` carries a :class:`Comparison`.
    """

    compare_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.listed, self.fits = ListPage(), FitsPage()
        self._pages = QStackedWidget()
        for page in (self.listed, self.fits):
            self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self._pages, 1)
        banner = QLabel(RESEARCH_BANNER)
        banner.setProperty("role", "quiet")
        layout.addWidget(banner)
        self.listed.compare_wanted.connect(self.compare_wanted)
        self.fits.back.connect(self.show_list)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Puts the Tab key's order right: what pages are put into forgets what was told before."""
        super().showEvent(event)
        for page in (self.listed, self.fits):
            for one, following in itertools.pairwise(page.tab_order):
                self.setTabOrder(one, following)

    @property
    def comparing(self) -> Comparison | None:
        """What is compared on the screen."""
        return self.fits.wanted if self._pages.currentWidget() is self.fits else None

    def show_reports(self, reports: Sequence[LegacyReport], accepted: Accepted) -> None:
        """Everything that is kept, and what was accepted of it."""
        self.listed.show_reports(reports, accepted)

    def show_fits(self, wanted: Comparison, fits: Fits) -> None:
        """The ranking, on its own page."""
        begun_here = self.listed.isAncestorOf(QApplication.focusWidget() or self)
        self.fits.show_fits(wanted, fits)
        self._pages.setCurrentWidget(self.fits)
        if begun_here:  # else keys would go to the button that comes next, a verdict
            self.take_focus()

    def show_not_compared(self, wanted: Comparison, error: PolypTraceError) -> None:
        """Why there is none."""
        self.fits.show_error(wanted, error)
        self._pages.setCurrentWidget(self.fits)

    def show_list(self) -> None:
        """Back to all findings; what was compared isn't asked again."""
        self.fits.wanted = None
        self._pages.setCurrentWidget(self.listed)
        self.listed.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def take_focus(self) -> None:
        """Keys go to the table that is shown."""
        comparing = self.comparing
        table = self.listed.table if comparing is None else self.fits.tables[comparing.of]
        table.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def choose_clip(self, clip: int | None) -> None:
        """Another clip is chosen in the window."""
        self.listed.choose_clip(clip)

    def choose_patient(self, code: str | None) -> None:
        """Another patient is."""
        self.listed.choose_patient(code)

    def forget(self) -> None:
        """Another catalogue."""
        self.fits.forget()
        self._pages.setCurrentWidget(self.listed)
