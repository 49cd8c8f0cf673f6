"""Queries taken apart and put into words."""

from __future__ import annotations

import pytest

from core.errors import PolypTraceError
from core.search.features import Words
from core.search.query import SearchQuery, segment_of, understood, without_each_code, without_each_word


def test_each_word_is_left_out_once_with_its_unit() -> None:
    assert without_each_word("2 cm polyp, sigmoid!") == [
        ("2 cm", "polyp, sigmoid!"),
        ("polyp", "2 cm   sigmoid!"),
        ("sigmoid", "2 cm polyp,"),
    ]
    typed = "≥ 2 cm or 5-10 mm, 5 to 8 mm Paris Is, NICE 2 nice polyp 3"
    told = [word for word, _ in without_each_word(typed)]
    assert told == ["≥ 2 cm", "or", "5-10 mm", "5 to 8 mm", "Paris Is", "NICE 2", "nice", "polyp", "3"]
    assert without_each_word("?") == []
    assert without_each_word("  ") == []


def test_each_field_is_left_out_once() -> None:
    codes = {"size_mm": ("20–29", "≥30"), "stalk": ("short",), "segment": ("sigmoid",)}
    assert [word for word, _ in without_each_code(codes)] == ["20–29 or ≥30 mm", "short stalk", "sigmoid"]
    assert all(len(rest) == 2 for _, rest in without_each_code(codes))


def test_words_come_on_top_of_the_clip_that_is_meant() -> None:
    like = Words({"segment": ("rectum",), "paris": ("Is",)}, "tiny")
    meant = understood(SearchQuery(text="in the sigmoid", like=3), like)
    assert meant.words.codes == {"segment": ("sigmoid",), "paris": ("Is",)}
    assert meant.words.free.startswith("tiny")


@pytest.mark.parametrize(
    ("typed", "code"), [("sigmoid colon", "sigmoid"), ("SIGMOID", "sigmoid"), ("cecum", "caecum")]
)
def test_segments_are_understood_as_people_write_them(typed: str, code: str) -> None:
    assert segment_of(typed) == code


def test_an_unknown_segment_is_refused_with_all_names() -> None:
    with pytest.raises(PolypTraceError) as refused:
        segment_of("elbow")
    assert refused.value.code == "segment-unknown"
    assert "sigmoid" in refused.value.hint


@pytest.mark.parametrize("typed", ["sigmoid and rectum", "left colon"])
def test_several_segments_are_refused(typed: str) -> None:
    with pytest.raises(PolypTraceError) as refused:
        segment_of(typed)
    assert "several" in str(refused.value)
