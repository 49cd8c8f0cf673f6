"""What matching says, as plain values: the command line, the window and the report show the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError


class CropSource(StrEnum):
    """What of the frames the model saw."""

    BOX = "lesion box"
    REGION = "scope region"
    FRAME = "whole frame"
    NONE = "description only"


class Evidence(msgspec.Struct, frozen=True):
    """What an embedding was made of: crops, how many, the frames' pts, and the model text."""

    source: CropSource
    crops: int
    pts: tuple[int, ...]
    text: str | None


class Failure(msgspec.Struct, frozen=True):
    """A clip that couldn't be embedded, and why, in words."""

    clip: int
    reason: str


class Candidate(msgspec.Struct, frozen=True):
    """One clip of the ranking.

    Attributes:
        lesion: the lesion that its finding belongs to; None when it stands as "not a lesion".
        score: cosine to the query, −1…1; None when the clip couldn't be embedded, which ``reason`` tells.
        probability: calibrated chance in 0…1 that the query's lesion is the one that this clip shows, the
            same for all clips of a lesion; the rest to 1 is "none of them". None for a model that wasn't
            calibrated on enough pairs, for rejected clips, and for other patients' clips, on which it wasn't
            calibrated.
        band: the resemblance in words: weak, moderate or strong.
        rejected: the query's finding was said not to be the same lesion as this one, or as another of its
            lesion's.
        source: what the model sees of this clip.
        linked: it was linked with the query's finding: they are the same lesion by the verdicts so far.
        removed: its lesion is recorded as completely removed before the query's exam.
    """

    clip: int
    finding: int
    lesion: int | None
    patient: str
    exam: int
    exam_date: dt.date
    report: str
    place: str
    score: float | None
    probability: float | None
    band: str | None
    rejected: bool
    source: CropSource
    reason: str | None = None
    linked: bool = False
    removed: bool = False

    @property
    def possible(self) -> bool:
        """Whether it can be the query's lesion: it has a score, wasn't rejected and is a lesion at all."""
        return self.score is not None and not self.ruled_out

    @property
    def ruled_out(self) -> bool:
        """Whether a verdict says that it isn't the query's lesion, or no lesion."""
        return self.rejected or self.lesion is None

    @property
    def note(self) -> str:
        """What stands beside it in words: a verdict, no score and why, completely removed."""
        words = ["not the same lesion"] if self.rejected else []
        words += ["recorded as not a lesion"] if self.lesion is None else []
        words += ["linked: same lesion"] if self.linked else []
        words += [self.reason] if self.reason else []
        words += ["recorded as completely removed"] if self.removed else []
        return "; ".join(words)


class NoMatchAnswer(msgspec.Struct, frozen=True):
    """The answer "none of these".

    Attributes:
        score: best cosine among the patient's clips that weren't ruled out; None when there is none.
        threshold: below it no clip is a good match; None for a model that wasn't calibrated.
        is_no_match: None when it can't be told.
        queries: validation queries that the threshold was learnt from.
        learnt_on: whose those were, in words.
        reason: why, in words.
    """

    score: float | None
    threshold: float | None
    is_no_match: bool | None
    queries: int
    reason: str
    learnt_on: str = ""


class QueryInfo(msgspec.Struct, frozen=True):
    """The clip that was asked about."""

    clip: int
    finding: int
    patient: str
    exam: int
    exam_date: dt.date
    report: str
    place: str
    evidence: Evidence


class ModelInfo(msgspec.Struct, frozen=True):
    """The model that ranked."""

    id: str
    dim: int


class DeviceInfo(msgspec.Struct, frozen=True):
    """Where it computed, and why there."""

    name: str
    reason: str


class MatchResult(msgspec.Struct, frozen=True):
    """A ranking. ``patient``: every described clip of the patient's earlier exams, best first, never cut.

    ``catalogue``: the best of all clips outside the query's exam, the patient's included; None unless asked
    for. Clips that were ruled out stand behind the others, clips without a score last.
    """

    query: QueryInfo
    model: ModelInfo
    device: DeviceInfo
    patient: tuple[Candidate, ...]
    catalogue: tuple[Candidate, ...] | None
    no_match: NoMatchAnswer
    warnings: tuple[str, ...] = ()
    notice: str = RESEARCH_BANNER

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``match``: ``query`` is the clip's id, ``query_info`` tells the rest."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        plain["query_info"] = plain.pop("query")
        plain["query"] = self.query.clip
        plain["model"], plain["dim"] = self.model.id, self.model.dim
        plain["device"] = self.device.name
        plain["device_reason"] = self.device.reason
        if self.catalogue is None:
            del plain["catalogue"]
        return plain


def match_from(document: Mapping[str, Any]) -> MatchResult:
    """The ranking of a JSON document of ``match``; the way back of :meth:`MatchResult.as_dict`.

    Raises:
        PolypTraceError: ``match-document`` when it isn't one.
    """
    try:
        plain = dict(document)
        plain["query"] = plain.pop("query_info")
        plain["model"] = {"id": plain["model"], "dim": plain["dim"]}
        plain["device"] = {"name": plain["device"], "reason": plain["device_reason"]}
        return msgspec.convert(plain | {"catalogue": plain.get("catalogue")}, MatchResult)
    except (KeyError, msgspec.ValidationError) as error:
        raise PolypTraceError(
            "match-document", "This is no ranking that can be read.", "Ask for the matches again."
        ) from error
