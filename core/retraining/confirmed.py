"""What a catalogue has to learn from: lesions that verdicts have joined over exams, and their clips."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from core.catalog import identity, queries
from core.catalog.engine import Catalog
from core.domain import JOINING, Clip, LinkEvent, PixelBox, ScopeRegion
from core.matching.context import ClipContext, TextFit, contexts

GONE = "its video isn't where it was"


class ConfirmedLink(msgspec.Struct, frozen=True):
    """A verdict in force that joins two findings: who gave it, and when."""

    event: int
    finding: int
    other: int
    verdict: str
    author: str
    at: dt.datetime


class LearningClip(msgspec.Struct, frozen=True):
    """A clip as it was when it was collected, with all that its crops and its text depend on.

    Attributes:
        clip: times and lesion boxes.
        patient: id of the patient.
        lesion: id of the lesion that confirmed links make; None where the clip is only compared with.
        exam: position in time among the patient's exams, from 1.
        sha256: of the video.
        region, text_boxes: of the video: what lies outside of the one and inside of the others is black.
        text: the model text of the clip's own exam; empty without a description.
    """

    clip: Clip
    patient: int
    lesion: int | None
    exam: int
    sha256: str
    region: ScopeRegion | None
    text_boxes: tuple[PixelBox, ...]
    text: str


class LeftOut(msgspec.Struct, frozen=True):
    """A clip that can't be learnt from, its video and why; no file's name, which may tell whose it is."""

    clip: int
    video: int
    reason: str


class Confirmed(msgspec.Struct, frozen=True):
    """All that can be learnt from, by patient.

    Attributes:
        links: verdicts that join, between findings of the lesions below.
        clips: of lesions seen in two exams or more; and of the same patients' other findings, ``lesion``
            None where nothing is known of them, for being compared with.
        left_out: clips of these lesions that can't be had.
    """

    links: tuple[ConfirmedLink, ...]
    clips: tuple[LearningClip, ...]
    left_out: tuple[LeftOut, ...]

    def lesions(self) -> dict[int, set[int]]:
        """The lesions that were seen in two exams or more, by patient."""
        exams: dict[tuple[int, int], set[int]] = defaultdict(set)
        for one in self.clips:
            if one.lesion is not None:
                exams[one.patient, one.lesion].add(one.exam)
        found: dict[int, set[int]] = defaultdict(set)
        for (patient, lesion), seen in exams.items():
            if len(seen) > 1:
                found[patient].add(lesion)
        return dict(found)


def collect(catalog: Catalog, fit: TextFit) -> Confirmed:
    """Reads what verdicts have confirmed; nothing is decoded.

    A lesion counts where a verdict in force joins its findings of two exams. A finding that stands as "new
    lesion" keeps its identity, for measuring; all others are unknown. "Not a lesion" is left out.

    Args:
        fit: of the model that will learn: the model texts are fitted to its tokenizer.
    """
    now = identity.standing(queries.link_events(catalog))
    lesions = queries.lesions(catalog)
    joined = {lesion.id: lesion for lesion in lesions if len(lesion.finding_ids) > 1}
    of_finding = {finding: lesion.id for lesion in joined.values() for finding in lesion.finding_ids}
    of_finding |= {finding: finding for finding in now.new if finding not in of_finding}
    patients = {lesion.patient_id for lesion in joined.values()}
    known = {finding for lesion in lesions for finding in lesion.finding_ids if lesion.patient_id in patients}
    order = _exam_order(catalog)
    wanted = [clip for clip in queries.clips(catalog) if clip.finding_id in known]
    clips: list[LearningClip] = []
    left: list[LeftOut] = []
    for one in contexts(catalog, wanted, fit):
        lesion = of_finding.get(one.clip.finding_id)
        if Path(one.video.path).is_file():
            clips.append(_learning(one, lesion, order[one.exam.id]))
        elif lesion in joined:
            left.append(LeftOut(one.clip.id, one.video.id, GONE))
    return Confirmed(_links(now.pairs.values(), of_finding), tuple(clips), tuple(left))


def _links(events: Iterable[LinkEvent], of_finding: dict[int, int]) -> tuple[ConfirmedLink, ...]:
    joins = [
        ConfirmedLink(
            one.id, one.finding_id, one.other_finding_id, one.verdict.value, one.author, one.created_at
        )
        for one in events
        if one.verdict in JOINING and one.other_finding_id is not None and one.finding_id in of_finding
    ]
    return tuple(sorted(joins, key=lambda link: link.event))


def _exam_order(catalog: Catalog) -> dict[int, int]:
    counted: dict[int, int] = defaultdict(int)
    order: dict[int, int] = {}
    for exam in queries.exams(catalog):  # in the order of time
        counted[exam.patient_id] += 1
        order[exam.id] = counted[exam.patient_id]
    return order


def _learning(one: ClipContext, lesion: int | None, exam: int) -> LearningClip:
    return LearningClip(
        clip=one.clip,
        patient=one.patient.id,
        lesion=lesion,
        exam=exam,
        sha256=one.video.sha256,
        region=one.video.region,
        text_boxes=tuple(one.video.text_boxes),
        text=one.text or "",
    )
