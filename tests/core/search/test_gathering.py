"""What a catalogue has to learn from."""

from __future__ import annotations

import datetime as dt

import pytest

from core.catalog import operations, queries
from core.errors import PolypTraceError
from core.inference.embedder import Embedder
from core.legacy.entries import Entry
from core.legacy.filing import new_reports
from core.search.gathering import gather
from core.search.samples import THINNED
from core.text.legacy.reading import read_findings

from ..matching.conftest import Filed, lose_video


def test_described_findings_are_gathered_with_their_pictures(filed: Filed, embedder: Embedder) -> None:
    found = gather(filed.catalog, embedder)
    assert set(found.parts) == {"train"}, "two patients are too few to hold one back"
    train = found.parts["train"]
    assert len(train.seen) == 4
    assert all(one.frames.shape[1] == embedder.dim and len(one.frames) for one in train.seen)
    assert len({one.lesion for one in train.seen}) == 4
    assert len(train.told) == 4 * (1 + THINNED)
    whole = train.told[0]
    assert whole.words.codes["segment"] == whole.codes["segment"] == ("sigmoid",)
    (note,) = found.notes
    assert "2 patients have described findings, and it takes 6" in note
    assert "a lesion is one patient's" in gather(filed.catalog, embedder, "lesion").notes[0]


def test_without_its_video_a_finding_counts_by_its_words(filed: Filed, embedder: Embedder) -> None:
    lose_video(filed.catalog, filed.one)
    found = gather(filed.catalog, embedder)
    assert [len(one.frames) > 0 for one in found.parts["train"].seen].count(False) == 1
    assert found.notes[0] == "The pictures of 1 clip couldn't be read."


def test_too_few_descriptions_are_refused(filed: Filed, embedder: Embedder) -> None:
    finding = queries.clip(filed.catalog, filed.other).finding_id
    operations.describe(filed.catalog, finding, {}, author="test")
    with pytest.raises(PolypTraceError) as refused:
        gather(filed.catalog, embedder)
    assert refused.value.code == "search-too-few"


def test_accepted_findings_of_legacy_reports_are_learnt_from(filed: Filed, embedder: Embedder) -> None:
    words = "Two polyps: 4 mm in the rectum and 25 mm in the caecum."
    entries = [
        Entry(row, code, dt.date(2019, 1, 1), text, read_findings(text))
        for row, (code, text) in enumerate((("a", words), ("X", "A 12 mm sessile polyp in the sigmoid.")))
    ]
    operations.add_legacy_reports(filed.catalog, new_reports(entries), author="test")
    assert len(gather(filed.catalog, embedder).parts["train"].told) == 4 * (1 + THINNED), (
        "nobody accepted any"
    )
    last = max(one.id for known in queries.legacy_reports(filed.catalog) for one in known.findings)
    operations.accept_legacy_findings(filed.catalog, {last: {"segment": "rectum"}}, author="test")
    told = gather(filed.catalog, embedder).parts["train"].told[4 * (1 + THINNED) :]
    assert [one.codes for one in told] == [{"segment": ("rectum",)}], "as it was corrected"
    assert told[0].words.codes["segment"] == ("sigmoid",), "as its words are read"
