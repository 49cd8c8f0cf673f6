"""Figures of search on findings whose truth is known."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from core.search.coded import Codes
from core.search.features import Words
from core.search.figures import (
    CLIP_TO_REPORT,
    FUZZY,
    OURS,
    RAW,
    REPORT_TO_CLIP,
    TEXT_TO_CLIP,
    WORDS_TO_CLIP,
    SearchItem,
    search_figures,
    tables,
)
from core.search.vectors import WordSpace

SIGMOID: Codes = {"segment": ("sigmoid",), "paris": ("Ip",), "size_mm": ("10–19",)}
RECTUM: Codes = {"segment": ("rectum",), "paris": ("IIa",), "size_mm": ("≤5",)}


def item(patient: str, lesion: str, exam: int, codes: Codes, frames: np.ndarray) -> SearchItem:
    text = f"A polyp in the {codes['segment'][0]}, Paris {codes['paris'][0]}."
    return SearchItem(patient, lesion, exam, Words(codes), text, frames, text, {"segment": codes["segment"]})


@pytest.fixture
def items(space: WordSpace) -> list[SearchItem]:
    """Two patients with the same two lesions at two exams each."""
    length = space.reader.shape.modalities["clip"].features
    rng = np.random.default_rng(3)
    made = []
    for patient in ("a", "b"):
        for lesion, codes in (("1", SIGMOID), ("2", RECTUM)):
            for exam in (1, 2):
                frames = rng.normal(size=(2, length)).astype(np.float32)
                made.append(item(patient, lesion, exam, codes, frames))
    return made


def raw(length: int) -> object:
    return lambda texts: np.eye(length, dtype=np.float32)[[len(text) % length for text in texts]]


def test_each_question_counts_what_answers_it(space: WordSpace, items: list[SearchItem]) -> None:
    found = search_figures(space, items, raw(items[0].frames.shape[1]))  # type: ignore[arg-type]
    short = found[WORDS_TO_CLIP][OURS]
    assert (short["queries"], short["hit_1"], short["mAP_interval"]) == (12, 1, None)
    assert list(found) == [WORDS_TO_CLIP, TEXT_TO_CLIP, CLIP_TO_REPORT, REPORT_TO_CLIP]
    ours = found[TEXT_TO_CLIP][OURS]
    assert ours["queries"] == 8
    assert ours["mAP"] == pytest.approx(1), "words alone tell the two kinds apart"
    assert ours["mAP_interval"] == pytest.approx((1, 1))
    assert found[TEXT_TO_CLIP][FUZZY]["hit_1"] == 1
    own = found[REPORT_TO_CLIP][OURS]
    assert own["own_patient_hit_1"] == 1, "the other exam of the same lesion; its own exam is left out"
    assert own["own_patient_queries"] == 8
    assert own["mAP"] is not None
    assert own["mAP"] < 1, "another patient's lesion of the same kind can't be told by words"
    page = "\n".join(tables(found))
    assert page.count(f"| {RAW} |") == 3
    assert "| text -> clip, 8 queries | mAP | hit 1 | hit 5 | hit 10 |" in page


def test_a_report_that_says_no_kind_asks_nothing(space: WordSpace, items: list[SearchItem]) -> None:
    silent = [msgspec.structs.replace(one, said={}) for one in items]
    found = search_figures(space, silent, raw(items[0].frames.shape[1]))  # type: ignore[arg-type]
    assert found[TEXT_TO_CLIP][OURS]["mAP"] is None
    assert "| – |" in "\n".join(tables(found))
