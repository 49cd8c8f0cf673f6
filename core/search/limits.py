"""Sizes of a query in millimetres: what it says of them, the bins that hold it, and what chips make of it."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import PolypTraceError
from core.text.legacy.mark import Mark
from core.text.legacy.measures import LARGEST_MM
from core.text.vocabulary import load

Limits = tuple[float, float]
"""Smallest and largest size in millimetres, both included."""
NO_LIMIT: Limits = (0.0, float("inf"))


def bins_of(limits: Limits) -> tuple[str, ...]:
    """The labels of the bins that hold some of these millimetres."""
    least, found = 0.0, []
    for one in load().bins:
        if one.maximum >= limits[0] and least < limits[1]:
            found.append(one.label)
        least = one.maximum
    return tuple(found)


def limits_of(marks: Sequence[Mark]) -> Limits:
    """What holds of a size by all limits of a sentence, or by its only range: “up to 10 mm”, “5–10 mm”."""
    low, high = NO_LIMIT
    ranges = [mark for mark in marks if mark.kind == "size" and mark.low is not None and not mark.denied]
    if len(ranges) == 1:
        low, high = span_of(ranges[0])
    for mark in (one for one in marks if one.kind in ("above", "below")):
        value = float(mark.value or 0)
        if mark.kind == "above":  # “not larger than 10 mm” has 11 as what is denied
            low, high = (low, min(high, value - 1)) if mark.denied else (max(low, value), high)
        else:
            low, high = (max(low, value + 1), high) if mark.denied else (low, min(high, value))
    return low, high


def span_of(size: Mark) -> Limits:
    """The millimetres of a size: twice the same, or the ends of a range."""
    value = float(size.value or 0)
    return (value if size.low is None else float(size.low)), value


def around(sizes: Sequence[Limits]) -> Limits | None:
    """From the smallest to the largest of them; None where there is none."""
    return (min(low for low, _ in sizes), max(high for _, high in sizes)) if sizes else None


def beyond(sizes: Limits | None, larger: bool) -> Limits:
    """All sizes above (or below) these, by the millimetre.

    Raises:
        PolypTraceError: ``refine-no-size`` without a size; ``refine-largest`` where nothing is left.
    """
    if sizes is None:
        raise PolypTraceError(
            "refine-no-size",
            "The query says no size that another could be compared with.",
            "Say a size, such as 8 mm.",
        )
    low, high = (sizes[1] + 1, NO_LIMIT[1]) if larger else (0.0, sizes[0] - 1)
    if low > LARGEST_MM or high < 1:
        word = "larger" if larger else "smaller"
        raise PolypTraceError("refine-largest", f"Nothing is {word} than that.", "Leave that out.")
    return low, high


def limits_words(limits: Limits) -> str:
    """“5 to 10 mm”, “at least 20 mm”, “at most 5 mm”; “at least 21 and at most 4 mm”, which nothing is."""
    low, high = limits
    if low > high:
        return f"at least {low:g} and at most {high:g} mm"
    if high == NO_LIMIT[1]:
        return f"at least {low:g} mm"
    return f"{low:g} to {high:g} mm" if low else f"at most {high:g} mm"
