"""A small phantom from end to end: videos, truth, masks, manifest; nothing half-done stays behind."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core.data.manifest import load_crop, read_manifest
from core.errors import Cancelled, PolypTraceError
from core.phantom.draft import draft_of, holds
from core.phantom.exams import ExamJob, ExamSettings, render_exam
from core.phantom.generate import PhantomSettings, PhantomSummary, generate
from core.phantom.plan import plan
from core.phantom.truth import ClipTruth, ExamTruth, read_exam
from core.progress import CancelToken, Progress
from core.text.description import validate

SEED, PATIENTS = 6, 3
SMALL = ExamSettings(seconds=0.7, least_take=0.7, detail=0.2, clip_frames=3)


def _generate(out: Path, **changes: object) -> PhantomSummary:
    wanted: dict[str, object] = {
        "workers": 1, "exam_seconds": 0.7, "least_take": 0.7, "detail": 0.2, "clip_frames": 3,
        "max_exams": 2, "max_lesions": 1,
    }  # fmt: skip
    return generate(out, PATIENTS, SEED, **(wanted | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def steps() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory, steps: list[Progress]) -> PhantomSummary:
    return _generate(tmp_path_factory.mktemp("made") / "phantom", progress=steps.append)


def _clips(phantom: PhantomSummary) -> list[tuple[ExamTruth, ClipTruth]]:
    return [(exam, clip) for exam in phantom.exams for clip in exam.clips]


def _frames(phantom: PhantomSummary, exam: ExamTruth) -> list[tuple[int, np.ndarray]]:
    with av.open(str(phantom.out / exam.video)) as file:
        return [(frame.pts or 0, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]


def test_progress_counts_up_to_its_total(phantom: PhantomSummary, steps: list[Progress]) -> None:
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert steps[-1].done == steps[-1].total == phantom.frames // SMALL.held


def test_nothing_but_the_promised_files_is_there(phantom: PhantomSummary) -> None:
    names = {path.name for path in phantom.out.iterdir()}
    assert names == {"manifest.csv", "videos", "masks", "truth"}
    videos = {f"videos/{path.name}" for path in (phantom.out / "videos").iterdir()}
    assert videos == {exam.video for exam in phantom.exams}
    masks = {f"masks/{path.name}" for path in (phantom.out / "masks").iterdir()}
    assert masks == {frame.mask for _, clip in _clips(phantom) for frame in clip.manifest_frames}


def test_last_exam_asks_and_earlier_ones_answer(phantom: PhantomSummary) -> None:
    rows = read_manifest(phantom.manifest).rows
    last = {row.patient_id: max(r.exam for r in rows if r.patient_id == row.patient_id) for row in rows}
    assert len(last) == PATIENTS
    assert {row.split for row in rows} == {"query", "gallery"}
    assert all((row.split == "query") == (row.exam == last[row.patient_id]) for row in rows)


def test_a_third_of_the_queries_has_no_match(phantom: PhantomSummary) -> None:
    rows = read_manifest(phantom.manifest).rows
    gallery = {row.identity for row in rows if row.split == "gallery"}
    asked = {row.clip_id: row.identity in gallery for row in rows if row.split == "query"}
    truth = {clip.clip_id: clip.has_match for _, clip in _clips(phantom) if clip.split == "query"}
    assert asked == truth
    assert list(asked.values()).count(False) == phantom.queries_without_match == 1
    assert len(asked) == phantom.queries == 3


def test_rows_name_frames_boxes_and_texts_of_the_truth(phantom: PhantomSummary) -> None:
    clips = read_manifest(phantom.manifest).clips()
    assert set(clips) == {clip.clip_id for _, clip in _clips(phantom)}
    for _, clip in _clips(phantom):
        rows = clips[clip.clip_id]
        assert [row.frame for row in rows] == [frame.pts for frame in clip.manifest_frames]
        assert all(row.text == clip.text and row.polyp_id == clip.polyp_id for row in rows)
        boxes = [(row.box.x, row.box.y, row.box.w, row.box.h) for row in rows if row.box]
        assert boxes == [frame.box for frame in clip.manifest_frames]


def test_videos_hold_the_frames_that_the_truth_says(phantom: PhantomSummary) -> None:
    for exam in phantom.exams:
        frames = _frames(phantom, exam)
        assert len(frames) == exam.frames
        assert all(picture.shape == (exam.height, exam.width, 3) for _, picture in frames)
        by_index = [pts for pts, _ in frames]
        for clip in exam.clips:
            assert all(by_index[frame.index] == frame.pts for frame in clip.frames)
            assert clip.pts_in == clip.frames[0].pts <= clip.frames[-1].pts <= clip.pts_out <= by_index[-1]


def test_boxes_are_the_smallest_around_the_masks(phantom: PhantomSummary) -> None:
    for exam, clip in _clips(phantom):
        for frame in clip.manifest_frames:
            mask = cv2.imread(str(phantom.out / str(frame.mask)), cv2.IMREAD_GRAYSCALE)
            assert mask is not None
            assert mask.shape == (exam.height, exam.width)
            assert set(np.unique(mask)) == {0, 255}
            assert cv2.boundingRect(mask) == frame.box
            assert int((mask > 0).sum()) == frame.visible_px


def test_what_the_masks_mark_is_lit_and_inside_the_scope_picture(phantom: PhantomSummary) -> None:
    for exam in phantom.exams:
        frames = dict(_frames(phantom, exam))
        outline = np.array(exam.region, np.int32)
        for clip in exam.clips:
            for frame in clip.manifest_frames:
                mask = cv2.imread(str(phantom.out / str(frame.mask)), cv2.IMREAD_GRAYSCALE)
                assert mask is not None
                assert frames[frame.pts][mask > 0].mean() > 20
                ys, xs = np.nonzero(mask)
                points = zip(xs[::50], ys[::50], strict=True)
                assert all(cv2.pointPolygonTest(outline, (float(x), float(y)), False) >= 0 for x, y in points)


def test_crops_of_the_manifest_show_the_box_widened(phantom: PhantomSummary) -> None:
    row = read_manifest(phantom.manifest).rows[0]
    assert row.box is not None
    crop = load_crop(row)
    assert crop.dtype == np.uint8
    assert 0.5 * row.box.h <= crop.shape[0] <= 1.3 * row.box.h + 2
    assert 0.5 * row.box.w <= crop.shape[1] <= 1.3 * row.box.w + 2


def test_descriptions_are_valid_and_written_anew_in_each_exam(phantom: PhantomSummary) -> None:
    texts: dict[str, list[str]] = {}
    for _, clip in _clips(phantom):
        problems = validate(clip.description, finalise=True)
        assert [problem for problem in problems if problem.severity == "error"] == []
        texts.setdefault(clip.polyp_id, []).append(clip.text)
    again = [words for words in texts.values() if len(words) > 1]
    assert again
    assert all(len(set(words)) == len(words) for words in again)


def test_the_same_exam_renders_to_the_same_bytes(phantom: PhantomSummary, tmp_path: Path) -> None:
    for name in ("videos", "masks", "truth"):
        (tmp_path / name).mkdir()
    patient = plan(SEED, PATIENTS, max_exams=2, max_lesions=1)[-1]
    job = ExamJob(tmp_path, patient.code, "query", patient.known_keys(), patient.query, SMALL)
    truth = render_exam(job, lambda: None)
    first, second = ((folder / truth.video).read_bytes() for folder in (phantom.out, tmp_path))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    assert read_exam(phantom.out / "truth" / f"{patient.code}-E2.json").clips == truth.clips


def test_a_second_call_costs_nothing(phantom: PhantomSummary) -> None:
    again = _generate(phantom.out)
    assert not again.rendered
    assert again.exams == phantom.exams
    assert again.seconds < 2


def test_other_settings_do_not_overwrite_a_phantom(phantom: PhantomSummary) -> None:
    before = phantom.manifest.read_bytes()
    with pytest.raises(PolypTraceError) as error:
        _generate(phantom.out, clip_frames=4)
    assert error.value.code == "phantom-folder-taken"
    assert phantom.manifest.read_bytes() == before


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    token = CancelToken()

    def watch(step: Progress) -> None:
        if step.done >= 3:
            token.cancel()

    with pytest.raises(Cancelled):
        _generate(tmp_path / "phantom", progress=watch, cancel=token)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_survives_a_cancel(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("kept", encoding="utf-8")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        _generate(tmp_path, cancel=token)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_work_killed_while_it_is_published_is_published_to_its_end(tmp_path: Path) -> None:
    settings = PhantomSettings(1, 1, 2, 1, SMALL, "1")
    names = ("videos", "truth")
    with pytest.raises(KeyboardInterrupt), draft_of(tmp_path, names):
        raise KeyboardInterrupt
    draft = tmp_path / ".draft"
    (draft / "truth").mkdir(parents=True)
    (draft / "truth" / "record.json").write_bytes(b"{}")
    (draft / "manifest.csv").write_text("whole", encoding="utf-8")
    (tmp_path / "videos").mkdir()  # the first of the names had been moved already
    assert not holds(tmp_path, names, "truth/record.json", settings)  # published, but of other settings
    assert (tmp_path / "manifest.csv").read_text(encoding="utf-8") == "whole"
    assert (tmp_path / "truth" / "record.json").exists()
    assert not draft.exists()


@pytest.mark.parametrize(
    "changes", [{"exam_seconds": 0}, {"detail": 9}, {"held": 0}, {"clip_frames": 0}, {"least_take": 0}]
)
def test_impossible_settings_are_refused_in_words(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(PolypTraceError) as error:
        _generate(tmp_path / "phantom", **changes)
    assert error.value.code == "phantom-settings"
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "phantom").write_text("a file", encoding="utf-8")
    with pytest.raises(PolypTraceError) as error:
        _generate(tmp_path / "phantom")
    assert error.value.code == "phantom-folder-taken"
