"""Which files of a folder are videos, and what a file is by its first bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import PolypTraceError
from core.video.sniff import find_videos, looks_like_text, looks_like_video, still_picture


def test_a_folder_gives_its_videos_by_ending_or_content(films: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "exam 2").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "folder.mp4").mkdir()
    source = films("mpeg4-avi")
    for name in ("b.AVI", "exam 2/ä 大.avi", "without-ending", ".hidden/c.avi", ".d.avi"):
        shutil.copy(source, tmp_path / name)
    (tmp_path / "report.txt").write_text("polyp")
    (tmp_path / "plain").write_text("polyp")
    found = [path.relative_to(tmp_path).as_posix() for path in find_videos(tmp_path)]
    assert found == ["b.AVI", "exam 2/ä 大.avi", "without-ending"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolypTraceError) as caught:
        find_videos(tmp_path / "gone")
    assert caught.value.code == "folder-missing"


@pytest.mark.parametrize(
    "name", ["h264-cfr-mp4", "h264-cfr-mkv", "mpeg4-avi", "h264-ts", "h264-flv", "mpeg2-interlaced-ps"]
)
def test_containers_are_known_by_their_first_bytes(films: Callable[[str], Path], name: str) -> None:
    start = films(name).read_bytes()[:1024]
    assert looks_like_video(start)
    assert not looks_like_text(start)
    assert still_picture(start) is None
