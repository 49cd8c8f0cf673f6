"""Two texts from one record (clinical rules, section 3): for the report, and for the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import PolypTraceError
from core.text.normal import normalise
from core.text.note import model_note
from core.text.rules import broken_conditions
from core.text.sentences import templates, value_phrase, write_sentences
from core.text.tokenizer import TokenCounter, count
from core.text.vocabulary import load

OPEN_QUOTE, CLOSE_QUOTE = "“", "”"


def report_text(values: Mapping[str, Any]) -> str:
    """Full sentences for the report, with everything that is recorded; the free text comes last, in quotes.

    :func:`core.text.parse.parse_report` gives the exact record back. An empty record gives an empty text.

    Raises:
        PolypTraceError: ``description-value`` or ``description-key`` when a value isn't of the vocabulary.
    """
    clean = _known(values)
    form = load().report
    sentences = write_sentences(form, "report", _coded(clean))
    if "free_text" in clean:
        sentences.append(f"{form.note}{OPEN_QUOTE}{clean['free_text']}{CLOSE_QUOTE}")
    return " ".join(sentences)


def model_text(
    values: Mapping[str, Any], tokenizer: TokenCounter | None = None, max_tokens: int = 128
) -> str:
    """What the model reads: appearance and place only, in a fixed order, sizes in bins.

    Kind, Paris class, size, segment and imaging are always said (blank = "not recorded"), other fields only
    when filled, and not when another field contradicts them (the stalk of a flat polyp, in a draft). The free
    text comes last after :func:`core.text.note.model_note` has taken out names, dates, record numbers, and
    sentences on histology or treatment; it is cut at a word so that the whole has at most ``max_tokens`` word
    pieces, special tokens included. A coded field is never cut. Where the coded fields alone are too many
    (128 pieces hold all but contrived records), whole fields are left out from the end of the text on, those
    of least weight first; the five that are always said stay.

    Args:
        tokenizer: counts the word pieces; without one a cautious bound by the length of the words is used.

    Raises:
        PolypTraceError: ``model-text-too-long`` when the fields that are always said exceed ``max_tokens`` of
            ``tokenizer``; ``description-value`` or ``description-key`` as in :func:`report_text`.
    """
    clean = _known(values)
    form = load().model
    shown = _shown(clean)
    whole = _coded_text(shown)
    coded = whole if tokenizer is None else _fitting_fields(shown, tokenizer, max_tokens)
    if coded != whole:
        return coded
    words = model_note(clean.get("free_text", "")).split()
    kept = _fitting(f"{coded} {form.note}", words, tokenizer, max_tokens)
    return f"{coded} {form.note}{' '.join(words[:kept])}" if kept else coded


def model_codes(values: Mapping[str, Any]) -> dict[str, Any]:
    """The codes that a model text holds: M fields only, millimetres as labels of size bins.

    A blank segment is ``not recorded``, which is a value of that field; other blanks are left out.
    """
    shown = _shown(_known(values))
    codes: dict[str, Any] = {}
    for field in load().model_fields:
        value = shown.get(field.key)
        if value is None and field.key == "segment":
            value = "not recorded"
        if value is not None:
            codes[field.key] = load().bin_of(value).label if field.binned else value
    return codes


def size_bin(mm: float) -> str:
    """The label of the size bin of ``mm`` millimetres: ``≤5``, ``6–9``, ``10–19``, ``20–29`` or ``≥30``."""
    return load().bin_of(mm).label


def _shown(clean: Mapping[str, Any]) -> dict[str, Any]:
    """The coded fields that the model may see, without those that another field contradicts."""
    filled = (field for field in load().model_fields if field.key in clean)
    return {field.key: clean[field.key] for field in filled if not broken_conditions(field, clean)}


def _coded_text(shown: Mapping[str, Any]) -> str:
    return " ".join(write_sentences(load().model, "model", shown))


def _fitting_fields(shown: Mapping[str, Any], tokenizer: TokenCounter, limit: int) -> str:
    """The coded sentences of as many fields as fit, from the first on."""
    kept = dict(shown)
    last_first = reversed([t for t in templates("model") if not t.sentence.always])
    droppable = iter([key for template in last_first for key in template.keys if key in kept])
    while count(text := _coded_text(kept), tokenizer) > limit:
        key = next(droppable, None)
        if key is None:
            raise PolypTraceError(
                "model-text-too-long",
                "The fields that are always said are longer than the model can read.",
                "Use a model with a larger text limit.",
            )
        del kept[key]
    return text


def _fitting(head: str, words: list[str], tokenizer: TokenCounter | None, limit: int) -> int:
    """How many of ``words`` fit behind ``head``."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if count(head + " ".join(words[:middle]), tokenizer) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _coded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "free_text"}


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    clean = normalise(values)
    for key, value in clean.items():
        value_phrase_or_text(key, value)
    return clean


def value_phrase_or_text(key: str, value: Any) -> str:
    """How one value is said in the report; the free text as typed.

    Raises:
        PolypTraceError: ``description-key`` or ``description-value`` when it isn't of the vocabulary.
    """
    field = load().field(key)
    if field.type == "text" and isinstance(value, str):
        return value
    return value_phrase(field, value, "report")
