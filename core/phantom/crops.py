"""Training crops without video: each lesion from many sides, under another scope and processor in each exam.

Only the neighbourhood of the lesion is rendered. A crop is as large as the lesion would be in a video of 360
to 560 pixels, at most ``size``, so that small lesions stay as coarse as they are in practice.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import msgspec
import numpy as np

from core import __version__
from core.data.manifest import Row, write_manifest
from core.domain import Box
from core.errors import PolypTraceError
from core.phantom.description_writer import describe
from core.phantom.draft import MANIFEST, draft_of, holds
from core.phantom.exams import box_of
from core.phantom.path import steady_aim, viewing_distance
from core.phantom.plan import REMOVED, PlannedExam, PlannedPatient, plan
from core.phantom.processor import PROCESSORS, Exposure, Image, Look, develop, random_look, smear
from core.phantom.renderer import Renderer
from core.phantom.scene import Pose
from core.phantom.seeding import Rng, stream
from core.phantom.truth import write_truth
from core.phantom.workers import Tick, run
from core.progress import CancelToken, ProgressSink, no_progress
from core.text.render import model_text

MARGIN = 1.6
"""How much wider and higher than the lesion's box a stored picture is: more than the crop's 1.3."""
_PREVIEW = 96
_RECORD = "crops.json"
_ATTEMPTS = 4


class CropSettings(msgspec.Struct, frozen=True):
    """All that decides what the crops look like; kept beside them as ``crops.json``."""

    patients: int
    seed: int
    size: int
    views: int
    max_exams: int
    val_share: float
    version: str


class _Job(msgspec.Struct, frozen=True):
    folder: Path
    patient: PlannedPatient
    split: str
    settings: CropSettings


class _ExamLook(msgspec.Struct, frozen=True):
    """What all crops of one exam share: processor, width of its full picture, JPEG quality."""

    look: Look
    width: int
    quality: int


def write_crops(
    out: Path | str,
    patients: int,
    seed: int,
    size: int = 160,
    views: int = 8,
    *,
    max_exams: int = 3,
    val_share: float = 0.15,
    workers: int | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Renders crops of all lesions of ``patients`` invented patients and returns the manifest's path.

    Each lesion is seen in every exam of its patient (2 to ``max_exams``), ``views`` times in each. Rows of
    one exam and lesion form a clip with its own text; the box is the lesion's, in the stored picture, which
    is ``MARGIN`` times as wide. Patients are either ``train`` or ``val``. Nothing is mirrored.

    Args:
        size: longest side of a stored picture, pixels.
        views: pictures a lesion and exam.
        val_share: share of the patients that validate.
        workers: processes; None = one a core.

    Raises:
        Cancelled: the user cancelled; nothing is left behind.
        PolypTraceError: ``phantom-settings``, ``phantom-folder-taken``, ``phantom-folder-unwritable`` or
            ``phantom-worker``.
    """
    if not (32 <= size <= 1024 and 1 <= views <= 200 and 0 <= val_share < 1):
        raise PolypTraceError(
            "phantom-settings",
            "Crops are 32 to 1024 pixels large, with 1 to 200 views and a validation share below 1.",
            "Choose other numbers.",
        )
    folder = Path(out).absolute()
    settings = CropSettings(patients, seed, size, views, max_exams, val_share, __version__)
    planned = plan(seed, patients, max_exams=max_exams, always_present=True)
    if holds(folder, f"crops/{_RECORD}", settings):
        return folder / MANIFEST
    with draft_of(folder, ("crops",)) as draft:
        order = stream(seed, "split").permutation(patients)
        held_out = {int(k) for k in order[: round(val_share * patients)]}
        jobs = [
            _Job(draft, patient, "val" if k in held_out else "train", settings)
            for k, patient in enumerate(planned)
        ]
        steps = views * sum(len(exam.colon.lesions) for patient in planned for exam in patient.exams)
        found = run(
            _render_patient,
            jobs,
            stage="rendering crops",
            steps=steps,
            workers=workers,
            progress=progress,
            cancel=cancel or CancelToken(),
        )
        write_truth(draft / "crops" / _RECORD, settings)
        write_manifest(draft / MANIFEST, [row for rows in found for row in rows])
    return folder / MANIFEST


def _render_patient(job: _Job, tick: Tick) -> list[Row]:
    rows: list[Row] = []
    (job.folder / "crops" / job.patient.code).mkdir()
    for exam in job.patient.exams:
        renderer = Renderer(exam.colon, exam.optics)
        rng = stream(exam.seed, "crops")
        look = _ExamLook(random_look(rng), int(rng.integers(360, 561)), int(rng.integers(55, 96)))
        for index in range(len(exam.colon.lesions)):
            rows += _render_clip(job, exam, renderer, look, index, tick)
    return rows


