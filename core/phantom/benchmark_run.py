"""Renders the benchmark patient by patient: killed, it goes on with the first patient that isn't whole."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import msgspec

from core.data.manifest import Row, read_manifest, write_manifest
from core.data.splits import assert_disjoint, patients_of
from core.errors import Cancelled, PolypTraceError
from core.phantom.benchmark import (
    CROPS,
    TEST,
    TRAIN,
    VAL,
    BenchmarkPatient,
    BenchmarkSpec,
    plan_benchmark,
    plan_sha256,
)
from core.phantom.benchmark_check import drift
from core.phantom.crops import CropJob
from core.phantom.crops import render_patient as render_crops
from core.phantom.draft import MANIFEST, draft_of, holds
from core.phantom.exams import ExamJob, ExamSettings, exam_views
from core.phantom.generate import manifest_rows, settle
from core.phantom.generate import render_patient as render_videos
from core.phantom.truth import write_truth
from core.phantom.workers import Tick, run
from core.progress import CancelToken, Progress, ProgressSink, no_progress

RECORD = "benchmark.json"
_PATIENTS = "patients"
_FOLDERS = {"crops": ("crops",), "videos": ("videos", "masks", "truth")}


class Instance(msgspec.Struct, frozen=True):
    """Which instance a folder is for; beside each patient's pictures as ``benchmark.json``."""

    version: int
    seed: int
    form: str
    plan_sha256: str


class BenchmarkRecord(Instance, frozen=True):
    """Which instance a folder holds, compared with the published one; ``benchmark.json`` by its manifest.

    Args:
        manifest_sha256: of ``manifest.csv``.
        published: whether its pictures are the published instance's, as far as the specification's samples
            tell; None for films, which nobody looked at. False for an instance of somebody's own seed.
        identical: whether the published manifest has the same bytes; None where there is none to compare.
    """

    manifest_sha256: str
    published: bool | None
    identical: bool | None


class BenchmarkSummary(msgspec.Struct, frozen=True):
    """What was rendered.

    Args:
        parts: patients a part.
        drifted: how many of the specification's samples look different here; None where none are compared
            (films, another instance).
        rendered: False when all was there already.
    """

    out: Path
    manifest: Path
    record: BenchmarkRecord
    parts: dict[str, int]
    rows: int
    clips: int
    queries: int
    queries_without_match: int
    drifted: int | None
    rendered: bool
    seconds: float


class _Part(msgspec.Struct, frozen=True):
    """One patient's work: the folder that it fills, and either crops or videos."""

    folder: Path
    instance: Instance
    crops: CropJob | None
    exams: list[ExamJob]

    @property
    def steps(self) -> int:
        return self.crops.pictures if self.crops else sum(exam_views(job) for job in self.exams)


