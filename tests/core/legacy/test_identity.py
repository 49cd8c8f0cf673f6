"""Names and numbers in reports: how many reports seem to hold some, and never which."""

from __future__ import annotations

from core.legacy.columns import Columns
from core.legacy.entries import read_entries
from core.legacy.identity import code_warnings, text_warnings
from core.sheets.reading import Sheet


def test_reports_are_counted_by_kind_without_saying_what_they_hold() -> None:
    told = text_warnings(
        ["Mr John Smith. MRN 1234567. Polyp.", "Dr Jones saw it, 3 April 2019.", "5 mm polyp."]
    )
    assert told == [
        "2 reports seem to hold a name; 1 report seems to hold a record number; "
        "1 report seems to hold a date. It is kept as typed but hidden from the models."
    ]
    assert text_warnings(["5 mm sessile polyp in the rectum."]) == []


def test_codes_that_look_like_names_are_counted_once_a_patient() -> None:
    (told,) = code_warnings(["John Smith", "P-1", "John Smith"])
    assert told.startswith("1 patient's code looks like a name")
    assert code_warnings(["P-1", "P-2"]) == []


def test_what_was_read_comes_with_its_warnings() -> None:
    rows = [["patient", "date", "report"], ["P-1", "2019-04-30", "Mr John Smith. 5 mm polyp."]]
    found = read_entries(Sheet(rows, [1, 2]), Columns())
    assert ["a name" in one for one in found.warnings] == [True]
