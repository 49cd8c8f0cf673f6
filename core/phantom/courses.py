"""The course of each lesion over a patient's exams: kept, new, gone, scarred, come back at its scar.

These are the patients of the benchmark. Unlike those of :mod:`core.phantom.plan` they have up to ten lesions
each, which grow a little from exam to exam, and what was removed may leave a scar that is seen again: the
same site, so the same identity.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

import msgspec

from core.phantom.anatomy import colon_of, new_lesion
from core.phantom.plan import LEFT, REMOVED, PlannedExam, PlannedPatient, optics
from core.phantom.processor import PROCESSORS
from core.phantom.scene import PhantomColon, PhantomLesion
from core.phantom.seeding import Rng, draw_seed, pick, stream

KEPT, NEW, GONE, SCAR, RECURRENCE = "kept", "new", "gone", "scar", "recurrence"
_SMALL = {KEPT: 0.50, NEW: 0.31, GONE: 0.19}
_LARGE = {KEPT: 0.30, NEW: 0.27, GONE: 0.10, SCAR: 0.19, RECURRENCE: 0.14}
_SCARRING_MM = 7.0
"""What is smaller is taken off with a cold snare or forceps, and the place isn't found again."""
_GAPS = {"3": 0.12, "6": 0.2, "12": 0.32, "24": 0.1, "36": 0.2, "60": 0.06}
"""Months from one exam to the next (practice: early follow-up after piecemeal resection, then 1, 3, 5 y)."""


class Habits(msgspec.Struct, frozen=True):
    """How the benchmark's patients are drawn.

    Args:
        lesions: weights of 1, 2, … lesions a patient.
        three_exams: share of the patients with three exams instead of two.
        narrow_band: share of the exams in narrow-band light.
        growth: spread of the yearly growth in diameter (log scale, mean 0.06).
    """

    lesions: tuple[float, ...] = (0.12, 0.17, 0.18, 0.15, 0.12, 0.09, 0.07, 0.04, 0.03, 0.03)
    three_exams: float = 0.4
    narrow_band: float = 0.25
    growth: float = 0.08


class _Course(msgspec.Struct):
    """One lesion: its kind of course, first exam, and the exam that removes it (0 = none before the last)."""

    lesion: PhantomLesion
    kind: str
    first: int
    removed: int
    growth: float

    def at(self, exam: int, years: float) -> PhantomLesion | None:
        """What is there at an exam, or None."""
        if exam < self.first:
            return None
        if self.removed and exam > self.removed:
            return None if self.kind == GONE else scarred(self.lesion, self.kind == RECURRENCE)
        return grown(self.lesion, math.exp(self.growth * years))


def course_patient(seed: int, number: int, code: str, habits: Habits) -> PlannedPatient:
    """Patient ``number`` of the instance ``seed``; the same whatever other patients there are.

    Every exam shows at least one lesion, the first one included: without it there is nothing to recognise.
    """
    rng = stream(seed, "course", number)
    colon = colon_of(rng)
    exams = 3 if rng.random() < habits.three_exams else 2
    wanted = 1 + int(rng.choice(len(habits.lesions), p=[w / sum(habits.lesions) for w in habits.lesions]))
    courses: list[_Course] = []
    for n in range(1, wanted + 1):
        others = tuple(course.lesion for course in courses)
        lesion = new_lesion(stream(seed, "lesion", number, n), f"{code}-L{n}", colon, others)
        courses.append(_course(rng, lesion, exams, habits))
    if not all(any(course.at(exam, 0) for course in courses) for exam in range(1, exams + 1)):
        courses[0].kind, courses[0].first, courses[0].removed = KEPT, 1, 0
    return PlannedPatient(code, tuple(_exams(rng, colon, courses, exams, habits)))


def _course(rng: Rng, lesion: PhantomLesion, exams: int, habits: Habits) -> _Course:
    kind = pick(rng, _LARGE if lesion.size_mm >= _SCARRING_MM else _SMALL)
    first = exams if kind == NEW else 2 if exams == 3 and rng.random() < 0.25 else 1
    removed = 0
    if kind in (GONE, SCAR, RECURRENCE):
        first = min(first, exams - 1)
        removed = int(rng.integers(first, exams))
    growth = float(rng.normal(0.06, habits.growth))
    return _Course(lesion, kind, first, removed, growth)


def grown(lesion: PhantomLesion, factor: float) -> PhantomLesion:
    """The lesion ``factor`` times as large (0.8 … 1.6), with the same shape and surface pattern."""
    factor = round(min(max(factor, 0.8), 1.6), 3)
    return msgspec.structs.replace(
        lesion,
        size_mm=round(lesion.size_mm * factor, 1),
        size_2_mm=round(lesion.size_2_mm * factor, 1),
        height_mm=round(lesion.height_mm * factor, 2),
        grown=factor,
    )


def scarred(lesion: PhantomLesion, recurrent: bool) -> PhantomLesion:
    """The scar that a removed lesion leaves; a recurrence is a nodule of a third of its size in the scar."""
    return msgspec.structs.replace(
        lesion,
        state="recurrence at scar" if recurrent else "scar",
        paris="Is" if recurrent else "n/a",
        lst="none",
        size_mm=round(0.8 * lesion.size_mm, 1),
        size_2_mm=round(0.6 * lesion.size_mm, 1),
        height_mm=round(min(0.16 * lesion.size_mm + 0.8, 3.0), 2) if recurrent else 0.5,
        stalk_mm=0.0,
        colour="red" if recurrent else "pale",
        surface=("nodular",) if recurrent else ("smooth",),
    )


def _exams(
    rng: Rng, colon: PhantomColon, courses: list[_Course], exams: int, habits: Habits
) -> Iterator[PlannedExam]:
    start = date = dt.date(2014, 1, 1) + dt.timedelta(days=int(rng.integers(5 * 365)))
    brands = [int(i) for i in rng.permutation(len(PROCESSORS))]
    for number in range(1, exams + 1):
        years = (date - start).days / 365.25
        here = [(course, lesion) for course in courses if (lesion := course.at(number, years)) is not None]
        here.sort(key=lambda pair: -pair[1].station_mm)
        fates = tuple(REMOVED if _removes(rng, course, number, exams) else LEFT for course, _ in here)
        shown = msgspec.structs.replace(colon, lesions=tuple(lesion for _, lesion in here))
        light = bool(rng.random() < habits.narrow_band)
        scope = msgspec.structs.replace(optics(rng), narrow_band=light)
        processor = brands[0] if rng.random() < 0.15 else brands[number % len(brands)]
        yield PlannedExam(number, date, shown, fates, scope, processor, draw_seed(rng))
        gap = 30.4 * int(pick(rng, _GAPS))
        date += dt.timedelta(days=int(gap) + int(rng.integers(-20, 21)))


def _removes(rng: Rng, course: _Course, exam: int, last: int) -> bool:
    if exam == course.removed:
        return True
    if course.removed and exam > course.removed:
        return exam == last and course.kind == RECURRENCE
    return exam == last and rng.random() < 0.85
