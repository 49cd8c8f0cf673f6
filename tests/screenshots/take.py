"""Takes pictures of every view and state: ``python tests/screenshots/take.py build/screenshots``.

The real window with its real workers on a copy of a demo catalogue (``--data-dir``), without a screen, once
at 100 % and once at 200 %. One PNG a state, named ``NN-state@SCALE.png``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCALES = (1, 2)
SIZE = (1500, 940)
LONG_S = 120.0


def main() -> int:
    """Starts one process for each scale: Qt reads it once."""
    options = _parser().parse_args()
    if options.scale:
        _take(options.out, options.data_dir, options.scale)
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    for scale in SCALES:
        words = [
            str(Path(__file__)),
            str(options.out),
            "--data-dir",
            str(options.data_dir),
            "--scale",
            str(scale),
        ]
        with tempfile.TemporaryDirectory(prefix="polyptrace-config-") as config:
            env = os.environ | {
                "QT_QPA_PLATFORM": "offscreen",
                "QT_SCALE_FACTOR": str(scale),
                "PYTHONPATH": str(ROOT),
                "XDG_CONFIG_HOME": config,
            }
            done = subprocess.run([sys.executable, *words], env=env, cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    print(f"{len(list(options.out.glob('*.png')))} pictures in {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", type=Path, default=ROOT / "build" / "demo", help="a demo catalogue")
    parser.add_argument("--scale", type=int, default=0, help=argparse.SUPPRESS)
    return parser


class Camera:
    """Waits for states and takes their pictures, numbered."""

    def __init__(self, app: Any, out: Path, scale: int) -> None:
        self._app, self._out, self._scale, self._number = app, out, scale, 0

    def wait(self, until: Callable[[], object], what: str) -> None:
        """Lets the program go on until something is so, and a moment longer."""
        end = time.monotonic() + LONG_S
        while not until():
            if time.monotonic() > end:
                raise SystemExit(f"waited in vain for: {what}")
            self._app.processEvents()
            time.sleep(0.01)
        self.settle()

    def settle(self, seconds: float = 0.3) -> None:
        """Lets what was asked for be painted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._app.processEvents()
            time.sleep(0.01)

    def take(self, widget: Any, state: str) -> None:
        """One picture."""
        self.settle()
        self._number += 1
        path = self._out / f"{self._number:02d}-{state}@{self._scale}.png"
        if not widget.grab().save(str(path)):
            raise SystemExit(f"{path} can't be written")


def _take(out: Path, demo: Path, scale: int) -> None:
    from PySide6.QtWidgets import QApplication

    from desktop.main_window import MainWindow
    from desktop.theme import style

    app = QApplication(sys.argv[:1])
    style.apply(app)
    camera = Camera(app, out, scale)
    with tempfile.TemporaryDirectory(prefix="polyptrace-pictures-") as folder:
        _empty(camera, MainWindow(), Path(folder) / "empty")
        copy = Path(folder) / "demo"
        shutil.copytree(demo, copy)
        _full(camera, MainWindow(), copy)


def _empty(camera: Camera, window: Any, folder: Path) -> None:
    window.resize(*SIZE)
    window.show()
    camera.take(window, "opening")
    window.start(folder)
    camera.wait(lambda: "No patients" in window.library._state.text(), "the empty library")
    camera.take(window, "no-patients")
    _dialogs(camera, window)
    window.close()


def _dialogs(camera: Camera, window: Any) -> None:
    from desktop.dialogs.import_dialog import ImportDialog
    from desktop.dialogs.pages import about_page, shortcuts_page

    dialog = ImportDialog(
        [Path("/videos/exam 2025.mp4"), Path("/videos/second part.mp4")], ["P-1"], parent=window
    )
    dialog.show()
    camera.take(dialog, "import")
    dialog.patient.setText("Dr. John Smith")
    camera.take(dialog, "import-warns-of-a-name")
    dialog.close()
    for page, name in ((shortcuts_page(window), "shortcuts"), (about_page(window), "about")):
        page.show()
        camera.take(page, name)
        page.close()


def _library(camera: Camera, window: Any) -> None:
    """Searched, and as narrow as it gets."""
    from PySide6.QtCore import Qt

    library = window.library
    for typed, name in (("sigmoid", "search"), ("nobody", "nothing-found")):
        library.search.setText(typed)
        camera.wait(lambda typed=typed: library._feed.typed == typed, "the search")  # type: ignore[misc]
        camera.take(library, f"library-{name}")
    library.search.clear()
    camera.wait(lambda: library.tree.isVisible(), "all rows")
    dock = library.parentWidget()
    window.resizeDocks([dock], [library.minimumWidth()], Qt.Orientation.Horizontal)
    camera.take(window, "library-narrow")


def _full(camera: Camera, window: Any, folder: Path) -> None:
    from core.errors import PolypTraceError
    from core.progress import Progress
    from desktop.session import Selection

    window.resize(*SIZE)
    window.show()
    window.start(folder)
    camera.wait(lambda: window.library.model.rowCount() > 1, "the library")
    camera.take(window, "library")
    window.library.show_selection(Selection(patient=1, exam=3, video=3, clip=5))
    camera.wait(lambda: window.desk.facts.clip is not None, "the clip")
    camera.wait(lambda: "dmcl" in window._model.text(), "the model")
    camera.settle(1.5)
    camera.take(window, "description")
    window.player.step(50)
    camera.settle(1.0)
    window.tabs.setCurrentWidget(window.matches)
    camera.take(window, "matches-ready")
    window.matches.show_locked()
    camera.take(window.matches, "matches-locked")
    window.matches.show_busy(Progress("embedding clips", 3, 8))
    camera.take(window.matches, "matches-busy")
    window.matches.show_error(
        PolypTraceError("x", "The worker ended unexpectedly.", "Show the matches again.")
    )
    camera.take(window.matches, "matches-error")
    window.show_matches()
    camera.wait(lambda: window._ranked is not None, "the ranking")
    camera.settle(6.0)  # the crops come one by one
    camera.take(window, "matches")
    window.matches._result.others.click()
    camera.wait(lambda: window._ranked is not None and window._ranked.catalogue is not None, "the catalogue")
    camera.settle(6.0)
    camera.take(window, "matches-whole-catalogue")
    window.explain()
    camera.take(window.explanation, "explanation-busy")
    camera.wait(lambda: not window.explanation._body.isHidden(), "the explanation")
    camera.take(window, "explanation")
    window.explanation.show_nothing()
    camera.take(window.explanation, "explanation-nothing")
    window.area.notices.show_error(PolypTraceError("x", "The file can't be read.", "Export it anew."))
    camera.take(window, "notice-error")
    _library(camera, window)
    window.resize(1100, 700)
    camera.take(window, "small-window")
    window.close()


if __name__ == "__main__":
    sys.exit(main())