def _render_clip(
    job: _Job, exam: PlannedExam, renderer: Renderer, look: _ExamLook, index: int, tick: Tick
) -> list[Row]:
    lesion = exam.colon.lesions[index]
    clip_id = f"{job.patient.code}-E{exam.number}-C{index + 1}"
    band = PROCESSORS[exam.processor].narrow_band if exam.optics.narrow_band else None
    words = describe(
        lesion,
        exam.colon,
        removed=exam.fates[index] == REMOVED,
        narrow_band=band,
        number=index + 1,
        rng=stream(exam.seed, "observer", lesion.key),
    )
    text = model_text(words)
    rows = []
    for view in range(job.settings.views):
        tick()
        made = _view(renderer, index, look, job.settings.size, stream(exam.seed, "view", lesion.key, view))
        if made is None:
            continue
        picture, box = made
        path = job.folder / "crops" / job.patient.code / f"{clip_id}-{view:02d}.jpg"
        _write_jpeg(path, picture, look.quality)
        rows.append(
            Row(clip_id, path, None, job.patient.code, lesion.key, exam.number, job.split, text, Box(*box))
        )
    return rows


def _view(
    renderer: Renderer, index: int, look: _ExamLook, size: int, rng: Rng
) -> tuple[Image, tuple[int, int, int, int]] | None:
    """One picture of the lesion with its box, or None when several tries hardly saw it."""
    for _ in range(_ATTEMPTS):
        pose = _wish(renderer, index, rng)
        if pose is None:
            continue
        made = _shoot(renderer, index, pose, look, size, rng)
        if made is not None:
            return made
    return None


def _wish(renderer: Renderer, index: int, rng: Rng) -> Pose | None:
    """A pose such as an endoscopist takes: mostly oblique from the anal side, turned at any angle."""
    lesion = renderer.colon.lesions[index]
    near = viewing_distance(lesion)
    return steady_aim(
        renderer,
        index,
        near * math.exp(float(rng.uniform(-0.2, 0.85))),
        float(rng.uniform(0.2, 1.15)),
        around=float(rng.normal(0, 0.45)),
        roll=float(rng.uniform(-math.pi, math.pi)),
        place=(float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5))),
        aspect=1.0,
    )


def _shoot(
    renderer: Renderer, index: int, pose: Pose, look: _ExamLook, size: int, rng: Rng
) -> tuple[Image, tuple[int, int, int, int]] | None:
    """Finds the lesion in a coarse view of everything, then renders its window as fine as in a video."""
    coarse = renderer.render(pose, _PREVIEW, _PREVIEW)
    seen = coarse.lesion == index + 1
    if int(seen.sum()) < 8:
        return None
    x, y, w, h = box_of(seen)
    width = min(look.width, int(size * _PREVIEW / (MARGIN * (max(w, h) + 1))))
    scale = width / _PREVIEW
    window = _window((x - 0.5, y - 0.5, w + 1.0, h + 1.0), scale, width)
    fine = renderer.render(pose, width, width, window)
    shown = fine.lesion == index + 1
    if int(shown.sum()) < 60:
        return None
    box = box_of(shown)
    if min(box[2:]) < 8:
        return None
    look_now = msgspec.structs.replace(
        look.look, exposure=look.look.exposure * math.exp(0.08 * float(rng.normal()))
    )
    gain = Exposure(look_now).gain(coarse.rgb)
    light = fine.rgb
    if rng.random() < 0.35:
        angle, length = float(rng.uniform(0, 2 * math.pi)), float(rng.exponential(2.5))
        light = smear(light, length * math.cos(angle), length * math.sin(angle))
    return develop(light, look_now, gain, rng), box


def _window(box: tuple[float, float, float, float], scale: float, width: int) -> tuple[int, int, int, int]:
    """The widened box in pixels of the fine picture, clipped to it: (x0, y0, x1, y1)."""
    x, y, w, h = (value * scale for value in box)
    left, top = x + w / 2 - MARGIN * w / 2, y + h / 2 - MARGIN * h / 2
    return (
        max(0, math.floor(left)),
        max(0, math.floor(top)),
        min(width, math.ceil(left + MARGIN * w)),
        min(width, math.ceil(top + MARGIN * h)),
    )


def _write_jpeg(path: Path, picture: Image, quality: int) -> None:
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise PolypTraceError(
            "phantom-picture", f"{path.name} could not be encoded.", "Check the free memory."
        )
    path.write_bytes(data.tobytes())
