"""Report text and model text: round trips, what must stay out, the token limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PolypTraceError
from core.text.description import normalise, validate
from core.text.parse import parse_model_text, parse_report
from core.text.render import model_codes, model_text, report_text, size_bin
from core.text.sampling import random_description
from core.text.tokenizer import count, train_wordpiece
from core.text.vocabulary import Field, load

QUICK = settings(max_examples=120, deadline=None)
FORBIDDEN = [field.key for field in load().editable if not field.model]


def drawn(seed: int) -> dict[str, Any]:
    return random_description(np.random.default_rng(seed))


def any_value(field: Field) -> st.SearchStrategy[Any]:
    """Any allowed value of one field, whatever the others say."""
    if field.type == "boolean":
        return st.booleans()
    if field.type == "choice":
        return st.sampled_from(field.codes)
    if field.type == "choices":
        together = [code for code in field.codes if code not in field.alone]
        several = st.lists(st.sampled_from(together), min_size=1, unique=True)
        return several | st.sampled_from([[code] for code in field.codes])
    if field.type == "integer":
        return st.integers(int(field.minimum or 0), int(field.maximum or 0))
    if field.type == "number":
        return st.integers(0, int((field.maximum or 0) * 2)).map(lambda halves: halves / 2)
    return st.text(min_size=1, max_size=400).filter(lambda text: bool(text.strip()))


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.lists(st.text(max_size=5), max_size=3)
)
RECORDS = st.fixed_dictionaries({}, optional={field.key: any_value(field) for field in load().editable})


@QUICK
@given(RECORDS)
def test_report_text_gives_the_exact_record_back(values: dict[str, Any]) -> None:
    assert parse_report(report_text(values)) == normalise(values)


@QUICK
@given(RECORDS)
def test_model_text_gives_codes_and_size_bins_back(values: dict[str, Any]) -> None:
    read = parse_model_text(model_text(values))
    read.pop("free_text", None)
    assert read == model_codes(values)


@QUICK
@given(st.integers(0, 2**32))
def test_random_descriptions_are_valid_and_make_the_round_trip(seed: int) -> None:
    values = drawn(seed)
    assert validate(values, finalise=True) == []
    assert values == normalise(values) == drawn(seed)
    assert parse_report(report_text(values)) == values


def test_random_descriptions_use_every_word() -> None:
    seen: dict[str, set[Any]] = {field.key: set() for field in load().editable}
    for seed in range(1500):
        for key, value in drawn(seed).items():
            seen[key] |= set(value) if isinstance(value, list) else {value}
    for field in load().editable:
        wanted = {True, False} if field.type == "boolean" else set(field.codes)
        assert wanted <= seen[field.key], field.key
        assert seen[field.key], field.key
    assert {size_bin(mm) for mm in seen["size_mm"]} == {size.label for size in load().bins}


@QUICK
@given(RECORDS)
def test_normalise_is_idempotent(values: dict[str, Any]) -> None:
    once = normalise(values)
    assert normalise(once) == once


@given(st.dictionaries(st.sampled_from([*load().by_key, "x"]), ANYTHING, max_size=6))
@settings(max_examples=200, deadline=None)
def test_normalise_and_validate_take_anything(values: dict[str, Any]) -> None:
    once = normalise(values)
    assert repr(normalise(once)) == repr(once)  # repr: not-a-number differs from itself
    validate(values, finalise=True)


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_free_text_is_kept_as_typed(text: str) -> None:
    kept = normalise({"free_text": text})
    assert kept == ({"free_text": text} if text.strip() else {})
    assert parse_report(report_text(kept)) == kept


@pytest.mark.parametrize(
    "text", ["”", "“a” ”", "x”\n“Note: “y”", "A polyp.", "Note: “", " blank \n", "[x] {a} \\ |"]
)
def test_awkward_free_text_comes_back(text: str) -> None:
    values = {"size_mm": 8, "colour": "red", "free_text": text}
    assert parse_report(report_text(values)) == values


def test_an_empty_record_gives_an_empty_report_and_a_model_text_of_blanks() -> None:
    assert report_text({}) == ""
    assert parse_report("") == {}
    assert model_text({}) == (
        "A lesion of unrecorded kind, Paris not recorded, size not recorded, segment not recorded. "
        "Imaging not recorded."
    )


def test_the_example_of_the_clinical_rules() -> None:
    values = {
        "state": "polyp", "paris": "Is", "size_mm": 8, "segment": "sigmoid", "colour": "red",
        "surface": ["lobulated"], "imaging": "NBI", "nice": "2", "fold": "between folds", "tattoo": "none",
    }  # fmt: skip
    assert model_text(values) == (
        "A sessile polyp, Paris Is, about 6 to 9 mm, in the sigmoid colon. Colour red. Surface lobulated. "
        "Narrow band imaging. NICE 2. Between folds. No tattoo."
    )


@QUICK
@given(st.integers(0, 2**32), st.sampled_from(FORBIDDEN), st.data())
def test_what_the_model_may_not_see_changes_nothing(seed: int, key: str, data: st.DataObject) -> None:
    values = drawn(seed)
    other = values | {key: data.draw(any_value(load().by_key[key]))}
    assert model_text(other) == model_text(values)


def test_histology_and_action_are_never_said() -> None:
    said = " ".join(model_text(drawn(seed)) for seed in range(400)).casefold()
    for key in ("histology", "action", "dysplasia", "lifting", "optical_dx"):
        for value in load().by_key[key].values:
            for phrase in {value.report, value.code} - {""}:
                if len(phrase) > 3 and phrase not in (
                    "other",
                    "normal",
                    "none",
                    "partial",
                    "complete",
                    "absent",
                ):
                    assert f" {phrase.casefold()}." not in said, phrase


NOTES = [
    ("Seen by Dr Achterberg. Pale rim.", "Pale rim.", "achterberg"),
    ("Patient John Smith, MRN 123456. Pale rim.", "Pale rim.", "smith"),
    ("Last seen 12.03.2021. Pale rim.", "Pale rim.", "2021"),
    ("Pale rim. geboren 03.04.1961", "Pale rim.", "1961"),
    ("Le 12 mars 2024. Pale rim.", "Pale rim.", "mars"),
    ("am 3. Mai 2021 gesehen. Pale rim.", "Pale rim.", "mai"),
    ("Removed with cold snare. Pale rim.", "Pale rim.", "snare"),
    ("Histology showed TVA. Pale rim.", "Pale rim.", "tva"),
    ("EMR planned. Pale rim.", "Pale rim.", "emr"),
    ("Likely adenoma. Pale rim.", "Pale rim.", "adenoma"),
    ("Cold-snared in the past. Pale rim.", "Pale rim.", "snared"),
    ("病理：腺瘤。Pale rim.", "Pale rim.", "腺瘤"),
    ("Call +41 79 123 45 67. Pale rim.", "Pale rim.", "79"),
    ("Mail to x.y@z.org. Pale rim.", "Pale rim.", "@"),
    ("Ｄr Ｓｍｉｔｈ saw it. Pale rim.", "Pale rim.", "smith"),
    ("Jo\u200bhn Smi\u00adth saw it. Pale rim.", "Pale rim.", "smith"),
]


@pytest.mark.parametrize(("note", "stays", "leaves"), NOTES)
def test_identity_histology_and_treatment_leave_the_note(note: str, stays: str, leaves: str) -> None:
    text = model_text({"size_mm": 8, "free_text": note}).casefold()
    assert stays.casefold() in text
    assert leaves not in text


PLANTED = ["Zbigniew Kowalczyk", "Dr Achterberg", "Maria", "Smith, John", "MRN 5512345", "12/03/2021",
"2021-03-12",
           "March 12, 2021", "12. März 2021", "943 476 5919", "044 123 45 67", "jane.doe@clinic.org",
           "born 1950"]  # fmt: skip


@QUICK
@given(st.permutations(load().sampling.notes), st.sampled_from(PLANTED), st.integers(0, 3))
def test_a_planted_identity_never_reaches_the_model(notes: list[str], planted: str, place: int) -> None:
    sentences = notes[:3]
    sentences.insert(place, f"It was {planted} again.")
    note = model_text({"free_text": " ".join(sentences)}, max_tokens=999).split("Note: ")[1].casefold()
    assert sum(sentence.casefold() in note for sentence in notes[:3]) == 3
    for part in planted.replace(",", " ").split():
        assert part.casefold() not in note or part.casefold() in ("dr", "born")


def test_notes_on_appearance_and_place_reach_the_model_whole() -> None:
    for note in load().sampling.notes:
        assert model_text({"free_text": note}).endswith(f"Note: {note}")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_wordpiece([model_text(drawn(seed)) for seed in range(300)], vocab_size=600)


@QUICK
@given(RECORDS, st.integers(48, 128))
def test_the_token_limit_holds(tokenizer: Any, values: dict[str, Any], limit: int) -> None:
    text = model_text(values, tokenizer, limit)
    assert count(text, tokenizer) <= limit
    read = parse_model_text(text)
    whole = model_codes(values)
    shown = [key for key in _model_order() if key in whole]
    kept = [key for key in shown if key in read]
    assert {key: read[key] for key in kept} == {key: whole[key] for key in kept}
    always = {"state", "segment", "size_mm", "paris", "imaging"}
    optional = [key for key in shown if key not in always]
    assert kept == [key for key in shown if key in always or key in optional[: len(set(kept) - always)]]
    if "free_text" in read:
        assert kept == shown  # words of the note only when every field is said


def test_at_128_pieces_no_field_of_a_valid_description_is_left_out(tokenizer: Any) -> None:
    longest = 0
    for seed in range(400):
        values = drawn(seed)
        read = parse_model_text(model_text(values, tokenizer))
        read.pop("free_text", None)
        assert read == model_codes(values)
        longest = max(longest, count(model_text(values, tokenizer), tokenizer))
    assert 64 < longest <= 128


def test_a_note_is_cut_at_a_word(tokenizer: Any) -> None:
    note = "thin pale rim around the wide base of it " * 9
    text = model_text({"size_mm": 8, "free_text": note.strip()}, tokenizer, 60)
    kept = text.split("Note: ")[1].split()
    assert kept == note.split()[: len(kept)]
    assert 60 - 4 <= count(text, tokenizer) <= 60


def test_a_limit_below_what_is_always_said_is_refused(tokenizer: Any) -> None:
    with pytest.raises(PolypTraceError) as caught:
        model_text({"size_mm": 8}, tokenizer, 8)
    assert caught.value.code == "model-text-too-long"


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_the_estimate_without_a_tokenizer_is_cautious(tokenizer: Any, seed: int) -> None:
    text = model_text(drawn(seed))
    assert count(text, None) >= count(text, tokenizer)


@pytest.mark.parametrize("text", ["Something else entirely.", "A polyp, 8 mm. And more.", "8"])
def test_foreign_texts_are_refused_in_words(text: str) -> None:
    for parse in (parse_report, parse_model_text):
        with pytest.raises(PolypTraceError, match="wording"):
            parse(text)


def test_wrong_values_are_refused_in_words() -> None:
    for values in ({"colour": "purple"}, {"nonsense": 1}, {"size_mm": 0}):
        for write in (report_text, model_text):
            with pytest.raises(PolypTraceError) as caught:
                write(values)
            assert caught.value.code in ("description-value", "description-key")


def test_counting_undoes_padding_and_truncation(tokenizer: Any) -> None:
    text = model_text(drawn(3))
    whole = count(text, tokenizer)
    tokenizer.enable_truncation(10)
    tokenizer.enable_padding(length=20)
    counted = count(text, tokenizer), count("Paris Is", tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    assert counted[0] >= whole > 20  # each further piece of a truncated text has its own special tokens
    assert counted[1] == 4


def _model_order() -> list[str]:
    """The keys of the model text in the order in which they are said; those always said first."""
    from core.text.sentences import templates

    return [key for template in templates("model") for key in sorted(template.keys)]
