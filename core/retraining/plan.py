"""The pre-flight of a training on the catalogue: what would train, where, how long, or what is missing."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from core.catalog.engine import Catalog
from core.counting import count
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo
from core.inference.device import DeviceChoice
from core.matching.context import TextFit
from core.retraining.confirmed import LeftOut, collect
from core.retraining.dealing import LEAST_LESIONS, deal, past_of
from core.retraining.frozen import Frozen, freeze

NAMED = 5
"""So many lost videos are named."""
_CUT_S, _MEASURE_S, _START_S = 0.5, 0.05, 20.0
"""Seconds on two cores: to cut out a clip's crops, to embed one with two models, to load and publish."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a training would do.

    Attributes:
        counts: see :meth:`core.retraining.frozen.Frozen.counts`.
        model: id of the model in use, which training goes on from.
        seconds: expected, all in all; None where the pace was never measured, as on a graphics card, and
            where nothing would train.
        left_out: clips of confirmed lesions whose video couldn't be found.
        refused: why it can't be done, and what to add next; None where it can.
        words: all of it in sentences, for people.
    """

    preset: str
    counts: dict[str, int]
    model: str
    device: str
    device_reason: str
    seconds: float | None
    left_out: tuple[LeftOut, ...]
    refused: dict[str, str] | None
    words: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def freeze_now(
    catalog: Catalog, start: BundleInfo, *, author: str, preset: str, config: dict[str, Any], seed: int
) -> Frozen:
    """What a training that began now would learn from; writes nothing.

    Args:
        start: the model in use.
    """
    confirmed = collect(catalog, TextFit.of(start))
    dealt = deal(confirmed.lesions(), past_of(catalog), seed)
    model = start.manifest.model_id
    return freeze(confirmed, dealt, author=author, preset=preset, config=config, start=model)


def plan_of(frozen: Frozen, device: DeviceChoice, training_s: float | None) -> Plan:
    """The pre-flight of a frozen manifest.

    Args:
        training_s: how long the steps alone are expected to take, in seconds; None = nobody knows.
    """
    counts = frozen.counts()
    refused = refusal(counts["train_lesions"], counts["left_out_clips"])
    clips = counts["train_clips"] + counts["held_back_clips"]
    seconds = None if training_s is None else _START_S + clips * (_CUT_S + _MEASURE_S) + training_s
    words = [*_data_words(counts), *_choosing_words(frozen), *left_out_words(frozen.left_out)]
    if refused is None:
        words += _run_words(frozen, device, seconds)
    return Plan(
        preset=frozen.preset,
        counts=counts,
        model=frozen.start,
        device=device.name,
        device_reason=device.reason,
        seconds=None if refused else seconds,
        left_out=frozen.left_out,
        refused=refused.as_dict() if refused else None,
        words=tuple(words),
    )


def _run_words(frozen: Frozen, device: DeviceChoice, seconds: float | None) -> list[str]:
    takes = "How long it takes isn't known yet" if seconds is None else f"It takes {duration(seconds)} or so"
    return [
        f"Training goes on from {frozen.start} on {device.name}: {device.reason}.",
        f"{takes}. The model in use stays as it is until you decide.",
    ]


def refusal(lesions: int, lost: int = 0) -> PolypTraceError | None:
    """Why so little can't be learnt from, and what to add next; None where it is enough.

    Args:
        lesions: with confirmed links over two exams or more, and videos that can be read.
        lost: clips whose video isn't there.
    """
    if lesions >= LEAST_LESIONS:
        return None
    have = f"{count(lesions, 'lesion')} so far" if lesions else "none so far"
    more = LEAST_LESIONS - lesions
    again = " Finding the lost videos again may do, too." if lost else ""
    return PolypTraceError(
        "training-too-little",
        f"There is too little to learn from: training needs {LEAST_LESIONS} lesions that a verdict has "
        f"linked over two exams, and there {'is' if lesions == 1 else 'are'} {have}.",
        f"Confirm {_number(more)} more {'lesion' if more == 1 else 'lesions'} with two exams: open a "
        f"follow-up clip, show its matches and give the verdict “same lesion”.{again}",
    )


def left_out_words(left: tuple[LeftOut, ...]) -> list[str]:
    """Which clips are left out and why, a sentence each video."""
    by_video: dict[tuple[int, str], list[int]] = {}
    for one in left:
        by_video.setdefault((one.video, one.reason), []).append(one.clip)
    sentences = []
    for (video, reason), clips in by_video.items():
        which = ", ".join(map(str, clips))
        sentences.append(
            f"Left out: {'clip' if len(clips) == 1 else 'clips'} {which} of video {video}: {reason}"
        )
    more = len(sentences) - NAMED
    return sentences[:NAMED] + ([f"… and clips of {count(more, 'more video')}."] if more > 0 else [])


def duration(seconds: float) -> str:
    """About how long, in words."""
    if seconds < 90:
        return f"{max(10, math.ceil(seconds / 10) * 10):.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _data_words(counts: dict[str, int]) -> list[str]:
    said = {name: count(counts[name], name.split("_")[-1][:-1]) for name in counts}
    links = count(counts["train_links"], "confirmed link")
    words = [
        f"To learn from: {said['train_lesions']} of {said['train_patients']}, by {links}, in "
        f"{said['train_clips']}. Nothing else trains."
    ]
    if counts["held_back_patients"]:
        words.append(
            "Held back, to compare the models on: "
            f"{count(counts['held_back_patients'], 'other patient')} with {said['held_back_lesions']}."
        )
    else:
        words.append(
            "There are too few patients to hold any back: how the new model does on patients that it hasn't "
            "learnt from can't be told."
        )
    return words


def _choosing_words(frozen: Frozen) -> list[str]:
    """Of the patients to learn from, some may only choose the checkpoint."""
    share = float(frozen.config.get("val_share", 0.0))
    if not share:
        return []
    return [f"About {share:.0%} of the patients to learn from only choose which state of the model is kept."]


def _number(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else str(number)
