"""Texts beside a data set: every form that is read, and what is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.data.layouts.read import read_layout
from core.data.layouts.texts import read_texts
from core.errors import PolypTraceError
from core.sheets.workbook import read_workbook

from .trees import MARKET, persons, write_csv, write_xlsx


def texts_of(root: Path, file: Path) -> dict[str, str]:
    rows = read_layout("market1501", persons(root, MARKET), file).manifest.rows
    return {row.path.name: row.text for row in rows}


def test_captions_as_of_cuhk_pedes_go_to_pictures(tmp_path: Path) -> None:
    records = [
        {"id": 9, "file_path": "Market/0001_c1s1_001051_00.jpg", "captions": ["A man.", "A tall man."]},
        {"id": 3, "file_path": "Market/0003_c4s6_015641_04.jpg", "captions": [" ", "A woman."]},
    ]
    file = tmp_path / "reid_raw.json"
    file.write_text(json.dumps(records), "utf-8")
    found = texts_of(tmp_path / "data", file)
    assert found["0001_c1s1_001051_00.jpg"] == "A man."
    assert found["0003_c4s6_015641_04.jpg"] == "A woman."
    assert found["0003_c6s1_015996_00.jpg"] == ""


def test_identities_and_paths_are_keys_and_the_path_wins(tmp_path: Path) -> None:
    file = tmp_path / "texts.json"
    file.write_text(json.dumps({"0003": "Person 3.", "query\\0003_c6s1_015996_00.jpg": "This one."}), "utf-8")
    found = texts_of(tmp_path / "data", file)
    assert found["0003_c6s1_015996_00.jpg"] == "This one."
    assert found["0003_c4s6_015641_04.jpg"] == "Person 3."
    assert found["0000_c1s1_000151_01.jpg"] == ""


def test_a_sheet_that_made_numbers_of_identities_is_understood(tmp_path: Path) -> None:
    file = write_xlsx(
        tmp_path / "texts.xlsx", [["identity", "note", "Text"], [], ["0003", "", "Red & blue."]]
    )
    assert read_workbook(file).rows[1] == (3, ["3", "", "Red & blue."]), (
        "the number that people see, blank rows counted"
    )
    assert texts_of(tmp_path / "data", file)["0003_c6s1_015996_00.jpg"] == "Red & blue."


def test_what_has_no_text_is_counted(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "texts.csv", [["id", "text"], ["0003", "Red."], ["", "nobody's"]])
    notes = read_layout("market1501", persons(tmp_path / "data", MARKET), file).notes
    assert "13 of 15 pictures have no text in texts.csv." in notes


def test_equal_names_in_two_folders_are_nobodys(tmp_path: Path) -> None:
    rows = [["path", "text"], ["a/1.jpg", "first"], ["b/1.jpg", "second"], ["b/2.jpg", "third"]]
    texts = read_texts(write_csv(tmp_path / "texts.csv", rows))
    assert (texts.of("1.jpg"), texts.of("2.jpg"), texts.of("A/1.JPG")) == ("", "third", "first")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"\xff\xfe\x00", "sheet-unreadable"),
        ("a.csv", b"", "sheet-columns"),
        ("a.csv", b"one,two\n1,2\n", "sheet-columns"),
        ("a.xlsx", b"PK\x03\x04 no zip", "sheet-unreadable"),
        ("a.json", b"{", "sheet-unreadable"),
        ("a.json", b"[1, 2]", "sheet-unreadable"),
        ("a.json", b'[{"id": 3}]', "sheet-columns"),
        ("a.json", b'{"nobody": "text"}', "texts-no-match"),
        ("a.docx", b"x", "sheet-unreadable"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(PolypTraceError) as caught:
        read_layout("market1501", persons(tmp_path / "data", MARKET), file)
    assert caught.value.code == code
    assert name in caught.value.message + caught.value.hint
    assert caught.value.hint


def encrypted(book: bytes) -> bytes:
    """Sets the flag "encrypted" of every part, in its own header and in the zip's directory."""
    marked = bytearray(book)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = book.find(signature)
        while at >= 0:
            marked[at + flags] |= 1
            at = book.find(signature, at + 1)
    return bytes(marked)


def test_an_encrypted_workbook_is_refused(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path / "texts.xlsx", [["id", "Eng_text"], ["a", "b"]])
    file.write_bytes(encrypted(file.read_bytes()))
    with pytest.raises(PolypTraceError) as caught:
        read_workbook(file)
    assert caught.value.code == "sheet-unreadable"


def test_damaged_workbooks_are_refused(tmp_path: Path) -> None:
    whole = write_xlsx(tmp_path / "texts.xlsx", [["id", "Eng_text"], ["a", "b"]])
    with zipfile.ZipFile(whole) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    faults = {
        "xl/worksheets/sheet1.xml": parts["xl/worksheets/sheet1.xml"].replace(b"<v>1<", b"<v>99<"),
        "xl/_rels/workbook.xml.rels": b"<Relationships/>",
        "xl/sharedStrings.xml": b"<sst",
    }
    for name, broken in faults.items():
        with zipfile.ZipFile(tmp_path / "broken.xlsx", "w") as book:
            for part, content in (parts | {name: broken}).items():
                book.writestr(part, content)
        with pytest.raises(PolypTraceError) as caught:
            read_workbook(tmp_path / "broken.xlsx")
        assert caught.value.code == "sheet-unreadable"
