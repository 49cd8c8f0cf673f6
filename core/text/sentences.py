"""Sentence templates of the vocabulary: written from values, and read back with the same pattern.

Because one template does both, what is written can always be read again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from core.errors import PolypTraceError
from core.text.rules import value_fault
from core.text.vocabulary import Field, Sentence, Style, TextForm, Vocabulary, load

_TOKEN = re.compile(r"(\[)|(\])|\{(\w+)(?::(\w+))?(?:\|([^{}]*))?\}|([^\[\]{}]+)")
_ARTICLE = "a"


class Part(msgspec.Struct, frozen=True):
    """A piece of a template: words as they are, or a slot for a field's phrase; some pieces are optional."""

    words: str = ""
    key: str = ""
    shape: bool = False
    blank: str = ""


Group = tuple[bool, tuple[Part, ...]]
"""Whether the group is optional (in square brackets), and its parts."""


class Template:
    """One compiled sentence template in one of the two styles."""

    def __init__(self, sentence: Sentence, style: Style, vocabulary: Vocabulary) -> None:
        self.style: Style = style
        self.sentence = sentence
        self.groups = tuple(_groups(sentence.text))
        self._fields = vocabulary.by_key
        slots = [(optional, part) for optional, parts in self.groups for part in parts if part.key]
        self.keys = frozenset(part.key for _, part in slots if not part.shape)
        self._needed = frozenset(part.key for optional, part in slots if not optional and not part.shape)
        self.pattern = re.compile(self._regex(), re.IGNORECASE)

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether the sentence is written for these values."""
        if self.sentence.always:
            return True
        if self.sentence.any:
            return any(key in values for key in self.keys)
        return all(key in values for key in self._needed)

    def write(self, values: Mapping[str, Any]) -> str:
        """The sentence, its first letter large."""
        text = ""
        for optional, parts in self.groups:
            said = [self._say(part, values) for part in parts]
            if not (optional and any(part.key and not word for part, word in zip(parts, said, strict=True))):
                text += "".join(said)
        text = re.sub(r"^a (?=[aeiou])", "an ", text)
        return text[:1].upper() + text[1:]

    def read(self, text: str, position: int) -> tuple[dict[str, Any], int] | None:
        """The values of the sentence that starts at ``position`` of ``text`` and where it ends, or None."""
        match = self.pattern.match(text, position)
        if match is None:
            return None
        found = {key: said for key, said in match.groupdict().items() if said is not None}
        values = {key: phrase_value(self._fields[key], said, self.style) for key, said in found.items()}
        return {key: value for key, value in values.items() if value is not None}, match.end()

    def _say(self, part: Part, values: Mapping[str, Any]) -> str:
        if not part.key:
            return part.words
        if part.key not in values:
            return part.blank
        field = self._fields[part.key]
        if part.shape:
            value = field.value(values[part.key])
            return value.shape if value else ""
        return value_phrase(field, values[part.key], self.style)

    def _regex(self) -> str:
        pattern = ""
        for optional, parts in self.groups:
            inner = "".join(self._part_regex(part) for part in parts)
            pattern += f"(?:{inner})?" if optional else inner
        return pattern

    def _part_regex(self, part: Part) -> str:
        if not part.key:
            return "an?" if part.words == _ARTICLE else re.escape(part.words)
        field = self._fields[part.key]
        if part.shape:
            shapes = sorted({value.shape for value in field.values if value.shape}, key=len, reverse=True)
            return f"(?:{'|'.join(map(re.escape, shapes))})"
        phrases = _phrase_regex(field, self.style)
        blank = f"|{re.escape(part.blank)}" if part.blank else ""
        return f"(?:(?P<{part.key}>{phrases}){blank})"


def write_sentences(form: TextForm, style: Style, values: Mapping[str, Any]) -> list[str]:
    """All sentences of ``form`` for these normalised values, each field said once."""
    left = dict(values)
    sentences = []
    for template in templates(style):
        if template.applies(left):
            sentences.append(template.write(left))
            left = {key: value for key, value in left.items() if key not in template.keys}
    return sentences


def read_sentences(style: Style, text: str, note: str) -> tuple[dict[str, Any], int]:
    """Reads coded sentences from the start of ``text`` until ``note`` or the end.

    Returns:
        The values (codes), and the position where the coded sentences end.
    """
    values: dict[str, Any] = {}
    position = 0
    for template in templates(style):
        if text.startswith(note, position):
            break
        found = template.read(text, position)
        if found is not None:
            values |= {key: value for key, value in found[0].items() if key not in values}
            position = found[1]
            while position < len(text) and text[position].isspace():
                position += 1
    return values, position


@cache
def templates(style: Style) -> tuple[Template, ...]:
    """The compiled templates of one style, in the order of the text."""
    vocabulary = load()
    form = vocabulary.model if style == "model" else vocabulary.report
    return tuple(Template(sentence, style, vocabulary) for sentence in form.sentences)


def value_phrase(field: Field, value: Any, style: Style) -> str:
    """How a normalised value of ``field`` is said.

    Raises:
        PolypTraceError: ``description-value`` when the value isn't allowed.
    """
    fault = value_fault(field, value)
    if fault:
        raise PolypTraceError("description-value", fault, "Correct the description first.")
    if field.type == "choices":
        said = [_word_phrase(field, word, style) for word in value]
        return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    if field.type == "boolean":
        return _word_phrase(field, "yes" if value else "no", style)
    if field.type in ("integer", "number"):
        return load().bin_of(value).phrase if style == "model" and field.binned else f"{value:g}"
    return _word_phrase(field, value, style)


def phrase_value(field: Field, said: str, style: Style) -> Any:
    """The value (in the model style: the code or the label of the size bin) that a phrase stands for."""
    if field.type == "choices":
        return [_code(field, word, style) for word in re.split(r", | and ", said)]
    if field.type == "boolean":
        return _code(field, said, style) == "yes"
    if style == "model" and field.binned:
        return next(size_bin.label for size_bin in load().bins if size_bin.phrase == said.casefold())
    if field.type == "integer":
        return int(said)
    return float(said) if field.type == "number" else _code(field, said, style)


def _word_phrase(field: Field, code: str, style: Style) -> str:
    value = field.value(code)
    if value is None:  # value_fault let it pass, so this is a fault of the vocabulary file
        raise PolypTraceError(
            "vocabulary", f"{field.label} has a value without a phrase.", "Repair the vocabulary."
        )
    return value.phrase(style)


def _code(field: Field, said: str, style: Style) -> str:
    return next(value.code for value in field.values if value.phrase(style).casefold() == said.casefold())


def _phrase_regex(field: Field, style: Style) -> str:
    if style == "model" and field.binned:
        return "|".join(re.escape(size_bin.phrase) for size_bin in load().bins)
    if field.type == "integer":
        return r"[0-9]{1,6}"
    if field.type == "number":
        return r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
    phrases = sorted((value.phrase(style) for value in field.values), key=len, reverse=True)
    one = "|".join(map(re.escape, phrases))
    return f"(?:{one})(?:(?:, | and )(?:{one}))*" if field.type == "choices" else one


def _groups(template: str) -> Iterator[Group]:
    parts: list[Part] = []
    for opens, closes, key, variant, blank, words in _TOKEN.findall(template):
        if opens or closes:
            if parts:
                yield bool(closes), tuple(parts)
            parts = []
        elif key == _ARTICLE:
            parts.append(Part(words=_ARTICLE))
        elif key:
            parts.append(Part(key=key, shape=variant == "shape", blank=blank))
        else:
            parts.append(Part(words=words))
    if parts:
        yield False, tuple(parts)
