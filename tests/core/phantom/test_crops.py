"""Training crops: manifest, splits, boxes as people draw them, lesions seen partly, the same bytes again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data.manifest import Manifest, load_crop, read_manifest
from core.data.pictures import read_picture
from core.errors import Cancelled, PolypTraceError
from core.phantom import crop_view
from core.phantom.crops import MARGIN, write_crops
from core.phantom.plan import plan
from core.phantom.renderer import Renderer
from core.phantom.seeding import stream
from core.progress import CancelToken

SEED, PATIENTS, SIZE, VIEWS = 12, 2, 64, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("crops") / "set"
    write_crops(out, PATIENTS, SEED, SIZE, VIEWS, val_share=0.5, workers=2)
    return out


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    return read_manifest(folder / "manifest.csv")


def test_every_lesion_is_seen_in_every_exam(manifest: Manifest) -> None:
    planned = plan(SEED, PATIENTS, max_exams=2, always_present=True)
    wanted = {(p.code, lesion.key, e.number) for p in planned for e in p.exams for lesion in e.colon.lesions}
    seen = {(row.patient_id, row.polyp_id, row.exam) for row in manifest.rows}
    assert seen <= wanted
    assert len(seen) >= 0.8 * len(wanted)  # a lesion behind a fold may hide
    assert all(1 <= len(rows) <= VIEWS for rows in manifest.clips().values())


def test_patients_are_held_out_whole(manifest: Manifest) -> None:
    splits = {
        row.patient_id: {r.split for r in manifest.rows if r.patient_id == row.patient_id}
        for row in manifest.rows
    }
    assert sorted(splits.values(), key=str) == [{"train"}, {"val"}]


def test_held_back_clips_have_one_text_an_exam(manifest: Manifest) -> None:
    texts: dict[str | None, list[str]] = {}
    for rows in manifest.clips().values():
        assert len({row.text for row in rows}) == 1
        assert rows[0].text
        if rows[0].split == "val":
            assert {(row.polyp_id, row.exam) for row in rows} == {(rows[0].polyp_id, rows[0].exam)}
            texts.setdefault(rows[0].polyp_id, []).append(rows[0].text)
    assert all(len(words) <= 2 for words in texts.values())
    assert any(len(set(words)) > 1 for words in texts.values())


def test_training_pictures_are_described_by_different_observers(manifest: Manifest) -> None:
    train = [row for row in manifest.rows if row.split == "train"]
    assert len({row.clip_id for row in train}) == len(train)
    assert len({row.text for row in train}) > 0.8 * len(train)


def test_pictures_are_no_larger_than_wished_and_hold_their_box(manifest: Manifest) -> None:
    for row in manifest.rows:
        picture = read_picture(row.path, row.frame)
        height, width = picture.shape[:2]
        assert row.box is not None
        assert max(height, width) <= SIZE * 1.25
        assert row.box.x >= 0
        assert row.box.y >= 0
        assert row.box.x + row.box.w <= width
        assert row.box.y + row.box.h <= height
        assert min(row.box.w, row.box.h) >= crop_view.LEAST_SIDE / 2
        assert row.box.w * row.box.h < 0.95 * width * height
        assert load_crop(row).std() > 2


def test_the_same_call_gives_the_same_bytes_whatever_the_workers(folder: Path, tmp_path: Path) -> None:
    again = write_crops(tmp_path / "set", PATIENTS, SEED, SIZE, VIEWS, val_share=0.5, workers=1).parent
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_a_second_call_returns_at_once(folder: Path) -> None:
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_crops(folder, PATIENTS, SEED, SIZE, VIEWS, val_share=0.5) == folder / "manifest.csv"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == stamps


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        write_crops(tmp_path / "set", 1, SEED, SIZE, 1, workers=1, cancel=token)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("size", "views", "share"), [(8, 4, 0.1), (64, 0, 0.1), (64, 4, 1.1)])
def test_impossible_settings_are_refused_in_words(
    tmp_path: Path, size: int, views: int, share: float
) -> None:
    with pytest.raises(PolypTraceError) as error:
        write_crops(tmp_path / "set", 1, SEED, size, views, val_share=share)
    assert error.value.code == "phantom-settings"


def test_people_draw_boxes_near_the_lesion_but_not_on_the_pixel() -> None:
    rng = stream(1, "boxes")
    box, overlaps = (60, 50, 80, 60), []
    for _ in range(400):
        x, y, w, h = crop_view.human_box(rng, box, 200, 160)
        across = min(x + w, 140) - max(x, 60)
        down = min(y + h, 110) - max(y, 50)
        overlaps.append(across * down / (w * h + 80 * 60 - across * down))
    assert np.mean(overlaps) == pytest.approx(0.85, abs=0.04)
    assert min(overlaps) > 0.5
    assert np.std(overlaps) > 0.02


def test_drawn_boxes_stay_in_the_picture() -> None:
    rng = stream(2, "boxes")
    for _ in range(200):
        x, y, w, h = crop_view.human_box(rng, (0, 3, 39, 37), 40, 40)
        assert x >= 0
        assert y >= 0
        assert x + w <= 40
        assert y + h <= 40
        assert w > 0
        assert h > 0


def test_one_view_in_seven_wishes_the_lesion_at_the_edge() -> None:
    rng = stream(3, "places")
    for shape in ("round", "octagon", "cut"):
        places = np.array([crop_view._place(shape, rng) for _ in range(1500)])
        edge = np.abs(places).max(1) > 0.5
        assert edge.mean() == pytest.approx(0.15, abs=0.03)
        assert np.abs(places).max() <= 1.0


def test_a_view_shows_its_lesion_within_the_margin() -> None:
    exam = plan(SEED, 1, max_exams=2, always_present=True)[0].exams[0]
    camera = crop_view.exam_camera(stream(exam.seed, "crops"))
    made = crop_view.crop_view(Renderer(exam.colon, exam.optics), 0, camera, 96, stream(4, "view"))
    assert made is not None
    x, y, w, h = made.true_box
    height, width = made.picture.shape[:2]
    assert x + w <= width
    assert y + h <= height
    assert min(w, h) >= crop_view.LEAST_SIDE
    assert max(width / w, height / h) < 1.5 * MARGIN
