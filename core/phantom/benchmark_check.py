"""Coarse fingerprints of the benchmark's pictures: a changed renderer can't pass for the published one.

Exact bytes may differ between kinds of processor by rounding; a picture's means over a coarse grid don't.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.data.manifest import NARROW_BAND, WHITE, Row
from core.data.pictures import read_picture
from core.phantom.benchmark import BenchmarkPatient, BenchmarkSpec, Sample
from core.phantom.plan import PlannedExam
from core.phantom.processor import PROCESSORS
from core.phantom.scene import PhantomLesion

GRID = 4
_LEVELS = 2.0
"""Most by which a field's mean may be off, of 255: rounding moves it by far less."""
_BOX_PX = 2
_RAISED = ("Ip", "Isp", "Is")


def traits(exam: PlannedExam, lesion: PhantomLesion) -> frozenset[str]:
    """What decides how a lesion is rendered in an exam: its light, processor, state and form."""
    light = NARROW_BAND if exam.optics.narrow_band else WHITE
    found = {light, PROCESSORS[exam.processor].brand, lesion.state}
    if lesion.state == "polyp":
        found.add("raised" if lesion.paris in _RAISED else "flat")
    return frozenset(found)


def sampled_exams(planned: Sequence[BenchmarkPatient]) -> list[tuple[BenchmarkPatient, PlannedExam]]:
    """The exams whose crops the specification's samples describe: few, but every trait is among them.

    Chosen one after the other: the one that adds most new traits for its lesions (an exam costs a colon too).
    """
    exams = [(one, exam) for one in planned for exam in one.patient.exams]
    shown = [
        frozenset[str]().union(*(traits(exam, lesion) for lesion in exam.colon.lesions)) for _, exam in exams
    ]
    wanted = set[str]().union(*shown)
    chosen = []
    while wanted:
        worth = [
            len(wanted & found) / (1 + len(exam.colon.lesions))
            for found, (_, exam) in zip(shown, exams, strict=True)
        ]
        best = int(np.argmax(worth))
        chosen.append(exams[best])
        wanted -= shown[best]
    return chosen


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
