"""The benchmark's specification: what is rendered, from which seed, and what must come out.

It is frozen in ``resources/benchmark/``, one file a version. The figures of two people can be compared when
both say the same version; anyone renders it again from the file alone.
"""

from __future__ import annotations

import hashlib

import msgspec

from core.errors import PolypTraceError
from core.paths import resource
from core.phantom.courses import Habits, course_patient
from core.phantom.crops import exam_text
from core.phantom.plan import PlannedPatient
from core.phantom.seeding import stream

VERSION = 1
TRAIN, VAL, TEST = "train", "val", "test"
CROPS, VIDEOS = "crops", "videos"
FORMS = (CROPS, VIDEOS)


class Rendering(msgspec.Struct, frozen=True):
    """How large and how long.

    Args:
        crop_px: longest side of a crop, pixels. views: crops a lesion and exam.
        take_seconds: film of one lesion. held: frames that show one rendered view, at 25 a second.
        detail: pixels rendered per pixel shown. clip_frames: rows of a film's clip in the manifest.
    """

    crop_px: int
    views: int
    take_seconds: float
    held: int
    detail: float
    clip_frames: int


class Sample(msgspec.Struct, frozen=True):
    """One crop of the published instance, as coarse means: a changed renderer can't pass for the old one.

    Args:
        name: of the picture's file, without its ending.
        box: of its row in the manifest.
        means: red, green and blue of 4 × 4 fields, row by row, 0…255.
    """

    name: str
    box: tuple[int, int, int, int]
    means: tuple[int, ...]


class BenchmarkSpec(msgspec.Struct, frozen=True):
    """One version of the benchmark.

    Args:
        version: counts up with every change of plan, text or renderer.
        seed: of the published instance. Another seed gives another instance of the same kind.
        patients, val, test: how many in all, and how many of them validate and test; the rest trains.
        habits: how patients, lesions and exams are drawn.
        rendering: sizes and lengths.
        plan_sha256: of the published instance's plan and texts (:func:`plan_sha256`).
        manifest_sha256: of its ``manifest.csv`` by form (``crops``, ``videos``), file bytes. Boxes follow the
            rendered pixels: another kind of processor may round one of them differently.
        samples: crops of the published instance.
    """

    version: int
    seed: int
    patients: int
    val: int
    test: int
    habits: Habits
    rendering: Rendering
    plan_sha256: str
    manifest_sha256: dict[str, str]
    samples: tuple[Sample, ...]


class BenchmarkPatient(msgspec.Struct, frozen=True):
    """A planned patient and the part (``train``, ``val`` or ``test``) that all of its clips belong to."""

    patient: PlannedPatient
    part: str

    def split(self, exam: int) -> str:
        """The manifest's word for a clip of exam ``exam``: test patients ask with their last exam."""
        if self.part != TEST:
            return self.part
        return "query" if exam == self.patient.query.number else "gallery"


def load_spec() -> BenchmarkSpec:
    """The specification that this version of the program renders."""
    return msgspec.json.decode(
        resource("benchmark", f"phantom-{VERSION}.json").read_bytes(), type=BenchmarkSpec
    )


def plan_benchmark(spec: BenchmarkSpec, seed: int) -> list[BenchmarkPatient]:
    """The patients of an instance, in the order of their codes.

    Raises:
        PolypTraceError: ``benchmark-changed`` when the published instance no longer comes out of its seed:
            the program was changed without a new version.
    """
    codes = [f"PB{seed}-{number:03d}" for number in range(1, spec.patients + 1)]
    order = [int(k) for k in stream(seed, "parts").permutation(spec.patients)]
    parts = dict.fromkeys(order, TRAIN)
    parts |= dict.fromkeys(order[: spec.val], VAL)
    parts |= dict.fromkeys(order[spec.val : spec.val + spec.test], TEST)
    planned = [
        BenchmarkPatient(course_patient(seed, k + 1, code, spec.habits), parts[k])
        for k, code in enumerate(codes)
    ]
    if seed == spec.seed and spec.plan_sha256 and plan_sha256(planned) != spec.plan_sha256:
        raise PolypTraceError(
            "benchmark-changed",
            f"Version {spec.version} of the benchmark no longer comes out of its seed.",
            "Use the release that published it, or take another --seed for an instance of your own.",
        )
    return planned


def plan_sha256(planned: list[BenchmarkPatient]) -> str:
    """Hash of who the patients are, what their lesions are, and what each exam's observer writes."""
    texts = [
        [[exam_text(exam, n, 0) for n in range(len(exam.colon.lesions))] for exam in one.patient.exams]
        for one in planned
    ]
    return hashlib.sha256(msgspec.json.encode([planned, texts])).hexdigest()
