"""Search over a catalogue: words, a clip, chips, filters, and what a lost or changed clip does."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from core.catalog import operations, queries
from core.errors import Cancelled, PolypTraceError
from core.inference.embedder import Embedder
from core.matching.keeping import keep_vectors
from core.progress import CancelToken, Progress
from core.search.codes import codes_of
from core.search.indexing import find_unprepared, prepare, prepare_for_others
from core.search.prepared import PreparedClips
from core.search.query import NO_IDENTITY, Filters, SearchQuery
from core.search.searching import SearchResult, search
from core.search.typed import read_typed
from core.search.vectors import NEARNESS, WordSpace

from ..matching.conftest import CAECUM, SIGMOID, Filed, lose_video


@pytest.fixture
def prepared(filed: Filed, space: WordSpace, embedder: Embedder) -> Filed:
    assert prepare(filed.catalog, space, embedder).prepared == 4
    return filed


def found(filed: Filed, space: WordSpace, text: str = "", **more: Any) -> SearchResult:
    return search(filed.catalog, space, SearchQuery(text=text, **more))


def clips(result: SearchResult) -> list[int]:
    return [hit.clip for hit in result.hits]


def test_words_find_what_is_of_their_kind(prepared: Filed, space: WordSpace) -> None:
    result = found(prepared, space, "25 mm LST in the caecum")
    assert set(clips(result)[:2]) == {prepared.two, prepared.other}
    assert result.hits[0].score > result.hits[2].score
    assert (result.searched, result.unprepared) == (4, 0)
    assert result.note == NO_IDENTITY
    assert result.said == "LST, caecum, 20–29 mm"
    assert set(clips(found(prepared, space, "small sessile polyp in the sigmoid"))[:2]) == {
        prepared.one,
        prepared.query,
    }
    hit = result.hits[0]
    assert hit.described
    assert hit.pictures
    assert hit.place


def test_the_words_that_mattered_are_those_that_the_score_falls_without(
    prepared: Filed, space: WordSpace
) -> None:
    hit = found(prepared, space, "please show a 25 mm LST in the caecum").hits[0]
    shares = {one.word: one.change for one in hit.words}
    assert {"25 mm", "caecum"} & set(shares)
    assert "please" not in shares
    assert max(shares.values()) > 0
    assert [abs(one.change) for one in hit.words] == sorted((abs(v) for v in shares.values()), reverse=True)
    for word, change in shares.items():
        asked = read_typed("please show a 25 mm LST in the caecum".replace(word, "")).words
        row = space.of_texts([asked])[0]
        clip = PreparedClips().of(prepared.catalog, space)
        mixed = clip.mixed[list(clip.clips).index(hit.clip)]
        codes = space.codes_of([asked])[0]
        # Weights are those of the whole query, which asks for three fields.
        score = (NEARNESS * (mixed[: space.dim] @ row) + mixed[space.dim :] @ codes) / (NEARNESS + 3)
        assert change == pytest.approx(hit.score - score, abs=2e-4)


def test_a_word_that_fits_counts_for_the_hit_also_where_all_others_fit(
    prepared: Filed, space: WordSpace
) -> None:
    for typed in ("25 mm LST in the caecum", "LST caecum", "8 mm sessile polyp in the sigmoid"):
        words = found(prepared, space, typed).hits[0].words
        assert words
        assert all(one.change > 0 for one in words), typed


def test_where_no_clip_is_left_it_says_what_left_them_out(prepared: Filed, space: WordSpace) -> None:
    patient = queries.patient(prepared.catalog, 1).code
    filters = Filters(patient=patient, since=dt.date(2099, 1, 1), segment="rectum")
    result = found(prepared, space, "flat polyp, not in the caecum", filters=filters)
    assert not result.hits
    assert result.advice == f"No clip is left by: patient {patient}, from 2099-01-01, rectum, not caecum."
    assert not found(prepared, space, "flat polyp, not in the caecum").advice


def test_limits_leave_out_by_the_millimetre(prepared: Filed, space: WordSpace) -> None:
    sizes = {
        one.clip: queries.description(
            prepared.catalog, queries.clip(prepared.catalog, one.clip).finding_id
        ).values.get("size_mm")
        for one in found(prepared, space, "polyp").hits
    }
    known = sorted({size for size in sizes.values() if size is not None})
    for limit in known:
        hits = clips(found(prepared, space, f"polyp not larger than {limit} mm"))
        assert all(sizes[clip] is None or sizes[clip] <= limit for clip in hits)
        assert {clip for clip, size in sizes.items() if size is not None and size <= limit} <= set(hits)
    assert found(prepared, space, "polyp of 5 to 10 mm").said == "polyp, 5 to 10 mm"
    none = found(prepared, space, "larger than 20 mm, smaller than 5 mm")
    assert none.advice.startswith("No clip is left by: at least 21 and at most 4 mm")


def test_what_no_clip_is_described_as_is_said(prepared: Filed, space: WordSpace) -> None:
    result = found(prepared, space, "LST in the rectum, Kudo IIIS")
    assert result.nowhere == ("rectum", "Kudo IIIs")
    assert not found(prepared, space, "LST in the caecum").nowhere
    shares = [one for hit in result.hits for one in hit.words]
    assert not [one for one in shares if one.change > 0 and one.word in ("rectum", "Kudo IIIS", "Kudo")]


def test_a_word_that_a_chip_took_over_is_no_reason(prepared: Filed, space: WordSpace) -> None:
    hits = found(prepared, space, "polyp in the sigmoid", refinements=("other segment",)).hits
    assert hits
    assert not [one for hit in hits for one in hit.words if one.word == "sigmoid"]


def test_the_same_query_gives_the_same_list_after_chips_are_taken_back(
    prepared: Filed, space: WordSpace
) -> None:
    before = found(prepared, space, "8 mm polyp in the sigmoid")
    other = found(prepared, space, "8 mm polyp in the sigmoid", refinements=("larger", "other segment"))
    assert other.said == "polyp, at least 9 mm, not sigmoid"
    assert set(clips(other)) == {prepared.two, prepared.other}
    assert found(prepared, space, "8 mm polyp in the sigmoid") == before


def test_like_a_clip_leaves_that_clip_out(prepared: Filed, space: WordSpace) -> None:
    result = found(prepared, space, like=prepared.two)
    assert clips(result)[0] == prepared.other, "the same words"
    assert prepared.two not in clips(result)
    assert {one.word for one in result.hits[0].words} <= {
        "LST",
        "caecum",
        "20–29 mm",
        "Paris IIa",
        "white light",
    }
    smaller = found(prepared, space, like=prepared.two, refinements=("smaller",))
    assert smaller.said.startswith("LST, caecum, at most 24 mm")
    assert smaller.codes["size_mm"] == ("≤5", "6–9", "10–19", "20–29")
    assert smaller.hits[0].score != result.hits[0].score
    added = found(prepared, space, "in the sigmoid", like=prepared.two)
    assert added.codes["segment"] == ("sigmoid",)


def test_filters_narrow_the_list(prepared: Filed, space: WordSpace) -> None:
    def left(**filters: Any) -> set[int]:
        return set(clips(found(prepared, space, "polyp", filters=Filters(**filters))))

    assert left(patient="B") == {prepared.other}
    assert left(since=dt.date(2025, 5, 5)) == {prepared.other, prepared.query}
    assert left(since=dt.date(2025, 5, 5), until=dt.date(2025, 5, 5)) == {prepared.other}
    assert left(segment="sigmoid") == {prepared.one, prepared.query}
    assert left(segment="rectum") == set()
    with pytest.raises(PolypTraceError) as refused:
        left(since=dt.date(2026, 1, 1), until=dt.date(2025, 1, 1))
    assert refused.value.code == "filter-dates"
    with pytest.raises(PolypTraceError) as refused:
        left(patient="nobody")
    assert refused.value.code == "patient-unknown"


def test_after_a_tattoo_means_later_exams_of_the_same_patient(prepared: Filed, space: WordSpace) -> None:
    wish = {"refinements": ("after tattoo",)}
    assert clips(found(prepared, space, "polyp", **wish)) == []
    finding = queries.clip(prepared.catalog, prepared.two).finding_id
    operations.describe(prepared.catalog, finding, CAECUM | {"tattoo": "carbon"}, author="test")
    result = found(prepared, space, "polyp", **wish)
    assert clips(result) == [prepared.query]
    assert result.said.endswith("after a tattoo")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "search-empty"),
        ({"text": "  "}, "search-empty"),
        ({"text": "red", "refinements": ("larger",)}, "refine-no-size"),
        ({"text": "large polyp", "refinements": ("larger",)}, "refine-largest"),
        ({"text": "at least 20 mm", "refinements": ("larger",)}, "refine-largest"),
        ({"text": "1 mm polyp", "refinements": ("smaller",)}, "refine-largest"),
        ({"text": "red", "refinements": ("other segment",)}, "refine-no-segment"),
        ({"like": 999}, "clip-unknown"),
    ],
)
def test_what_cannot_be_searched_is_said(
    query: dict[str, Any], code: str, prepared: Filed, space: WordSpace
) -> None:
    with pytest.raises(PolypTraceError) as refused:
        search(prepared.catalog, space, SearchQuery(**query))
    assert refused.value.code == code
    assert refused.value.hint


def test_words_that_nobody_knows_find_nothing(prepared: Filed, space: WordSpace) -> None:
    result = found(prepared, space, "xyzzy ß 🦄")
    assert (result.hits, result.said, result.codes) == ((), "", {})
    assert (result.searched, result.ignored) == (4, ("xyzzy", "ß", "🦄"))
    assert result.advice
    assert found(prepared, space, "xyzzy", like=prepared.two).hits, "the clip says enough"


def test_what_is_not_wanted_is_left_out(prepared: Filed, space: WordSpace) -> None:
    result = found(prepared, space, "polyp, not in the sigmoid")
    assert set(clips(result)) == {prepared.two, prepared.other}
    assert (result.said, result.ignored) == ("polyp, not sigmoid", ())
    assert set(clips(found(prepared, space, "not sessile"))) == {prepared.two, prepared.other}
    assert set(clips(found(prepared, space, "no LST in the caecum"))) == {prepared.one, prepared.query}


def test_larger_leaves_out_what_is_not(prepared: Filed, space: WordSpace) -> None:
    sizes = {
        clip: queries.description(prepared.catalog, queries.clip(prepared.catalog, clip).finding_id).values[
            "size_mm"
        ]
        for clip in (prepared.one, prepared.two, prepared.query, prepared.other)
    }
    larger = found(prepared, space, like=prepared.one, refinements=("larger",))
    assert set(clips(larger)) == {clip for clip, mm in sizes.items() if mm > sizes[prepared.one]}
    assert prepared.query in clips(larger), "larger by a millimetre, and of the same bin"
    none = found(prepared, space, "60 mm polyp", refinements=("larger",))
    assert none.advice.startswith("No clip is left by: at least 61 mm")
    smaller = found(prepared, space, like=prepared.two, refinements=("smaller",))
    assert set(clips(smaller)) == {prepared.one, prepared.query}


def test_words_that_nothing_was_understood_of_are_named(prepared: Filed, space: WordSpace) -> None:
    assert found(prepared, space, "a xyzzy 25 mm LST in the caecum, not gestielt").ignored == (
        "xyzzy",
        "gestielt",
    )
    assert found(prepared, space, "25 mm LST in the caecum").ignored == ()


def test_what_is_described_anew_is_prepared_anew(
    prepared: Filed, space: WordSpace, embedder: Embedder
) -> None:
    catalog = prepared.catalog
    assert prepare(catalog, space, embedder).current == 4
    finding = queries.clip(catalog, prepared.one).finding_id
    operations.describe(catalog, finding, SIGMOID | {"segment": "rectum"}, author="test")
    stale, current = find_unprepared(catalog, space)
    assert [one.clip.id for one in stale] == [prepared.one]
    assert current == 3
    prepare(catalog, space, embedder)
    assert clips(found(prepared, space, "polyp in the rectum"))[0] == prepared.one


def test_a_clip_without_its_video_is_found_by_its_description(
    filed: Filed, space: WordSpace, embedder: Embedder
) -> None:
    lose_video(filed.catalog, filed.two)
    made = prepare(filed.catalog, space, embedder)
    assert (made.prepared, [one.clip for one in made.failed]) == (4, [filed.two])
    hit = next(one for one in found(filed, space, "LST in the caecum").hits if one.clip == filed.two)
    assert hit.described
    assert not hit.pictures
    assert [one.clip.id for one in find_unprepared(filed.catalog, space)[0]] == [filed.two], "tried again"


def test_a_clip_without_a_description_is_found_by_its_pictures(
    filed: Filed, space: WordSpace, embedder: Embedder
) -> None:
    finding = queries.clip(filed.catalog, filed.one).finding_id
    operations.describe(filed.catalog, finding, {}, author="test")
    prepare(filed.catalog, space, embedder)
    hit = next(one for one in found(filed, space, "polyp").hits if one.clip == filed.one)
    assert hit.pictures
    assert not hit.described


def test_nothing_prepared_is_said(filed: Filed, space: WordSpace) -> None:
    result = found(filed, space, "polyp")
    assert (result.hits, result.searched, result.unprepared) == ((), 0, 4)
    with pytest.raises(PolypTraceError) as refused:
        found(filed, space, like=filed.one)
    assert refused.value.code == "search-like-unprepared"


def test_preparing_can_be_cancelled(filed: Filed, space: WordSpace, embedder: Embedder) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        prepare(filed.catalog, space, embedder, cancel=token)
    assert len(find_unprepared(filed.catalog, space)[0]) == 4


def test_what_was_prepared_until_it_was_cancelled_is_handed_over(
    filed: Filed, space: WordSpace, embedder: Embedder
) -> None:
    token = CancelToken()

    def stop(step: Progress) -> None:
        if step.done == 2:
            token.cancel()

    answer = prepare_for_others(filed.catalog, space, embedder, stop, token)
    assert len(answer.rows) == 2
    keep_vectors(filed.catalog, answer.as_dict())
    left = found(filed, space, "polyp")
    assert (left.searched, left.unprepared) == (2, 2)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        prepare_for_others(filed.catalog, space, embedder, cancel=token)


def test_the_document_is_plain(prepared: Filed, space: WordSpace) -> None:
    document = msgspec.json.decode(msgspec.json.encode(found(prepared, space, "polyp").as_dict()))
    assert document["notice"]
    assert {"clip", "score", "words"} <= set(document["hits"][0])


def test_what_fits_more_of_what_is_asked_stands_above_what_fits_less(
    prepared: Filed, space: WordSpace
) -> None:
    for typed in (
        "LST in the sigmoid, 25 mm, Paris IIa",
        "8 mm LST, Paris IIa, caecum",
        "sessile caecum 8 mm",
    ):
        asked = read_typed(typed).words.codes
        fits = []
        for clip in clips(found(prepared, space, typed)):
            said = codes_of(
                queries.description(prepared.catalog, queries.clip(prepared.catalog, clip).finding_id).values
            )
            fits.append(sum(bool(set(own) & set(said.get(key, ()))) for key, own in asked.items()))
        assert fits == sorted(fits, reverse=True), typed


def test_no_tattoo_leaves_out_every_tattoo(prepared: Filed, space: WordSpace) -> None:
    finding = queries.clip(prepared.catalog, prepared.two).finding_id
    operations.describe(prepared.catalog, finding, CAECUM | {"tattoo": "india ink"}, author="test")
    result = found(prepared, space, "no tattoo")
    assert prepared.two not in clips(result)
    assert result.said == "polyp, not any tattoo"
    typed = found(prepared, space, "polyp after a tattoo")
    assert typed == found(prepared, space, "polyp", refinements=("after tattoo",))


@pytest.mark.parametrize(
    "typed", ["polyp larger than 10 mm", "10 mm or larger", "at least 2 cm", "bigger than a 10 mm polyp"]
)
def test_a_limit_is_one_word_that_never_speaks_against_what_keeps_it(
    typed: str, prepared: Filed, space: WordSpace
) -> None:
    result = found(prepared, space, typed)
    assert result.hits
    shares = [one for hit in result.hits for one in hit.words]
    assert not [one for one in shares if one.change < 0 and any(map(str.isdigit, one.word))]
    assert {one.word for one in shares} <= {"polyp", typed.replace("polyp ", "").replace(" polyp", "")}


def test_a_word_that_is_not_understood_mattered_for_nothing(prepared: Filed, space: WordSpace) -> None:
    result = found(prepared, space, "hyperplastic adenoma in the caecum")
    assert not {one.word for hit in result.hits for one in hit.words} & set(result.ignored)
