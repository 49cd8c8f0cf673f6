"""The free text as the model reads it: what must never get through, and what must stay."""

from __future__ import annotations

import pytest

from core.text.note import model_note

OUTCOMES = (
    "Mit Zange entfernt, Adenom", "Bekanntes Adenom, abgetragen 2019", "Biopsie entnommen",
    "病理示腺瘤 pale rim", "Pale rim and cut off with the loop", "taken out whole", "shaved off", "avulsed",
    "hooked out", "came out in three bits", "in toto", "defect closed", "closed with clips",
    "prophylactic clip", "hemoclip placed", "left behind", "sampled twice", "bites taken", "trap 3",
    "jar 3", "OTSC", "TEMS", "electrocautery", "microadenoma", "nonneoplastic", "precancerous",
    "nonlifting", "unresectable", "postpolypectomy", "rebiopsy", "unremoved", "noninvasive", "EMRs",
    "EMRd", "postEMR", "SSLs", "TAs", "HGDs", "APCed", "pT1a", "pT2b", "pT1sm2", "TA2", "2adenomas",
    "S.S.L.", "T.V.A.", "H.G.D.", "E.M.R.", "was_removed", "T1 lesion", "G1", "CIS", "sm1 infiltration",
    "melanoma", "GIST", "haggitt 3", "vienna 4", "tub ad", "Ki-67", "BRAF", "cured", "healed",
    "no residual", "Removed. It came off cleanly.", "abgetragen", "entfernt", "entnommen",
    "unterspritzt", "geborgen", "operiert", "hochgradig", "serratiertes", "gutartig", "bösartig",
    "exérèse à l'anse froide", "réséqué", "enlevé", "ôté à la pince", "prélevé", "anapath", "bénin",
    "asportato", "rimosso", "escissione", "resecato", "prelievo", "istologia", "displasia", "cancro",
    "extirpado", "resecado", "resección", "pinza", "asa fría", "anatomía patológica",
)  # fmt: skip
IDENTITIES = (
    "Frau Meier", "Dr. Meier", "Herr Roth", "Dr. Brunner", "Mr Gardner", "Nancy Evans", "Hans Meier",
    "John Wilson", "Tom Gardner", "Wilson, Peter", "Mr Wall", "Mr Head", "Ms Fair", "Dr Red",
    "12.III.2021", "12,03,2021", "12mar21", "3/21", "03.21", "12–03–2021", "12⁄03⁄2021", "12 03 2021",
    "12 mayo 2021", "١٢/٠٣/٢٠٢١", "lunes", "mercoledì", "67F", "67 y", "2020/5", "12．03．2021",
    "12\u200b.03.2021", "12MAR2021", "Marko Petrović", "Rayment", "Dr Rayment", "KH-22-17", "B21.4711",
    "1 234 567", "1.234.567", "jane.doe(at)clinic.org", "06.11", "12345",
)  # fmt: skip
APPEARANCE = (
    "Irregular margin.", "Red margin, central depression.", "Completely flat.",
    "Seen underwater, lobulated.", "Follow the second fold.", "net-like vessels",
    "Hot spot in the centre.", "Va verso la piega.", "ca 5 mm from the valve", "Barrett segment",
    "Nancy index 2", "Paris IIa+Is, 12 mm", "At 12 o'clock, 1.5 x 2.5 cm", "Two polyps 3/5", "10.12 mm",
    "Consultant. Polyp flat.", "Kudo IIIL",
)  # fmt: skip


@pytest.mark.parametrize("sentence", OUTCOMES)
def test_a_sentence_on_histology_or_treatment_is_left_out_whole(sentence: str) -> None:
    assert model_note(f"Pale rim. {sentence}") == "Pale rim."
    assert model_note(f"{sentence}\nPale rim.") == "Pale rim."


@pytest.mark.parametrize("words", IDENTITIES)
def test_names_dates_and_numbers_are_taken_out(words: str) -> None:
    assert model_note(f"Flat and pale. {words}") == "Flat and pale."


@pytest.mark.parametrize("name", ["Gilbert", "Petrović", "Harding", "achterberg"])
@pytest.mark.parametrize("frame", ["Patient: {}", "{} saw it", "Dr {} assisted", "seen by {}"])
def test_a_name_never_gets_through(name: str, frame: str) -> None:
    typed = frame.format(name if frame == "seen by {}" else name.capitalize())
    assert name.casefold() not in model_note(f"Flat and pale. {typed}").casefold()


@pytest.mark.parametrize("sentence", APPEARANCE)
def test_appearance_stays(sentence: str) -> None:
    assert model_note(sentence) == sentence


def test_what_is_taken_out_leaves_no_gap() -> None:
    assert model_note("Seen by the fold, Dr Meier, and pale.") == "Seen by the fold, and pale."
