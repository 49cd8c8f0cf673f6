"""What is typed on a command line: read in any spelling, refused in words that name what is allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import PolypTraceError
from core.text.description import diff, load_values, merge, parse_setting


@pytest.mark.parametrize(
    ("typed", "key", "value"),
    [
        ("size_mm=8", "size_mm", 8), ("size=8 mm", "size_mm", 8), ("Size-MM = 8", "size_mm", 8),
        ("dist_av_cm=12,5", "dist_av_cm", 12.5), ("distance=12.5 cm", "dist_av_cm", 12.5),
        ("clock=3 o'clock", "wall_clock", 3), ("segment=Sigmoid Colon", "segment", "sigmoid"),
        ("segment=cecum", "segment", "caecum"), ("paris=0-IIa", "paris", "IIa"), ("paris=sessile", "paris",
        "Is"), ("paris=isp", "paris", "Isp"), ("surface=granular, nodular", "surface", ["granular",
        "nodular"]), ("surface=Cloud like", "surface", ["cloud-like"]), ("magnified=yes", "magnified", True),
        ("magnified=0", "magnified", False), ("imaging=narrow band imaging", "imaging", "NBI"),
        ("nice=2", "nice", "2"), ("color=Reddish", "colour", "red"), ("colour=", "colour", None),
        ("histology=>=pT2", "histology", "carcinoma ≥pT2"), ("free_text=  as = typed ", "free_text",
        "  as = typed "),
    ],
)  # fmt: skip
def test_reads_what_people_type(typed: str, key: str, value: Any) -> None:
    assert parse_setting(typed) == (key, value)


@pytest.mark.parametrize(
    ("typed", "code", "in_hint"),
    [
        ("size_mm", "description-setting", "size_mm=8"), ("=8", "description-setting", "size_mm=8"),
        ("segmnt=caecum", "description-key", "segment"), ("colr=red", "description-key", "colour"),
        ("lesion_no=2", "description-key", "Leave it out"), ("author=me", "description-key", "Leave it out"),
        ("segment=sigmiod", "description-value", "Did you mean 'sigmoid'?"),
        ("segment=xyz", "description-value", "terminal ileum, ileocaecal valve, caecum"),
        ("colour=redd", "description-value", "Did you mean 'red'?"), ("paris=IIx", "description-value",
        "IIa+IIc"), ("surface=granular,villos", "description-value", "Did you mean 'villous'?"),
        ("surface=smooth,not assessable", "description-value", "smooth"),
        ("size_mm=0", "description-value", "Allowed: 1 to 150 mm."), ("size_mm=151", "description-value",
        "1 to 150"), ("size_mm=8.5", "description-value", "1 to 150"), ("size_mm=big", "description-value",
        "1 to 150"), ("size_mm=1 km", "description-value", "1 to 150"), ("size_mm=nan", "description-value",
        "1 to 150"), ("dist_av_cm=12.3", "description-value", "0 to 200 cm"), ("wall_clock=13",
        "description-value", "1 to 12 h"), ("magnified=perhaps", "description-value", "yes, no"),
        ("clips=-1", "description-value", "0 to 50"),
    ],
)  # fmt: skip
def test_refuses_in_words(typed: str, code: str, in_hint: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        parse_setting(typed)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert in_hint in caught.value.hint


def test_free_text_has_a_limit() -> None:
    assert parse_setting("free_text=" + "x" * 400)[1] == "x" * 400
    with pytest.raises(PolypTraceError, match="longer than 400"):
        parse_setting("free_text=" + "x" * 401)


def test_merge_sets_and_clears() -> None:
    merged = merge({"size_mm": 8, "colour": "red"}, {"size": "9", "colour": None, "fold": "on fold"})
    assert merged == {"size_mm": 9, "fold": "on fold"}


def test_diff_tells_what_changed_in_the_order_of_the_form() -> None:
    changes = diff({"size_mm": 8, "colour": "red"}, {"size_mm": 9, "segment": "caecum", "colour": "red"})
    assert [(c.key, c.before, c.after) for c in changes] == [("segment", None, "caecum"), ("size_mm", 8, 9)]


def test_reads_a_file(tmp_path: Path) -> None:
    file = tmp_path / "description.json"
    file.write_text(json.dumps({"values": {"size": "8", "paris": "Is"}}), encoding="utf-8-sig")
    assert load_values(file) == {"size_mm": 8, "paris": "Is"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"not json", "description-file"), (b"[1]", "description-file"), (b"\xff\xfe", "description-file"),
        (b'{"size_mm": NaN}', "description-file"), (b"[" * 100_000, "description-file"),
        (b'{"sise": 8}', "description-key"), (b'{"size_mm": 999}', "description-value"),
        (b'{"surface": [[]]}', "description-value"), (b" " * 1_000_001, "description-file"),
    ],
)  # fmt: skip
def test_refuses_a_file_in_words(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "description.json"
    file.write_bytes(content)
    with pytest.raises(PolypTraceError) as caught:
        load_values(file)
    assert caught.value.code == code


def test_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(PolypTraceError) as caught:
            load_values(path)
        assert caught.value.code == "description-file"
