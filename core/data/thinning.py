"""Leaves statements out of a description: no two endoscopists fill in the same fields."""

from __future__ import annotations

import re

import numpy as np

_STATEMENTS = re.compile(r"(?<=[.;])\s+")


def thin_text(text: str, share: float, rng: np.random.Generator) -> str:
    """Drops each statement with probability ``share``; at least one stays.

    Args:
        text: a model text, statements ended by full stops or semicolons.
        share: 0…1.
        rng: source of the choices; drawn from also when nothing is dropped, so that batches stay comparable.
    """
    statements = _STATEMENTS.split(text)
    kept = rng.random(len(statements)) >= share
    if share <= 0 or kept.all():
        return text
    if not kept.any():
        kept[int(rng.integers(len(statements)))] = True
    return " ".join(statement for statement, keep in zip(statements, kept, strict=True) if keep)
