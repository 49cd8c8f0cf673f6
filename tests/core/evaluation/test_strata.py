"""Figures by size, segment, light and months, on clips whose vectors and records are known by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from core.data.manifest import Row
from core.evaluation.asking import ask_all
from core.evaluation.comparison import compare
from core.evaluation.items import frames
from core.evaluation.protocols import catalogue_ranks
from core.evaluation.strata import Strata, light_of, strata

# clip, patient, polyp, exam, degrees, text, months after the first exam, light
Clip = tuple[str, str, str | None, int, float, str, int | None, str | None]
GALLERY: list[Clip] = [
    ("a", "P1", "A", 1, 10, "", 0, "white"),
    ("b", "P1", "B", 1, 50, "", 0, "white"),
    ("c", "P2", "C", 1, 90, "", 0, "white"),
]
QUERIES: list[Clip] = [
    ("qa", "P1", "A", 2, 12, "A 4 mm polyp in the rectum.", 3, "white"),
    ("qb", "P1", "B", 2, 88, "A 4 mm polyp in the caecum.", 3, "narrow-band"),  # taken for c; in P1 it is b
    ("qc", "P2", "C", 2, 91, "A 12 mm polyp in the rectum.", 30, "narrow-band"),
    ("qn", "P2", "N", 2, 40, "A polyp.", 30, "white"),
]


def row(clip: Clip, split: str, bare: bool) -> Row:
    name, patient, polyp, exam, _, text, months, light = clip
    date = None if bare or months is None else dt.date(2020, 1, 1) + dt.timedelta(days=round(30.44 * months))
    return Row(
        name, Path(name), None, patient, polyp, exam, split, "" if bare else text, None, date,
        None if bare else light,
    )  # fmt: skip


def found(queries: list[Clip] = QUERIES, bare: bool = False) -> Strata:
    sides = []
    for clips, split in ((queries, "query"), (GALLERY, "gallery")):
        turns = np.radians([clip[4] for clip in clips])
        vectors = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)
        sides.append(([row(clip, split, bare) for clip in clips], vectors))
    (asking, theirs), (answering, own) = sides
    compared = compare(frames(asking, theirs), frames(answering, own))
    rows = {one.clip_id: one for one in [*asking, *answering]}
    return strata(compared, catalogue_ranks(compared), ask_all(compared), rows)


def test_each_query_counts_where_its_record_puts_it() -> None:
    made = found()
    assert made.reasons == {}
    assert made.size is not None
    assert list(made.size) == ["≤5", "10–19", "unknown"]
    small = made.size["≤5"]
    assert (small.queries, small.new, small.patients, small.rank1) == (2, 0, 1, 0.5)
    # b stands second for qb: a precision of 1/2.
    assert small.mean_average_precision == pytest.approx((1 + 1 / 2) / 2)
    assert (small.within_rank1, small.chance) == (1.0, 0.5)
    assert (made.size["10–19"].rank1, made.size["unknown"].rank1) == (1.0, None)
    assert (made.size["unknown"].queries, made.size["unknown"].new) == (0, 1)
    assert made.segment is not None
    assert list(made.segment) == ["caecum", "rectum", "unknown"]
    assert (made.segment["caecum"].rank1, made.segment["rectum"].rank1) == (0.0, 1.0)
    # Two patients of two: an interval; one patient: none.
    assert made.segment["rectum"].intervals["rank1"] == (1.0, 1.0)
    assert made.segment["caecum"].intervals == {}


def test_queries_of_unknown_identity_are_in_no_stratum() -> None:
    strangers: list[Clip] = [
        ("qu", "P3", None, 2, 50, "A 4 mm polyp in the rectum.", 3, "white"),
        ("qv", "P3", None, 2, 50, "A 25 mm polyp in the rectum.", 3, "white"),
    ]
    assert found([*QUERIES, *strangers]) == found()


def test_light_and_months() -> None:
    made = found()
    assert made.light is not None
    assert {name: (one.queries, one.new) for name, one in made.light.items()} == {
        "narrow-band": (2, 0), "white": (1, 1)
    }  # fmt: skip
    assert made.light_change is not None
    assert {name: one.queries + one.new for name, one in made.light_change.items()} == {
        "same light": 2, "other light": 2
    }  # fmt: skip
    assert made.gap_months is not None
    assert list(made.gap_months) == ["under 6", "24 to 35"]
    assert (made.gap_months["under 6"].queries, made.gap_months["24 to 35"].new) == (2, 1)


def test_what_nobody_wrote_down_is_null_with_a_reason() -> None:
    made = found(bare=True)
    assert made.size is made.segment is made.light is made.light_change is made.gap_months is None
    assert set(made.reasons) == {"size", "segment", "light", "light_change", "gap_months"}
    assert "date" in made.reasons["gap_months"]
    undated = [(*QUERIES[0][:6], None, *QUERIES[0][7:]), *QUERIES[1:]]
    half = found(undated)
    assert half.gap_months is not None
    assert list(half.gap_months) == ["under 6", "24 to 35", "unknown"]


@pytest.mark.parametrize(
    ("light", "text", "expected"),
    [
        ("narrow-band", "Seen in white light imaging.", "narrow-band"),
        (None, "Seen in narrow band imaging.", "NBI"),
        (None, "Seen in white light imaging.", "white"),
        (None, "A polyp.", None),
    ],
)
def test_the_manifest_says_the_light_or_else_the_text(
    light: str | None, text: str, expected: str | None
) -> None:
    one = Row("c", Path("x"), None, "P", "A", 1, "query", text, None, None, light)
    assert light_of(one) == expected
