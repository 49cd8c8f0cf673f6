"""Following a place, choosing windows of a real (rendered) video, cutting them, stills and manifest rows."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from core.data.manifest import Row
from core.data.tracklets.cutting import cut_mark, cut_window
from core.data.tracklets.film import Film, FilmSettings, Mark, windows
from core.data.tracklets.follow import follow, overlap, share_inside
from core.data.tracklets.sources import find_stills, row_pieces, still_pieces, without_border
from core.domain import Box
from core.errors import PolypTraceError
from core.paths import resource
from core.video.importing import read_video
from core.video.reader import VideoReader

EVERYWHERE = np.ones((120, 160), dtype=bool)


def texture(seed: int, height: int = 300, width: int = 400) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 255, (height, width)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(rough, (0, 0), 2.0), None, 0, 255, cv2.NORM_MINMAX)


def view(picture: np.ndarray, x: int, y: int) -> np.ndarray:
    return np.ascontiguousarray(picture[y : y + 120, x : x + 160])


def test_a_place_is_followed_in_both_directions() -> None:
    wide = texture(1)
    frames = [view(wide, 60 + 3 * k, 60 + 2 * k) for k in range(9)]
    track = follow(frames, 4, Box(50, 40, 40, 40), EVERYWHERE)
    assert list(track) == list(range(9))
    for k, box in track.items():
        assert box.x == pytest.approx(50 - 3 * (k - 4), abs=1.0)
        assert box.y == pytest.approx(40 - 2 * (k - 4), abs=1.0)
        assert box.w == pytest.approx(40, rel=0.05)


def test_growth_is_followed() -> None:
    wide = texture(2)
    frames = []
    for k in range(5):
        side = 1 - 0.05 * k
        part = wide[int(150 - 60 * side) : int(150 + 60 * side), int(200 - 80 * side) : int(200 + 80 * side)]
        frames.append(cv2.resize(part, (160, 120)))
    track = follow(frames, 0, Box(60, 40, 40, 40), EVERYWHERE)
    assert track[4].w == pytest.approx(40 / 0.8, rel=0.08)


def test_it_stops_at_a_cut_at_the_edge_and_on_smooth_walls() -> None:
    wide, other = texture(3), texture(4)
    frames = [view(wide, 60 + 2 * k, 60) for k in range(4)] + [view(other, 60, 60)] * 3
    assert list(follow(frames, 1, Box(50, 40, 40, 40), EVERYWHERE)) == [0, 1, 2, 3]
    frames = [view(wide, 20 + 8 * k, 60) for k in range(9)]
    track = follow(frames, 0, Box(40, 40, 40, 40), EVERYWHERE)
    assert 0 < max(track) < 8
    assert all(share_inside(box, EVERYWHERE) >= 0.9 for box in track.values())
    smooth = [np.full((120, 160), 90, np.uint8)] * 3
    assert list(follow(smooth, 1, Box(50, 40, 40, 40), EVERYWHERE)) == [1]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    path = resource("demo", "videos", "PH4-002-E2.mp4")
    index = read_video(path, tmp_path_factory.mktemp("scan")).index
    return Film("demo", path, index, index.facts.region, index.facts.text_boxes)


def test_windows_hold_good_new_frames_alone(film: Film) -> None:
    settings = FilmSettings(every_s=1.0, seconds=1.0)
    found = windows(film, settings)
    assert len(found) >= 4
    prints = film.index.fingerprints
    for window in found:
        times = [film.index.seconds(number) for number in window.numbers]
        assert max(times) - min(times) < 1.0
        assert all(prints[number] != prints[number - 1] for number in window.numbers if number)
        assert window.good <= set(window.numbers)
    bad = film.index.quality.copy()
    half = film.index.sampled < len(film.index) // 2
    bad[half, 4] = 0.0
    worse = msgspec.structs.replace(film, index=_with_quality(film, bad))
    assert min(n for w in windows(worse, settings) for n in w.good) >= len(film.index) // 2 - 3
    bad[:, 3] = 0.0  # out of body
    assert windows(msgspec.structs.replace(film, index=_with_quality(film, bad)), settings) == []
    assert windows(film, FilmSettings(quality=1.01)) == []


def _with_quality(film: Film, quality: np.ndarray) -> object:
    from dataclasses import replace

    return replace(film.index, quality=quality)


def test_what_somebody_marked_is_not_followed_under_another_name(film: Film) -> None:
    pts = film.index.pts
    mark = Mark(int(pts[0]), int(pts[120]), (Box(100, 100, 80, 80, int(pts[60])),), "lesion 1")
    marked = msgspec.structs.replace(film, marks=(mark,))
    assert min(n for w in windows(marked, FilmSettings(every_s=1.0, seconds=1.0)) for n in w.numbers) > 120


def test_places_of_a_window_are_apart_and_their_crops_alike(film: Film) -> None:
    settings = FilmSettings(every_s=1.0, seconds=1.5, pictures=4)
    with VideoReader.open(film.path, film.index) as reader:
        cuts = [cut_window(film, window, reader, settings, 0) for window in windows(film, settings)]
    assert any(len(own) == 2 for own in cuts)
    for cut in (one for own in cuts for one in own):
        assert 2 <= len(cut.crops) <= settings.pictures
        assert cut.start is not None and cut.end is not None and 0 < cut.end - cut.start <= 1.5  # noqa: PT018
        assert cut.identity is None
    both = next(own for own in cuts if len(own) == 2)
    assert likeness(both[0].crops[0], both[0].crops[1]) > likeness(both[0].crops[0], both[1].crops[0])


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    grey = [cv2.resize(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), (24, 24)) for p in (one, other)]
    return float(np.corrcoef(grey[0].ravel(), grey[1].ravel())[0, 1])


def test_a_marked_clip_is_one_tracklet_with_its_lesion(film: Film) -> None:
    pts = film.index.pts
    boxes = (Box(200, 150, 90, 90, int(pts[40])), Box(180, 150, 90, 90, int(pts[90])))
    with VideoReader.open(film.path, film.index) as reader:
        (cut,) = cut_mark(film, Mark(int(pts[20]), int(pts[120]), boxes, "lesion 7"), reader, FilmSettings())
        assert (cut.identity, cut.marked) == ("lesion 7", True)
        assert (cut.start, cut.end) == (film.index.seconds(20), film.index.seconds(120))
        assert len(cut.crops) >= 2
        lost = Mark(int(pts[40]), int(pts[90]), tuple(Box(b.x, b.y, 9, 9, b.pts) for b in boxes), None)
        (cut,) = cut_mark(film, lost, reader, FilmSettings())  # too small to be followed: as marked, then
        assert len(cut.crops) >= 2
        lasting = Mark(int(pts[20]), int(pts[120]), (Box(200, 150, 90, 90),), None)
        (cut,) = cut_mark(film, lasting, reader, FilmSettings())
        assert {crop.shape for crop in cut.crops} == {(118, 118, 3)}  # the box × 1.3, where it was drawn


def test_stills_are_found_once_and_without_their_border(tmp_path: Path) -> None:
    picture = np.full((60, 90, 3), 2, np.uint8)
    picture[10:50, 20:80] = 150
    for name in ("a.png", "deep/b.PNG", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imencode(".png", picture)[1].tofile(tmp_path / name)
    cv2.imencode(".jpg", picture)[1].tofile(tmp_path / "c.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    found = find_stills(tmp_path)
    assert [path.name for path in found] == ["a.png", "c.jpg"]
    assert without_border(picture).shape == (40, 60, 3)
    cuts = [cut for piece in still_pieces(found) for cut in piece.cut()]
    assert [len(cut.crops) for cut in cuts] == [1, 1]
    assert cuts[0].film != cuts[1].film
    (tmp_path / "empty").mkdir()
    for folder, code in ((tmp_path / "empty", "no-stills"), (tmp_path / "none", "folder-missing")):
        with pytest.raises(PolypTraceError) as caught:
            find_stills(folder)
        assert caught.value.code == code


def test_rows_of_a_clip_are_one_tracklet(film: Film, tmp_path: Path) -> None:
    pts = [int(film.index.pts[n]) for n in (10, 30, 50)]
    rows = [
        Row("c1", film.path, at, "p", "l1", 1, "train", "", Box(100, 100, 60, 60)) for at in (pts[0], pts[2])
    ]
    rows.append(Row("c2", film.path, pts[1], "p", None, 1, "train", "", Box(50, 50, 60, 60)))
    one, other = (piece.cut()[0] for piece in row_pieces(rows, False, 12))
    assert one.film == other.film
    assert (one.start, one.end) == (film.index.seconds(10), film.index.seconds(50))
    assert (one.identity, other.identity) == ("p/l1", None)
    assert (len(one.crops), len(other.crops)) == (2, 1)
    assert len(row_pieces(rows, False, 1)[0].cut()[0].crops) == 1


def test_overlap_is_of_the_smaller_one() -> None:
    assert overlap(Box(0, 0, 10, 10), Box(5, 5, 5, 5)) == pytest.approx(1.0)
    assert overlap(Box(0, 0, 10, 10), Box(10, 0, 5, 5)) == 0
