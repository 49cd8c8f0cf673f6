"""Keeps matches and explanation on the chosen clip: what belongs to another one is never shown or judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from core.domain import Verdict
from core.errors import PolypTraceError
from core.progress import Progress
from desktop.deciding import Deciding
from desktop.desk import Desk, Facts
from desktop.matching import MatchFlow
from desktop.session import Session
from desktop.views.explanation import ExplanationView
from desktop.views.matches.view import MatchesView
from desktop.words import paragraphs

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.domain import DescriptionRevision
    from core.matching.values import Candidate, MatchResult

State = tuple[int | None, int | None]
"""Which clip, and which revision of its description."""


class Ranking(QObject):
    """``changed``: what can be done with the ranking is another now."""

    changed = Signal()

    def __init__(
        self,
        session: Session,
        desk: Desk,
        flow: MatchFlow,
        deciding: Deciding,
        views: tuple[MatchesView, ExplanationView],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._desk, self._flow, self._deciding = session, desk, flow, deciding
        self._matches, self._explanation = views
        self._asked: int | None = None
        self._quiet = False
        self._failed: State | None = None
        self.result: MatchResult | None = None
        """The ranking that is shown."""
        self._connect()
        self._matches.show_no_clip()

    @property
    def busy(self) -> bool:
        """Whether matches are being looked for."""
        return self._asked is not None

    @property
    def candidate(self) -> Candidate | None:
        """The chosen row of the ranking."""
        return self._matches.candidate if self.result is not None else None

    def start(self, *, quiet: bool = False) -> None:
        """Ranks for the chosen clip.

        Args:
            quiet: the ranking that is shown stays until the new one is there, and the keys where they are.
        """
        clip = self._desk.facts.clip
        if clip is not None:
            self._asked, self._failed = clip.id, None
            self._quiet = quiet and self.result is not None
            self._flow.start(clip.id, self._matches.everywhere)

    def anew(self) -> None:
        """Another model is in use: a ranking that is shown is made by it, and stays until then."""
        if self.result is not None:
            self.start(quiet=True)

    def explain(self) -> bool:
        """Asks where in both pictures the score of the chosen match is sensitive; False without one."""
        chosen = self.candidate
        if self.result is None or chosen is None:
            return False
        self._explanation.show_busy()
        self._flow.explain(self.result.query.clip, chosen.clip)
        return True

    def give(self, verdict: Verdict, *, of_pair: bool) -> None:
        """Gives a verdict on the chosen clip; ``of_pair`` names the chosen match, where there is one.

        While another clip is being opened nothing is given: the eye may be there already.
        """
        clip, chosen = self._desk.facts.clip, self.candidate
        if clip is not None and clip.id == self._session.selection.clip:
            other = chosen.clip if of_pair and chosen is not None else None
            self._deciding.give(verdict, clip.id, other)

    def _connect(self) -> None:
        self._session.opened.connect(self._opened)
        self._session.changed.connect(self._catalogue_changed)
        self._desk.facts_changed.connect(self._facts_changed)
        flow, matches = self._flow, self._matches
        flow.progressed.connect(self._progressed)
        flow.ranked.connect(self._ranked)
        flow.failed.connect(self._match_failed)
        flow.cancelled.connect(self._stopped)
        flow.explained.connect(self._explained)
        flow.explain_failed.connect(lambda error: self._explanation.show_error(paragraphs(error)))
        flow.explain_cancelled.connect(self._explanation.show_nothing)
        matches.cancelled.connect(flow.cancel)
        matches.candidate_chosen.connect(lambda _: self.changed.emit())

    def _opened(self) -> None:
        self._flow.drop()
        self._forget()
        self._asked = self._failed = None
        self._matches.forget_crops()

    def _facts_changed(self, facts: Facts) -> None:
        clip, _ = _state(facts)
        if self._asked is not None and self._asked != clip:
            self._flow.cancel()  # nobody waits for it any more
        if self.result is not None and self.result.query.clip != clip:
            self._forget()
        if self._asked is None and self.result is None and self._failed != _state(facts):
            self._say()
        self.changed.emit()

    def _catalogue_changed(self, changes: CatalogChanges) -> None:
        """A ranking made of other words, boxes or masks isn't true any more; verdicts only add notes."""
        clip = self._desk.facts.clip
        if clip is None or (self.result is None and not self.busy):
            return
        masked = bool(changes.videos) and not changes.exams  # an import names its exam
        described = bool(changes.created.revisions) and clip.finding_id in changes.findings
        if masked or described or clip.id in changes.clips:
            self._forget()  # what is possible now comes from the desk, which reads after each change
            if self.busy:
                self.start()  # what is being compared is the state of before
        elif changes.created.link_events or changes.lesions:
            self.start(quiet=True)

    def _say(self) -> None:
        """What can be done, while there is no ranking."""
        facts, self._failed = self._desk.facts, None
        if facts.clip is None:
            self._matches.show_no_clip()
        elif facts.revision is None:
            self._matches.show_locked()
        else:
            self._matches.show_ready()

    def _forget(self) -> None:
        self.result = None
        self._flow.drop_explanation()
        self._explanation.show_nothing()

    def _progressed(self, step: Progress) -> None:
        if not self._quiet:
            self._forget()
            self._matches.show_busy(step)
        self.changed.emit()

    def _ranked(self, result: MatchResult) -> None:
        asked, self._asked = self._asked, None
        clip = self._desk.facts.clip
        if clip is None or not clip.id == asked == result.query.clip:
            self._stopped()
            return
        self.result = result
        self._matches.show_result(result)
        self.changed.emit()

    def _match_failed(self, error: PolypTraceError) -> None:
        self._asked = None
        self._forget()
        self._failed = _state(self._desk.facts)
        self._matches.show_error(error)
        self.changed.emit()

    def _stopped(self) -> None:
        self._asked = None
        self._forget()
        self._say()
        self.changed.emit()

    def _explained(self, document: dict[str, Any]) -> None:
        if self.result is not None:
            self._explanation.show_explanation(document)


def _state(facts: Facts) -> State:
    revision: DescriptionRevision | None = facts.revision
    return facts.clip.id if facts.clip else None, revision.number if revision else None
