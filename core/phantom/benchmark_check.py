"""Coarse fingerprints of the benchmark's pictures: a changed renderer can't pass for the published one.

Exact bytes may differ between kinds of processor by rounding; a picture's means over a coarse grid don't.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.data.manifest import Row
from core.data.pictures import read_picture
from core.phantom.benchmark import BenchmarkPatient, BenchmarkSpec, Sample

GRID = 4
_LEVELS = 2.0
"""Most by which a field's mean may be off, of 255: rounding moves it by far less."""
_BOX_PX = 2
SAMPLED = 2
"""Patients whose pictures are all samples: those of the fewest clips, one with a raised lesion, one flat."""
_RAISED = ("Ip", "Isp", "Is")


def sampled_patients(planned: Sequence[BenchmarkPatient]) -> list[BenchmarkPatient]:
    """The patients whose crops the specification's samples describe."""

    def clips(one: BenchmarkPatient) -> int:
        return sum(len(exam.colon.lesions) for exam in one.patient.exams)

    few = sorted(planned, key=clips)
    raised = [one for one in few if one.patient.exams[0].colon.lesions[0].paris in _RAISED]
    flat = [one for one in few if one not in raised]
    return [group[0] for group in (raised, flat) if group][:SAMPLED]


def sample_of(row: Row) -> Sample:
    """The fingerprint of one crop."""
    small = cv2.resize(read_picture(row.path, None), (GRID, GRID), interpolation=cv2.INTER_AREA)
    box = row.box
    corners = (0, 0, 0, 0) if box is None else (round(box.x), round(box.y), round(box.w), round(box.h))
    return Sample(row.path.stem, corners, tuple(int(v) for v in small.reshape(-1)))


def drift(spec: BenchmarkSpec, rows: Sequence[Row]) -> list[str]:
    """Names of the specification's samples that are missing among ``rows`` or look different there."""
    found = {row.path.stem: row for row in rows}
    return [
        sample.name
        for sample in spec.samples
        if sample.name not in found or not _alike(sample, sample_of(found[sample.name]))
    ]


def _alike(a: Sample, b: Sample) -> bool:
    means = np.abs(np.subtract(a.means, b.means, dtype=float))
    return bool(means.max() <= _LEVELS and np.abs(np.subtract(a.box, b.box)).max() <= _BOX_PX)
