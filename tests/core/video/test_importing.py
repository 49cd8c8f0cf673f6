"""The import pass as a whole: what it keeps, that it comes whole or not at all, and what it refuses."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from core.errors import Cancelled, PolypTraceError
from core.paths import DataDir
from core.progress import CancelToken, Progress
from core.video import importing, sniff
from core.video.decoding import Decoder
from core.video.importing import load_known, read_video
from core.video.queue import read_videos
from core.video.reader import VideoReader, read_frame_at
from core.video.thumbnails import thumbnail_path

Films = Callable[[str], Path]
Maker = Callable[..., Path]


def refused(path: Path, data_dir: Path) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as caught:
        read_video(path, data_dir)
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith((".", "?"))
    assert not any(data_dir.rglob("*.npz"))
    return caught.value


def test_import_notes_what_the_file_is(films: Films, tmp_path: Path) -> None:
    path = films("h264-cfr-mp4")
    scan = read_video(path, tmp_path)
    facts = scan.facts
    assert scan.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.frames, facts.fps, facts.duration_s) == (120, 25.0, 4.8)
    assert facts.constant_rate
    assert facts.has_audio
    assert not facts.interlaced
    assert (facts.width, facts.height, facts.codec) == (176, 120, "h264")
    assert not scan.known
    assert scan.video(7).frames == 120


def test_irregular_times_interlacing_and_rotation_are_noted(films: Films, tmp_path: Path) -> None:
    irregular = read_video(films("h264-vfr-mp4"), tmp_path).facts
    assert not irregular.constant_rate
    interlaced = read_video(films("h264-interlaced-ts"), tmp_path)
    assert interlaced.facts.interlaced
    assert any("interlaced" in warning for warning in interlaced.warnings)
    turned = read_video(films("h264-rotated-mp4"), tmp_path).facts
    assert (turned.width, turned.height) == (120, 176)
    assert turned.rotation == 90


def test_thumbnails_lie_beside_the_index_and_show_their_frames(films: Films, tmp_path: Path) -> None:
    path = films("h264-cfr-mp4")
    scan = read_video(path, tmp_path)
    assert 16 <= len(scan.facts.thumbnails) <= 32
    with VideoReader.open(path, scan.index) as reader:
        for number in scan.facts.thumbnails[::7]:
            file = thumbnail_path(DataDir(tmp_path).thumbnails, scan.sha256, number)
            stored = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB).astype(float)
            assert np.abs(stored - reader.frame_at(number)).mean() < 6.0


def test_second_import_is_known_whatever_the_name_and_decodes_nothing(
    films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_video(films("h264-cfr-mp4"), tmp_path)
    copy = Path(shutil.copy(films("h264-cfr-mp4"), tmp_path / "Прямая кишка 大腸 é.mp4"))
    monkeypatch.setattr(importing, "scan", None)
    again = read_video(copy, tmp_path)
    assert again.known
    assert again.facts == first.facts
    assert np.array_equal(again.index.fingerprints, first.index.fingerprints)
    known = load_known(first.sha256, tmp_path)
    assert known is not None
    assert known.facts == first.facts


def test_lost_thumbnails_and_a_damaged_index_are_made_again(films: Films, tmp_path: Path) -> None:
    scan = read_video(films("mpeg4-avi"), tmp_path)
    folders = DataDir(tmp_path)
    shutil.rmtree(folders.thumbnails / scan.sha256)
    assert not read_video(films("mpeg4-avi"), tmp_path).known
    stored = folders.frame_indexes / f"{scan.sha256}.npz"
    stored.write_bytes(stored.read_bytes()[:200])
    assert not read_video(films("mpeg4-avi"), tmp_path).known
    assert read_video(films("mpeg4-avi"), tmp_path).known


@pytest.mark.parametrize("moment", [0, 3])
def test_cancel_leaves_nothing_behind(films: Films, tmp_path: Path, moment: int) -> None:
    cancel, steps = CancelToken(), []

    def watch(step: Progress) -> None:
        steps.append(step)
        if step.stage == "reading frames" and step.done >= moment * 16:
            cancel.cancel()

    with pytest.raises(Cancelled):
        read_video(films("h264-cfr-mp4"), tmp_path, watch, cancel)
    assert steps[-1].done < 120
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_progress_counts_up_to_the_number_of_frames(films: Films, tmp_path: Path) -> None:
    steps: list[Progress] = []
    read_video(films("h264-cfr-mp4"), tmp_path, steps.append)
    done = [step.done for step in steps if step.stage == "reading frames"]
    assert done == sorted(done)
    assert len(done) > 5
    assert steps[-1] == Progress("reading frames", 120, 120)


def test_a_failed_save_leaves_no_index(films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importing, "save_index", full)
    assert refused(films("mpeg4-avi"), tmp_path).code == "data-folder-unwritable"


def test_the_queue_goes_on_after_a_refusal(films: Films, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    paths = [films("mpeg4-avi"), text, tmp_path / "gone.mp4", films("h264-ts")]
    notes: set[str] = set()
    results = list(read_videos(paths, tmp_path / "data", lambda step: notes.add(step.note)))
    assert [result.path for result in results] == paths
    assert [result.error.code if result.error else None for result in results] == [
        None,
        "video-is-text",
        "video-missing",
        None,
    ]
    assert [result.scan is not None for result in results] == [True, False, False, True]
    assert notes == {"video 1 of 4", "video 4 of 4"}


def test_a_cancelled_queue_keeps_what_was_done(films: Films, tmp_path: Path) -> None:
    cancel, done = CancelToken(), []
    queue = read_videos([films("mpeg4-avi"), films("h264-ts")], tmp_path, cancel=cancel)
    done.append(next(queue))
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(queue)
    assert done[0].scan is not None
    assert load_known(done[0].scan.sha256, tmp_path) is not None
    assert len(list(tmp_path.rglob("*.npz"))) == 1


def test_missing_folder_empty_and_text_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert refused(tmp_path / "gone.mp4", data).code == "video-missing"
    (tmp_path / "folder.mp4").mkdir()
    assert refused(tmp_path / "folder.mp4", data).code == "video-is-folder"
    (tmp_path / "empty.mp4").touch()
    assert refused(tmp_path / "empty.mp4", data).code == "video-empty"
    (tmp_path / "text.mp4").write_text("Dies ist kein Video – ganz sicher.\n")
    assert refused(tmp_path / "text.mp4", data).code == "video-is-text"
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(1).bytes(5000))
    assert refused(tmp_path / "noise.mp4", data).code == "video-not-video"
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:10,\nother.ts\n")
    assert refused(tmp_path / "playlist.mp4", data).code == "video-is-text"


def test_a_still_and_sound_alone_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((40, 40, 3), np.uint8))
    still = (tmp_path / "still.png").rename(tmp_path / "still.mp4")
    assert refused(still, tmp_path / "data").code == "video-is-still"
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as out:
        stream = out.add_stream("aac", rate=16000)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        tone.sample_rate = 16000
        out.mux([*stream.encode(tone), *stream.encode()])
    assert refused(sound, tmp_path / "data").code == "video-only-sound"


def test_a_video_without_a_single_frame_is_refused(films: Films, make_film: Maker, tmp_path: Path) -> None:
    empty = tmp_path / "none.mp4"
    with av.open(str(empty), "w", options={"movflags": "empty_moov"}) as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        out.start_encoding()
    assert refused(empty, tmp_path / "data").code == "video-no-frames"
    # The table of contents is there and says 120 frames, their content isn't.
    data = make_film(tmp_path / "fast.mp4", container_options={"movflags": "faststart"}).read_bytes()
    bare = tmp_path / "bare.mp4"
    bare.write_bytes(data[: data.index(b"mdat") + 4])
    assert refused(bare, tmp_path / "data").code in {"video-no-frames", "video-undecodable"}


def test_truncated_files_give_what_is_left_or_say_why_not(
    films: Films, make_film: Maker, tmp_path: Path
) -> None:
    plain = films("h264-cfr-mp4").read_bytes()
    (tmp_path / "tail.mp4").write_bytes(plain[: len(plain) // 2])
    assert refused(tmp_path / "tail.mp4", tmp_path / "data").code == "video-cut-off"
    fast = make_film(tmp_path / "fast.mp4", container_options={"movflags": "faststart"}).read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(fast[: len(fast) * 2 // 3])
    scan = read_video(half, tmp_path / "data")
    assert 20 < scan.facts.frames < 120
    assert any("incomplete" in warning for warning in scan.warnings)
    with VideoReader.open(half, scan.index) as reader:
        assert reader.frame_at(scan.facts.frames // 2).shape == (120, 176, 3)
    stream = films("h264-ts").read_bytes()
    (tmp_path / "half.ts").write_bytes(stream[: len(stream) // 2 + 77])
    assert 20 < read_video(tmp_path / "half.ts", tmp_path / "data").facts.frames < 120


def test_an_unreadable_file_is_refused(films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copy(films("mpeg4-avi"), tmp_path))
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        path.chmod(0)
    else:  # nothing is forbidden to the superuser

        def forbidden(_: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(sniff, "head", forbidden)
    assert refused(path, tmp_path / "data").code == "video-unreadable"


def test_a_file_that_grows_while_it_is_read_is_refused(films: Films, tmp_path: Path) -> None:
    path = Path(shutil.copy(films("h264-ts"), tmp_path))

    def append(step: Progress) -> None:
        if step.stage == "reading frames" and step.done == 16:
            with path.open("ab") as file:
                file.write(b"\x47" * 188)

    with pytest.raises(PolypTraceError) as caught:
        read_video(path, tmp_path / "data", append)
    assert caught.value.code == "video-changing"
    assert not (tmp_path / "data").exists()


def test_another_file_in_the_place_of_the_indexed_one_is_refused(
    films: Films, make_film: Maker, tmp_path: Path
) -> None:
    path = tmp_path / "exam.avi"
    shutil.copy(films("mpeg4-avi"), path)
    index = read_video(path, tmp_path / "data").index
    shutil.copy(films("mpeg4-avi-no-b"), path)
    with pytest.raises(PolypTraceError) as caught:
        VideoReader.open(path, index)
    assert caught.value.code == "video-changed"
    other = make_film(tmp_path / "other.avi", codec="mpeg4", gop=15, bframes=2, first=900).read_bytes()
    size = index.facts.size_bytes
    path.write_bytes(other[:size].ljust(size, b"\0"))
    with VideoReader.open(path, index) as reader:
        for number in (0, 50, 119):
            with pytest.raises(PolypTraceError) as caught:
                reader.frame_at(number)
            assert caught.value.code == "video-changed"


def test_a_frame_that_does_not_exist_is_refused(films: Films, tmp_path: Path) -> None:
    path = films("h264-cfr-mp4")
    index = read_video(path, tmp_path).index
    with VideoReader.open(path, index) as reader:
        for number in (-1, 120):
            with pytest.raises(PolypTraceError, match="numbered 0 to 119"):
                reader.frame_at(number)
        with pytest.raises(PolypTraceError) as caught:
            reader.frame(int(index.pts[5]) + 1)
        assert caught.value.code == "frame-no-such-pts"
        assert np.array_equal(reader.frame(int(index.pts[5])), reader.frame_at(5))


def test_one_frame_of_a_video_that_was_not_imported(
    films: Films, counter: Callable[[np.ndarray], int | None]
) -> None:
    path = films("h264-vfr-mkv")
    with av.open(str(path)) as container:
        times = [frame.pts for frame in container.decode(video=0)]
    for number in (7, 3, 111):
        assert counter(read_frame_at(path, times[number])) == number


def test_stepping_back_within_the_cache_decodes_nothing(
    films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films("h264-cfr-mp4")
    with VideoReader.open(path, read_video(path, tmp_path).index) as reader:
        reader.frame_at(60)
        assert all(reader.cached(number) for number in range(48, 61))
        monkeypatch.setattr(Decoder, "_decode", None)
        assert reader.frame_at(59).shape == (120, 176, 3)
        assert not reader.cached(20)


def test_a_given_frame_is_the_callers_own(films: Films, tmp_path: Path) -> None:
    path = films("damaged-ts")
    with VideoReader.open(path, read_video(path, tmp_path).index) as reader:
        for number in (80, 79, 5):
            first = reader.frame_at(number)
            kept = first.copy()
            first[:] = 0
            assert np.array_equal(reader.frame_at(number), kept)


def test_sound_that_starts_late_does_not_stop_the_import(
    films: Films, make_film: Maker, counter: Callable[[np.ndarray], int | None], tmp_path: Path
) -> None:
    """The second half announces a stream that the file didn't have when it was opened."""
    second = make_film(tmp_path / "second.ts", format="mpegts", audio=True, first=500)
    path = tmp_path / "both.ts"
    path.write_bytes(films("h264-ts").read_bytes() + second.read_bytes())
    scan = read_video(path, tmp_path / "data")
    assert scan.facts.frames >= 238
    with VideoReader.open(path, scan.index) as reader:
        assert counter(reader.frame_at(scan.facts.frames - 3)) == 617
        assert counter(reader.frame_at(50)) == 50


@pytest.mark.parametrize("name", ["h264-cfr-mp4", "h264-ts", "mpeg4-avi", "h264-cfr-mkv", "gif", "h264-flv"])
def test_damage_anywhere_is_read_or_refused_in_words(films: Films, tmp_path: Path, name: str) -> None:
    whole, rng = films(name).read_bytes(), random.Random(name)
    outcomes = []
    for attempt in range(8):
        data = bytearray(whole)
        span = min(len(data), 1500) if attempt % 2 else len(data)
        for _ in range(rng.choice([1, 10, 60])):
            data[rng.randrange(span)] = rng.randrange(256)
        path = tmp_path / f"{attempt}{films(name).suffix}"
        path.write_bytes(data if attempt < 6 else data[: rng.randrange(1, len(data))])
        outcomes += list(read_videos([path], tmp_path / "data"))
    assert len(outcomes) == 8
    for outcome in outcomes:
        assert (outcome.scan is None) != (outcome.error is None)
