"""Tables of earlier reports: encodings, columns, dates, duplicates, and what is wrong with a row."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from core.errors import PolypTraceError
from core.legacy.columns import Columns, chosen_columns, guess_columns
from core.legacy.dates import read_dates
from core.legacy.entries import Entries, read_entries
from core.sheets.reading import read_sheet

HEADER = "Patient ID;Exam date;Findings;Doctor\n"
ROWS = (
    "P1;2019-04-03;12 mm sessile polyp in the sigmoid.;x\n"
    "P2;2020-01-02;No polyps seen.;x\n"
    ";2020-01-02;Polyp.;x\n"
    "P3;soon;Polyp.;x\n"
    "P3;2020-01-02;;x\n"
    "\n"
    "p1;2019-04-03;12 mm  sessile polyp in the sigmoid.;y\n"
)


def entries(path: Path, content: bytes | str, *args: Columns, **more: object) -> Entries:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_entries(read_sheet(path), *args, **more)  # type: ignore[arg-type]


def refusal(path: Path, content: bytes | str, *args: Columns, **more: object) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as caught:
        entries(path, content, *args, **more)
    return caught.value


def test_good_rows_are_read_and_bad_ones_named(tmp_path: Path) -> None:
    found = entries(tmp_path / "r.csv", HEADER + ROWS)
    assert found.columns == Columns("Patient ID", "Exam date", "Findings")
    assert [(one.row, one.patient, one.date) for one in found.entries] == [
        (2, "P1", dt.date(2019, 4, 3)),
        (3, "P2", dt.date(2020, 1, 2)),
    ]
    assert found.entries[0].findings[0].fields["size_mm"].value == 12
    assert found.entries[1].findings == ()
    assert [(one.row, one.words) for one in found.problems] == [
        (4, "it names no patient"),
        (5, "its date can't be read"),
        (6, "it has no report"),
    ]
    assert found.duplicates == (8,)  # other spaces, capitals and doctor, the same report
    assert found.notes == ("Said twice and left out: row 8.",)


@pytest.mark.parametrize(
    ("encoding", "noted"), [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("cp1252", True)]
)
def test_encodings(tmp_path: Path, encoding: str, noted: bool) -> None:
    text = "Patient,Date,Report\nP1,2019-04-03,Polyp près de l’anus – 5 mm\n"
    found = entries(tmp_path / "r.csv", text.encode(encoding))
    assert found.entries[0].text == "Polyp près de l’anus – 5 mm"
    assert bool(found.notes) == noted


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", b"\xff\xfe\x00"),
        ("a.csv", b"a\0\xff"),
        ("a.pdf", b"%PDF"),
        ("a.xlsx", b"PK"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PolypTraceError) as caught:
            read_sheet(tmp_path / name)
        assert caught.value.code == "sheet-unreadable"
        assert caught.value.hint
    with pytest.raises(PolypTraceError) as caught:
        read_sheet(tmp_path / "none.csv")
    assert caught.value.code == "sheet-missing"
    assert refusal(tmp_path / "r.csv", HEADER).code == "sheet-empty"
    assert refusal(tmp_path / "r.csv", "").code == "sheet-empty"


def test_columns_are_guessed_and_named() -> None:
    assert guess_columns(["PID", "exam_date", "Report text"]) == Columns("PID", "exam_date", "Report text")
    assert guess_columns(["Report date", "Report"]) == Columns(None, "Report date", "Report")
    assert guess_columns(["a", "b"]) == Columns()
    header = ["a", "b", "c", "Date"]
    assert chosen_columns(header, Columns(patient="A", text="c")) == Columns("a", "Date", "c")
    with pytest.raises(PolypTraceError, match="no column “x”"):
        chosen_columns(header, Columns(text="x"))
    with pytest.raises(PolypTraceError, match="can't hold two things"):
        chosen_columns(header, Columns(patient="c", text="c"))
    with pytest.raises(PolypTraceError) as caught:
        chosen_columns(["a", "b"], Columns())
    assert caught.value.code == "column-missing"
    assert "a, b" in caught.value.hint


def test_what_a_table_doesn_t_say_is_given_for_all(tmp_path: Path) -> None:
    text = "Report\nTwo polyps in the rectum\n"
    path = tmp_path / "r.csv"
    assert refusal(path, text).code == "column-missing"
    assert "whose" in refusal(path, text, date=dt.date(2020, 1, 1)).message
    found = entries(path, text, patient="P7", date=dt.date(2020, 1, 1))
    assert [(one.patient, one.date, one.findings[0].count) for one in found.entries] == [
        ("P7", dt.date(2020, 1, 1), 2)
    ]


def test_dates_of_a_column() -> None:
    day = dt.date(2021, 4, 3)
    assert read_dates(["2021-04-03", "2021/4/3", "2021-04-03T10:00", "44289", "44289.5"]) == [day] * 5
    assert read_dates(["03.04.2021", "25.12.2020"]) == [day, dt.date(2020, 12, 25)]
    assert read_dates(["04/03/2021", "12/25/2020"]) == [day, dt.date(2020, 12, 25)]
    assert read_dates(["03/04/2021"], day_first=True) == [day]
    assert read_dates(["03/04/2021"], day_first=False) == [dt.date(2021, 3, 4)]
    assert read_dates(["04.04.2021"]) == [dt.date(2021, 4, 4)]  # either way the same
    assert read_dates(["", "soon", "31.02.2021", "2021-13-01", "1066-10-14", "99999"], True) == [None] * 6
    for mixed in (["03/04/2021"], ["25/12/2020", "12/25/2020"]):
        with pytest.raises(PolypTraceError) as caught:
            read_dates(mixed)
        assert caught.value.code == "dates-ambiguous"
        assert "--day-first" in caught.value.hint


def test_no_exam_lies_ahead(tmp_path: Path) -> None:
    today = dt.date.today()
    year = today.year + 2
    text = f"Patient,Date,Report\nP1,{year}-04-03,Polyp.\nP1,{today},Polyp.\n"
    found = entries(tmp_path / "r.csv", text)
    assert [one.date for one in found.entries] == [today]
    assert [one.words for one in found.problems] == ["its date lies in the future"]
    for_all = refusal(tmp_path / "r.csv", "Patient,Report\nP1,Polyp.\n", date=dt.date(year, 1, 1))
    assert (for_all.code, bool(for_all.hint)) == ("exam-date", True)


def test_a_report_that_lost_its_end_isn_t_taken(tmp_path: Path) -> None:
    text = "Patient,Date,Report\nP1,2019-04-03,Polyp, 5 mm.\nP2,2019-04-03,Polyp.,,\nP3,,Polyp.\n"
    found = entries(tmp_path / "r.csv", text)
    assert [one.patient for one in found.entries] == ["P2"]
    assert "quotation marks" in found.problems[0].words
    assert found.problems[1].words == "it has no date"


@pytest.mark.parametrize("second", ["x", '"x y"', '"He said ""x""."'])
def test_a_quotation_mark_that_stays_open_mixes_no_reports(tmp_path: Path, second: str) -> None:
    rows = f'Patient,Date,Report\nP1,2019-04-03,Polyp.\nP1,2020-04-03,"Polyp.\nP2,2019-04-03,{second}\n'
    wrong = refusal(tmp_path / "r.csv", rows)
    assert "row 3" in wrong.message
    assert "Close it" in wrong.hint


def test_quotation_marks_that_are_closed_are_fine(tmp_path: Path) -> None:
    text = 'Patient,Date,Report\nP1,2019-04-03,"Polyp,\n5 mm ""flat""."\nP2,2019-04-03,5" polyp\n'
    assert [one.patient for one in entries(tmp_path / "r.csv", text).entries] == ["P1", "P2"]


def test_a_record_number_is_a_patients_column(tmp_path: Path) -> None:
    found = entries(tmp_path / "r.csv", "MRN,Date,Report\n7,2019-04-03,Polyp.\n")
    assert found.columns.patient == "MRN"


def test_what_looks_doubtful_is_noted(tmp_path: Path) -> None:
    twice = entries(tmp_path / "r.csv", "Patient,Date,Report,Report\nP1,2019-04-03,Polyp.,5 mm\n")
    assert twice.notes == ("Several columns are called “Report”; the first is read.",)
    rows = "P1,2019-04-03," + "word " * 40_000 + "\nP2,2019-04-03,Polyp.\n"
    long = entries(tmp_path / "r.csv", "Patient,Date,Report\n" + rows)
    assert [(one.row, one.words) for one in long.problems] == [
        (2, "its report is longer than 20\u00a0000 characters")
    ]
    assert [one.patient for one in long.entries] == ["P2"]
    assert "empty" in refusal(tmp_path / "r.csv", "").message


def test_a_title_above_the_header_is_left_out_and_told(tmp_path: Path) -> None:
    found = entries(tmp_path / "r.csv", "Export of 2021,,\n\nPatient,Date,Report\nP1,2019-04-03,Polyp.\n")
    assert [(one.row, one.patient) for one in found.entries] == [(4, "P1")]
    assert "row 3" in found.notes[0]


@pytest.mark.parametrize(
    "header",
    [
        "HospitalNum_Id,Date of examination,Endo report",
        "PatNr,Datum,Narrative",
        "Medical record number,Date of procedure,Procedure note",
        "ID,Endoscopy date,Report body",
    ],
)
def test_names_of_columns_as_hospitals_write_them(tmp_path: Path, header: str) -> None:
    found = entries(tmp_path / "r.csv", f"{header}\nP1,2019-04-03,Polyp.\n")
    assert [(one.patient, one.text) for one in found.entries] == [("P1", "Polyp.")]


def test_what_is_missing_is_told_at_once_with_the_columns_there_are(tmp_path: Path) -> None:
    refused = refusal(tmp_path / "r.csv", "Who,When,Report\nP1,2019-04-03,Polyp.\n")
    assert "whose" in refused.message
    assert "of when" in refused.message
    assert "Who, When, Report" in refused.hint
