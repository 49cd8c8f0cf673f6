"""The card of an image encoder that was learnt without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.counting import count
from core.domain import RESEARCH_BANNER
from core.training.config import TrainConfig

if TYPE_CHECKING:
    from core.training.tracklets import PretrainResult


_LEARNT = 2.0
"""An encoder that finds tracklets less than so many times as often as guessing has learnt nothing."""


def nothing_learnt(found: float | None, chance: float | None) -> list[str]:
    """A sentence where all views came out alike: with too high a rate, or too few steps."""
    if found is None or chance is None or found >= _LEARNT * chance:
        return []
    return [
        f"Nothing seems to have been learnt: of held-out views {found:.1%} find their tracklet, {chance:.1%} "
        "by guessing. Lower tracklets.rate, give it more steps, or weaken tracklets.augmentation."
    ]


def tracklet_card(config: TrainConfig, result: PretrainResult, found: Mapping[str, Any]) -> str:
    """Markdown; no file names, which may hold a patient's.

    Args:
        found: ``videos``, ``stills`` and ``clips`` that were cut.
    """
    model, own = config.model, config.tracklets
    kinds = (("videos", "videos"), ("stills", "stills"), ("clips", "clips of a manifest"))
    from_ = ", ".join(f"{found[name]} {words}" for name, words in kinds if found[name])
    batch = min(own.tracklets, result.held)
    measured = (
        "- Nothing was held out to measure on: too few tracklets."
        if result.found is None or result.chance is None
        else f"- Of held-out views {result.found:.3f} have a view of their own tracklet as the most similar "
        f"one in a batch of {batch} tracklets × {own.views} views (by chance {result.chance:.3f})."
    )
    loss = "–" if result.loss is None else f"{result.loss:.3f}"
    lines = [
        "# Image encoder, learnt without labels",
        "",
        f"**{RESEARCH_BANNER}.**",
        "",
        f"A {model.backbone} at {config.picture_side} px: first weights for DMCL "
        "(`--image-weights FILE`), no model by itself.",
        "",
        "## Learnt from",
        "",
        f"- {count(result.tracklets, 'tracklet')} ({count(result.crops, 'crop')}) of {from_}. "
        "Nobody said what they show.",
        "- Views of one tracklet are positives; tracklets of the same film within "
        f"{own.near_s:g} s are hard negatives and count {own.hard_weight:g} times; those less than "
        f"{own.unsure_s:g} s apart are neither.",
        f"- {count(result.steps, 'batch', 'batches')}, AdamW with {own.rate:g}, "
        f"temperature {own.temperature:g}, "
        f"seed {config.seed}, {result.seconds:.0f} s.",
        "",
        "## Figures",
        "",
        f"- Mean loss of the last batches: {loss}.",
        measured,
        *(f"- {note}" for note in nothing_learnt(result.found, result.chance)),
        "",
        "## Limits",
        "",
        "- Whether it helps must be measured on the task: train with and without it.",
        "- It may be passed on only as far as the pictures that it learnt from allow.",
    ]
    return "\n".join(lines) + "\n"
