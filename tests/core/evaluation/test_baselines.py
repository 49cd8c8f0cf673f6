"""Plain descriptors, place and size read from texts, texts dealt anew, and the text leak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data.manifest import Row
from core.evaluation.baselines import (
    colour_histogram,
    lesion_count,
    location_vectors,
    shuffled_texts,
    text_leak,
)
from core.evaluation.place_and_size import place_and_size, segment_count
from core.text.vocabulary import load

SIGMOID = load().field("segment").codes.index("sigmoid")
CAECUM = load().field("segment").codes.index("caecum")


def row(clip: str, polyp: str | None, text: str, split: str = "query", patient: str = "P1") -> Row:
    return Row(clip, Path("/nowhere.png"), None, patient, polyp, 1, split, text)


def test_histogram_knows_colours_and_forgets_places() -> None:
    red = np.zeros((8, 8, 3), dtype=np.uint8)
    red[..., 0] = 200
    half = red.copy()
    half[:4] = (0, 0, 200)
    turned = half[:, ::-1].transpose(1, 0, 2)
    assert colour_histogram(red).shape == (1024,)
    assert np.linalg.norm(colour_histogram(half)) == pytest.approx(1)
    # Square roots of shares: 1·√½ + 0·√½.
    assert colour_histogram(red) @ colour_histogram(half) == pytest.approx(np.sqrt(0.5))
    assert colour_histogram(half) @ colour_histogram(np.ascontiguousarray(turned)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "segment", "size_bin"),
    [
        ("A sessile polyp, Paris Is, about 6 to 9 mm, in the sigmoid colon.", SIGMOID, 1),
        ("A polyp, Paris Is, at most 5 mm, in the caecum. Height about 10 to 19 mm.", CAECUM, 0),
        ("A lesion, at least 30 mm, segment not recorded.", None, 4),
        ("1 x 3mm sessile polyp in sigmoid colon.", SIGMOID, 0),
        ("12 mm pedunculated polyp in the CECUM", CAECUM, 2),
        ("Large polyp of 2.5 cm; sigmoid", SIGMOID, 3),
        ("10mm sessile polyp in rectosigmoid : several", SIGMOID + 1, 2),
        ("Polyp 25 cm from the anal verge. Stalk 12 mm.", None, None),
        ("Size not recorded, in the caecum. Tattoo 30 mm away.", CAECUM, None),
        ("", None, None),
    ],
)
def test_place_and_size_of_any_text(text: str, segment: int | None, size_bin: int | None) -> None:
    assert place_and_size(text) == (segment, size_bin)


def test_every_spelling_of_every_segment_is_read() -> None:
    field = load().field("segment")
    for number, value in enumerate(field.values[: segment_count()]):
        for words in (value.code, value.report, *value.aliases):
            assert place_and_size(f"A 7 mm polyp, {words}.") == (number, 1), words


def test_location_is_soft_and_silent_texts_are_like_nothing() -> None:
    here, near, far, other_size, silent, again = location_vectors(
        [
            "8 mm, sigmoid",
            "8 mm, descending",
            "8 mm, caecum",
            "40 mm, sigmoid",
            "a polyp",
            "polyp of 8 mm in the sigmoid",
        ]
    )
    assert here @ again == pytest.approx(1)
    assert 1 > here @ near > here @ far > 0.49
    assert 0.5 < here @ other_size < here @ near
    assert not silent.any()


def test_dealt_texts_leave_no_clip_its_own() -> None:
    rows = [row(f"c{at}", f"{at // 2}", f"lesion {at // 2}, exam {at % 2}") for at in range(10)]
    rows += [row("c9", "4", "lesion 4, exam 1")]
    dealt = shuffled_texts(rows, seed=3)
    assert all(new.split(",")[0] != old.text.split(",")[0] for new, old in zip(dealt, rows, strict=True))
    assert sorted(dealt[:10]) == sorted(each.text for each in rows[:10])
    assert dealt[9] == dealt[10]
    assert dealt == shuffled_texts(rows, seed=3)
    assert any(shuffled_texts(rows, seed=3) != shuffled_texts(rows, seed=seed) for seed in range(4, 8))


def test_lesions_without_identity_are_counted_by_clip() -> None:
    rows = [row("a", "1", ""), row("b", "1", ""), row("c", None, ""), row("d", None, ""), row("d", None, "")]
    assert lesion_count(rows) == 3
    assert lesion_count([row("a", "1", ""), row("b", "1", "", patient="P2")]) == 2


def test_text_leak_by_hand() -> None:
    query = [
        row("a", "1", "Sessile polyp."),
        row("a", "1", "Sessile polyp."),
        row("b", "2", "Flat."),
        row("c", None, "x"),
    ]
    gallery = [
        row("d", "1", "sessile  POLYP.", "gallery"),  # the same but for case and blanks
        row("e", "2", "Flat, pale.", "gallery"),
        row("f", "2", "Raised.", "gallery"),
        row("g", None, "x", "gallery"),  # two unknown identities are no pair
        row("h", "3", "Flat.", "gallery"),  # another lesion
    ]
    assert text_leak(query, gallery) == pytest.approx(1 / 3)
    assert text_leak(query[2:], gallery) == 0
    assert text_leak([row("a", "1", "")], gallery) is None
    # Two patients may both have a "polyp 1".
    assert text_leak([row("a", "1", "Sessile polyp.", patient="P9")], gallery) is None
