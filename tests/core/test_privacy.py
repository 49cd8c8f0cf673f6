"""The scan for names, dates and numbers: what it must find, and what it must leave alone."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.privacy import scan

FOUND = {
    "name": [
        "Seen by Dr Smith today.", "Dr. Müller informed.", "dr smith informed", "Prof. Tanaka assisted",
        "Patient John Smith", "Patient: Weatherby", "Name: okonkwo adaeze", "Name John Doe",
        "Surname: BLOGGS", "Frau Müller-Lüdenscheidt kommt", "Herr von der Leyen",
        "M. Dupont and Mme Lefèvre", "Smith, John", "J. Smith", "J.R. Tolkien present", "SMITH John",
        "john smith", "JANE SMITH", "shown to Zbigniew Kowalczyk", "discussed with Maria", "Anna O'Brien",
        "Seen with Mrs Green", "Mrs. Long tolerated", "Endoscopist: K. Yamamoto", "Ludwig van Beethoven",
        "Patientin: Schneider", "Mr McAllister", "Nurse Okafor", "王小明医生", "姓名：李雷",
        "Second look by Dr Achterberg.",
    ],
    "date": [
        "12.03.2024", "12/03/24", "12-3-2024", "2024-03-12", "2024.03.12", "2024/3/12", "20240312",
        "12032024", "12 / 03 / 2024", "12 March 2024", "12th of March", "March 12, 2024", "March 2024",
        "Mar 12 2024", "12-Mar-2024", "12. März 2024", "12.Mrz.2020", "3. Mai 2021", "Dezember 2020",
        "am 12.3. gesehen", "le 12 mars 2024", "1er février 2023", "12 août 2022", "déc. 2020", "03/2024",
        "DOB 1.2.1950", "D.O.B. 01/02/50", "born 1950", "geb. 03.04.61", "née le 3/4/1950",
        "date of birth: 1950", "since January", "on 5 May", "5th Dec '23",
        "2024年3月12日", "2024-03-12T10:00",
    ],
    "record": [
        "MRN 123456", "MRN: A-1234", "NHS no. 943 476 5919", "943 476 5919", "Patient ID 4711",
        "Fall-Nr. 2023/4711", "hospital number X123456", "N° dossier 99812", "H123456", "12345678901",
        "AHV 756.1234.5678.97", "H22/12345", "record no 55123", "ID#00123", "病历号：12345", "123-45-6789",
    ],
    "phone": ["tel 044 123 45 67", "+41 79 123 45 67", "(555) 123-4567", "555-123-4567", "bleep 1234",
    "0044 20 7946 0958"], "email": ["john@x.org", "mail a.b@c.de now"],
}  # fmt: skip
CLINICAL = [
    "Paris Is polyp, Kudo IIIs.", "Lynch syndrome; Boston 9.", "NICE 2, JNET 2A, Mayo 2.",
    "Olympus EVIS X1 with NBI.", "Lifted with St Mark's solution.", "Roth Net used.",
    "Peutz-Jeghers polyp.", "Polyps may bleed. 3 may be larger.", "Size 10-12 mm, 3 x 4 x 5 mm.",
    "at 10.05 cm", "1:10000 adrenaline 2.5 ml", "1/3 of the circumference, 12/24 biopsies",
    "Clip x2. Pot 3.", "Los Angeles grade B", "Left Lateral Position", "Sigmoid Colon Polyp",
    "Terminal Ileum Normal", "Boston Bowel Preparation Scale 2-3-3", "Spigelman stage II",
    "Tattoo (Spot) 2 cm distal", "Hot Snare EMR", "Mild Patchy Erythema", "Rutgeerts i2", "Sano IIIa",
    "Vienna 4.1", "Withdrawal 10:30 min", "OTSC (Ovesco)", "LST-G-NM at the Bauhin valve", "25-50cm",
    "Montreal E2", "25.5 mm at 12 o'clock", "Patient prone", "Patient: comfortable", "patient asked",
    "Crohn's disease, Meckel's diverticulum", "DR performed without pain", "SIGMOID COLON: NORMAL",
    "polyp 3 mar. 4 mm", "Discussed in Paris", "Kikuchi Sm1, Haggitt 3", "Hartmann's procedure",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_finds(kind: str, text: str) -> None:
    assert kind in {suspicion.kind for suspicion in scan(text)}


@pytest.mark.parametrize("text", CLINICAL)
def test_leaves_clinical_sentences_alone(text: str) -> None:
    assert scan(text) == []


@pytest.mark.parametrize(
    "text",
    ["Last scope in 2012", "last Tuesday", "at 14:35", "67-year-old", "with kowalski", "Ligasure, Zanzibar"],
)
def test_strict_finds_more(text: str) -> None:
    assert scan(text) == []
    assert scan(text, strict=True)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Seen by Dr Smith today.", "Dr Smith"),
        ("Again 12.03.2024 seen", "12.03.2024"),
        ("J.R. Tolkien", "J.R. Tolkien"),
    ],
)
def test_says_exactly_where(text: str, word: str) -> None:
    (suspicion,) = scan(text)
    assert suspicion.text == word == text[suspicion.start : suspicion.end]


def test_overlaps_are_one_suspicion_of_the_first_kind() -> None:
    (suspicion,) = scan("Mail john.smith@clinic.org")
    assert (suspicion.kind, suspicion.text) == ("email", "john.smith@clinic.org")


@given(st.text(max_size=300), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_text_gives_ordered_spans_without_overlaps(text: str, strict: bool) -> None:
    end = 0
    for suspicion in scan(text, strict):
        assert end <= suspicion.start < suspicion.end <= len(text)
        assert suspicion.text == text[suspicion.start : suspicion.end]
        end = suspicion.end


@given(st.text("Aa1 .,:/-'", max_size=400))
@settings(max_examples=50, deadline=2000)
def test_awkward_texts_are_scanned_in_time(text: str) -> None:
    scan(text, strict=True)


@pytest.mark.parametrize(
    "text", ["1 " * 2000, "A. " * 1000, "a-" * 2000, "Dr " * 1000, "1/" * 2000, "Mai " * 1000]
)
def test_long_repetitions_are_scanned_in_time(text: str) -> None:
    assert len(scan(text, strict=True)) <= len(text)


@pytest.mark.shared
def test_false_alarms_on_real_sentences_are_rare() -> None:
    """Endoscopists' sentences: one holds a name; warn too often and nobody reads it."""
    shared = Path(os.environ.get("POLYPTRACE_SHARED") or Path(__file__).parents[3] / "shared")
    folder = shared / "data" / "text"
    if not folder.is_dir():
        pytest.skip("no shared data")
    findings = (folder / "FindingsTextColon.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    with (folder / "hyper-kvasir-video-metadata.csv").open(encoding="utf-8", errors="replace") as file:
        videos = [row["finding"] for row in csv.DictReader(file, delimiter=";")]
    flagged = [text for text in findings + videos if scan(text)]
    assert any(re.search(r"\bDr [A-Z]", text) for text in flagged)
    assert len(flagged) <= 0.005 * len(findings + videos)
