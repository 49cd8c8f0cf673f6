"""What stands beside a model's figures: plain descriptors that it has to beat, texts dealt anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from core.data.manifest import Row
from core.evaluation.items import unit_rows
from core.evaluation.place_and_size import place_and_size, segment_count
from core.text.vocabulary import load

HISTOGRAM_BINS = (16, 8, 8)
"""Hue, saturation, value."""
FEWEST_TO_DEAL = 4
"""Lesions that texts are dealt between: with two a giver would serve both sides of a lesion or be itself,
with three the seed would decide next to nothing."""


def colour_histogram(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The plain descriptor: HSV histogram, square root, so that its cosine is the Bhattacharyya coefficient.

    Args:
        crop: (h, w, 3) uint8 RGB.

    Returns:
        (1024,) float32 of length 1.
    """
    hsv = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(HISTOGRAM_BINS), [0, 180, 0, 256, 0, 256])
    return np.asarray(np.sqrt(counts.ravel() / counts.sum()), dtype=np.float32)


def location_vectors(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Segment and size alone, as read from the texts: neighbouring segments and size bins are alike.

    Args:
        texts: N model texts, report texts or free words.

    Returns:
        (N, segments + bins) float64, L2 rows: half the cosine is the place, half the size. What a text
        doesn't say is zero, so a text without either is like nothing. In double precision, because there are
        few different ones: most ranks are ties, and they have to be true ones.
    """
    segments, bins = segment_count(), len(load().bins)
    known = {text: place_and_size(text) for text in set(texts)}
    rows = [
        np.concatenate([_soft(place, segments), _soft(size, bins)])
        for place, size in (known[text] for text in texts)
    ]
    return unit_rows(np.array(rows))


def shuffled_texts(query: Sequence[Row], gallery: Sequence[Row], seed: int = 0) -> list[str]:
    """Texts dealt anew between the lesions, so that a text says nothing about its picture any more.

    All frames of a clip get the same text, from a clip of another lesion. Both sides are dealt together: a
    lesion's gallery clips get theirs from another giver than its query clips, or the texts would still lead
    from one to the other. A giver that one side doesn't show gives its texts of the other side.

    Args:
        query: rows that ask.
        gallery: rows that answer.
        seed: of the deal.

    Returns:
        One text a row, the query's first.

    Raises:
        ValueError: fewer lesions than :data:`FEWEST_TO_DEAL` (see :func:`lesion_count`).
    """
    sides = [_clips_by_lesion(query), _clips_by_lesion(gallery)]
    lesions = list(dict.fromkeys([*sides[0], *sides[1]]))
    if len(lesions) < FEWEST_TO_DEAL:
        raise ValueError(f"{len(lesions)} lesions are too few to deal texts between")
    order = np.random.default_rng(seed).permutation(len(lesions)).tolist()
    text_of = {row.clip_id: row.text for row in [*query, *gallery]}
    dealt: dict[str, str] = {}
    for step, (side, other) in enumerate([sides, sides[::-1]], start=1):
        for place, at in enumerate(order):
            giver = lesions[order[place - step]]
            given = side.get(giver) or other[giver]
            for number, clip in enumerate(side.get(lesions[at], [])):
                dealt[clip] = text_of[given[number % len(given)]]
    return [dealt[row.clip_id] for row in [*query, *gallery]]


def _clips_by_lesion(rows: Sequence[Row]) -> dict[object, list[str]]:
    """The clips of each lesion; one without a known identity is a lesion of its own."""
    found: dict[object, list[str]] = defaultdict(list)
    for row in {row.clip_id: row for row in rows}.values():
        found[row.identity or ("", row.clip_id)].append(row.clip_id)
    return dict(found)


def lesion_count(rows: Sequence[Row]) -> int:
    """How many lesions the rows show, every clip without a known identity counted as one of its own."""
    return len({row.identity or ("", row.clip_id) for row in rows})


def text_leak(query: Sequence[Row], gallery: Sequence[Row]) -> float | None:
    """Share of clip pairs of one lesion, query and gallery, that carry the very same sentence.

    A sentence written once per lesion and used for both exams lets the text alone solve the task. Case and
    blanks don't count.

    Returns:
        In 0…1; None when no lesion has a text on both sides.
    """
    ours, theirs = _sentences(query), _sentences(gallery)
    pairs = [
        mine == other for lesion, own in ours.items() for mine in own for other in theirs.get(lesion, [])
    ]
    return sum(pairs) / len(pairs) if pairs else None


def shared_text(rows: Sequence[Row]) -> float | None:
    """Share of lesions that carry, to the letter, the text of another lesion of the same patient's exam.

    A text written once per patient, not once per lesion, tells the patient's lesions apart no better than no
    text. Counted are lesions with a text in exams that show at least two such. Case and blanks don't count.

    Returns:
        In 0…1; None where no exam shows two lesions with a text.
    """
    exams: dict[tuple[str, int], dict[object, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row.identity is not None and row.text.strip():
            exams[row.patient_id, row.exam][row.identity].add(" ".join(row.text.casefold().split()))
    shared = [
        any(said & others for name, others in lesions.items() if name != lesion)
        for lesions in exams.values()
        if len(lesions) > 1
        for lesion, said in lesions.items()
    ]
    return sum(shared) / len(shared) if shared else None


def _sentences(rows: Sequence[Row]) -> dict[tuple[str, str], list[str]]:
    """The folded texts of every clip with text and known identity, by lesion."""
    clips = {row.clip_id: row for row in rows}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in clips.values():
        if row.identity is not None and row.text.strip():
            found[row.identity].append(" ".join(row.text.casefold().split()))
    return found


def _soft(place: int | None, length: int) -> npt.NDArray[np.float64]:
    """A Gaussian of one step around a place on an ordered scale, of length 1; zeros without a place."""
    if place is None:
        return np.zeros(length)
    bump = np.exp(-((np.arange(length) - place) ** 2) / 2)
    return np.asarray(bump / np.linalg.norm(bump))
