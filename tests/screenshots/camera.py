"""Opens windows, waits for what they show, and takes their pictures."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from material import Material
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QColor, QCursor, QPainter
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QProgressBar, QWidget

from core.catalog import queries
from core.catalog.engine import Catalog
from core.paths import DataDir
from desktop.main_window import MainWindow
from desktop.session import Selection
from desktop.theme import colours

SIZE = (1500, 940)
LONG_S = 120.0
_SHADE = 110
"""How dark a window becomes behind its dialog, of 255."""
_FAR = 2300
"""Beyond every window, in points of the screen."""
_TITLE = 24
"""How high a dialog's title is painted: there is no window manager that would."""


class Heard:
    """What a signal told since."""

    def __init__(self, signal: Any) -> None:
        self.told: list[tuple[Any, ...]] = []
        signal.connect(lambda *values: self.told.append(values))

    def __bool__(self) -> bool:
        return bool(self.told)


class Stage:
    """One scale's pictures: ``take`` and ``catch`` make them, ``window`` opens what is to be seen on them."""

    def __init__(self, app: QApplication, out: Path, scale: int, demo: Path, material: Material) -> None:
        self._app, self._out, self._scale = app, out, scale
        self.demo, self.material = demo, material
        self._room = tempfile.TemporaryDirectory(prefix="polyptrace-pictures-")

    def close(self) -> None:
        """Takes the copies away."""
        self._room.cleanup()

    # -- windows --------------------------------------------------------------------------------------------

    def copy(self, folder: Path) -> Path:
        """A copy of a data folder, to be changed."""
        target = Path(tempfile.mkdtemp(dir=self._room.name)) / folder.name
        shutil.copytree(folder, target)
        return target

    def empty(self) -> Path:
        """A data folder without anything."""
        return Path(tempfile.mkdtemp(dir=self._room.name)) / "new"

    @contextmanager
    def window(self, folder: Path | None = None, size: tuple[int, int] = SIZE) -> Iterator[MainWindow]:
        """A window, on a data folder where one is given, with its model loaded; it is closed in the end."""
        window = MainWindow()
        opened, loaded = Heard(window.session.opened), Heard(window.matching.model_known)
        QCursor.setPos(_FAR, _FAR)  # or a button below it is painted as touched
        window.resize(*size)
        window.reset_layout()  # the window before may have left another
        window.show()
        try:
            if folder is not None:
                window.start(folder)
                self.wait(lambda: opened and loaded, "catalogue and model")
                self.settle(0.6)
            yield window
        finally:
            window.close()
            self.wait(lambda: not window.isVisible(), "the window's end", 30)
            window.deleteLater()
            self.settle(0.1)

    # -- waiting --------------------------------------------------------------------------------------------

    def wait(self, until: Callable[[], object], what: str, seconds: float = LONG_S) -> None:
        """Lets the program go on until something is so, and not an event longer."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain for {what}")
            self._app.processEvents()
            time.sleep(0.002)

    def settle(self, seconds: float = 0.3) -> None:
        """Lets what was asked for come and be painted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._app.processEvents()
            time.sleep(0.005)

    # -- pictures -------------------------------------------------------------------------------------------

    def take(self, widget: QWidget, state: str, over: QWidget | None = None) -> None:
        """One picture of what has come to rest."""
        self.settle()
        self.catch(widget, state, over)

    def catch(self, widget: QWidget, state: str, over: QWidget | None = None) -> None:
        """One picture of this very moment; ``over`` is a dialog or menu in front of the widget."""
        picture = widget.grab()
        if over is not None:
            _put_over(picture, widget, over)
        path = self._out / f"{state}@{self._scale}.png"
        if not picture.save(str(path)):
            raise SystemExit(f"{path} can't be written")

    def ask(self, window: MainWindow, state: str, do: Callable[[], object]) -> None:
        """Does what asks a question that blocks, takes the question's picture, and cancels it."""
        seen: list[QWidget] = []

        def look() -> None:
            box = QApplication.activeModalWidget()
            if box is None:
                return
            clock.stop()
            seen.append(box)
            self.take(window, state, box)
            box.close()

        clock = QTimer(interval=50)
        clock.timeout.connect(look)
        clock.start()
        do()
        self.wait(lambda: seen and QApplication.activeModalWidget() is None, "the question", LONG_S)
        clock.stop()


def _put_over(picture: Any, behind: QWidget, front: QWidget) -> None:
    """Paints a menu or list at its place; a dialog in the middle, under its title, with the rest darker."""
    is_menu = front.windowType() == Qt.WindowType.Popup
    with QPainter(picture) as painter:
        if is_menu:
            place = front.pos() - behind.mapToGlobal(QPoint(0, 0))
        else:
            painter.fillRect(behind.rect(), QColor(0, 0, 0, _SHADE))
            place = behind.rect().center() - front.rect().center()
            title = QRect(place.x(), place.y() - _TITLE, front.width(), _TITLE)
            painter.fillRect(title, QColor(colours.LINE))
            painter.setPen(QColor(colours.TEXT))
            painter.drawText(title, Qt.AlignmentFlag.AlignCenter, front.windowTitle())
        painter.drawPixmap(place, front.grab())


# -- finding one's way in a window --------------------------------------------------------------------------


def button(parent: QObject, words: str) -> QAbstractButton:
    """The visible button that says this."""
    found = parent.findChildren(QAbstractButton)
    return next(one for one in found if one.isVisible() and words in one.text().replace("&", ""))


def says(parent: QObject, words: str) -> bool:
    """Whether a visible label says this."""
    found = parent.findChildren(QLabel)
    return any(one.isVisible() and words.lower() in one.text().lower() for one in found)


def works(parent: QObject) -> bool:
    """Whether a progress bar is to be seen."""
    return any(one.isVisible() for one in parent.findChildren(QProgressBar))


def clips_of(folder: Path, patient: str) -> list[Selection]:
    """A patient's clips in the order of time."""
    with Catalog.open(DataDir(folder)) as catalog:
        known = queries.patient_by_code(catalog, patient)
        exams = [one for one in queries.exams(catalog) if known is not None and one.patient_id == known.id]
        clips = [
            one
            for exam in sorted(exams, key=lambda one: one.date)
            for one in queries.clips(catalog, exam_id=exam.id)
        ]
        return [Selection(known.id if known else None, one.exam_id, one.video_id, one.id) for one in clips]


def videos_of(folder: Path, patient: str) -> list[Selection]:
    """A patient's videos, in the order in which they were imported."""
    with Catalog.open(DataDir(folder)) as catalog:
        known = queries.patient_by_code(catalog, patient)
        exams = [one for one in queries.exams(catalog) if known is not None and one.patient_id == known.id]
        return [
            Selection(exam.patient_id, exam.id, video.id)
            for exam in exams
            for video in sorted(queries.videos(catalog, exam.id), key=lambda one: one.id)
        ]


def choose(stage: Stage, window: MainWindow, chosen: Selection) -> None:
    """Chooses something in the library and waits until it is there."""
    window.library.show_selection(chosen)
    stage.wait(lambda: window.desk.facts.selection == chosen, f"{chosen} to be chosen")
    stage.wait(lambda: window.player.canvas.has_frame, "the first frame")
    stage.settle()


def leave(event_of: QWidget) -> None:
    """The mouse goes away."""
    QApplication.sendEvent(event_of, QEvent(QEvent.Type.Leave))
