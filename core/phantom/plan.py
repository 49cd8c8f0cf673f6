"""Who the invented patients are: colons, lesions, exams, and which lesions are new, seen again or gone.

Each patient has two or three exams. The last one asks the question (query), the earlier ones hold the
answers (gallery). Of every three follow-up lesions in a row exactly one is new, so about a third of the
queries has no match.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

import msgspec

from core.errors import PolypTraceError
from core.phantom.anatomy import colon_of, new_lesion
from core.phantom.processor import PROCESSORS
from core.phantom.scene import Optics, PhantomColon, PhantomLesion
from core.phantom.seeding import Rng, draw_seed, stream

REMOVED = "removed"
LEFT = "left"


class PlannedExam(msgspec.Struct, frozen=True):
    """One colonoscopy to be rendered.

    Args:
        number: 1 for the first exam of the patient.
        date: an invented date.
        colon: the patient's colon with the lesions that are there at this exam, from caecum to anal verge.
        fates: per lesion of ``colon``: ``left`` in place or ``removed`` at this exam.
        processor: index into :data:`core.phantom.processor.PROCESSORS`.
        seed: of this exam's path, noise and observer.
    """

    number: int
    date: dt.date
    colon: PhantomColon
    fates: tuple[str, ...]
    optics: Optics
    processor: int
    seed: int


class PlannedPatient(msgspec.Struct, frozen=True):
    """An invented patient. ``code`` is no real person's pseudonym; it is also burned into the picture."""

    code: str
    exams: tuple[PlannedExam, ...]

    @property
    def query(self) -> PlannedExam:
        """The last exam: its lesions are asked for."""
        return self.exams[-1]

    @property
    def gallery(self) -> tuple[PlannedExam, ...]:
        """The earlier exams."""
        return self.exams[:-1]

    def known_keys(self) -> frozenset[str]:
        """Keys of all lesions that an earlier exam shows."""
        return frozenset(lesion.key for exam in self.gallery for lesion in exam.colon.lesions)


class _Course(msgspec.Struct):
    """One lesion and the exams (1…) that show it."""

    lesion: PhantomLesion
    seen: frozenset[int]


def plan(
    seed: int, patients: int, *, max_exams: int = 3, max_lesions: int = 3, always_present: bool = False
) -> list[PlannedPatient]:
    """Plans ``patients`` invented patients; patient k is the same whatever their number.

    Args:
        max_exams: most exams a patient has, 2 or 3.
        max_lesions: most lesions an exam shows, 1–4.
        always_present: every lesion is seen in every exam (training crops need no open set).

    Raises:
        PolypTraceError: ``phantom-settings`` when a number is out of range.
    """
    if patients < 1 or max_exams not in (2, 3) or not 1 <= max_lesions <= 4:
        raise PolypTraceError(
            "phantom-settings",
            "A phantom needs at least one patient, two or three exams and one to four lesions an exam.",
            "Choose other numbers.",
        )
    novelty = _one_in_three(stream(seed, "novelty"))
    return [
        _patient(seed, k, max_exams, max_lesions, always_present, novelty) for k in range(1, patients + 1)
    ]


def _one_in_three(rng: Rng) -> Iterator[bool]:
    """True for one of every three follow-up lesions, at a random place of the three."""
    while True:
        new = int(rng.integers(3))
        yield from (place == new for place in range(3))


def _patient(
    seed: int, number: int, max_exams: int, max_lesions: int, always_present: bool, novelty: Iterator[bool]
) -> PlannedPatient:
    code = f"PH{seed}-{number:03d}"
    rng = stream(seed, "patient", number)
    colon = colon_of(rng)
    exams = 2 if max_exams == 2 or rng.random() < 0.6 else 3
    wanted = 1 + int(rng.choice(4, p=[0.34, 0.36, 0.2, 0.1])) if max_lesions > 1 else 1
    wanted = min(wanted, max_lesions)
    if always_present:
        spans = [frozenset(range(1, exams + 1))] * max(2, wanted)
    else:
        spans = _spans(rng, exams, wanted, max_lesions, novelty)
    lesions: tuple[PhantomLesion, ...] = ()
    for n in range(1, len(spans) + 1):
        lesions += (new_lesion(stream(seed, "lesion", number, n), f"{code}-L{n}", colon, lesions),)
    courses = [_Course(lesion, span) for lesion, span in zip(lesions, spans, strict=True)]
    return PlannedPatient(code, tuple(_exams(rng, colon, courses, exams)))


