"""The frozen manifest of a run: what it learns from and what it is measured on, written before all else."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from core.data.splits import assert_disjoint, split_hash
from core.errors import PolypTraceError
from core.inference.bundle import replace_file
from core.retraining.confirmed import Confirmed, ConfirmedLink, LearningClip, LeftOut
from core.retraining.dealing import Dealt

FILE = "links.json"
VERSION = 1
TRAIN, QUERY, GALLERY = "train", "query", "gallery"


class FrozenClip(msgspec.Struct, frozen=True):
    """A clip and its part: ``train``; of held-back patients ``query`` (the last exam) or ``gallery``."""

    split: str
    facts: LearningClip


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """``links.json`` of a run.

    Attributes:
        author: who started it.
        preset: its name; ``config`` are the settings in full.
        start: id of the model that training goes on from: the one in use.
        links: verdicts that join, with who and when; those of held-back patients are measured on.
        clips: those that train, and those of held-back patients.
        left_out: clips of confirmed lesions whose video couldn't be found.
        split_sha256: of the ids of the patients of each part.
    """

    made_at: dt.datetime
    author: str
    preset: str
    config: dict[str, Any]
    start: str
    links: tuple[ConfirmedLink, ...]
    clips: tuple[FrozenClip, ...]
    left_out: tuple[LeftOut, ...]
    patients: Dealt
    split_sha256: dict[str, str]
    version: int = VERSION

    def counts(self) -> dict[str, int]:
        """How much trains and how much is held back; ``train_lesions`` were all seen in two exams."""
        train = [one.facts for one in self.clips if one.split == TRAIN]
        held = [one.facts for one in self.clips if one.split != TRAIN]
        own = {one.clip.finding_id for one in train}
        links = sum(link.finding in own and link.other in own for link in self.links)
        return {
            "train_patients": len(self.patients.train),
            "train_lesions": len({one.lesion for one in train}),
            "train_links": links,
            "train_clips": len(train),
            "held_back_patients": len(self.patients.held_back),
            "held_back_lesions": len(_confirmed(held)),
            "held_back_links": len(self.links) - links,
            "held_back_clips": len(held),
            "left_out_clips": len(self.left_out),
        }


def freeze(
    confirmed: Confirmed, dealt: Dealt, *, author: str, preset: str, config: dict[str, Any], start: str
) -> Frozen:
    """Puts together what a run is made of.

    Only clips of confirmed links train. Of a held-back patient the last exam with a link to an earlier one
    asks; all that was seen before answers, also what is linked with nothing: so it is in use.
    """
    parts = {"train": dealt.train, "held back": dealt.held_back}
    named = {name: [str(patient) for patient in ids] for name, ids in parts.items()}
    assert_disjoint(named)
    clips = [*_training(confirmed, set(dealt.train)), *_held_back(confirmed, dealt.held_back)]
    kept = {one.facts.clip.finding_id for one in clips}
    return Frozen(
        made_at=dt.datetime.now(dt.UTC),
        author=author,
        preset=preset,
        config=config,
        start=start,
        links=tuple(link for link in confirmed.links if {link.finding, link.other} <= kept),
        clips=tuple(sorted(clips, key=lambda one: one.facts.clip.id)),
        left_out=confirmed.left_out,
        patients=dealt,
        split_sha256={name: split_hash(ids) for name, ids in named.items()},
    )


def write(run: Path, frozen: Frozen) -> Path:
    """Writes ``links.json`` of a new run, at once or not at all."""
    run.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(frozen), indent=1)
    replace_file(run / FILE, text + b"\n")
    return run / FILE


def read(run: Path) -> Frozen:
    """The frozen manifest of a run.

    Raises:
        PolypTraceError: ``run-unreadable``.
    """
    try:
        return msgspec.json.decode((run / FILE).read_bytes(), type=Frozen)
    except (OSError, msgspec.MsgspecError) as error:
        raise PolypTraceError(
            "run-unreadable",
            f"The run {run.name} can't be gone on with: what it learns from isn't readable.",
            "Start a new one.",
        ) from error


def digest(run: Path) -> str:
    """SHA-256 of ``links.json``."""
    return hashlib.sha256((run / FILE).read_bytes()).hexdigest()


def _training(confirmed: Confirmed, patients: set[int]) -> list[FrozenClip]:
    lesions = confirmed.lesions()
    return [
        FrozenClip(TRAIN, one)
        for one in confirmed.clips
        if one.patient in patients and one.lesion in lesions[one.patient]
    ]


def _held_back(confirmed: Confirmed, patients: Iterable[int]) -> list[FrozenClip]:
    clips: list[FrozenClip] = []
    for patient in patients:
        own = [one for one in confirmed.clips if one.patient == patient]
        lesions = confirmed.lesions()[patient]
        last = max(one.exam for one in own if one.lesion in lesions)
        clips += [FrozenClip(GALLERY, one) for one in own if one.exam < last]
        # A finding of the last exam that nobody has judged asks nothing: the answer isn't known.
        clips += [FrozenClip(QUERY, one) for one in own if one.exam == last and one.lesion is not None]
    return clips


def _confirmed(clips: Iterable[LearningClip]) -> set[int]:
    exams: dict[int, set[int]] = {}
    for one in clips:
        if one.lesion is not None:
            exams.setdefault(one.lesion, set()).add(one.exam)
    return {lesion for lesion, seen in exams.items() if len(seen) > 1}
