"""Manifests: round trip, and every bad row named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.crops import lesion_crop
from core.data.manifest import NARROW_BAND, WHITE, Row, load_crop, read_manifest, write_manifest
from core.domain import Box
from core.errors import PolypTraceError

HEADER = "clip_id,path,frame,patient_id,polyp_id,exam,split,text"
GOOD = "c1,a.png,,p1,l1,1,train,A polyp."


def manifest(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "manifest.csv"
    file.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return file


def row(folder: Path, **changes: object) -> Row:
    values: dict[str, object] = {
        "clip_id": "c1",
        "path": folder / "pictures" / "ä b.png",
        "frame": None,
        "patient_id": "p1",
        "polyp_id": "l1",
        "exam": 1,
        "split": "train",
        "text": 'Red, "sessile",\n6 to 9 mm.',
        "box": Box(1, 2.5, 30, 40),
    }
    return Row(**{**values, **changes})  # type: ignore[arg-type]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rows = [
        row(tmp_path),
        row(tmp_path, clip_id="c2", frame=1203, polyp_id=None, box=None, exam=2, split="query"),
    ]
    file = write_manifest(tmp_path / "sub" / "manifest.csv", rows)
    assert read_manifest(file).rows == rows
    assert "../pictures" in file.read_text("utf-8")


def test_date_and_light_of_an_exam_are_read_back(tmp_path: Path) -> None:
    rows = [
        row(tmp_path, box=None, date=dt.date(2019, 4, 30), light=NARROW_BAND),
        row(tmp_path, box=None, clip_id="c2", exam=2, light=WHITE),
    ]
    file = write_manifest(tmp_path / "manifest.csv", rows)
    assert read_manifest(file).rows == rows
    assert file.read_text("utf-8").startswith(f"{HEADER},date,light\n")


def test_an_odd_date_and_two_lights_in_one_clip_are_named(tmp_path: Path) -> None:
    header = f"{HEADER},date,light"
    with pytest.raises(PolypTraceError, match=r"Row 2 of manifest\.csv: date is .30/04/2019"):
        read_manifest(manifest(tmp_path, f"{GOOD},30/04/2019,white", header=header))
    with pytest.raises(PolypTraceError, match=r"Row 3 of manifest\.csv: clip c1 has another light"):
        read_manifest(manifest(tmp_path, f"{GOOD},,white", f"{GOOD},,narrow-band", header=header))


def test_rows_of_one_clip_stay_together_in_order(tmp_path: Path) -> None:
    file = manifest(tmp_path, GOOD, GOOD.replace("c1", "c0"), GOOD.replace("a.png", "b.png"))
    clips = read_manifest(file).clips()
    assert list(clips) == ["c1", "c0"]
    assert [r.path.name for r in clips["c1"]] == ["a.png", "b.png"]


def test_extra_columns_and_a_byte_order_mark_are_tolerated(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_bytes(b"\xef\xbb\xbf" + f"{HEADER},note\n{GOOD},seen\n".encode())
    assert read_manifest(file).rows[0].clip_id == "c1"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("c1,a.png,,p1,l1,first,train,", "exam"),
        ("c1,a.png,1.5,p1,l1,1,train,", "frame"),
        (",a.png,,p1,l1,1,train,", "clip_id is empty"),
        ("c1,,,p1,l1,1,train,", "path is empty"),
        ("c1,a.png,,,l1,1,train,", "patient_id is empty"),
        ("c1,a.png,,p1,l1,1,test,", "split"),
        ("c1,a.png,,p1,l1", "fewer cells"),
        (GOOD.replace("l1", "l2"), "another polyp_id"),
        (GOOD.replace("p1", "p2"), "another patient_id"),
        (GOOD.replace("A polyp", "A scar"), "another text"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        read_manifest(manifest(tmp_path, GOOD, line))
    assert caught.value.code == "manifest-invalid"
    assert "Row 3" in caught.value.message
    assert says in caught.value.message


@pytest.mark.parametrize("box", ["1,2,3", "1,2,x,4", "1,2,0,4", "1,2,3,-4", "1,2,inf,4", "nan,2,3,4"])
def test_a_bad_box_is_named(tmp_path: Path, box: str) -> None:
    with pytest.raises(PolypTraceError, match=r"Row 2 of manifest\.csv: the box"):
        read_manifest(manifest(tmp_path, f"{GOOD},{box}", header=HEADER + ",x,y,w,h"))


def test_missing_columns_files_and_rows_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(PolypTraceError, match="column exam is missing"):
        read_manifest(manifest(tmp_path, GOOD, header=HEADER.replace("exam", "visit")))
    with pytest.raises(PolypTraceError, match="has no rows"):
        read_manifest(manifest(tmp_path))
    with pytest.raises(PolypTraceError, match=r"no manifest gone\.csv"):
        read_manifest(tmp_path / "gone.csv")
    (tmp_path / "latin.csv").write_bytes(f"{HEADER}\nc1,\xe4.png,,p1,l1,1,train,".encode("latin-1"))
    with pytest.raises(PolypTraceError, match="UTF-8"):
        read_manifest(tmp_path / "latin.csv")


def picture(folder: Path, name: str = "ä b.png") -> np.ndarray:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    (folder / "pictures").mkdir(exist_ok=True)
    cv2.imencode(".png", image[..., ::-1])[1].tofile(folder / "pictures" / name)
    return image


def test_the_crop_is_the_widened_box_in_rgb(tmp_path: Path) -> None:
    image = picture(tmp_path)
    crop = load_crop(row(tmp_path, box=Box(20, 20, 20, 10)))
    np.testing.assert_array_equal(crop, image[18:32, 17:43])
    np.testing.assert_array_equal(load_crop(row(tmp_path), full_frame=True), image)
    np.testing.assert_array_equal(load_crop(row(tmp_path, box=None)), image)


def test_a_picture_that_is_not_there_or_none_is_refused_on_access(tmp_path: Path) -> None:
    with pytest.raises(PolypTraceError) as caught:
        load_crop(row(tmp_path))
    assert caught.value.code == "picture-missing"
    (tmp_path / "pictures").mkdir()
    for content in (b"", b"no picture"):
        (tmp_path / "pictures" / "ä b.png").write_bytes(content)
        with pytest.raises(PolypTraceError) as caught:
            load_crop(row(tmp_path))
        assert caught.value.code == "picture-unreadable"


@pytest.mark.parametrize("box", [Box(80, 0, 5, 5), Box(-9, 0, 9, 5), Box(0, 60, 5, 5), Box(0, -5, 5, 5)])
def test_a_box_outside_the_picture_is_refused(tmp_path: Path, box: Box) -> None:
    picture(tmp_path)
    with pytest.raises(PolypTraceError) as caught:
        load_crop(row(tmp_path, box=box))
    assert caught.value.code == "box-outside-picture"


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(-20, 75), y=st.floats(-20, 55), w=st.floats(1, 90), h=st.floats(1, 90), factor=st.floats(1, 2)
)
def test_a_crop_holds_the_visible_part_of_its_box(
    x: float, y: float, w: float, h: float, factor: float
) -> None:
    coordinates = np.zeros((60, 80, 3), np.uint8)
    coordinates[..., 0], coordinates[..., 1] = np.arange(80)[None, :], np.arange(60)[:, None]
    box = Box(x, y, w, h)
    if x + w <= 0 or y + h <= 0:
        with pytest.raises(PolypTraceError):
            lesion_crop(coordinates, box, factor)
        return
    crop = lesion_crop(coordinates, box, factor)
    left, right = int(crop[0, 0, 0]), int(crop[0, -1, 0]) + 1
    top, bottom = int(crop[0, 0, 1]), int(crop[-1, 0, 1]) + 1
    assert left <= max(x, 0) + 1e-3
    assert right >= min(x + w, 80) - 1e-3
    assert top <= max(y, 0) + 1e-3
    assert bottom >= min(y + h, 60) - 1e-3
    assert right - left <= w * factor + 2
    assert bottom - top <= h * factor + 2


def test_camera_and_junk_travel_with_the_manifest(tmp_path: Path) -> None:
    rows = [row(tmp_path, camera="3"), row(tmp_path, clip_id="c2", junk=True)]
    file = write_manifest(tmp_path / "manifest.csv", rows)
    assert read_manifest(file).rows == rows
    bad = manifest(tmp_path, GOOD + ",,maybe", header=HEADER + ",camera,junk")
    with pytest.raises(PolypTraceError, match='junk is "maybe"'):
        read_manifest(bad)


@pytest.mark.parametrize(
    ("header", "line", "hint"),
    [
        ("clip_id,path", GOOD, "has the columns"),
        (HEADER.replace(",", ";"), GOOD.replace(",", ";"), "with commas"),
        (HEADER, "c1,a.png,,p1,l1,1,train", "quotation marks"),
        (HEADER, "c1,a.png,,,l1,1,train,A polyp.", "may be empty"),
        (HEADER, "c1,a.png,,p1,l1,first,train,A polyp.", "whole number"),
        (HEADER, "c1,a.png,,p1,l1,1,training,A polyp.", "one of these"),
        (f"{HEADER},x,y,w,h", f"{GOOD},1,2,0,4", "in pixels"),
        (f"{HEADER},date", f"{GOOD},soon", "2019-04-30"),
        (f"{HEADER},junk", f"{GOOD},yes", "Write 1"),
        (HEADER, f"{GOOD}\nc1,b.png,,p2,l1,1,train,A polyp.", "another clip_id"),
    ],
)
def test_hints_fit_the_fault(tmp_path: Path, header: str, line: str, hint: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        read_manifest(manifest(tmp_path, line, header=header))
    assert hint in caught.value.hint
    assert ("has the columns" in caught.value.hint) == (hint == "has the columns")
