"""The commands of videos as a user runs them: burned-in text is corrected, a lost file is found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Run


@pytest.fixture
def imported(workspace: Any, quick: Run, tmp_path: Path) -> Path:
    """A data folder with one video in which no text is."""
    data = tmp_path / "data"
    done = quick(data, "import", workspace.video, "--patient", "P-9", "--exam-date", "2024-05-06", "--json")
    assert done.code == 0, done.out + done.err
    return data


def test_burned_in_text_is_shown_corrected_and_given_back(imported: Path, quick: Run) -> None:
    def boxes(*argv: object) -> tuple[Any, str]:
        done = quick(imported, "video", *argv, "--json")
        assert done.code == 0, done.out + done.err
        return done.document["text_boxes"], done.document["text_from"]

    found, how = boxes("show", 1)
    assert how == "found"
    given = [[4, 4, 60, 12], [4, 100, 40, 14]]
    assert boxes("text", 1, "--box", "4,100,40,14", "--box", "4,4,60,12") == (given, "corrected")
    assert boxes("text", 1, "--clear") == ([], "corrected")
    assert quick(imported, "undo").code == 0
    assert boxes("show", 1) == (given, "corrected")
    assert boxes("text", 1, "--found") == (found, "found")
    said = quick(imported, "video", "show", 1).out
    assert "burned-in text, found" in said
    assert "160 × 120" in said


def test_a_correction_makes_the_embedding_new(workspace: Any, imported: Path, quick: Run) -> None:
    def run(*argv: object) -> dict[str, Any]:
        done = quick(imported, *argv, "--json")
        assert done.code == 0, done.out + done.err
        document: dict[str, Any] = done.document
        return document

    run("clip", "add", 1, "--video", 1, "--from", "0", "--to", "0.5")
    run("describe", 1, "--set", "segment=sigmoid")
    assert run("index", "--model", workspace.model)["embedded"] == 1
    assert run("index", "--model", workspace.model)["embedded"] == 0
    run("video", "text", 1, "--box", "40,40,60,20")
    assert run("index", "--model", workspace.model)["embedded"] == 1


@pytest.mark.parametrize("argv", [(), ("--clear", "--found"), ("--box", "1,2,3,4", "--clear")])
def test_one_answer_at_a_time(imported: Path, quick: Run, argv: tuple[str, ...]) -> None:
    assert quick(imported, "video", "text", 1, *argv).code == 2


@pytest.mark.parametrize("typed", ["1,2,3", "a,b,c,d", "0,0,5000,10", "0,0,0,10"])
def test_a_wrong_box_is_refused_in_words(imported: Path, quick: Run, typed: str) -> None:
    done = quick(imported, "video", "text", 1, "--box", typed, "--json")
    assert done.code == 1
    assert done.error["code"] == "text-box"


def test_a_lost_file_is_found_by_its_content(
    imported: Path, workspace: Any, quick: Run, tmp_path: Path
) -> None:
    moved, other = tmp_path / "moved.mp4", tmp_path / "other.mp4"
    moved.write_bytes(Path(workspace.video).read_bytes())
    other.write_bytes(moved.read_bytes() + b"more")
    wrong = quick(imported, "video", "locate", 1, other, "--json")
    assert (wrong.code, wrong.error["code"]) == (1, "video-other")
    for _ in range(2):  # again changes nothing
        done = quick(imported, "video", "locate", 1, moved, "--json")
        assert done.document["path"] == str(moved)
    assert quick(imported, "video", "locate", 7, moved, "--json").error["code"] == "video-unknown"
    assert (
        quick(imported, "video", "locate", 1, tmp_path / "no.mp4", "--json").error["code"] == "video-missing"
    )