def render_benchmark(
    out: Path | str,
    spec: BenchmarkSpec,
    *,
    seed: int | None = None,
    form: str = CROPS,
    workers: int | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> BenchmarkSummary:
    """Renders an instance into ``out``: ``patients/CODE/``, then ``manifest.csv`` and ``benchmark.json``.

    Same seed and version give the same bytes, whatever ``workers`` is. A patient's folder is whole or absent;
    after a kill or a cancel the same call goes on with the patients that are missing.

    Args:
        seed: None = the published instance's.
        form: ``crops`` (pictures of the lesions' surroundings) or ``videos`` (short films of the exams).
        workers: processes; None = one a core.

    Raises:
        Cancelled: the user cancelled; the patients that were ready stay.
        PolypTraceError: ``phantom-folder-taken``, ``phantom-folder-unwritable``, ``benchmark-changed``,
            ``phantom-video`` or ``phantom-worker``.
    """
    begun = time.monotonic()
    folder = Path(out).absolute()
    seed = spec.seed if seed is None else seed
    planned = plan_benchmark(spec, seed)
    instance = Instance(spec.version, seed, form, plan_sha256(planned))
    _claim(folder, instance)
    parts = [_part(folder, spec, instance, one) for one in planned]
    missing = [part for part in parts if not _is_there(part)]
    ready = len(parts) - len(missing)

    def sink(step: Progress) -> None:
        note = f"{ready} of {len(parts)} patients were there already" if ready else ""
        progress(Progress(step.stage, step.done, step.total, note))

    if missing:
        try:
            run(
                _render,
                missing,
                stage="rendering the benchmark",
                steps=sum(part.steps for part in missing),
                workers=workers,
                progress=sink,
                cancel=cancel or CancelToken(),
            )
        except Cancelled as cancelled:
            there = sum(map(_is_there, parts))
            raise Cancelled(
                f"{there} of {len(parts)} patients are rendered; the same command goes on with the others."
            ) from cancelled
    rows = [row for part in parts for row in _rows(part.folder)]
    assert_disjoint(_sides(rows))
    manifest = write_manifest(folder / MANIFEST, rows)
    compared = seed == spec.seed and form == CROPS and bool(spec.samples)
    drifted = len(drift(spec, rows)) if compared else None
    record = _sealed(folder, spec, instance, drifted)
    return _summary(folder, manifest, record, planned, rows, drifted, bool(missing), time.monotonic() - begun)


def _claim(folder: Path, instance: Instance) -> None:
    """Takes the folder for this instance; a folder with another one, or with other data, is refused."""
    file = folder / RECORD
    try:
        if not file.exists():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise _taken(folder)
            folder.mkdir(parents=True, exist_ok=True)
            write_truth(file, instance)
            return
        known = msgspec.json.decode(file.read_bytes(), type=Instance)
    except msgspec.MsgspecError:
        raise _taken(folder) from None
    except OSError as error:
        raise PolypTraceError(
            "phantom-folder-unwritable",
            f"{folder.name} can't be written.",
            "Choose another folder.",
            cause=str(error),
        ) from error
    if known != instance:
        raise _taken(folder)


def _taken(folder: Path) -> PolypTraceError:
    return PolypTraceError(
        "phantom-folder-taken",
        f"{folder.name} already holds other data, or another instance of the benchmark.",
        "Choose an empty folder, or delete this one first.",
    )


def crop_job(home: Path, spec: BenchmarkSpec, one: BenchmarkPatient) -> CropJob:
    """What renders one patient's crops."""
    splits = tuple(one.split(exam.number) for exam in one.patient.exams)
    return CropJob(home, one.patient, splits, spec.rendering.crop_px, spec.rendering.views, brands=True)


def _part(folder: Path, spec: BenchmarkSpec, instance: Instance, one: BenchmarkPatient) -> _Part:
    patient, how = one.patient, spec.rendering
    home = folder / _PATIENTS / patient.code
    if instance.form == CROPS:
        return _Part(home, instance, crop_job(home, spec, one), [])
    view = ExamSettings(0.3, how.take_seconds, held=how.held, detail=how.detail, clip_frames=how.clip_frames)
    known = patient.known_keys()
    exams = [ExamJob(home, patient.code, one.split(exam.number), known, exam, view) for exam in patient.exams]
    return _Part(home, instance, None, exams)


def _is_there(part: _Part) -> bool:
    names = _FOLDERS[part.instance.form]
    return holds(part.folder, names, f"{names[-1]}/{RECORD}", part.instance)


def _render(part: _Part, tick: Tick) -> None:
    """Renders one patient into a draft and publishes it whole."""
    names = _FOLDERS[part.instance.form]
    with draft_of(part.folder, names) as draft:
        if part.crops is not None:
            rows = render_crops(msgspec.structs.replace(part.crops, folder=draft), tick)
        else:
            jobs = [msgspec.structs.replace(job, folder=draft) for job in part.exams]
            rows = manifest_rows(draft, settle(render_videos(jobs, tick)))
        write_truth(draft / names[-1] / RECORD, part.instance)
        write_manifest(draft / MANIFEST, rows)


def _rows(folder: Path) -> list[Row]:
    """A patient's rows; none where the camera saw none of its lesions."""
    empty = (folder / MANIFEST).read_text("utf-8").count("\n") <= 1
    return [] if empty else read_manifest(folder / MANIFEST).rows


def _sides(rows: list[Row]) -> dict[str, set[str]]:
    test = ("query", "gallery")
    return {
        TRAIN: patients_of(row for row in rows if row.split == TRAIN),
        VAL: patients_of(row for row in rows if row.split == VAL),
        TEST: patients_of(row for row in rows if row.split in test),
    }


def _sealed(folder: Path, spec: BenchmarkSpec, instance: Instance, drifted: int | None) -> BenchmarkRecord:
    """Writes the record: manifest hash, and what of instance, hash and pictures is as published."""
    found = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    own = instance.seed != spec.seed
    known = None if own else spec.manifest_sha256.get(instance.form)
    sealed = BenchmarkRecord(
        **msgspec.structs.asdict(instance),
        manifest_sha256=found,
        published=False if own else None if drifted is None else drifted == 0,
        identical=None if known is None else found == known,
    )
    write_truth(folder / RECORD, sealed)
    return sealed


def _summary(
    folder: Path,
    manifest: Path,
    record: BenchmarkRecord,
    planned: list[BenchmarkPatient],
    rows: list[Row],
    drifted: int | None,
    rendered: bool,
    seconds: float,
) -> BenchmarkSummary:
    known = {row.identity for row in rows if row.split == "gallery"}
    asked = {row.clip_id: row.identity for row in rows if row.split == "query"}
    return BenchmarkSummary(
        out=folder,
        manifest=manifest,
        record=record,
        parts={name: sum(one.part == name for one in planned) for name in (TRAIN, VAL, TEST)},
        rows=len(rows),
        clips=len({row.clip_id for row in rows}),
        queries=len(asked),
        queries_without_match=sum(identity not in known for identity in asked.values()),
        drifted=drifted,
        rendered=rendered,
        seconds=seconds,
    )
