"""Plain descriptors, place and size read from texts, texts dealt anew, and the text leak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from core.data.manifest import Row
from core.evaluation.baselines import (
    FEWEST_TO_DEAL,
    colour_histogram,
    lesion_count,
    location_vectors,
    shuffled_texts,
    text_leak,
)
from core.evaluation.items import Items, pool
from core.evaluation.place_and_size import place_and_size, segment_count
from core.evaluation.scores import score_blocks
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


def two_sides(lesions: int) -> tuple[list[Row], list[Row]]:
    """Lesions with two clips a side, the first of them with two frames; texts name their lesion."""
    sides = []
    for split in ("query", "gallery"):
        both = [(n, k) for n in range(lesions) for k in "ab"]
        own = [row(f"{split}{n}{k}", f"{n}", f"{n}, {split} {k}", split) for n, k in both]
        sides.append([own[0], *own])
    return sides[0], sides[1]


def givers(rows: list[Row], dealt: list[str]) -> dict[str, set[str]]:
    """The lesions whose texts each lesion's clips got."""
    found: dict[str, set[str]] = {}
    for each, text in zip(rows, dealt, strict=True):
        found.setdefault(str(each.polyp_id), set()).add(text.split(",")[0])
    return found


@pytest.mark.parametrize("lesions", [FEWEST_TO_DEAL, 5, 12])
@pytest.mark.parametrize("seed", range(6))
def test_dealt_texts_lead_to_no_lesion(lesions: int, seed: int) -> None:
    query, gallery = two_sides(lesions)
    dealt = shuffled_texts(query, gallery, seed)
    ours, theirs = givers(query, dealt[: len(query)]), givers(gallery, dealt[len(query) :])
    for lesion in ours:
        assert len(ours[lesion]) == len(theirs[lesion]) == 1
        assert lesion not in ours[lesion] | theirs[lesion]
        assert not ours[lesion] & theirs[lesion]


def test_dealt_texts_are_all_of_their_side_and_one_a_clip() -> None:
    query, gallery = two_sides(6)
    dealt = shuffled_texts(query, gallery, seed=3)
    for rows, texts in ((query, dealt[: len(query)]), (gallery, dealt[len(query) :])):
        assert texts[0] == texts[1]
        assert sorted(texts[1:]) == sorted(each.text for each in rows[1:])
    assert dealt == shuffled_texts(query, gallery, seed=3)
    assert any(shuffled_texts(query, gallery, seed) != dealt for seed in range(4, 8))


def test_lesions_of_one_side_are_dealt_too() -> None:
    query, gallery = two_sides(5)
    ours, theirs = query[:5], gallery[5:]  # lesions 0 and 1; lesions 2 to 4
    for seed in range(8):
        dealt = shuffled_texts(ours, theirs, seed)
        found = givers(ours, dealt[:5]) | givers(theirs, dealt[5:])
        assert all(len(own) == 1 and lesion not in own for lesion, own in found.items())
    with pytest.raises(ValueError, match="too few"):
        shuffled_texts(query[:7], gallery[:5])


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


def test_the_same_place_and_size_tie_exactly() -> None:
    """In single precision a cosine of 1 comes out as 0.99999994 here and 1.0 there, and ties part."""
    texts = [f"{size} mm polyp in the {place}" for size in (3, 8, 15, 25) for place in ("sigmoid", "caecum")]
    rows = location_vectors(texts)
    gallery = pool(items_of(np.concatenate([rows, rows[::-1]])))
    query = pool(items_of(rows))
    scores = np.concatenate([block for _, block in score_blocks(query.vectors, gallery.vectors)])
    assert gallery.vectors.dtype == np.float64
    best = scores.max(axis=1)
    assert best.tolist() == [1.0] * len(texts)
    assert ((scores == best[:, None]).sum(axis=1) == 2).all()


def items_of(vectors: npt.NDArray[np.float64]) -> Items:
    count = len(vectors)
    names = [str(at) for at in range(count)]
    return Items(vectors, names, list(names), names, [1] * count, [None] * count, [False] * count)
