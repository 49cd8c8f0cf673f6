"""Figures that papers report on the data sets we read: printed beside ours, marked as theirs."""

from __future__ import annotations

import msgspec

NOTE = (
    "As reported by their authors, measured by other code; DMCL's public code takes the trapezoidal average "
    "precision, which is mAP_trapezoid here."
)


class Published(msgspec.Struct, frozen=True):
    """One method's figures, all in 0…1; None where the paper gives none."""

    method: str
    mean_average_precision: float = msgspec.field(name="mAP")
    rank1: float
    rank5: float | None = None
    rank10: float | None = None


COLO_PAIR = (
    Published("DMCL", 0.464, 0.543, 0.579, 0.604),
    Published("VT-ReID", 0.379, 0.234, 0.445, 0.601),
    Published("Colo-SCRL", 0.315, 0.226, 0.419, 0.581),
)
"""DMCL, table 1."""
MARKET1501 = (Published("DMCL", 0.921, 0.963), Published("VT-ReID", 0.881, 0.938))
"""DMCL, table 2, as are the next two."""
DUKE = (Published("DMCL", 0.876, 0.935), Published("VT-ReID", 0.792, 0.926))
CUHK03 = (Published("DMCL", 0.865, 0.897), Published("VT-ReID", 0.853, 0.883))
