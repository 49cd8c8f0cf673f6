"""The benchmark: frozen, the same for everyone, split by patient, resumed after a kill."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from core.data.manifest import NARROW_BAND, WHITE, Manifest, read_manifest
from core.errors import Cancelled, PolypTraceError
from core.phantom.benchmark import (
    CROPS,
    VIDEOS,
    BenchmarkPatient,
    BenchmarkSpec,
    Rendering,
    load_spec,
    plan_benchmark,
    plan_sha256,
)
from core.phantom.benchmark_check import drift, sample_of, traits
from core.phantom.benchmark_freeze import freeze, render_samples
from core.phantom.benchmark_run import BenchmarkSummary, render_benchmark
from core.phantom.courses import course_patient, grown, scarred
from core.phantom.crops import exam_text
from core.phantom.description_writer import exam_words
from core.phantom.lesion_skin import head_skin
from core.phantom.plan import REMOVED
from core.phantom.processor import PROCESSORS
from core.phantom.scene import PhantomLesion
from core.progress import CancelToken, Progress
from core.text.description import validate

SPEC = load_spec()
SCARS = ("scar", "recurrence at scar")
TINY = msgspec.structs.replace(
    SPEC,
    seed=7,
    patients=3,
    val=1,
    test=1,
    habits=msgspec.structs.replace(SPEC.habits, lesions=(1.0,), three_exams=0.0),
    rendering=Rendering(48, 2, 0.7, 2, 0.1, 2),
    plan_sha256="",
    manifest_sha256={},
    samples=(),
)


@pytest.fixture(scope="module")
def planned() -> list[BenchmarkPatient]:
    return plan_benchmark(SPEC, SPEC.seed)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> BenchmarkSummary:
    return render_benchmark(tmp_path_factory.mktemp("benchmark") / "set", TINY, workers=2)


@pytest.fixture(scope="module")
def manifest(tiny: BenchmarkSummary) -> Manifest:
    return read_manifest(tiny.manifest)


def _lesions(planned: list[BenchmarkPatient]) -> list[PhantomLesion]:
    return [lesion for one in planned for exam in one.patient.exams for lesion in exam.colon.lesions]


def test_the_published_plan_and_texts_are_frozen(planned: list[BenchmarkPatient]) -> None:
    assert plan_sha256(planned) == SPEC.plan_sha256


def test_the_hash_of_the_published_crops_is_known() -> None:
    assert re.fullmatch("[0-9a-f]{64}", SPEC.manifest_sha256[CROPS])


def test_freezing_samples_anew_keeps_the_hashes_of_an_unchanged_plan(tmp_path: Path) -> None:
    first = freeze(TINY, (), tmp_path)
    assert first.manifest_sha256 == {}
    hashed = msgspec.structs.replace(first, manifest_sha256={CROPS: "1" * 64}, samples=())
    assert freeze(hashed, (), tmp_path / "again") == msgspec.structs.replace(hashed, samples=first.samples)
    other = msgspec.structs.replace(hashed, seed=8)
    assert freeze(other, (), tmp_path / "other").manifest_sha256 == {}


def test_a_plan_that_no_longer_comes_out_of_its_seed_is_refused() -> None:
    changed = msgspec.structs.replace(SPEC, habits=msgspec.structs.replace(SPEC.habits, growth=0.09))
    with pytest.raises(PolypTraceError) as error:
        plan_benchmark(changed, changed.seed)
    assert error.value.code == "benchmark-changed"
    assert plan_benchmark(changed, changed.seed + 1)  # one's own instance is nobody else's business


def test_the_renderer_still_gives_the_published_pictures(
    planned: list[BenchmarkPatient], tmp_path: Path
) -> None:
    """Fails when the renderer was changed without freezing a new version."""
    rows = render_samples(tmp_path, SPEC, planned)
    assert [row.path.stem for row in rows] == [sample.name for sample in SPEC.samples]
    assert drift(SPEC, rows) == []


def test_samples_show_every_light_processor_state_and_form(planned: list[BenchmarkPatient]) -> None:
    by_clip = {
        f"{one.patient.code}-E{exam.number}-C{n}": traits(exam, lesion)
        for one in planned
        for exam in one.patient.exams
        for n, lesion in enumerate(exam.colon.lesions, 1)
    }
    shown = {trait for sample in SPEC.samples for trait in by_clip[sample.name[:-3]]}
    assert shown == {
        *(WHITE, NARROW_BAND, "polyp", "LST", "raised", "flat", *SCARS),
        *(processor.brand for processor in PROCESSORS),
    }
    assert shown == set[str]().union(*by_clip.values())


def test_pictures_that_look_different_are_told(manifest: Manifest) -> None:
    samples = tuple(sample_of(row) for row in manifest.rows)
    spec = msgspec.structs.replace(TINY, samples=samples)
    assert drift(spec, manifest.rows) == []
    brighter = msgspec.structs.replace(samples[0], means=tuple(v + 3 for v in samples[0].means))
    moved = msgspec.structs.replace(samples[1], box=(samples[1].box[0] + 3, *samples[1].box[1:]))
    odd = msgspec.structs.replace(spec, samples=(brighter, moved, *samples[2:]))
    assert drift(odd, manifest.rows) == [samples[0].name, samples[1].name]
    assert drift(spec, manifest.rows[1:]) == [samples[0].name]


def test_the_benchmark_is_as_large_and_as_varied_as_it_says(planned: list[BenchmarkPatient]) -> None:
    assert len(planned) == SPEC.patients >= 60
    counts = [
        len({lesion.key for exam in one.patient.exams for lesion in exam.colon.lesions}) for one in planned
    ]
    assert min(counts) == 1
    assert max(counts) == 10
    assert {lesion.state for lesion in _lesions(planned)} >= {"polyp", "LST", *SCARS}
    exams = [exam for one in planned for exam in one.patient.exams]
    assert all(exam.colon.lesions for exam in exams)
    assert {exam.optics.narrow_band for exam in exams} == {False, True}
    assert {exam.processor for exam in exams} == set(range(len(PROCESSORS)))
    gaps = [
        (later.date - earlier.date).days / 30.4
        for one in planned
        for earlier, later in pairwise(one.patient.exams)
    ]
    assert min(gaps) > 2
    assert max(gaps) > 30


def test_lesions_are_new_gone_kept_and_scarred(planned: list[BenchmarkPatient]) -> None:
    for part in ("train", "val", "test"):
        mine = [one.patient for one in planned if one.part == part]
        asked = [
            (lesion.key in patient.known_keys(), lesion.state)
            for patient in mine
            for lesion in patient.query.colon.lesions
        ]
        new = sum(not known for known, _ in asked)
        assert 0.15 < new / len(asked) < 0.5
        assert any(known and state in SCARS for known, state in asked)
        last = [{lesion.key for lesion in patient.query.colon.lesions} for patient in mine]
        assert any(patient.known_keys() - keys for patient, keys in zip(mine, last, strict=True))


def test_a_scar_follows_a_removal_at_the_same_place(planned: list[BenchmarkPatient]) -> None:
    scars = 0
    for one in planned:
        for before, after in pairwise(one.patient.exams):
            fates = dict(zip((lesion.key for lesion in before.colon.lesions), before.fates, strict=True))
            was = {lesion.key: lesion for lesion in before.colon.lesions}
            for lesion in after.colon.lesions:
                if lesion.state in SCARS and was[lesion.key].state not in SCARS:
                    scars += 1
                    assert fates[lesion.key] == REMOVED
                    assert lesion.station_mm == was[lesion.key].station_mm
                elif lesion.key in fates and lesion.state not in SCARS:
                    assert fates[lesion.key] != REMOVED
    assert scars > 30


def test_patients_do_not_depend_on_each_other(planned: list[BenchmarkPatient]) -> None:
    alone = course_patient(SPEC.seed, 5, planned[4].patient.code, SPEC.habits)
    assert alone == planned[4].patient
    other = plan_benchmark(SPEC, SPEC.seed + 1)
    assert {one.part for one in other} == {one.part for one in planned}
    assert plan_sha256(other) != SPEC.plan_sha256


def test_texts_of_a_lesion_differ_from_exam_to_exam(planned: list[BenchmarkPatient]) -> None:
    texts: dict[str, list[str]] = {}
    for one in planned:
        for exam in one.patient.exams:
            for n, lesion in enumerate(exam.colon.lesions):
                texts.setdefault(lesion.key, []).append(exam_text(exam, n, 0))
    pairs = [pair for own in texts.values() for pair in pairwise(own)]
    assert sum(a == b for a, b in pairs) < 0.05 * len(pairs)


def test_descriptions_of_scars_can_be_finalised(planned: list[BenchmarkPatient]) -> None:
    written = 0
    for one in planned:
        for exam in one.patient.exams:
            for n, lesion in enumerate(exam.colon.lesions):
                if lesion.state in SCARS:
                    values = exam_words(exam, n)
                    assert [p for p in validate(values, finalise=True) if p.severity == "error"] == []
                    written += values["state"] in SCARS
    assert written > 30


def test_a_grown_lesion_keeps_its_lobes(planned: list[BenchmarkPatient]) -> None:
    lesion = next(one for one in _lesions(planned) if "lobulated" in one.surface and one.grown == 1.0)
    larger = grown(lesion, 1.4)
    assert larger.size_mm == pytest.approx(1.4 * lesion.size_mm, abs=0.06)
    same = np.corrcoef(head_skin(lesion).height.ravel(), head_skin(larger).height.ravel())[0, 1]
    assert same > 0.98
    assert scarred(lesion, False).state == "scar"


def test_parts_are_by_patient_and_test_patients_ask_with_their_last_exam(
    tiny: BenchmarkSummary, manifest: Manifest
) -> None:
    assert tiny.parts == {"train": 1, "val": 1, "test": 1}
    splits: dict[str, set[tuple[str, int]]] = {}
    for row in manifest.rows:
        splits.setdefault(row.patient_id, set()).add((row.split, row.exam))
        assert row.date is not None
        assert row.light in (WHITE, NARROW_BAND)
        assert row.box is not None
    assert sorted(splits.values(), key=str) == [
        {("gallery", 1), ("query", 2)},
        {("train", 1), ("train", 2)},
        {("val", 1), ("val", 2)},
    ]
    assert tiny.queries == len({row.clip_id for row in manifest.rows if row.split == "query"})


def test_same_seed_same_bytes_whatever_the_workers(tiny: BenchmarkSummary, tmp_path: Path) -> None:
    again = render_benchmark(tmp_path / "set", TINY, workers=1)
    names = sorted(path.relative_to(tiny.out) for path in tiny.out.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(again.out) for path in again.out.rglob("*") if path.is_file())
    assert all((tiny.out / name).read_bytes() == (again.out / name).read_bytes() for name in names)


def test_only_pictures_that_look_as_published_are_called_published(
    tiny: BenchmarkSummary, manifest: Manifest, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    shutil.copytree(tiny.out, out)
    samples = tuple(sample_of(row) for row in manifest.rows)
    odd = msgspec.structs.replace(samples[0], means=tuple(v + 3 for v in samples[0].means))
    right, wrong = {CROPS: tiny.record.manifest_sha256}, {CROPS: "0" * 64}
    said = [
        _compared(out, manifest_sha256=hashes, samples=(first, *samples[1:]))
        for first, hashes in ((samples[0], right), (samples[0], wrong), (odd, right))
    ]
    assert said == [(True, True), (True, False), (False, True)]
    assert _compared(out, manifest_sha256=right, samples=()) == (None, True)
    assert _compared(out, manifest_sha256=right, samples=samples, seed=8) == (False, None)


def _compared(out: Path, **changes: object) -> tuple[bool | None, bool | None]:
    """Published and identical, of the tiny instance, when ``changes`` are what was published."""
    again = render_benchmark(out, msgspec.structs.replace(TINY, **changes), seed=TINY.seed, workers=1)
    assert not again.rendered
    return again.record.published, again.record.identical


def test_a_killed_rendering_goes_on_with_the_missing_patients(tmp_path: Path, tiny: BenchmarkSummary) -> None:
    token, steps = CancelToken(), []

    def watch(step: Progress) -> None:
        steps.append(step)
        if step.done == 6:  # the first patient has four pictures
            token.cancel()

    with pytest.raises(Cancelled) as stopped:
        render_benchmark(tmp_path / "set", TINY, workers=1, progress=watch, cancel=token)
    assert "1 of 3 patients" in stopped.value.hint
    assert not (tmp_path / "set" / "manifest.csv").exists()
    whole = sorted((tmp_path / "set" / "patients").iterdir())
    assert len(whole) == 1
    stamp = (whole[0] / "manifest.csv").stat().st_mtime_ns
    steps.clear()
    done = render_benchmark(tmp_path / "set", TINY, workers=1, progress=steps.append)
    assert (whole[0] / "manifest.csv").stat().st_mtime_ns == stamp
    assert steps[-1].total == 8
    assert "1 of 3 patients" in steps[-1].note
    assert done.record.manifest_sha256 == tiny.record.manifest_sha256


@pytest.mark.parametrize("change", ["seed", "form", "other"])
def test_a_folder_with_something_else_is_refused(tiny: BenchmarkSummary, tmp_path: Path, change: str) -> None:
    out, seed, form = tiny.out, TINY.seed, CROPS
    if change == "other":
        out = tmp_path
        (out / "notes.txt").write_text("mine")
    with pytest.raises(PolypTraceError) as error:
        render_benchmark(out, TINY, seed=seed + (change == "seed"), form=VIDEOS if change == "form" else form)
    assert error.value.code == "phantom-folder-taken"


def test_videos_show_the_same_patients_with_the_same_texts(tmp_path: Path, tiny: BenchmarkSummary) -> None:
    spec: BenchmarkSpec = msgspec.structs.replace(TINY, patients=2)
    made = render_benchmark(tmp_path / "set", spec, form=VIDEOS, workers=1)
    rows = read_manifest(made.manifest).rows
    assert made.record.published is None  # nobody looked at the films
    assert {row.split for row in rows} == {"val", "query", "gallery"}
    assert all(row.frame is not None and row.path.suffix == ".mp4" and row.path.exists() for row in rows)
    assert {row.patient_id for row in rows} < {row.patient_id for row in read_manifest(tiny.manifest).rows}
    exams = {
        (one.patient.code, exam.number): exam
        for one in plan_benchmark(spec, spec.seed)
        for exam in one.patient.exams
    }
    for row in rows:  # the plan's hash covers these texts
        exam = exams[row.patient_id, row.exam]
        keys = [lesion.key for lesion in exam.colon.lesions]
        assert row.text == exam_text(exam, keys.index(row.polyp_id), 0)
