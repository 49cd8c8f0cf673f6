"""Training crops without video: each lesion from many sides, under another scope and processor in each exam.

Only the neighbourhood of the lesion is rendered. A crop is as large as the lesion would be in a video of 360
to 800 pixels, at most ``size``, so that small lesions stay as coarse as they are in practice.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np

from core import __version__
from core.data.manifest import NARROW_BAND, WHITE, Row, write_manifest
from core.domain import Box
from core.errors import PolypTraceError
from core.phantom.crop_view import MARGIN, ExamCamera, brand_camera, crop_view, exam_camera
from core.phantom.description_writer import exam_words
from core.phantom.draft import MANIFEST, draft_of, holds
from core.phantom.plan import PlannedExam, PlannedPatient, plan
from core.phantom.processor import PROCESSORS, Image
from core.phantom.renderer import Renderer
from core.phantom.seeding import stream
from core.phantom.truth import write_truth
from core.phantom.workers import Tick, run
from core.progress import CancelToken, ProgressSink, no_progress
from core.text.render import model_text

__all__ = ["MARGIN", "CropJob", "CropSettings", "exam_text", "render_patient", "write_crops"]

EACH_PICTURE, EACH_CLIP = "each picture", "each clip"
_FOLDERS = ("crops",)
_RECORD = "crops.json"


class CropSettings(msgspec.Struct, frozen=True):
    """All that decides what the crops look like; kept beside them as ``crops.json``."""

    patients: int
    seed: int
    size: int
    views: int
    max_exams: int
    val_share: float
    observers: str
    version: str


class CropJob(msgspec.Struct, frozen=True):
    """All that a worker needs to render one patient's crops into ``folder/crops/``.

    Args:
        splits: the manifest's word for each exam.
        size, views, observers: see :func:`write_crops`.
        brands: each exam's planned processor instead of any there might be.
    """

    folder: Path
    patient: PlannedPatient
    splits: tuple[str, ...]
    size: int
    views: int
    observers: str = EACH_PICTURE
    brands: bool = False

    @property
    def pictures(self) -> int:
        """How many pictures are tried (and ticks)."""
        return self.views * sum(len(exam.colon.lesions) for exam in self.patient.exams)


def write_crops(
    out: Path | str,
    patients: int,
    seed: int,
    size: int = 144,
    views: int = 8,
    *,
    max_exams: int = 2,
    val_share: float = 0.15,
    observers: str = EACH_PICTURE,
    workers: int | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Renders crops of all lesions of ``patients`` invented patients and returns the manifest's path.

    Writes ``out/manifest.csv`` (read it with :func:`core.data.manifest.read_manifest`, cut crops with
    :func:`core.data.manifest.load_crop`) and JPEG files under ``out/crops/PATIENT/``. The same arguments give
    the same bytes, whatever ``workers`` is; a folder that already holds them is returned at once.

    A patient has two or three lesions (2.3 on average: 200 patients give about 450 lesions), two in five made
    as a look-alike of another one nearby. Every lesion is seen in every exam of its patient (2 to
    ``max_exams``), up to ``views`` times in each, under that exam's own scope, processor (white balance,
    gamma, saturation, hue, sharpening, noise), mask and JPEG quality; each view has its own path, distance,
    turn, exposure, blur and hand-drawn box, and one in seven shows the lesion only partly, at the picture's
    edge, one in eight has a fold in front of some of it. Each exam squeezes the lesion anew and has its own
    residue, lamps and kind of camera. One exam in eight is in narrow-band light. Nothing is mirrored.

    Texts are written by observers who know nothing of each other. The rows of one exam and lesion form a clip
    with one text, as in practice; but in ``train``, unless ``observers`` says otherwise, every row is a clip
    of its own, described by another observer: pictures of one clip that shared their text to the letter would
    teach the fusion to recognise sentences instead of lesions.

    The stored picture is ``MARGIN`` times as wide as the lesion's smallest box. Patients are either ``train``
    or ``val``. A view that hardly shows its lesion is left out, so that a clip may hold fewer than ``views``.

    Args:
        size: longest side of a stored picture, pixels.
        views: pictures a lesion and exam.
        max_exams: 2 or 3.
        val_share: share of the patients that validate.
        observers: ``each picture`` or ``each clip`` of a training patient has one of its own.
        workers: processes; None = one a core.

    Raises:
        Cancelled: the user cancelled; nothing is left behind.
        PolypTraceError: ``phantom-settings``, ``phantom-folder-taken``, ``phantom-folder-unwritable`` or
            ``phantom-worker``.
    """
    if not (32 <= size <= 1024 and 1 <= views <= 200 and 0 <= val_share <= 1):
        raise PolypTraceError(
            "phantom-settings",
            "Crops are 32 to 1024 pixels large, with 1 to 200 views and a validation share in 0 to 1.",
            "Choose other numbers.",
        )
    folder = Path(out).absolute()
    settings = CropSettings(patients, seed, size, views, max_exams, val_share, observers, __version__)
    planned = plan(seed, patients, max_exams=max_exams, always_present=True)
    if holds(folder, _FOLDERS, f"crops/{_RECORD}", settings):
        return folder / MANIFEST
    with draft_of(folder, _FOLDERS) as draft:
        jobs = _jobs(draft, planned, settings)
        found = run(
            render_patient,
            jobs,
            stage="rendering crops",
            steps=sum(job.pictures for job in jobs),
            workers=workers,
            progress=progress,
            cancel=cancel or CancelToken(),
        )
        write_truth(draft / "crops" / _RECORD, settings)
        write_manifest(draft / MANIFEST, [row for rows in found for row in rows])
    return folder / MANIFEST


