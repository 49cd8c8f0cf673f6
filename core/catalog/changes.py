"""What a write changed: the one thing every view refreshes from."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

Ids = tuple[int, ...]


class Created(msgspec.Struct, frozen=True):
    """Ids of new rows, by kind."""

    patients: Ids = ()
    exams: Ids = ()
    videos: Ids = ()
    clips: Ids = ()
    findings: Ids = ()
    revisions: Ids = ()
    reports: Ids = ()
    link_events: Ids = ()
    models: tuple[str, ...] = ()
    jobs: Ids = ()


class CatalogChanges(msgspec.Struct, frozen=True):
    """Which rows a write touched, by kind; all empty when everything already was as asked.

    ``label`` is the human name of the change (undo menu); ``undoable`` whether undo takes it back.
    ``subject`` is the id of the row that the write is about, new or already there: the patient, exam, video,
    clip, revision, link event or job; None where that is a model or many rows.
    ``lesions`` holds the ids of lesions that appeared, vanished or have other findings now;
    ``vectors`` the ids of clips whose vector was written; ``reports`` those of legacy reports.
    """

    label: str
    subject: int | None = None
    undoable: bool = False
    created: Created = Created()
    patients: Ids = ()
    exams: Ids = ()
    videos: Ids = ()
    clips: Ids = ()
    findings: Ids = ()
    lesions: Ids = ()
    models: tuple[str, ...] = ()
    vectors: Ids = ()
    jobs: Ids = ()
    reports: Ids = ()

    @property
    def nothing(self) -> bool:
        """True when the catalogue already was as asked."""
        touched = (self.patients, self.exams, self.videos, self.clips, self.findings, self.lesions)
        return not any((*touched, self.models, self.vectors, self.jobs, self.reports))


def ids(*several: int | None) -> Ids:
    """The given ids without gaps and twins, in order."""
    return tuple(sorted({one for one in several if one is not None}))


def ids_of(several: Iterable[int]) -> Ids:
    """Like :func:`ids`, for what isn't at hand one by one."""
    return tuple(sorted(set(several)))
