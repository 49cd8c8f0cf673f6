"""Tables of earlier reports through the real program: what is understood, and what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    assert said["problems"] == [{"row": 5, "words": "its date can't be read", "where": "row 5"}]
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


def test_reports_are_kept_accepted_compared_and_linked(
    quick: Run, demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    data, _ = demo
    code = quick(data, "patient", "list", "--json").document["patients"][0]["code"]
    shown = quick(data, "patient", "show", code, "--json").document
    clip = shown["exams"][0]["clips"][0]
    described = quick(data, "describe", str(clip["clip"]), "--json").document["values"]
    file = tmp_path / "reports.csv"
    said = f"A {described['size_mm']} mm polyp in the {described['segment']}."
    file.write_text(
        f"patient,date,report\n{code},2015-01-02,{said} 30 mm polyp in the anal canal.\n", "utf-8"
    )
    kept = quick(data, "legacy", "import", file, "--json").document
    assert (len(kept["reports"]), kept["known"]) == (1, 0)
    assert quick(data, "legacy", "import", file, "--json").document["known"] == 1
    listed = quick(data, "legacy", "list", "--json").document["reports"]
    own = [one["id"] for one in listed[0]["findings"]]
    assert [one["state"] for one in listed[0]["findings"]] == ["proposed", "proposed"]
    fits = quick(data, "legacy", "reports", str(clip["clip"]), "--json").document["fits"]
    assert (fits[0]["legacy"], fits[0]["same_patient"]) == (own[0], True)
    assert "segment" in fits[0]["agree"]
    back = quick(data, "legacy", "clips", str(own[0]), "--json").document["fits"]
    assert all(one["same_patient"] for one in back[: len(shown["exams"])])
    refused = quick(
        data, "link", str(clip["clip"]), "--verdict", "same", "--with-report", str(own[0]), "--json"
    )
    assert (refused.code, refused.error["code"]) == (1, "report-not-accepted")
    done = quick(data, "legacy", "accept", str(own[0]), "--set", "size_mm=7", "--json").document
    values = quick(data, "describe", "--finding", str(done["findings"][0]), "--json").document["values"]
    assert (values["size_mm"], values["segment"]) == (7, described["segment"])
    linked = quick(
        data, "link", str(clip["clip"]), "--verdict", "same", "--with-report", str(own[0]), "--json"
    )
    assert set(linked.document["findings"]) >= {done["findings"][0], clip["finding"]}
    lesion = linked.document["lesion"]
    shown_now = quick(data, "patient", "show", code).out
    assert f"finding {done['findings'][0]}  lesion {lesion}  reported without video" in shown_now
    listed_now = " ".join(quick(data, "legacy", "list").out.split())
    assert "7 mm" in listed_now
    assert "least sure" in listed_now
    assert quick(data, "legacy", "dismiss", str(own[1]), "--json").document["changed"]
    for _ in range(4):  # dismissing, link, accepting, import
        assert quick(data, "undo", "--json").code == 0
    assert quick(data, "legacy", "list", "--json").document["reports"] == []
    for wrong in (("legacy", "accept", "999"), ("legacy", "clips", "999"), ("legacy", "add", "999")):
        assert quick(data, *wrong, "--json").error["hint"]


def test_a_report_of_the_clips_own_exam_is_accepted_as_the_clips_finding(
    quick: Run, demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    data, _ = demo
    code = quick(data, "patient", "list", "--json").document["patients"][0]["code"]
    exams = quick(data, "patient", "show", code, "--json").document["exams"]
    exam = next(one for one in exams if one["clips"])
    clip = exam["clips"][0]
    file = tmp_path / "reports.csv"
    file.write_text(f"patient,date,report\n{code},{exam['date']},A 5 mm polyp.\n", "utf-8")
    quick(data, "legacy", "import", file)
    (read,) = quick(data, "legacy", "list", "--json").document["reports"][0]["findings"]
    shown = quick(data, "legacy", "reports", str(clip["clip"]))
    assert "this exam, proposed" in " ".join(shown.out.split())
    said = ("--verdict", "same", "--with-report", str(read["id"]), "--json")
    refused = quick(data, "link", str(clip["clip"]), *said)
    assert refused.error["code"] == "report-own-exam"
    as_clip = ("legacy", "accept", str(read["id"]), "--as-clip", str(clip["clip"]))
    assert " ".join(as_clip) in refused.error["hint"]
    done = quick(data, *as_clip)
    assert "filled)" in done.out
    assert (
        quick(data, "legacy", "list", "--json").document["reports"][0]["findings"][0]["finding"]
        == (clip["finding"])
    )
    for _ in range(2):
        assert quick(data, "undo", "--json").code == 0


def test_one_report_is_one_report_and_fields_have_their_names(quick: Run, tmp_path: Path) -> None:
    file = tmp_path / "P1_2019-04-03.txt"
    file.write_text("12 mm sessile polyp in the sigmoid.", "utf-8")
    shown = quick(tmp_path / "d", "legacy", "preview", file)
    assert "1 report of 1 patient, 1 finding read" in shown.out
    assert "largest diameter 12 mm" in shown.out
    assert "Paris Is" in shown.out
    assert "size_mm" not in shown.out
    assert "Kept 1 report." in quick(tmp_path / "d", "legacy", "import", file).out


def test_names_in_reports_are_announced_and_not_repeated(quick: Run, tmp_path: Path) -> None:
    data, file = tmp_path / "d", tmp_path / "reports.csv"
    report = "Mr John Smith. Hospital no. 4711234. 12 mm sessile polyp in the sigmoid."
    file.write_text(f"patient,date,report\nP1,2019-04-03,{report}\nP2,2019-04-03,No polyps.\n", "utf-8")
    asked: list[tuple[object, ...]] = [("preview", file), ("import", file), ("accept", 1)]
    for argv in asked:
        done = quick(data, "legacy", *argv, "--json")
        assert done.code == 0, done.err
        (warning,) = done.document["warnings"]
        assert warning.startswith("1 report seems to hold a name; 1 report seems to hold a record number.")
        assert warning in " ".join(done.err.split())
        assert "Smith" not in done.err


def test_a_correction_that_names_somebody_is_announced(quick: Run, table: Path, tmp_path: Path) -> None:
    data = tmp_path / "d"
    assert quick(data, "legacy", "import", table).code == 0
    assert "Nothing changed" in quick(data, "legacy", "propose", "1").out
    done = quick(data, "legacy", "accept", "1", "--set", "free_text=Seen by Mr John Smith", "--json")
    assert any("seems to hold a name" in one for one in done.document["warnings"])


def test_reports_of_nobody_and_of_somebody_without(quick: Run, table: Path, tmp_path: Path) -> None:
    data = tmp_path / "d"
    assert quick(data, "patient", "add", "P9").code == 0
    nobody = quick(data, "legacy", "list", "--patient", "NOBODY", "--json")
    assert (nobody.code, nobody.error["code"]) == (1, "patient-unknown")
    assert "Patient P9 has no reports." in quick(data, "legacy", "list", "--patient", "P9").out
    assert quick(data, "legacy", "import", table).code == 0
    assert quick(data, "legacy", "list", "--patient", "p2", "--json").code == 0  # only in reports so far
    assert "No finding is accepted." in quick(data, "legacy", "list", "--state", "accepted").out


def test_an_exam_that_lies_ahead_isn_t_taken(quick: Run, tmp_path: Path) -> None:
    file = tmp_path / "P1_2099-04-03.txt"
    file.write_text("Polyp.", "utf-8")
    done = quick(tmp_path / "d", "legacy", "import", file, "--json")
    assert (done.code, done.error["code"]) == (1, "reports-refused")
    assert [one["words"] for one in done.document["problems"]] == ["its date lies in the future"]
    assert "lies in the future" in quick(tmp_path / "d", "legacy", "preview", file).err
    assert not (tmp_path / "d").exists()
    file = tmp_path / "report.txt"
    file.write_text("Polyp.", "utf-8")
    for_all = ("--patient", "P1", "--exam-date", "2099-04-03")
    assert quick(tmp_path / "d", "legacy", "import", file, *for_all, "--json").error["code"] == "exam-date"
