"""Scaling of a modality's features by mean and deviation of its training samples, in double precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.data.cross_modal.samples import TRAIN, CrossModal, Floats
from core.errors import PolypTraceError
from core.training.drcl.config import Scaling

Doubles = npt.NDArray[np.float64]
_SMALLEST = float(np.finfo(np.float32).tiny)
_LARGEST = float(np.finfo(np.float32).max)

_USUAL = (1e-15, 1e15)
"""Between these an unscaled sample neither drowns in the first layer's bias nor makes a length overflow."""


def feature_scaling(features: Floats, modality: str) -> tuple[Doubles, Doubles]:
    """Shift and scale, each (d,): a sample x goes in as ``(x − shift) · scale``.

    Squares of float32 numbers leave its range from 1e19 on, and below 1e-19. A feature that is the same in
    all samples is only shifted.

    Args:
        features: (N, d) of the training samples.

    Raises:
        PolypTraceError: ``features-scale`` where float32, in which encoders compute, can't hold the result,
            or where all samples are the same.
    """
    wide = features.astype(np.float64)
    differs = wide.max(0) > wide.min(0)
    shift = wide.mean(0)
    deviation = np.where(differs, wide.std(0), 1.0)
    if not differs.any():
        raise _refused(modality, "all training samples are the same")
    if 1 / deviation.max() < _SMALLEST or 1 / deviation.min() > _LARGEST:
        raise _refused(modality, "its numbers are too large or too small to be scaled")
    if np.abs(wide).max() + np.abs(shift).max() > _LARGEST:
        raise _refused(modality, "its numbers are too large to be scaled")
    return shift, 1 / deviation


def check_scaling(data: CrossModal, scaling: Scaling) -> None:
    """Refuses data of which a modality can't be scaled, before anything is learnt.

    Raises:
        PolypTraceError: as :func:`feature_scaling`, also where features that stay as they are would make
            every embedding the same.
    """
    for modality, samples in data.parts[TRAIN].items():
        if scaling == "standard":
            feature_scaling(samples.features, modality)
        elif not _USUAL[0] < np.abs(samples.features).max() < _USUAL[1]:
            raise _refused(modality, "its numbers are too large or too small to be taken as they are")


def _refused(modality: str, why: str) -> PolypTraceError:
    return PolypTraceError(
        "features-scale",
        f"The features of {modality} can't be learnt from: {why}.",
        "Scale them in the file, best to mean 0 and standard deviation 1, and leave out what doesn't vary.",
    )
