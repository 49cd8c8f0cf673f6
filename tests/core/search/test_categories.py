"""Categories from codes."""

from __future__ import annotations

from core.search.categories import learn_categories
from core.search.coded import Codes


def codes(segment: str, paris: str = "", size: str = "") -> Codes:
    found: Codes = {"segment": (segment,)}
    found |= {"paris": (paris,)} if paris else {}
    return found | ({"size_mm": (size,)} if size else {})


def test_fields_give_a_category_a_value() -> None:
    samples = [(codes("rectum", "Is", "≤5"), None)] * 3 + [(codes("caecum"), None)]
    made = learn_categories("fields", samples, fewest=2)
    assert made.names == ("Paris: Is", "segment: rectum", "size: ≤5")
    assert made.notes == ("1 value with fewer than 2 samples left out: segment: caecum",)
    assert made.labels(codes("rectum", "Is", "≤5")).tolist() == [1, 1, 1]
    assert made.labels(codes("rectum")).tolist() == [0, 1, 0]
    assert made.labels(codes("caecum")).tolist() == [0, 0, 0]


def test_rare_classes_are_merged_and_then_left_out() -> None:
    samples = [codes("rectum", "Is", "≤5")] * 3
    samples += [codes("rectum", "Ip", "≤5"), codes("rectum", "Ip", "6–9"), codes("rectum", "Ip", "10–19")]
    samples += [codes("sigmoid", "Ip", "≤5"), codes("sigmoid", "IIa", "≤5"), codes("sigmoid", "Is", "6–9")]
    samples += [codes("caecum", "Is", "≤5")]
    made = learn_categories("class", [(one, None) for one in samples], fewest=3)
    assert made.names == (
        "segment: rectum · Paris: Is · size: ≤5",
        "segment: rectum · Paris: Ip",
        "segment: sigmoid",
    )
    assert made.notes == (
        "1 category doesn't tell size apart: too few samples of each",
        "1 category doesn't tell size and Paris class apart: too few samples of each",
        "1 sample of too rare a kind left out: segment: caecum · Paris: Is · size: ≤5",
    )
    assert made.labels(codes("rectum", "Ip", "≥30")).tolist() == [0, 1, 0]
    assert made.labels(codes("rectum")).tolist() == [1, 1, 0], "words that say less allow more"
    assert made.labels({"paris": ("Ip",)}).tolist() == [0, 1, 0]
    assert made.labels({}).tolist() == [0, 0, 0]


def test_lesions_with_enough_samples_are_categories() -> None:
    samples = [(codes("rectum"), "3")] * 2 + [(codes("rectum"), "4"), (codes("rectum"), None)]
    made = learn_categories("lesion", samples, fewest=2)
    assert made.names == ("3",)
    assert made.notes == ("1 lesion with fewer than 2 samples left out: 4",)
    assert made.labels(codes("rectum"), "3").tolist() == [1]
    assert made.labels(codes("rectum")).tolist() == [0]
