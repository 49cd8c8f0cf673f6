"""Tables of earlier reports through the real program: what is understood, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run

TABLE = """Patient,Exam date,Findings
P1,2019-04-03,"12 mm sessile polyp in distal sigmoid, cold snared and retrieved."
P1,2021-05-06,"Two polyps in ceacum and rectum. No other lesions."
P2,2020-01-02,No polyps seen.
P2,soon,Polyp.
P1,2019-04-03,"12 mm sessile polyp in distal sigmoid, cold snared and retrieved."
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "reports.csv"
    file.write_text(TABLE, "utf-8")
    return file


def test_a_table_is_read_and_nothing_kept(quick: Run, table: Path, tmp_path: Path) -> None:
    done = quick(tmp_path / "d", "legacy", "preview", table, "--json")
    assert done.code == 0, done.err
    said = done.document
    assert said["columns"] == {"patient": "Patient", "date": "Exam date", "text": "Findings"}
    assert [(entry["row"], len(entry["findings"])) for entry in said["entries"]] == [(2, 1), (3, 2), (4, 0)]
    first = said["entries"][0]["findings"][0]["fields"]
    assert first["size_mm"] == {"value": 12, "sure": 0.95, "words": "12 mm"}
    assert said["problems"] == [{"row": 5, "words": "its date can't be read"}]
    assert said["duplicates"] == [6]
    assert "notice" in said
    assert not (tmp_path / "d").exists()
    shown = quick(tmp_path / "d", "legacy", "preview", table)
    assert "3 reports of 2 patients, 3 findings read" in shown.out
    assert "row 5: its date can't be read" in shown.err
    assert "Research use only" in shown.out


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--text-column", "x"], "column-unknown", "Exam date"),
        (["--patient-column", "Findings"], "column-missing", "Name it"),
        (["--exam-date", "soon"], 2, "2019-04-30"),
    ],
)
def test_wrong_options_are_told(
    quick: Run, table: Path, tmp_path: Path, options: list[str], code: str | int, words: str
) -> None:
    done = quick(tmp_path / "d", "legacy", "preview", table, *options, "--json")
    if code == 2:
        assert done.code == 2
        assert words in " ".join(done.err.split())
    else:
        assert done.code == 1
        assert done.document["error"]["code"] == code
        assert words in done.document["error"]["hint"]
