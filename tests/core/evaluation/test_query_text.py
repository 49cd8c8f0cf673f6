"""The query's text on the whole gallery: against the plain double loop, whole and as a re-rank.

A crop is its angle, a text turns it: the fused vector points to the angle plus half of what the text says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from core.data.manifest import Row
from core.errors import Cancelled, PolypTraceError
from core.evaluation.comparison import Comparison, compare
from core.evaluation.items import frames, pool
from core.evaluation.query_text import Level, QueryText, query_text_scores
from core.progress import CancelToken, Progress


def turned(angle: float, text: str | None) -> np.ndarray:
    said = re.search(r"\d+", text or "")
    # Not linear in the text, or every gallery would only turn as a whole.
    turn = np.radians(angle + (0 if said is None else 0.5 * float(said[0]) * np.cos(np.radians(angle))))
    return np.array([np.cos(turn), np.sin(turn)])


class Turner:
    """Image tokens are (angle, 0)."""

    def __init__(self) -> None:
        self.fused: list[tuple[str | None, int]] = []

    def looks(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        raise AssertionError("they are there already")

    def fuse(self, looks: np.ndarray, text: str | None, cancel: CancelToken | None = None) -> np.ndarray:
        if cancel is not None:
            cancel.raise_if_cancelled()
        self.fused.append((text, len(looks)))
        return np.array([turned(angle, text) for angle, _ in looks], np.float32).reshape(-1, 2)


QUERIES = [("q1", 20, "30"), ("q1", 24, "30"), ("q2", 60, "10"), ("q3", 5, ""), ("q4", 70, "30")]
GALLERY = [("g1", 0, "5"), ("g1", 10, "5"), ("g2", 30, "9"), ("g3", 50, ""), ("g4", 80, "2"), ("g5", 44, "7")]


def row(clip: str, text: str, exam: int) -> Row:
    patient = "P1" if clip in ("q1", "q4", "g1", "g2", "g3") else "P2"
    return Row(clip, Path(clip), None, patient, clip[1:], exam, "gallery", text)


def levels() -> tuple[list[Level], np.ndarray]:
    asking, answering = [row(c, t, 2) for c, _, t in QUERIES], [row(c, t, 1) for c, _, t in GALLERY]
    ours = np.array([turned(angle, text) for _, angle, text in QUERIES], np.float32)
    theirs = np.array([turned(angle, text) for _, angle, text in GALLERY], np.float32)
    single = compare(frames(asking, ours), frames(answering, theirs))
    pooled = compare(pool(single.query), pool(single.gallery))
    texts = {one.clip_id: one.text for one in asking}
    tokens = np.array([(angle, 0) for _, angle, _ in GALLERY], np.float32)
    clip_of = np.array([0, 0, 1, 2, 3, 4])
    return [
        Level(single, [one.text for one in asking], np.arange(6)),
        Level(pooled, [texts[clip] for clip in pooled.query.clips], clip_of),
    ], tokens


def by_loop(level: Level, tokens: np.ndarray) -> np.ndarray:
    """Every pair for itself, as one would write it down."""
    count = len(level.compared.gallery.clips)
    scores = np.zeros((len(level.texts), count))
    for at, text in enumerate(level.texts):
        for item in range(count):
            own = np.mean([turned(tokens[f, 0], text) for f in np.flatnonzero(level.item_of == item)], axis=0)
            scores[at, item] = level.compared.query.vectors[at] @ own / np.linalg.norm(own)
    return scores


def test_all_pairs_are_those_of_the_loop() -> None:
    both, tokens = levels()
    fuser = Turner()
    steps: list[Progress] = []
    found = query_text_scores(both, tokens, QueryText(fuser), steps.append)
    for level, scores in zip(both, found, strict=True):
        np.testing.assert_allclose(scores, by_loop(level, tokens), atol=1e-6)
    # Three different texts, the empty one among them, each fused once for frames and clips together.
    assert sorted(fuser.fused, key=str) == [("10", 6), ("30", 6), (None, 6)]
    assert [(step.done, step.total) for step in steps] == [(6, 18), (12, 18), (18, 18)]


def order(compared: Comparison, scores: np.ndarray, at: int) -> list[int]:
    return np.argsort(-scores[at], kind="stable").tolist()


def test_a_re_rank_puts_the_first_anew_and_leaves_the_rest() -> None:
    both, tokens = levels()
    fuser = Turner()
    clips = both[1]
    (scores,) = query_text_scores([clips], tokens, QueryText(fuser, first=2))
    naive = by_loop(clips, tokens)
    usual = clips.compared.query.vectors @ clips.compared.gallery.vectors.T
    own_patient = {0: [0, 1, 2], 1: [3, 4], 2: [3, 4], 3: [0, 1, 2]}
    for at in range(4):
        first = np.argsort(-usual[at], kind="stable")[:2].tolist()
        mine = sorted(own_patient[at], key=lambda place: -usual[at, place])[:2]
        anew = sorted({*first, *mine}, key=lambda place: -naive[at, place])
        rest = [place for place in np.argsort(-usual[at], kind="stable").tolist() if place not in anew]
        assert order(clips.compared, scores, at) == [*anew, *rest]
        np.testing.assert_allclose(scores[at, anew], naive[at, anew], atol=1e-6)
    assert sum(count for _, count in fuser.fused) < 18
    # All of them, when the gallery is shorter than K.
    (whole,) = query_text_scores([clips], tokens, QueryText(Turner(), first=100))
    np.testing.assert_allclose(whole, naive, atol=1e-6)


def test_the_text_changes_the_ranking_here() -> None:
    both, tokens = levels()
    (scores,) = query_text_scores([both[1]], tokens, QueryText(Turner()))
    usual = both[1].compared.query.vectors @ both[1].compared.gallery.vectors.T
    assert any(order(both[1].compared, scores, at) != np.argsort(-usual[at]).tolist() for at in range(4))


def test_scores_that_are_no_numbers_are_refused() -> None:
    compared = levels()[0][1].compared
    scores = np.full((len(compared.query.clips), len(compared.gallery.clips)), 0.5)
    scores[0, 1] = np.nan
    with pytest.raises(PolypTraceError) as caught:
        msgspec.structs.replace(compared, scores=scores)
    assert caught.value.code == "evaluation-not-finite"


def test_it_can_be_cancelled() -> None:
    both, tokens = levels()
    token = CancelToken()
    with pytest.raises(Cancelled):
        query_text_scores(both, tokens, QueryText(Turner()), lambda _: token.cancel(), token)
