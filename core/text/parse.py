"""Back from a text to the record: the inverse of :mod:`core.text.render`."""

from __future__ import annotations

from typing import Any

from core.errors import PolypTraceError
from core.text.normal import normalise
from core.text.render import CLOSE_QUOTE, OPEN_QUOTE
from core.text.rules import value_fault
from core.text.sentences import read_sentences
from core.text.vocabulary import load


def parse_report(text: str) -> dict[str, Any]:
    """The exact record from a text that :func:`core.text.render.report_text` wrote.

    The coded sentences end where the note begins, and the note's quotes are the first and the very last of
    the text, so free text may hold anything: quotes, line breaks, sentences that look like coded ones.

    Raises:
        PolypTraceError: ``report-text`` when a sentence isn't of that wording.
    """
    note = load().report.note + OPEN_QUOTE
    text = text.strip()
    values, end = read_sentences("report", text, note)
    if text.startswith(note, end) and text.endswith(CLOSE_QUOTE) and len(text) - 1 >= end + len(note):
        values["free_text"] = text[end + len(note) : -1]
    elif end != len(text):
        raise _not_ours("report-text", "The text isn't a report text in this program's wording.")
    clean = normalise(values)
    wrong = [key for key, value in clean.items() if value_fault(load().by_key[key], value)]
    if wrong:
        raise _not_ours("report-text", f"The text says something that can't be of {wrong[0]}.")
    return clean


def parse_model_text(text: str) -> dict[str, Any]:
    """The codes of a text that :func:`core.text.render.model_text` wrote, as
    :func:`core.text.render.model_codes` gives them, and the note that was shown as ``free_text``.

    Raises:
        PolypTraceError: ``model-text`` when a sentence isn't of that wording.
    """
    note = load().model.note
    text = text.strip()
    values, end = read_sentences("model", text, note)
    if text.startswith(note, end):
        values["free_text"] = text[end + len(note) :]
    elif end != len(text):
        raise _not_ours("model-text", "The text isn't a model text in this program's wording.")
    return values


def _not_ours(code: str, message: str) -> PolypTraceError:
    return PolypTraceError(code, message, "Enter the fields by hand, or use the text exactly as it was made.")
