"""Descriptions, reports and queries as codes."""

from __future__ import annotations

import pytest

from core.search.codes import all_names, codes_of, codes_of_text, names

FULL = {
    "state": "polyp",
    "segment": "sigmoid",
    "size_mm": 18,
    "paris": "Ip",
    "colour": "red",
    "surface": ["lobulated", "granular"],
    "nice": "not assessed",
    "action": "cold snare",
    "histology": "tubular adenoma",
}


def test_a_description_gives_its_telling_codes() -> None:
    assert codes_of(FULL) == {
        "state": ("polyp",),
        "segment": ("sigmoid",),
        "size_mm": ("10–19",),
        "paris": ("Ip",),
        "colour": ("red",),
        "surface": ("granular", "lobulated"),
    }


def test_an_empty_description_says_nothing() -> None:
    assert codes_of({}) == {}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (
            "2 cm pedunculated polyp in the sigmoid",
            {"state": ("polyp",), "segment": ("sigmoid",), "size_mm": ("20–29",), "paris": ("Ip",)},
        ),
        ("something red", {"colour": ("red",)}),
        ("lobulated, with mucus cap", {"surface": ("lobulated", "mucus cap")}),
        ("rectal polyp seen with NBI", {"state": ("polyp",), "segment": ("rectum",), "imaging": ("NBI",)}),
        ("peduncluated polyp", {"state": ("polyp",), "paris": ("Ip",)}),  # a slip of the pen
        ("60 mm", {"size_mm": ("≥30",)}),
        ("stalked, in the caecum", {"segment": ("caecum",), "paris": ("Ip",)}),
        ("yes", {}),
        ("", {}),
        ("… ?!", {}),
    ],
)
def test_free_words_are_read(typed: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert codes_of_text(typed) == expected


def test_the_first_finding_of_a_text_decides() -> None:
    codes = codes_of_text("5 mm sessile polyp in the rectum. 20 mm pedunculated polyp in the caecum.")
    assert codes["size_mm"] == ("≤5",)
    assert codes["segment"] == ("rectum",)


def test_every_name_that_a_description_gives_is_known() -> None:
    known = all_names()
    assert len(set(known)) == len(known)
    assert set(names(codes_of(FULL))) <= set(known)
    assert names({"segment": ("sigmoid",), "surface": ("granular", "lobulated")}) == [
        "segment=sigmoid",
        "surface=granular",
        "surface=lobulated",
    ]