def _spans(rng: Rng, exams: int, wanted: int, most: int, novelty: Iterator[bool]) -> list[frozenset[int]]:
    """The exams that show each lesion: the query's lesions first, then those that are gone by then."""
    spans = []
    for _ in range(wanted):
        start = exams if next(novelty) else 2 if exams == 3 and rng.random() < 0.25 else 1
        spans.append(frozenset(range(start, exams + 1)))
    gone = int(rng.choice(3, p=[0.4, 0.4, 0.2]))
    for _ in range(gone):
        end = 1 if exams == 2 or rng.random() < 0.6 else 2
        start = 2 if end == 2 and rng.random() < 0.4 else 1
        _add_if_room(spans, frozenset(range(start, end + 1)), most)
    for exam in range(1, exams):  # every earlier exam shows something, else there is no gallery
        if not any(exam in span for span in spans):
            spans.append(frozenset({exam}))
    return spans


def _add_if_room(spans: list[frozenset[int]], span: frozenset[int], most: int) -> None:
    if all(sum(exam in other for other in spans) < most for exam in span):
        spans.append(span)


def _exams(rng: Rng, colon: PhantomColon, courses: list[_Course], exams: int) -> Iterator[PlannedExam]:
    date = dt.date(2016, 1, 1) + dt.timedelta(days=int(rng.integers(5 * 365)))
    roomy = [int(i) for i in rng.permutation(len(PROCESSORS))]
    for number in range(1, exams + 1):
        here = sorted((c for c in courses if number in c.seen), key=lambda c: -c.lesion.station_mm)
        fates = tuple(_fate(rng, course, number, exams) for course in here)
        shown = msgspec.structs.replace(colon, lesions=tuple(course.lesion for course in here))
        # Usually the hospital has bought another processor meanwhile; sometimes it is still the same.
        processor = roomy[0] if rng.random() < 0.15 else roomy[number % len(roomy)]
        yield PlannedExam(number, date, shown, fates, optics(rng), processor, draw_seed(rng))
        date += dt.timedelta(days=int(30.4 * rng.choice([3, 6, 12, 12, 24, 36])) + int(rng.integers(-20, 21)))


def _fate(rng: Rng, course: _Course, exam: int, last: int) -> str:
    if exam != last:
        return LEFT if exam + 1 in course.seen else REMOVED
    return REMOVED if rng.random() < 0.85 else LEFT


def optics(rng: Rng) -> Optics:
    """Scope and preparation of one exam; one exam in eight is shown in narrow-band imaging."""
    return Optics(
        fov_deg=round(float(rng.uniform(138, 168)), 1),
        light=round(math.exp(0.14 * float(rng.standard_normal())), 3),
        wetness=round(float(rng.uniform(0.15, 0.9)), 3),
        inflation=round(float(rng.uniform(0.88, 1.14)), 3),
        narrow_band=bool(rng.random() < 0.125),
        seed=draw_seed(rng),
        residue=round(max(0.0, float(rng.uniform(-0.5, 1.0))), 3),
        lamp_mm=round(float(rng.uniform(2.0, 4.5)), 2),
        lamp_turn=round(float(rng.uniform(-math.pi, math.pi)), 3),
        lamp_share=round(float(rng.uniform(0.2, 0.8)), 3),
        fill=round(float(rng.uniform(0.02, 0.18)), 3),
    )
