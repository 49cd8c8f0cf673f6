"""The words of the field as plain values. No database, no torch, no Qt: everything else imports this."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec

LONGEST_PATIENT_CODE = 64
"""Characters of a pseudonym."""
RESEARCH_BANNER = "Research use only – not for diagnosis"
OVERLAY_CAPTION = "Where the model's score is sensitive – not the outline of the lesion"
"""Stands with every map of an explanation (clinical rules, section 6)."""

DMCL, DRCL = "dmcl", "drcl"
"""Kinds of models: what recognises lesions, and what finds clips and reports of a kind by words."""


class Verdict(StrEnum):
    """What the endoscopist decides about a finding at follow-up (design: clinical rules, section 1)."""

    SAME = "same lesion"
    SCAR_CLEAN = "same site, scar clean"
    RECURRENCE = "same site, recurrence"
    NEW = "new lesion"
    CANNOT_TELL = "cannot tell"
    NOT_A_LESION = "not a lesion"
    REJECT = "reject"
    """Not an exam verdict but a pair verdict: these two findings are *not* the same lesion (cannot-link)."""


JOINING = frozenset({Verdict.SAME, Verdict.SCAR_CLEAN, Verdict.RECURRENCE})
"""Verdicts that join two findings into one lesion."""


class Box(msgspec.Struct, frozen=True):
    """A lesion box in pixels of the displayed frame, on the frame with presentation time ``pts``."""

    x: float
    y: float
    w: float
    h: float
    pts: int | None = None


class Patient(msgspec.Struct, frozen=True):
    """A patient under a pseudonym. Names and record numbers are never held here."""

    id: int
    code: str
    sex: str | None = None
    birth_year: int | None = None
    facts: dict[str, Any] = {}


class Exam(msgspec.Struct, frozen=True):
    """One colonoscopy of a patient. ``facts`` are the vocabulary's of the exam: indication, BBPS, …"""

    id: int
    patient_id: int
    date: dt.date
    facts: dict[str, Any] = {}


class ScopeRegion(msgspec.Struct, frozen=True):
    """The round or octagonal picture inside its black frame, in pixels of the displayed frame.

    ``polygon`` is a convex outline, ``box`` = (x, y, w, h) its bounding box; ``found`` is False when the
    whole frame is picture or nothing could be told.
    """

    box: tuple[int, int, int, int]
    polygon: tuple[tuple[int, int], ...]
    found: bool


PixelBox = tuple[int, int, int, int]
"""x, y, width, height in whole pixels of the displayed frame."""


class Video(msgspec.Struct, frozen=True):
    """An imported video file, known by its content.

    ``duration_s`` is in seconds; ``time_base`` is the exact fraction of a second of one pts tick, as
    ``(numerator, denominator)``; sizes are of the displayed frame in pixels. ``text_found`` is where the
    import pass found burned-in text; ``text_corrected`` where a user says it is, None while nobody did.
    """

    id: int
    sha256: str
    path: str
    frames: int
    duration_s: float
    width: int
    height: int
    codec: str
    time_base: tuple[int, int]
    region: ScopeRegion | None = None
    text_found: tuple[PixelBox, ...] = ()
    text_corrected: tuple[PixelBox, ...] | None = None

    @property
    def text_boxes(self) -> tuple[PixelBox, ...]:
        """Where burned-in text is: the user's word goes before the program's."""
        return self.text_found if self.text_corrected is None else self.text_corrected


class Clip(msgspec.Struct, frozen=True):
    """A stretch of a video, both ends included, that shows one finding of one exam."""

    id: int
    exam_id: int
    video_id: int
    finding_id: int
    pts_in: int
    pts_out: int
    boxes: tuple[Box, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """A lesion as seen in one exam. ``lesion_no`` counts within the exam from 1."""

    id: int
    exam_id: int
    lesion_no: int


class Lesion(msgspec.Struct, frozen=True):
    """An identity over exams, derived from link events: its id is the smallest id of its findings."""

    id: int
    patient_id: int
    finding_ids: tuple[int, ...]


class DescriptionRevision(msgspec.Struct, frozen=True):
    """One saved state of a finding's description. Revisions are only ever added.

    ``values`` maps vocabulary keys to values (see :mod:`core.text.description`); a ``draft`` may be
    partial and is enough to match.
    """

    id: int
    finding_id: int
    number: int
    values: dict[str, Any]
    author: str
    source: str
    created_at: dt.datetime
    draft: bool = True


class LinkEvent(msgspec.Struct, frozen=True):
    """One verdict about a finding, and where it has one, about its counterpart ``other_finding_id``."""

    id: int
    finding_id: int
    other_finding_id: int | None
    verdict: Verdict
    author: str
    model_id: str | None
    created_at: dt.datetime


class FrameQuality(msgspec.Struct, frozen=True):
    """Quality of one frame: each measure in 0…1, where 1 is best, and their product-like ``score``."""

    sharpness: float
    glare: float
    brightness: float
    in_body: float
    score: float
