"""A whole phantom data set: videos, masks, truth and the manifest that evaluation reads."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from core import __version__
from core.data.manifest import NARROW_BAND, WHITE, Row, write_manifest
from core.domain import Box
from core.errors import PolypTraceError
from core.phantom.draft import MANIFEST, draft_of, holds
from core.phantom.exams import ExamJob, ExamSettings, exam_views, render_exam
from core.phantom.plan import PlannedPatient, plan
from core.phantom.truth import ExamTruth, read_exam, write_truth
from core.phantom.workers import Tick, run
from core.progress import CancelToken, ProgressSink, no_progress

_FOLDERS = ("videos", "masks", "truth")
_RECORD = "phantom.json"


class PhantomSettings(msgspec.Struct, frozen=True):
    """All that decides what a phantom looks like; kept beside it as ``phantom.json``."""

    patients: int
    seed: int
    max_exams: int
    max_lesions: int
    exam: ExamSettings
    version: str


class PhantomSummary(msgspec.Struct, frozen=True):
    """What was rendered.

    Args:
        out: the folder.
        manifest: its ``manifest.csv``.
        exams: every exam with its truth, patient by patient in order of time.
        rendered: False when the folder already held this very phantom.
        seconds: wall time of this call.
    """

    out: Path
    manifest: Path
    patients: int
    exams: tuple[ExamTruth, ...]
    rendered: bool
    seconds: float

    @property
    def queries(self) -> int:
        """Clips of last exams."""
        return sum(clip.split == "query" for exam in self.exams for clip in exam.clips)

    @property
    def queries_without_match(self) -> int:
        """Clips of last exams that no earlier exam of any patient shows."""
        return sum(clip.has_match is False for exam in self.exams for clip in exam.clips)

    @property
    def frames(self) -> int:
        """Video frames in all."""
        return sum(exam.frames for exam in self.exams)


def generate(
    out: Path | str,
    patients: int,
    seed: int,
    *,
    workers: int | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
    exam_seconds: float = 8.0,
    least_take: float = 3.0,
    detail: float = 0.7,
    held: int = 2,
    clip_frames: int = 7,
    max_exams: int = 3,
    max_lesions: int = 3,
) -> PhantomSummary:
    """Renders invented patients into ``out``: ``videos/``, ``masks/``, ``truth/``, then ``manifest.csv``.

    Each patient's last exam is the query, the earlier ones are the gallery; about a third of the queries has
    no match. The same arguments give the same frames. Rendering the same phantom again costs nothing; nothing
    is left behind by a cancelled one.

    Args:
        workers: processes; None = one a core.
        exam_seconds: length of an exam's video, longer where its lesions need it.
        least_take: seconds that each lesion gets at least.
        detail, held, clip_frames: see :class:`core.phantom.exams.ExamSettings`.
        max_exams, max_lesions: see :func:`core.phantom.plan.plan`.

    Raises:
        Cancelled: the user cancelled.
        PolypTraceError: ``phantom-settings``, ``phantom-folder-taken``, ``phantom-folder-unwritable``,
            ``phantom-video`` or ``phantom-worker``.
    """
    begun = time.monotonic()
    folder = Path(out).absolute()
    view = ExamSettings(exam_seconds, least_take, detail=detail, held=held, clip_frames=clip_frames)
    _check(view)
    settings = PhantomSettings(patients, seed, max_exams, max_lesions, view, __version__)
    planned = plan(seed, patients, max_exams=max_exams, max_lesions=max_lesions)
    if holds(folder, _FOLDERS, f"truth/{_RECORD}", settings):
        exams = tuple(read_exam(path) for path in _truth_files(folder, planned))
        return PhantomSummary(folder, folder / MANIFEST, patients, exams, False, time.monotonic() - begun)
    with draft_of(folder, _FOLDERS) as draft:
        jobs = [_jobs(patient, draft, view) for patient in planned]
        results = run(
            render_patient,
            jobs,
            stage="rendering exams",
            steps=sum(exam_views(job) for exams in jobs for job in exams),
            workers=workers,
            progress=progress,
            cancel=cancel or CancelToken(),
        )
        exams = settle([exam for patient in results for exam in patient])
        for exam in exams:
            write_truth(draft / "truth" / f"{exam.patient_id}-E{exam.exam}.json", exam)
        write_truth(draft / "truth" / _RECORD, settings)
        write_manifest(draft / MANIFEST, manifest_rows(draft, exams))
    return PhantomSummary(folder, folder / MANIFEST, patients, exams, True, time.monotonic() - begun)


def _check(view: ExamSettings) -> None:
    long, fine = 0.3 <= view.least_take <= 600 and 0.3 <= view.seconds <= 600, 0.05 <= view.detail <= 2
    if not (long and fine and 1 <= view.held <= 5 and view.clip_frames > 0):
        raise PolypTraceError(
            "phantom-settings",
            "Exams last 0.3 to 600 seconds, with detail from 0.05 to 2 and each view held for 1 to 5 frames.",
            "Choose other numbers.",
        )


def _jobs(patient: PlannedPatient, draft: Path, view: ExamSettings) -> list[ExamJob]:
    splits = ["gallery"] * len(patient.gallery) + ["query"]
    known = patient.known_keys()
    return [
        ExamJob(draft, patient.code, split, known, exam, view)
        for exam, split in zip(patient.exams, splits, strict=True)
    ]


def render_patient(jobs: list[ExamJob], tick: Tick) -> list[ExamTruth]:
    """All exams of a patient by one worker, since they share the colon's mucosa, which is costly to make."""
    return [render_exam(job, tick) for job in jobs]


def settle(exams: list[ExamTruth]) -> tuple[ExamTruth, ...]:
    """Corrects ``has_match`` where the gallery's camera missed the lesion: only what was filmed is found."""
    filmed = {clip.polyp_id for exam in exams for clip in exam.clips if clip.split == "gallery"}
    settled = []
    for exam in exams:
        clips = tuple(
            msgspec.structs.replace(clip, has_match=clip.polyp_id in filmed)
            if clip.split == "query"
            else clip
            for clip in exam.clips
        )
        settled.append(msgspec.structs.replace(exam, clips=clips))
    return tuple(settled)


def manifest_rows(folder: Path, exams: tuple[ExamTruth, ...]) -> list[Row]:
    """The manifest of rendered exams: one row for each frame that has a mask."""
    return [
        Row(
            clip_id=clip.clip_id,
            path=folder / exam.video,
            frame=frame.pts,
            patient_id=exam.patient_id,
            polyp_id=clip.polyp_id,
            exam=exam.exam,
            split=clip.split,
            text=clip.text,
            box=Box(*frame.box),
            date=exam.date,
            light=NARROW_BAND if exam.optics.narrow_band else WHITE,
        )
        for exam in exams
        for clip in exam.clips
        for frame in clip.manifest_frames
    ]


def _truth_files(folder: Path, planned: list[PlannedPatient]) -> list[Path]:
    return [folder / "truth" / f"{p.code}-E{exam.number}.json" for p in planned for exam in p.exams]
