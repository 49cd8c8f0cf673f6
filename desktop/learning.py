"""The window's part in learning from the catalogue: asks, tells how it went, and what may be decided now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop.asking import Asking
from desktop.dialogs.training_dialog import TrainingDialog
from desktop.jobs_host import Workers
from desktop.models import ModelFlow
from desktop.notices import NoticeBar
from desktop.session import Session
from desktop.training import TrainFlow

if TYPE_CHECKING:
    from core.retraining.runs import Unfinished

COMPARE = "&Compare…"


class Learning(QObject):
    """``changed``: other actions are possible now. ``switched``: another model is in use."""

    changed = Signal()
    switched = Signal(str)

    def __init__(self, session: Session, workers: Workers, asking: Asking, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._asking, self._window = session, asking, window
        self._notices: NoticeBar | None = None
        self.training = TrainFlow(session, workers, self)
        self.models = ModelFlow(session, workers, self)
        train, models = self.training, self.models
        train.changed.connect(self.changed)
        train.changed.connect(self._begun)
        models.known.connect(self.changed)
        train.finished.connect(self._finished)
        train.failed.connect(session.report)
        train.stopped.connect(self._stopped)
        train.went_on.connect(lambda words: self._bar.show_warning(words))
        train.waits.connect(self._offer)
        models.switched.connect(self._switched)
        models.embedded.connect(self._embedded)
        models.unreadable.connect(self._unreadable)

    def tell_in(self, notices: NoticeBar) -> None:
        """Where what happens is told."""
        self._notices = notices

    @property
    def _bar(self) -> NoticeBar:
        assert self._notices is not None
        return self._notices

    @property
    def has_candidate(self) -> bool:
        """Whether a candidate waits for a decision."""
        return self.models.standing is not None and bool(self.models.standing.candidates)

    @property
    def can_go_back(self) -> bool:
        """Whether a model was in use before this one."""
        return self.models.standing is not None and self.models.standing.before is not None

    def ask_to_train(self) -> None:
        """The pre-flight; Start begins. While a training goes on there is nothing to begin."""
        if self.training.running:
            return
        dialog = TrainingDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        train = self.training
        dialog.looked_for.connect(train.look)
        planned = train.planned.connect(dialog.show_plan)
        failed = train.plan_failed.connect(dialog.show_error)
        dialog.started.connect(train.start)
        dialog.given_up.connect(train.give_up)
        given_up = train.given_up.connect(dialog.look)

        def over(_: int) -> None:
            train.planned.disconnect(planned)
            train.plan_failed.disconnect(failed)
            train.given_up.disconnect(given_up)
            train.put_away()

        dialog.finished.connect(over)
        dialog.open()
        dialog.look()

    def compare(self) -> None:
        """The candidates' figures, and putting one to use."""
        from desktop.dialogs.candidate_dialog import CandidateDialog

        standing = self.models.standing
        if standing is None or not standing.candidates:
            return
        dialog = CandidateDialog(standing, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.promoted.connect(self.models.promote)
        dialog.open()

    def ask_to_go_back(self) -> None:
        """The model before, once that is confirmed."""
        standing = self.models.standing
        if standing is not None and standing.before is not None:
            question = (
                f"{standing.active} is in use; before it was {standing.before}. That one ranks as it did: "
                "its embeddings were kept."
            )
            if self._asking.confirm(question, "&Go back to it", "&Leave it"):
                self.models.roll_back()

    def may_close(self) -> bool:
        """Whether the window may be closed: a training stops then, and its user is asked."""
        return not self.training.running or self._asking.confirm(
            "A training is going on. It stops when the window is closed; the next time it can be gone on "
            "with from where it is.",
            "&Stop it and close",
            "&Keep training",
        )

    def _begun(self) -> None:
        if self.training.running:
            self._bar.clear_news()

    def _finished(self, document: dict[str, Any]) -> None:
        self.models.refresh()
        words = [f"Training is done: {document['model']} is a candidate.", *document["comparison"]["words"]]
        words += document["left_out"]
        self._bar.show_news(" ".join(words), COMPARE, self.compare)

    def _stopped(self) -> None:
        self._bar.show_news(
            "The training was stopped. It can be gone on with from where it is.",
            "&Go on…",
            self.ask_to_train,
        )

    def _offer(self, found: Unfinished) -> None:
        self._bar.show_news(
            f"The training that began at {found.began} failed: {found.failure}"
            if found.failure
            else f"The training that began at {found.began} was stopped ({found.words()}).",
            "&Look at it…" if found.failure else "&Go on…",
            self.ask_to_train,
        )

    def _switched(self, model: str) -> None:
        self._bar.show_note(
            f"{model} is in use now. Clips that it hasn't seen are embedded for it; rankings from before "
            "keep their model's name."
        )
        self.switched.emit(model)

    def _embedded(self, clips: int) -> None:
        were = "1 clip was" if clips == 1 else f"{clips} clips were"
        self._bar.show_note(f"{were} embedded for the model in use.")

    def _unreadable(self, clips: int, reason: str) -> None:
        which = "1 clip" if clips == 1 else f"{clips} clips"
        self._bar.show_warning(f"{which} couldn't be embedded for the model in use: {reason}")
