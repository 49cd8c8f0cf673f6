"""The vocabulary file: every key and value of the clinical table, and no two words that mean each other."""

from __future__ import annotations

import pytest

from core.errors import PolypTraceError
from core.text.description import format_setting, parse_setting
from core.text.vocabulary import fold, load

TABLE = {
    "state": "polyp · LST · scar · recurrence at scar · suspected cancer · other",
    "segment": "terminal ileum · ileocaecal valve · caecum · ascending · hepatic flexure · transverse · "
    "splenic flexure · descending · sigmoid · rectosigmoid · rectum · anal canal · not recorded",
    "sub_segment": "proximal · mid · distal",
    "wall": "anterior · posterior · left · right",
    "fold": "on fold · between folds · behind fold · at appendix · on valve · dentate line",
    "size_method": "eye · open forceps · snare · ruler/cap · software · pathology",
    "paris": "Ip · Isp · Is · IIa · IIb · IIc · III · IIa+Is · IIa+IIc · IIc+IIa · Is+IIc · n/a · "
    "not assessable",
    "lst": "none · G-H · G-NM · NG-FE · NG-PD",
    "colour": "pale · as mucosa · red · brown · mixed · white",
    "surface": "smooth · granular · nodular · lobulated · villous · ulcerated · depressed · cloud-like · "
    "mucus cap · not assessable",
    "stalk": "none · short · long",
    "imaging": "white light · NBI · BLI · LCI · FICE/i-SCAN · chromo indigo · chromo crystal violet · TXI",
    "nice": "1 · 2 · 3 · not assessed",
    "jnet": "1 · 2A · 2B · 3 · not assessed",
    "kudo": "I · II · II-O · IIIs · IIIL · IV · Vi · Vn · not assessed",
    "lifting": "yes · partial · no · not tested",
    "optical_dx": "hyperplastic · SSL · adenoma · suspected deep invasion · other",
    "optical_confidence": "low · high",
    "action": "left in situ · biopsy only · cold forceps · cold snare · hot snare · hot forceps · EMR · "
    "cold EMR · "
    "underwater EMR · ESD · hybrid ESD · EFTR · ablation · referred endoscopy · referred surgery",
    "en_bloc": "en bloc · piecemeal",
    "complete": "yes · no · uncertain",
    "retrieved": "yes · partly · no",
    "tattoo": "none",
    "tattoo_walls": "anterior · posterior · left · right",
    "histology": "not sent · pending · normal · HP · SSL · SSL-D · TSA · unclassified serrated · TA · TVA · "
    "VA · "
    "adenoma NOS · carcinoma pTis · carcinoma pT1 · carcinoma ≥pT2 · inflammatory · hamartoma · lipoma · "
    "NET · other",
    "dysplasia": "none · LGD · HGD",
    "margin": "R0 · R1 · Rx",
    "source": "typed · edited draft · imported",
}
NUMBERS = {
    "wall_clock": (1, 12), "dist_av_cm": (0, 200), "size_mm": (1, 150), "size_2_mm": (1, 150),
    "height_mm": (1, 150), "stalk_mm": (1, 100), "pieces": (2, 99), "pot_no": (1, 99), "clips": (0, 50),
    "tattoo_distal_cm": (0, 30),
}  # fmt: skip
OTHERS = {"lesion_no", "patient_position", "magnified", "free_text", "author", "role", "time"}
MODEL = {
    "state", "segment", "sub_segment", "wall", "wall_clock", "patient_position", "dist_av_cm", "fold",
    "size_mm", "size_2_mm", "height_mm", "paris", "lst", "colour", "surface", "stalk", "stalk_mm",
    "imaging", "magnified", "nice", "jnet", "kudo", "clips", "tattoo", "tattoo_distal_cm", "tattoo_walls",
    "free_text",
}  # fmt: skip


def test_every_key_of_the_table_is_there_and_no_other() -> None:
    assert set(load().by_key) == set(TABLE) | set(NUMBERS) | OTHERS


@pytest.mark.parametrize("key", TABLE)
def test_every_value_of_the_table_is_there(key: str) -> None:
    assert set(TABLE[key].split(" · ")) <= set(load().by_key[key].codes)


@pytest.mark.parametrize("key", NUMBERS)
def test_the_range_of_every_number(key: str) -> None:
    field = load().by_key[key]
    assert (field.minimum, field.maximum) == NUMBERS[key]


def test_the_model_reads_exactly_the_fields_marked_so() -> None:
    assert {field.key for field in load().fields if field.model} == MODEL


def test_always_required_are_those_marked_so() -> None:
    always = {field.key for field in load().fields if field.required == "always"}
    assert always == {
        "lesion_no", "state", "segment", "size_mm", "size_method", "paris", "imaging", "action"
    }  # fmt: skip


def test_segments_are_in_the_order_of_the_colon() -> None:
    segment = load().by_key["segment"]
    assert segment.ordered
    assert list(segment.codes) == TABLE["segment"].split(" · ")


def test_no_spelling_means_two_values() -> None:
    for field in load().fields:
        meant: dict[str, str] = {}
        for value in field.values:
            for spelling in {fold(word) for word in (value.code, value.report, *value.aliases) if word}:
                assert meant.setdefault(spelling, value.code) == value.code, (field.key, spelling)


def test_no_spelling_means_two_fields() -> None:
    meant: dict[str, str] = {}
    for field in load().fields:
        for spelling in {fold(word) for word in (field.key, *field.aliases)}:
            assert meant.setdefault(spelling, field.key) == field.key, spelling


def test_every_editable_value_can_be_typed() -> None:
    for field in load().editable:
        for code in field.codes:
            key, value = parse_setting(f"{field.key}={code}")
            stored = {"yes": True, "no": False}[code] if field.type == "boolean" else code
            assert (key, value) == (field.key, [code] if field.type == "choices" else stored)
            assert parse_setting(format_setting(key, value)) == (key, value)


def test_sections_hold_all_fields_in_order() -> None:
    sections = [section.key for section in load().sections]
    assert {field.section for field in load().fields} == set(sections)
    assert all(load().in_section(section) for section in sections)


@pytest.mark.parametrize(
    ("mm", "label"),
    [(1, "≤5"), (5, "≤5"), (6, "6–9"), (9, "6–9"), (10, "10–19"), (19, "10–19"), (20, "20–29"), (29, "20–29"),
     (30, "≥30"), (150, "≥30")],
)  # fmt: skip
def test_size_bins(mm: int, label: str) -> None:
    assert load().bin_of(mm).label == label


def test_the_notice_of_the_terminology_is_shown() -> None:
    assert "World Endoscopy Organization" in load().notice.text


def test_unknown_key_hints_at_the_nearest() -> None:
    with pytest.raises(PolypTraceError, match="no field") as caught:
        load().field("segmnt")
    assert caught.value.code == "description-key"
    assert "segment" in caught.value.hint
