"""Files of reports: tables, plain texts, folders of texts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from core.errors import PolypTraceError
from core.legacy.entries import read_entries
from core.legacy.files import read_reports

from ..data.layouts.trees import write_xlsx


def test_a_folder_of_texts_says_whose_they_are_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "P 7_2019-04-30.txt").write_text("Colonoscopy to the caecum.\n\n5 mm polyp in the rectum.\n")
    (tmp_path / "P8 2020-01-02.TXT").write_text("No polyps.")
    (tmp_path / "unnamed.txt").write_text("Polyp.")
    (tmp_path / "other.pdf").write_bytes(b"%PDF")
    found = read_entries(read_reports(tmp_path))
    assert [(one.patient, one.date) for one in found.entries] == [
        ("P 7", dt.date(2019, 4, 30)),
        ("P8", dt.date(2020, 1, 2)),
    ]
    assert found.entries[0].findings[0].fields["segment"].value == "rectum"
    assert [(one.where, one.words) for one in found.problems] == [("unnamed.txt", "it names no patient")]
    named = read_entries(read_reports(tmp_path), patient="P9", date=dt.date(2021, 1, 1))
    assert [one.patient for one in named.entries] == ["P 7", "P8", "P9"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolypTraceError) as caught:
        read_reports(tmp_path)
    assert caught.value.code == "sheet-empty"


@pytest.mark.parametrize(
    "text",
    [
        "Colonoscopy, good preparation.\nA 5 mm polyp, sessile, in the rectum.\n",
        "Colonoscopy report\nA 5 mm sessile polyp\nin the rectum.\n",
    ],
)
def test_a_plain_text_is_one_report(tmp_path: Path, text: str) -> None:
    file = tmp_path / "P1_2020-02-03.txt"
    file.write_text(text)
    found = read_entries(read_reports(file))
    (entry,) = found.entries
    assert entry.text == text.strip()
    assert entry.findings[0].fields["size_mm"].value == 5
    assert "one report" in found.notes[0]


def test_a_txt_may_be_a_table(tmp_path: Path) -> None:
    file = tmp_path / "table.txt"
    file.write_text("patient;date;report\nP1;2020-02-03;Polyp, 5 mm.\n")
    assert [one.patient for one in read_entries(read_reports(file)).entries] == ["P1"]


@pytest.mark.parametrize("header", ['"x"\n', ""])
def test_one_column_of_texts_needs_no_name(tmp_path: Path, header: str) -> None:
    file = tmp_path / "texts.txt"
    file.write_text(header + '"A 5 mm polyp in the rectum."\n"Two polyps, 3 mm, in the sigmoid."\n')
    found = read_entries(read_reports(file), patient="P1", date=dt.date(2020, 1, 1))
    assert [one.findings[0].fields["size_mm"].value for one in found.entries] == [5, 3]
    with pytest.raises(PolypTraceError) as caught:
        read_entries(read_reports(file))
    assert caught.value.code == "column-missing"


def test_an_empty_cell_takes_what_is_given_for_all(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("patient,date,report\nP1,,Polyp.\nP2,soon,Polyp.\n,2020-01-01,Polyp.\n")
    found = read_entries(read_reports(file), date=dt.date(2019, 1, 1))
    assert [(one.patient, one.date.year) for one in found.entries] == [("P1", 2019)]
    assert [one.row for one in found.problems] == [3, 4]


def test_a_code_that_cannot_be_kept_is_a_problem_of_its_row(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"patient,date,report\n{'x' * 65},2020-01-01,Polyp.\nP1,2020-01-01,Polyp.\n")
    found = read_entries(read_reports(file))
    assert (len(found.entries), [one.row for one in found.problems]) == (1, [2])


def test_what_can_t_be_read_in_a_folder_doesn_t_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "P7_2019-04-30.txt").write_text("5 mm polyp in the rectum.")
    (tmp_path / "P8_2019-04-30.txt").write_bytes(b"\0\1\xff\xfe\0")
    (tmp_path / "P9_2019-04-30.txt").write_bytes(b"Polyp.\x81")
    (tmp_path / "P9_2019-05-01.txt").write_bytes(b"\0\1\2")
    found = read_entries(read_reports(tmp_path))
    assert [one.patient for one in found.entries] == ["P7"]
    assert [note.split(" ")[0] for note in found.notes] == [
        "P8_2019-04-30.txt",
        "P9_2019-04-30.txt",
        "P9_2019-05-01.txt",
    ]
    assert all("left out" in note for note in found.notes)
    (tmp_path / "P7_2019-04-30.txt").unlink()
    with pytest.raises(PolypTraceError) as caught:
        read_reports(tmp_path)
    assert caught.value.code == "sheet-unreadable"


def test_the_sheet_with_most_rows_is_read(tmp_path: Path) -> None:
    rows = [["patient", "date", "report"], ["P1", "2019-04-03", "Polyp."]]
    alone = read_entries(read_reports(write_xlsx(tmp_path / "alone.xlsx", rows)))
    assert ([one.date for one in alone.entries], alone.notes) == ([dt.date(2019, 4, 3)], ())
    behind = read_entries(read_reports(write_xlsx(tmp_path / "r.xlsx", rows, cover=[["Export of 2021"]])))
    assert behind.entries == alone.entries
    assert behind.notes == ("r.xlsx has 1 more sheet; “texts” is read, which has the most rows.",)


def test_folders_in_a_folder_say_whose_their_texts_are(tmp_path: Path) -> None:
    for name in ("P7/2019-04-30.txt", "P8/scope/P9_2020-01-02.txt", "P8/letter.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("Polyp in the rectum.")
    found = read_entries(read_reports(tmp_path))
    assert [(one.patient, one.date.isoformat()) for one in found.entries] == [
        ("P7", "2019-04-30"),
        ("P9", "2020-01-02"),
    ]
    assert [one.where for one in found.problems] == ["P8/letter.txt"]


def test_a_table_in_a_txt_is_refused_too_where_a_quotation_mark_stays_open(tmp_path: Path) -> None:
    file = tmp_path / "t.txt"
    file.write_text('patient,date,report\nP1,2019-04-03,"Polyp.\nP2,2019-04-03,x\n', "utf-8")
    with pytest.raises(PolypTraceError, match="row 2"):
        read_reports(file)
    plain = tmp_path / "P7_2019-04-30.txt"
    plain.write_text('Polyp in the rectum,"flat.\nNothing else.', "utf-8")
    assert [one.patient for one in read_entries(read_reports(plain)).entries] == ["P7"]
