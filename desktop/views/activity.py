"""What is going on, in the status bar: the oldest job with its progress, how many more, and cancel."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from core.progress import Progress
from desktop.jobs_host import TRAINING, Job, Workers

_GUESS_AFTER_S = 3.0
"""Time left is told only when the beginning has shown how fast it goes."""


class ActivityView(QWidget):
    """Hidden while nothing runs.

    Args:
        only: what this kind of worker does; None = all others, so that a training, which takes long, hides
            nothing.
    """

    def __init__(self, workers: Workers, only: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workers, self._only = workers, only
        self._began: dict[Job, float] = {}
        self._text = QLabel()
        self._bar = QProgressBar()
        self._bar.setMaximumWidth(self.fontMetrics().averageCharWidth() * 24)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress")
        self._cancel = QToolButton()
        self._cancel.setText("Cancel")
        self._cancel.clicked.connect(self._cancel_first)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._text, self._bar, self._cancel):
            layout.addWidget(widget)
        workers.changed.connect(self._refresh)
        self._refresh()

    @property
    def text(self) -> str:
        """What stands there."""
        return "" if self.isHidden() else self._text.text()

    @property
    def _active(self) -> list[Job]:
        jobs = self._workers.active
        if self._only is None:
            return [job for job in jobs if job.kind != TRAINING]
        return [job for job in jobs if job.kind == self._only]

    def _refresh(self) -> None:
        active = self._active
        now = time.monotonic()
        self._began = {job: self._began.get(job, now) for job in active}
        self.setVisible(bool(active))
        if not active:
            return
        first = active[0]
        more = f"  (+{len(active) - 1})" if len(active) > 1 else ""
        words = _words(first.progress, now - self._began[first])
        said = first.title if words.casefold() == first.title.casefold() else f"{first.title}: {words}"
        self._text.setText(f"{said}{more}")
        total = first.progress.total or 0
        self._bar.setRange(0, total)
        self._bar.setValue(first.progress.done if total else -1)

    def _cancel_first(self) -> None:
        active = self._active
        if active:
            active[0].cancel()
            self._text.setText(f"{active[0].title}: stopping…")


def _words(progress: Progress, elapsed: float) -> str:
    """Stage and note, and the time left once it can be guessed."""
    words = f"{progress.stage} {progress.note}".strip()
    left = progress.left_s
    if left is None and progress.total and progress.done and elapsed > _GUESS_AFTER_S:
        left = elapsed * (progress.total - progress.done) / progress.done
    if left is not None:
        words += f", about {left:.0f} s left" if left < 90 else f", about {left / 60:.0f} min left"
    return words
