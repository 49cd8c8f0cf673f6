"""What a match page shows, as plain values that the matching room fills."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Literal

import msgspec

from core.domain import OVERLAY_CAPTION
from core.errors import PolypTraceError

_SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


class Picture(msgspec.Struct, frozen=True):
    """An encoded picture.

    Args:
        data: the bytes of a PNG or JPEG file; they go into the page as they are.
        alt: what it shows, for those who can't see it.
        caption: shown below it; may be empty.
    """

    data: bytes
    alt: str
    caption: str = ""

    @property
    def uri(self) -> str:
        """The picture as a data URI.

        Raises:
            PolypTraceError: ``report-picture`` when the bytes are neither PNG nor JPEG.
        """
        for media_type, signature in _SIGNATURES.items():
            if self.data.startswith(signature):
                return f"data:{media_type};base64,{base64.b64encode(self.data).decode('ascii')}"
        raise PolypTraceError(
            "report-picture", "A picture of the report is neither PNG nor JPEG.", "Make the report again."
        )


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """The clip that was asked about.

    Args:
        patient: pseudonym; never a name or record number.
        exam_date: as it may be shown (shifted where the catalogue is de-identified).
        place: segment, size and shape in a few words.
        report: the description as report sentences; empty without one.
        evidence: what the model saw, e.g. "5 crops of the lesion box, and the description".
    """

    clip: int
    patient: str
    exam_date: dt.date
    place: str = ""
    report: str = ""
    evidence: str = ""
    picture: Picture | None = None


class RankedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One clip of a ranking, as the match gave it.

    Args:
        rank: from 1; None for a clip that stands outside the ranking (rejected, or without a score).
        score: cosine, −1…1; None when the clip couldn't be compared.
        probability: calibrated, 0…1; None below 50 validation pairs, then only the band is shown.
        band: weak, moderate or strong; None for a model that wasn't calibrated.
        note: what is to be known beside it: a verdict, why there is no score, a complete removal.
        source: what the model saw of this clip.
        patient: pseudonym; shown in the catalogue's ranking.
        same_patient: whether the clip is of the query's patient.
    """

    rank: int | None
    clip: int
    exam_date: dt.date
    segment: str = ""
    size: str = ""
    paris: str = ""
    score: float | None = None
    probability: float | None = None
    band: str | None = None
    note: str = ""
    lesion: int | None = None
    source: str = ""
    patient: str = ""
    same_patient: bool = False
    picture: Picture | None = None


class Answer(msgspec.Struct, frozen=True):
    """The "no good match" line: ``is_no_match`` is None when it can't be told; ``text`` says why."""

    is_no_match: bool | None
    text: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Both maps over their pictures, and how strong each is in words."""

    query: Picture
    candidate: Picture
    query_strength: str
    candidate_strength: str
    candidate_clip: int
    similarity: float
    caption: str = OVERLAY_CAPTION


class DemoScore(msgspec.Struct, frozen=True, kw_only=True):
    """How often the true lesion came first over all queries that have one; ``lines`` adds sentences."""

    right: int
    queries: int
    lines: tuple[str, ...] = ()


class MatchPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page: a match, and for the demo its score over all queries.

    Args:
        earlier: the patient's earlier findings, best first.
        catalogue: best clips of the whole catalogue; None when it wasn't asked for.
        made: when the page was made.
    """

    query: Query
    model: str
    device: str
    device_reason: str
    earlier: tuple[RankedRow, ...]
    answer: Answer
    made: dt.datetime
    catalogue: tuple[RankedRow, ...] | None = None
    explanation: Explanation | None = None
    warnings: tuple[str, ...] = ()
    demo: DemoScore | None = None

    @property
    def verdict_class(self) -> Literal["no-match", "match", "unknown"]:
        """How the answer is set off."""
        if self.answer.is_no_match is None:
            return "unknown"
        return "no-match" if self.answer.is_no_match else "match"