def _jobs(draft: Path, planned: list[PlannedPatient], settings: CropSettings) -> list[CropJob]:
    order = stream(settings.seed, "split").permutation(len(planned))
    held_out = {int(k) for k in order[: round(settings.val_share * len(planned))]}
    return [
        CropJob(
            draft,
            patient,
            ("val" if k in held_out else "train",) * len(patient.exams),
            settings.size,
            settings.views,
            settings.observers,
        )
        for k, patient in enumerate(planned)
    ]


def render_patient(job: CropJob, tick: Tick) -> list[Row]:
    """Renders one patient's crops; returns their rows, whose paths lie in ``job.folder``."""
    rows: list[Row] = []
    (job.folder / "crops" / job.patient.code).mkdir()
    for exam, split in zip(job.patient.exams, job.splits, strict=True):
        renderer = Renderer(exam.colon, exam.optics)
        rng = stream(exam.seed, "crops")
        camera = brand_camera(PROCESSORS[exam.processor], rng) if job.brands else exam_camera(rng)
        for index in range(len(exam.colon.lesions)):
            rows += _render_clip(job, split, exam, renderer, camera, index, tick)
    return rows


def _render_clip(
    job: CropJob,
    split: str,
    exam: PlannedExam,
    renderer: Renderer,
    camera: ExamCamera,
    index: int,
    tick: Tick,
) -> list[Row]:
    code, lesion = job.patient.code, exam.colon.lesions[index]
    clip = f"{code}-E{exam.number}-C{index + 1}"
    rows = []
    for view in range(job.views):
        tick()
        rng = stream(exam.seed, "view", lesion.key, view)
        made = crop_view(renderer, index, camera, job.size, rng)
        if made is None:
            continue
        path = job.folder / "crops" / code / f"{clip}-{view:02d}.jpg"
        _write_jpeg(path, made.picture, camera.quality)
        alone = split == "train" and job.observers == EACH_PICTURE
        observer, clip_id = (view, path.stem) if alone else (0, clip)
        text = exam_text(exam, index, observer)
        box = Box(*made.box)
        light = NARROW_BAND if exam.optics.narrow_band else WHITE
        who = (clip_id, path, None, code, lesion.key, exam.number)
        rows.append(Row(*who, split, text, box, exam.date, light))
    return rows


def exam_text(exam: PlannedExam, index: int, observer: int) -> str:
    """What one of this exam's observers wrote about a lesion, as the model reads it."""
    return model_text(exam_words(exam, index, observer))


def _write_jpeg(path: Path, picture: Image, quality: int) -> None:
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise PolypTraceError(
            "phantom-picture", f"{path.name} could not be encoded.", "Check the free memory."
        )
    path.write_bytes(data.tobytes())
