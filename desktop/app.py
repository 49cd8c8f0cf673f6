"""Starts the window: ``python -m desktop [--data-dir DIR]``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtWidgets import QApplication

from core.domain import RESEARCH_BANNER
from core.errors import internal_fault
from core.paths import default_data_dir
from desktop.main_window import MainWindow
from desktop.theme import style


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("PolypTrace")
    app.setOrganizationName("PolypTrace")
    style.apply(app)
    window = MainWindow(options.author)
    say_faults(window)
    window.show()
    app.processEvents()  # the first paint comes before anything that loads a library
    folder = (options.data_dir or default_data_dir()).expanduser()
    QTimer.singleShot(0, lambda: window.start(folder))
    notifier = _close_on_interrupt(window)
    code = app.exec()
    del notifier
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="polyptrace", description=f"The window. {RESEARCH_BANNER}.")
    parser.add_argument("--data-dir", type=Path, default=None, help="folder of the catalogue")
    parser.add_argument("--author", default=os.environ.get("POLYPTRACE_AUTHOR", "user"), help="for the log")
    return parser


def say_faults(window: MainWindow) -> None:
    """A fault in a slot is a sentence in the window too; Python only prints it."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if isinstance(error, Exception):
            window.session.report(internal_fault(error))

    sys.excepthook = hook


def _close_on_interrupt(window: MainWindow) -> QSocketNotifier | None:
    """Ctrl+C and a polite kill close the window as its close button does."""
    if os.name == "nt":
        return None  # the console's own way ends the program there
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    notifier = QSocketNotifier(reader, QSocketNotifier.Type.Read, window)
    notifier.activated.connect(lambda *_: (os.read(reader, 64), window.close()))
    return notifier
