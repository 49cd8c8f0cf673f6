"""The ranking's contract: what stands in it, in which order, and when it stays hidden."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.catalog import operations, queries
from core.domain import Verdict
from core.errors import PolypTraceError
from core.evaluation.calibration import NoMatch
from core.inference.embedder import Embedder
from core.matching import ranking
from core.matching.explaining import explain_clips
from core.matching.indexing import stored_vectors
from core.matching.ranking import match_clip, no_match_answer

from .conftest import CAECUM, SIGMOID, Filed, file_clip, lose_video


def test_the_patients_earlier_clips_by_cosine(filed: Filed, embedder: Embedder) -> None:
    result = match_clip(filed.catalog, embedder, filed.query)
    assert {one.clip for one in result.patient} == {filed.one, filed.two}
    assert result.catalogue is None
    vectors = stored_vectors(filed.catalog, embedder, [filed.query, filed.one, filed.two])
    expected = dict(zip((filed.one, filed.two), vectors[1:] @ vectors[0], strict=True))
    assert {one.clip: one.score for one in result.patient} == pytest.approx(expected, abs=1e-5)
    scores = [one.score for one in result.patient if one.score is not None]
    assert scores == sorted(scores, reverse=True)


def test_the_catalogue_ranks_all_clips_outside_the_exam(filed: Filed, embedder: Embedder) -> None:
    whole = match_clip(filed.catalog, embedder, filed.query, everywhere=True)
    assert whole.catalogue is not None
    assert {one.clip for one in whole.catalogue} == {filed.one, filed.two, filed.other}
    cut = match_clip(filed.catalog, embedder, filed.query, everywhere=True, top=1)
    assert cut.catalogue == whole.catalogue[:1]
    assert len(cut.patient) == 2


def test_undescribed_clips_ask_nothing_and_answer_nothing(
    filed: Filed, embedder: Embedder, films: dict[str, Path]
) -> None:
    late = file_clip(filed.catalog, films["other"], "A", "2026-06-01", None)
    with pytest.raises(PolypTraceError) as refused:
        match_clip(filed.catalog, embedder, late)
    assert refused.value.code == "match-not-described"
    finding = queries.clip(filed.catalog, filed.one).finding_id
    operations.describe(filed.catalog, finding, {}, author="test")
    assert [one.clip for one in match_clip(filed.catalog, embedder, filed.query).patient] == [filed.two]


def test_later_exams_are_no_answer(filed: Filed, embedder: Embedder) -> None:
    result = match_clip(filed.catalog, embedder, filed.one)
    assert result.patient == ()
    assert result.no_match.is_no_match is True
    assert result.no_match.score is None


def test_a_rejected_pair_stands_last_and_is_marked(filed: Filed, embedder: Embedder) -> None:
    best = match_clip(filed.catalog, embedder, filed.query).patient[0].clip
    operations.give_verdict(
        filed.catalog, Verdict.REJECT, clip_id=filed.query, with_clip_id=best, author="test"
    )
    result = match_clip(filed.catalog, embedder, filed.query)
    assert [one.rejected for one in result.patient] == [False, True]
    assert result.patient[-1].clip == best
    assert result.no_match.score == result.patient[0].score


def test_a_rejection_rules_out_all_clips_of_the_lesion(
    filed: Filed, embedder: Embedder, films: dict[str, Path]
) -> None:
    later = file_clip(filed.catalog, films["other"], "A", "2025-06-01", CAECUM)
    for verdict, clip, other in (
        (Verdict.SAME, later, filed.one),
        (Verdict.REJECT, filed.query, filed.one),
    ):
        operations.give_verdict(filed.catalog, verdict, clip_id=clip, with_clip_id=other, author="test")
    result = match_clip(filed.catalog, embedder, filed.query)
    assert {one.clip: one.rejected for one in result.patient} == {
        filed.one: True,
        filed.two: False,
        later: True,
    }


def test_linked_clips_share_their_lesion(filed: Filed, embedder: Embedder) -> None:
    operations.give_verdict(
        filed.catalog, Verdict.SAME, clip_id=filed.query, with_clip_id=filed.one, author="test"
    )
    by_clip = {one.clip: one.lesion for one in match_clip(filed.catalog, embedder, filed.query).patient}
    assert by_clip[filed.one] == queries.lesion_of_clips(filed.catalog)[filed.query].id
    assert by_clip[filed.two] != by_clip[filed.one]


def test_probabilities_are_of_lesions_and_share_one(
    filed: Filed, embedder: Embedder, films: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = NoMatch(0.5, 4.0, -2.0, 80)
    monkeypatch.setattr(ranking, "rule_from", lambda _settings: rule)
    again = file_clip(filed.catalog, films["one"], "A", "2025-06-01", SIGMOID)
    operations.give_verdict(filed.catalog, Verdict.SAME, clip_id=again, with_clip_id=filed.one, author="test")
    result = match_clip(filed.catalog, embedder, filed.query, everywhere=True)
    shown = {one.clip: one.probability for one in result.patient}
    score = {one.clip: one.score or 0.0 for one in result.patient}
    expected = rule.probabilities([max(score[filed.one], score[again]), score[filed.two]])
    assert expected is not None
    assert shown[filed.one] == shown[again] == pytest.approx(expected[0])
    assert shown[filed.two] == pytest.approx(expected[1])
    assert sum(expected) < 1
    beside = {one.clip: one.probability for one in result.catalogue or ()}
    assert beside == shown | {filed.other: None}
    operations.give_verdict(
        filed.catalog, Verdict.REJECT, clip_id=filed.query, with_clip_id=filed.two, author="test"
    )
    left = {one.clip: one.probability for one in match_clip(filed.catalog, embedder, filed.query).patient}
    assert left[filed.two] is None
    assert (left[filed.one] or 0) > expected[0]


def test_what_is_not_a_lesion_is_ruled_out(
    filed: Filed, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "rule_from", lambda _settings: NoMatch(0.5, 4.0, -2.0, 80))
    best = match_clip(filed.catalog, embedder, filed.query).patient[0].clip
    operations.give_verdict(filed.catalog, Verdict.NOT_A_LESION, clip_id=best, author="test")
    result = match_clip(filed.catalog, embedder, filed.query)
    assert result.patient[-1].clip == best
    assert result.patient[-1].note == "recorded as not a lesion"
    assert result.patient[-1].probability is None
    assert result.no_match.score == result.patient[0].score


def test_a_note_says_what_was_linked_rejected_or_completely_removed(
    filed: Filed, embedder: Embedder, films: dict[str, Path]
) -> None:
    def notes() -> dict[int, str]:
        return {one.clip: one.note for one in match_clip(filed.catalog, embedder, filed.query).patient}

    assert notes() == {filed.one: "", filed.two: ""}
    two = queries.clip(filed.catalog, filed.two).finding_id
    operations.describe(filed.catalog, two, CAECUM | {"complete": "yes"}, author="test")
    asked = queries.clip(filed.catalog, filed.query).finding_id
    operations.describe(filed.catalog, asked, SIGMOID | {"complete": "yes"}, author="test")
    operations.give_verdict(
        filed.catalog, Verdict.SAME, clip_id=filed.query, with_clip_id=filed.one, author="test"
    )
    # The query's own removal came after: it says nothing of the earlier clip.
    assert notes() == {filed.one: "linked: same lesion", filed.two: "recorded as completely removed"}
    again = file_clip(filed.catalog, films["other"], "A", "2025-06-01", CAECUM)
    operations.give_verdict(
        filed.catalog, Verdict.RECURRENCE, clip_id=again, with_clip_id=filed.two, author="test"
    )
    assert notes()[again] == "recorded as completely removed"


def test_a_lost_gallery_video_is_listed_last_with_its_reason(filed: Filed, embedder: Embedder) -> None:
    lose_video(filed.catalog, filed.two)
    result = match_clip(filed.catalog, embedder, filed.query)
    assert result.patient[-1].clip == filed.two
    assert result.patient[-1].score is None
    assert result.patient[-1].reason
    assert result.warnings


def test_the_document_is_json_with_the_contracts_keys(filed: Filed, embedder: Embedder) -> None:
    document = match_clip(filed.catalog, embedder, filed.query, everywhere=True).as_dict()
    assert json.loads(json.dumps(document))
    assert {"query", "model", "device", "patient", "catalogue", "no_match", "notice"} <= set(document)
    assert document["query"] == filed.query
    assert document["query_info"]["evidence"]["source"] == "lesion box"
    assert {"clip", "lesion", "score", "probability"} <= set(document["patient"][0])
    assert {"score", "threshold", "is_no_match"} <= set(document["no_match"])


@pytest.mark.parametrize("score", [0.2, 0.5, 0.8])
def test_no_good_match_is_below_the_learnt_threshold(filed: Filed, embedder: Embedder, score: float) -> None:
    patient = match_clip(filed.catalog, embedder, filed.query).patient
    scored = [
        type(one)(**{f: getattr(one, f) for f in one.__struct_fields__} | {"score": score}) for one in patient
    ]
    answer = no_match_answer(NoMatch(0.5, 4.0, -2.0, 80), scored)
    assert answer.is_no_match is (score < 0.5)
    assert answer.score == score
    assert no_match_answer(None, scored).is_no_match is None


def test_explaining_writes_both_pictures(filed: Filed, embedder: Embedder, tmp_path: Path) -> None:
    document = explain_clips(
        filed.catalog, embedder.info, filed.query, filed.one, tmp_path / "out", device="cpu"
    )
    for side in ("query", "candidate"):
        assert Path(document[side]["path"]).read_bytes()[:4] == b"\x89PNG"
        assert np.isfinite(document[side]["strength"])
    result = match_clip(filed.catalog, embedder, filed.query)
    score = next(one.score for one in result.patient if one.clip == filed.one)
    # The score is of six pooled frames, the explanation of the best frame of each clip.
    assert document["similarity"] == pytest.approx(score, abs=0.3)


def test_a_clip_is_not_explained_against_itself(filed: Filed, embedder: Embedder, tmp_path: Path) -> None:
    with pytest.raises(PolypTraceError) as refused:
        explain_clips(filed.catalog, embedder.info, filed.one, filed.one, tmp_path)
    assert refused.value.code == "explain-same-clip"
