"""What the catalogue knows beside the words of the field in :mod:`core.domain`."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.domain import Exam, Patient, Video
from core.text.legacy.read_field import ReadField

Matrix = NDArray[np.float32]
Ints = NDArray[np.int64]


class ModelState(StrEnum):
    """Where a model version stands. At most one of a kind is active."""

    ACTIVE = "active"
    CANDIDATE = "candidate"
    RETIRED = "retired"


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class LegacyState(StrEnum):
    """What became of a finding that was read from a legacy report."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class NewLegacyFinding(msgspec.Struct, frozen=True):
    """A finding as it was read, on its way into the catalogue; see :class:`LegacyFinding`."""

    words: str
    fields: dict[str, ReadField]


class NewLegacyReport(msgspec.Struct, frozen=True):
    """A report of an exam without video, on its way into the catalogue."""

    patient: str
    date: dt.date
    text: str
    findings: tuple[NewLegacyFinding, ...]


class LegacyFinding(msgspec.Struct, frozen=True):
    """A finding of a legacy report as it was read; nothing of it is final before it is accepted.

    Attributes:
        number: within the report, from 1.
        words: the sentence that names it; empty where a user added it.
        fields: as read, by the description's keys.
        finding: of the catalogue, when it is accepted; also when it was once and is dismissed now.
    """

    id: int
    report: int
    number: int
    words: str
    fields: dict[str, ReadField]
    state: LegacyState
    finding: int | None

    @property
    def values(self) -> dict[str, Any]:
        """The description that accepting it as it was read makes."""
        read = {key: field.value for key, field in self.fields.items()}
        plain: dict[str, Any] = msgspec.to_builtins(read)
        return {**plain, "free_text": self.words} if self.words else plain


class LegacyReport(msgspec.Struct, frozen=True):
    """The text of an exam that has no video here, and the findings that were read in it."""

    id: int
    patient: str
    date: dt.date
    text: str
    findings: tuple[LegacyFinding, ...]


class ModelVersion(msgspec.Struct, frozen=True):
    """A model bundle that this catalogue knows; ``dim`` is the width of its vectors."""

    model_id: str
    folder: str
    kind: str
    dim: int
    state: ModelState
    metrics: dict[str, Any]
    added_at: dt.datetime


class Job(msgspec.Struct, frozen=True):
    """Long work and how it went; ``detail`` belongs to the kind of job."""

    id: int
    kind: str
    state: JobState
    detail: dict[str, Any]
    created_at: dt.datetime
    updated_at: dt.datetime


class AuditEvent(msgspec.Struct, frozen=True):
    """Who did what to which row, and what stood there before and after."""

    id: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ClipVector(msgspec.Struct, frozen=True, eq=False):
    """A clip's vector on its way into the index.

    ``vector`` is (dim,) float32 of length 1; ``inputs_hash`` tells of which boxes and words it was made;
    ``sources`` (JSON-able) of which frames, with what quality, and whether box or scope region was cut out.
    """

    clip_id: int
    vector: Matrix
    inputs_hash: str
    sources: dict[str, Any] = {}


class StoredVector(msgspec.Struct, frozen=True):
    """Where a clip's vector lies, and of what it was made."""

    clip_id: int
    slot: int
    crc32: int
    inputs_hash: str
    sources: dict[str, Any]


class IndexedClips(msgspec.Struct, frozen=True, eq=False):
    """A model's vectors at one moment: clip ``clip_ids[k]`` has row ``slots[k]`` of ``matrix``.

    ``clip_ids`` is (N,) int64 in rising order, ``slots`` (N,) int64, ``matrix`` (slots, dim) float32, a
    read-only memory map that may hold rows of no clip.
    """

    clip_ids: Ints
    slots: Ints
    matrix: Matrix

    def vectors(self) -> tuple[Ints, Matrix]:
        """A copy of the vectors: the clips' ids (n,), rising, and rows (n, dim)."""
        return self.clip_ids, np.asarray(self.matrix[self.slots])


class Around(msgspec.Struct, frozen=True):
    """What some clips stand in, each by its id; ``lesions`` holds the lesion's id by finding.

    A finding that is "not a lesion" has none.
    """

    videos: dict[int, Video]
    exams: dict[int, Exam]
    patients: dict[int, Patient]
    lesions: dict[int, int]


LinePath = tuple[str | int, ...]
"""Where a line stands in the library: code and id of the patient, date and id of the exam, ids of video and
clip, as far down as it goes. Lines in the order of their paths are in the order in which they are shown."""


class PatientLine(msgspec.Struct, frozen=True):
    """A patient in the library; ``last_exam`` is the day of the last exam."""

    path: LinePath
    exams: int
    last_exam: dt.date | None


class ExamLine(msgspec.Struct, frozen=True):
    """An exam in the library, and what it holds; ``reported`` findings come from a report without video."""

    path: LinePath
    videos: int
    clips: int
    reported: int = 0


class VideoLine(msgspec.Struct, frozen=True):
    """A video in one of its exams; ``clips`` counts that exam's."""

    path: LinePath
    file: str
    seconds: float
    clips: int


class ClipLine(msgspec.Struct, frozen=True):
    """A clip in the library: its finding's number within the exam, description and verdict, if any."""

    path: LinePath
    lesion_no: int
    seconds: float
    description: dict[str, Any]
    verdict: str | None


Line = PatientLine | ExamLine | VideoLine | ClipLine


class Touched(msgspec.Struct, frozen=True):
    """Ids of what one or several writes touched, as :class:`core.catalog.changes.CatalogChanges` has them."""

    patients: frozenset[int] = frozenset()
    exams: frozenset[int] = frozenset()
    videos: frozenset[int] = frozenset()
    clips: frozenset[int] = frozenset()
    findings: frozenset[int] = frozenset()
