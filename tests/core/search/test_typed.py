"""Typed queries: what they ask for, and what they don't want."""

from __future__ import annotations

import pytest

from core.search.coded import Codes
from core.search.typed import TATTOOS, read_typed


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("2 cm pedunculated polyp in the sigmoid",
         {"state": ("polyp",), "segment": ("sigmoid",), "size_mm": ("20–29",), "paris": ("Ip",)}),
        ("sigmoid or rectum", {"segment": ("sigmoid", "rectum")}),
        ("sessile or flat polyp", {"state": ("polyp",), "paris": ("Is", "IIb")}),
        ("5 to 10 mm", {"size_mm": ("≤5", "6–9", "10–19")}),
        ("larger than 1 cm", {"size_mm": ("10–19", "20–29", "≥30")}),
        ("< 10 mm", {"size_mm": ("≤5", "6–9")}),
        ("20 mm or more", {"size_mm": ("20–29", "≥30")}),
        (">=20mm", {"size_mm": ("20–29", "≥30")}),
        ("10 mm+", {"size_mm": ("10–19", "20–29", "≥30")}),
        ("> 5 mm and < 10 mm", {"size_mm": ("6–9",)}),
        ("5 mm to 1 cm", {"size_mm": ("≤5", "6–9", "10–19")}),
        ("5 mm or larger", {"size_mm": ("≤5", "6–9", "10–19", "20–29", "≥30")}),
        ("Is or IIa", {"paris": ("Is", "IIa")}),
        ("six mm", {"size_mm": ("6–9",)}),
        ("large LST", {"state": ("LST",), "size_mm": ("20–29", "≥30")}),
        ("large 8 mm polyp", {"state": ("polyp",), "size_mm": ("6–9",)}),
        ("left colon", {"segment": ("splenic flexure", "descending", "sigmoid")}),
        ("NICE 2, JNET 2A", {"nice": ("2",), "jnet": ("2A",)}),
        ("tattooed", {"tattoo": TATTOOS}),
        ("red ip", {"paris": ("Ip",), "colour": ("red",)}),
        ("polyps", {"state": ("polyp",)}),
        ("LSTs", {"state": ("LST",)}),
        ("LST-G", {"state": ("LST",), "lst": ("G-H", "G-NM")}),
        ("LST-G-H", {"state": ("LST",), "lst": ("G-H",)}),
        ("nongranular LST", {"state": ("LST",), "lst": ("NG-FE", "NG-PD")}),
        ("depressed lesion", {"state": ("polyp",), "paris": ("IIc", "IIa+IIc")}),
        ("NICE 1 or 2", {"nice": ("1", "2")}),
        ("JNET 2A/2B", {"jnet": ("2A", "2B")}),
        ("tattoo", {"tattoo": TATTOOS}),
        ("max 1 cm", {"size_mm": ("≤5", "6–9", "10–19")}),
        ("granular lateral spreading tumor", {"state": ("LST",), "surface": ("granular",)}),
        ("asdf", {}),
    ],
)  # fmt: skip
def test_what_is_asked_for(text: str, codes: Codes) -> None:
    typed = read_typed(text)
    assert (typed.words.codes, typed.denied) == (codes, {})


@pytest.mark.parametrize(
    ("text", "denied", "left"),
    [
        ("not pedunculated", {"paris": ("Ip",)}, {}),
        ("red polyp without a stalk", {"paris": ("Ip",)}, {"state": ("polyp",), "colour": ("red",)}),
        ("no polyp in the rectum", {"segment": ("rectum",)}, {}),
        ("polyp but not in the sigmoid or rectum", {"segment": ("sigmoid", "rectum")}, {"state": ("polyp",)}),
        ("neither sessile nor pedunculated", {"paris": ("Ip", "Is")}, {}),
        ("not sessile but pedunculated", {"paris": ("Is",)}, {"paris": ("Ip",)}),
        ("non-granular LST", {"surface": ("granular",)}, {"state": ("LST",)}),
        ("not red, in the caecum", {"colour": ("red",)}, {"segment": ("caecum",)}),
        ("not 5 mm", {"size_mm": ("≤5",)}, {}),
        ("not larger than 5 mm", {}, {"size_mm": ("≤5",)}),
        ("nonpedunculated", {"paris": ("Ip",)}, {}),
        ("it doesn't have a stalk", {"paris": ("Ip",)}, {}),
        ("no tattoo", {"tattoo": ("carbon", "india ink", "agent not recorded")}, {}),
        ("no small polyps", {"size_mm": ("≤5", "6–9")}, {}),
        ("not in the left colon", {"segment": ("splenic flexure", "descending", "sigmoid")}, {}),
        ("anything but the rectum", {"segment": ("rectum",)}, {}),
        ("polyp, other than sessile", {"paris": ("Is",)}, {"state": ("polyp",)}),
        ("it isn't flat", {"paris": ("IIb",)}, {}),
        ("scar, not LST", {"state": ("LST",)}, {"state": ("scar",)}),
    ],
)
def test_what_is_not_wanted(text: str, denied: Codes, left: Codes) -> None:
    typed = read_typed(text)
    assert (typed.denied, typed.words.codes) == (denied, left)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("5 to 10 mm", (5, 10)),
        ("between 5 and 10 mm", (5, 10)),
        ("up to 10 mm", (0, 10)),
        ("not larger than 10 mm", (0, 10)),
        ("larger than 15 mm, less than 30 mm", (16, 29)),
        ("at least 10 mm but not larger than 20 mm", (10, 20)),
        ("8 mm polyp", None),
        ("5 to 10 mm or 20 to 30 mm", None),
    ],
)
def test_limits_of_sizes_are_exact(text: str, limits: tuple[float, float] | None) -> None:
    typed = read_typed(text)
    assert typed.limits == (limits if limits is None or limits[1] else (limits[0], float("inf")))
    assert not typed.unknown


@pytest.mark.parametrize("word", ["adenoma", "SSL", "hyperplastic", "EMR"])
def test_what_cannot_be_asked_for_is_named(word: str) -> None:
    assert word in read_typed(f"{word} polyp in the sigmoid").unknown


def test_words_that_nothing_is_understood_of() -> None:
    assert read_typed("please find a purple 15mm x 10mm polyp, up to 2 cm, in the left colon 🦄").unknown == (
        "purple",
        "🦄",
    )
    assert read_typed("not pedunculated, less than 5 mm").unknown == ()


def test_what_is_denied_is_no_free_word() -> None:
    assert "pedunculated" not in read_typed("polyp that is not pedunculated").words.free
    assert "pedunculated" in read_typed("a pedunculated polyp").words.free


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1/2 cm polyp", (5, 5)),
        ("1/2 inch polyp", (13, 13)),
        ("10 to 5 mm polyp", (5, 10)),
        ("bigger than a 10 mm polyp", (11, float("inf"))),
    ],
)
def test_sizes_as_people_type_them(text: str, sizes: tuple[float, float]) -> None:
    assert read_typed(text).sizes == sizes


def test_no_polyp_asks_for_none() -> None:
    assert read_typed("no polyps").words.codes == {}
