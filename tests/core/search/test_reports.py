"""Which report fits a clip and the other way round, over a catalogue with both."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from core.catalog import operations, queries
from core.domain import Verdict
from core.errors import PolypTraceError
from core.inference.embedder import Embedder
from core.legacy.entries import Entry
from core.legacy.filing import MOST, new_reports
from core.matching.deciding import decide_report
from core.search.indexing import prepare
from core.search.prepared import PreparedClips
from core.search.reports import Fits, clips_for_report, reports_for_clip
from core.search.vectors import WordSpace
from core.text.legacy.reading import read_findings

from ..matching.conftest import Filed

A = "tester"
TEXTS = (
    ("a", "2019-01-01", "25 mm laterally spreading tumour in the caecum. 4 mm sessile polyp in the sigmoid."),
    ("B", "2018-01-01", "Small sessile polyp in the sigmoid."),
    ("A", "2025-01-10", "Small sessile polyp in the sigmoid, of the very exam."),
)
"""Patient, date and words; the first holds legacy findings 1 and 2."""


@pytest.fixture
def reported(filed: Filed, space: WordSpace, embedder: Embedder) -> Filed:
    prepare(filed.catalog, space, embedder)
    entries = [
        Entry(row, code, dt.date.fromisoformat(day), text, read_findings(text))
        for row, (code, day, text) in enumerate(TEXTS)
    ]
    operations.add_legacy_reports(filed.catalog, new_reports(entries), author=A)
    return filed


def legacy_ids(fits: Fits) -> list[int]:
    return [one.legacy for one in fits.fits]


def by_words(filed: Filed, word: str) -> int:
    (found,) = [
        one.id
        for report in queries.legacy_reports(filed.catalog)
        for one in report.findings
        if word in one.words and (report.patient, report.date.year) == ("A", 2019)
    ]
    return found


def test_the_patients_own_reports_stand_first_and_the_best_of_them_before(
    reported: Filed, space: WordSpace
) -> None:
    fits = reports_for_clip(reported.catalog, space, reported.two)
    assert [one.same_patient for one in fits.fits] == [True, True, True, False]
    assert [one.same_exam for one in fits.fits] == [True, False, False, False]
    assert fits.fits[1].legacy == by_words(reported, "caecum")
    assert "segment" in fits.fits[1].agree
    assert "segment" in fits.fits[2].differ
    sigmoid = reports_for_clip(reported.catalog, space, reported.query)
    assert by_words(reported, "sigmoid") in legacy_ids(sigmoid)[:2]
    assert len(sigmoid.fits) == 4  # that exam is an earlier one here


def test_a_report_finds_its_clip(reported: Filed, space: WordSpace) -> None:
    fits = clips_for_report(reported.catalog, space, by_words(reported, "caecum"))
    assert fits.fits[0].clip == reported.two
    assert {one.clip for one in fits.fits if one.same_patient} == {
        reported.one,
        reported.two,
        reported.query,
    }
    assert fits.fits[-1].clip == reported.other
    assert msgspec.json.decode(msgspec.json.encode(fits.as_dict()))["note"]
    assert len(clips_for_report(reported.catalog, space, 1, top=2).fits) == 2


def test_a_report_of_the_clips_own_exam_stands_first_until_it_is_accepted(
    reported: Filed, space: WordSpace
) -> None:
    c = reported.catalog
    first = reports_for_clip(c, space, reported.two).fits[0]
    assert (first.same_exam, first.date) == (True, dt.date(2025, 1, 10))
    back = clips_for_report(c, space, first.legacy).fits
    assert {one.clip for one in back[:2]} == {one.clip for one in back if one.same_exam}
    assert reported.two in {one.clip for one in back[:2]}
    with pytest.raises(PolypTraceError) as caught:
        decide_report(c, Verdict.SAME, reported.two, first.legacy, author=A)
    assert caught.value.code == "report-own-exam"
    assert f"legacy accept {first.legacy} --as-clip {reported.two}" in caught.value.hint
    operations.accept_legacy_as_clip(c, first.legacy, reported.two, author=A)
    assert first.legacy not in legacy_ids(reports_for_clip(c, space, reported.two))
    assert reported.two not in {one.clip for one in clips_for_report(c, space, first.legacy).fits}


def test_a_short_list_is_the_beginning_of_the_whole(reported: Filed, space: WordSpace) -> None:
    c, legacy = reported.catalog, by_words(reported, "caecum")
    operations.accept_legacy_findings(c, {legacy: None}, author=A)
    decide_report(c, Verdict.REJECT, reported.two, legacy, author=A)
    kept = PreparedClips()
    for one in (one.id for report in queries.legacy_reports(c) for one in report.findings):
        whole = clips_for_report(c, space, one, prepared=kept)
        assert whole.searched == len(whole.fits)
        assert whole == clips_for_report(c, space, one)
        for top in (1, 2, 3):
            some = clips_for_report(c, space, one, top, kept)
            assert some == msgspec.structs.replace(whole, fits=whole.fits[:top])
    operations.remove_clip(c, reported.other, author=A)
    assert reported.other not in {fit.clip for fit in clips_for_report(c, space, legacy, prepared=kept).fits}


def test_what_was_accepted_counts_as_it_was_corrected(reported: Filed, space: WordSpace) -> None:
    wrong = by_words(reported, "caecum")
    values: dict[str, Any] = {"segment": "sigmoid", "paris": "Is", "size_mm": 9, "state": "polyp"}
    operations.accept_legacy_findings(reported.catalog, {wrong: values}, author=A)
    fits = clips_for_report(reported.catalog, space, wrong)
    assert fits.fits[0].clip in (reported.one, reported.query)
    assert fits.fits[0].finding is not None


def test_what_was_taken_out_before_it_was_accepted_stays_out(reported: Filed, space: WordSpace) -> None:
    small = by_words(reported, "4 mm sessile")
    assert any("paris" in one.agree for one in clips_for_report(reported.catalog, space, small).fits)
    values: dict[str, Any] = {
        "segment": "sigmoid",
        "size_mm": 4,
        "state": "polyp",
        "free_text": "4 mm sessile",
    }
    operations.accept_legacy_findings(reported.catalog, {small: values}, author=A)
    fits = clips_for_report(reported.catalog, space, small).fits
    assert fits
    assert not any("paris" in (*one.agree, *one.differ) for one in fits)


def test_a_verdict_on_a_report_and_a_clip_is_a_link_event_like_any_other(
    reported: Filed, space: WordSpace
) -> None:
    c, legacy = reported.catalog, by_words(reported, "caecum")
    with pytest.raises(PolypTraceError) as caught:
        decide_report(c, Verdict.SAME, reported.two, legacy, author=A)
    assert caught.value.code == "report-not-accepted"
    operations.accept_legacy_findings(c, {legacy: None}, author=A)
    done = decide_report(c, Verdict.SAME, reported.two, legacy, author=A)
    assert done.lesion is not None
    assert len(done.lesion.finding_ids) == 2
    event = queries.link_events(c)[-1]
    own = queries.clip(c, reported.two).finding_id
    assert (event.finding_id, event.verdict) == (own, Verdict.SAME)  # the later one recognises the earlier
    assert reports_for_clip(c, space, reported.two).fits[1].verdict == "same lesion"
    with pytest.raises(PolypTraceError) as caught:
        decide_report(c, Verdict.SAME, reported.other, legacy, author=A)
    assert caught.value.code == "link-other-patient"
    assert "report" in caught.value.message


def test_a_rejected_pair_stands_last_among_its_own(reported: Filed, space: WordSpace) -> None:
    c, legacy = reported.catalog, by_words(reported, "caecum")
    operations.accept_legacy_findings(c, {legacy: None}, author=A)
    decide_report(c, Verdict.REJECT, reported.two, legacy, author=A)
    fits = reports_for_clip(c, space, reported.two)
    assert [one.same_patient for one in fits.fits] == [True, True, True, False]
    assert (fits.fits[2].legacy, fits.fits[2].verdict) == (legacy, "reject")


def test_a_later_report_recognises_an_earlier_clip(reported: Filed, space: WordSpace) -> None:
    c = reported.catalog
    later = Entry(
        1, "A", dt.date(2027, 1, 1), "A polyp in the caecum.", read_findings("A polyp in the caecum.")
    )
    operations.add_legacy_reports(c, new_reports([later]), author=A)
    legacy = max(one.id for report in queries.legacy_reports(c) for one in report.findings)
    (finding,) = operations.accept_legacy_findings(c, {legacy: None}, author=A).created.findings
    decide_report(c, Verdict.SAME, reported.two, legacy, author=A)
    assert queries.link_events(c)[-1].finding_id == finding


def test_what_was_dismissed_is_not_offered(reported: Filed, space: WordSpace) -> None:
    c, legacy = reported.catalog, by_words(reported, "caecum")
    operations.dismiss_legacy_findings(c, [legacy], author=A)
    assert legacy not in legacy_ids(reports_for_clip(c, space, reported.two))
    assert clips_for_report(c, space, legacy).fits[0].clip == reported.two  # asked for by name


def test_what_cannot_be_asked_is_said(filed: Filed, space: WordSpace, embedder: Embedder) -> None:
    with pytest.raises(PolypTraceError) as caught:
        reports_for_clip(filed.catalog, space, filed.one)
    assert caught.value.code == "search-like-unprepared"
    prepare(filed.catalog, space, embedder)
    with pytest.raises(PolypTraceError) as caught:
        reports_for_clip(filed.catalog, space, filed.one)
    assert caught.value.code == "report-none"
    with pytest.raises(PolypTraceError) as caught:
        clips_for_report(filed.catalog, space, 1)
    assert caught.value.code == "report-finding-unknown"


def test_counted_findings_are_several() -> None:
    def made(text: str) -> int:
        entry = Entry(2, "A", dt.date(2020, 1, 1), text, read_findings(text))
        return len(new_reports([entry])[0].findings)

    assert made("Three 4 mm polyps in the rectum.") == 3
    assert made(f"{MOST + 1} polyps in the rectum.") == 1
    assert made("No polyps.") == 0
