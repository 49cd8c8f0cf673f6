"""Presets of DRCL: the paper's settings by data set, and ours where we have found better."""

from __future__ import annotations

from core.training.drcl.config import DrclSettings
from core.training.overrides import by_name

PAPER_WIKIPEDIA = DrclSettings(
    scaling="none", patience=None, dim=2048, epochs=200, rates={"image": 6e-6, "text": 5e-3}, best="loss"
)
"""Section IV-C of the paper; its rates are for deep features."""

SEARCH = DrclSettings(width=256, dim=128, epochs=60, patience=15, batch=256, rate=1e-3, best="probability")
"""Words and pictures of a catalogue: small enough to be shipped, learnt in minutes on two cores."""

WIKIPEDIA = DrclSettings(width=2048, dim=512, epochs=50, batch=512, rates={"image": 3e-5, "text": 3e-4})
"""For the raw features; rates by validation. Half the paper's width: minutes instead of most of an hour."""

PRESETS: dict[str, DrclSettings] = {
    "plain": DrclSettings(),
    "search": SEARCH,
    "wikipedia": WIKIPEDIA,
    "paper-wikipedia": PAPER_WIKIPEDIA,
    "nus-wide": DrclSettings(epochs=100),
    "inria-websearch": DrclSettings(dim=512, epochs=100),
    "xmedia": DrclSettings(
        dim=512,
        epochs=300,
        rates={"image": 8e-4, "text": 3e-4, "audio": 8e-4, "3d": 3e-3, "video": 4e-4},
    ),
    "xmedianet": DrclSettings(dim=512, epochs=100),
}
"""By the name of a benchmark's layout; ``plain`` for features of one's own, ``search`` for a catalogue."""


def preset(name: str) -> DrclSettings:
    """A preset by name.

    Raises:
        PolypTraceError: ``unknown-preset``.
    """
    return by_name(PRESETS, name, "of DRCL")
