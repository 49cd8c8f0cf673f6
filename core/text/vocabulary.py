"""The vocabulary of the polyp description, read from ``resources/vocabularies/description.toml``.

Form, validation, report text and model text are all made from this one file (clinical rules, section 2).
"""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from functools import cache, cached_property
from typing import Literal

import msgspec

from core.errors import PolypTraceError
from core.paths import resource

FieldType = Literal["choice", "choices", "integer", "number", "boolean", "text", "auto"]
Style = Literal["report", "model"]


class Value(msgspec.Struct, frozen=True):
    """One allowed value. ``report`` and ``model`` are its phrases; ``shape`` an adjective for the lesion."""

    code: str
    report: str = ""
    model: str = ""
    shape: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    def phrase(self, style: Style) -> str:
        """How the value is said: the model phrase falls back to the report's, that one to the code."""
        return (self.model if style == "model" else "") or self.report or self.code


class Condition(msgspec.Struct, frozen=True):
    """A condition on another field: filled, at least ``minimum``, one of ``any``, or tagged ``tag``."""

    key: str
    any: tuple[str, ...] = ()
    minimum: float | None = None
    tag: str = ""


class Field(msgspec.Struct, frozen=True, dict=True):
    """One field of the description; the file's head explains each attribute."""

    key: str
    section: str
    label: str
    type: FieldType
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    max_length: int | None = None
    ordered: bool = False
    required: Literal["always", "conditional", "no"] = "no"
    required_when: tuple[Condition, ...] = ()
    only_when: tuple[Condition, ...] = ()
    neutral: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    model: bool = False
    binned: bool = False
    aliases: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The allowed values as they are stored, in the order of the form."""
        return tuple(value.code for value in self.values)

    def value(self, code: object) -> Value | None:
        """The allowed value with exactly this code."""
        return self._by_code.get(code) if isinstance(code, str) else None

    def find(self, typed: str) -> str | None:
        """The code that ``typed`` means (any case, underscores, aliases, ``0-IIa + Is``), or None."""
        folded = re.sub(r"\s*\+\s*", "+", fold(typed))
        return self._by_spelling.get(folded) or self._by_spelling.get(folded.removeprefix("0 "))

    def nearest(self, typed: str) -> str | None:
        """The code whose spelling comes nearest to ``typed``, if one is near."""
        near = difflib.get_close_matches(fold(typed), self._by_spelling, 1, 0.6)
        return self._by_spelling[near[0]] if near else None

    @cached_property
    def _by_code(self) -> dict[str, Value]:
        return {value.code: value for value in self.values}

    @cached_property
    def _by_spelling(self) -> dict[str, str]:
        spellings = {fold(alias): v.code for v in self.values for alias in (*v.aliases, v.report) if alias}
        return spellings | {fold(v.code): v.code for v in self.values}


class Section(msgspec.Struct, frozen=True):
    """A group of fields in the form, in the order of clinical work."""

    key: str
    label: str


class Bin(msgspec.Struct, frozen=True):
    """A size bin up to ``maximum`` millimetres, both ends included."""

    label: str
    maximum: float
    phrase: str


class Notice(msgspec.Struct, frozen=True):
    """The copyright notice that must be shown with the vocabulary, and its sources."""

    text: str
    sources: tuple[str, ...]


class Sentence(msgspec.Struct, frozen=True):
    """A sentence template: written when its keys are filled, or when ``any`` of them is, or ``always``."""

    text: str
    any: bool = False
    always: bool = False


class TextForm(msgspec.Struct, frozen=True):
    """One of the two texts: its sentences in order, the word before the free text, and what must stay out."""

    sentences: tuple[Sentence, ...]
    note: str
    stems: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    capitals: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()


class Sampling(msgspec.Struct, frozen=True):
    """Notes in free words for the sampler."""

    notes: tuple[str, ...]


class FieldSet(msgspec.Struct, frozen=True, dict=True):
    """The fields of one record, found by key or by what people type for it."""

    fields: tuple[Field, ...] = msgspec.field(name="field")

    @cached_property
    def by_key(self) -> dict[str, Field]:
        """All fields by key, the automatic ones too."""
        return {field.key: field for field in self.fields}

    def field(self, key: str) -> Field:
        """The field that ``key`` means (any case, hyphens, aliases).

        Raises:
            PolypTraceError: ``description-key`` with the nearest key as its hint.
        """
        found = self.spelt(key)
        if found is None:
            near = difflib.get_close_matches(fold(key), self._by_spelling, 1, 0.5)
            hint = f"Did you mean '{self._by_spelling[near[0]].key}'? " if near else ""
            hint += f"Keys: {', '.join(field.key for field in self.fields if field.type != 'auto')}."
            raise PolypTraceError("description-key", "There is no field of that name.", hint)
        return found

    def spelt(self, key: str) -> Field | None:
        """The field that ``key`` means (any case, hyphens, aliases), or None."""
        return self._by_spelling.get(fold(key))

    @cached_property
    def _by_spelling(self) -> dict[str, Field]:
        spellings = {fold(alias): field for field in self.fields for alias in field.aliases}
        return spellings | {fold(field.key): field for field in self.fields}


class Vocabulary(FieldSet, frozen=True, dict=True, kw_only=True):
    """The whole vocabulary file."""

    version: int
    notice: Notice
    sections: tuple[Section, ...] = msgspec.field(name="section")
    bins: tuple[Bin, ...] = msgspec.field(name="bin")
    report: TextForm = msgspec.field(name="report")
    model: TextForm = msgspec.field(name="model")
    sampling: Sampling = msgspec.field(name="sampling")
    exam: FieldSet = msgspec.field(name="exam")
    patient: FieldSet = msgspec.field(name="patient")

    @property
    def editable(self) -> tuple[Field, ...]:
        """The fields that a person fills in, in the order of the form."""
        return tuple(field for field in self.fields if field.type != "auto")

    @property
    def model_fields(self) -> tuple[Field, ...]:
        """The coded fields that the model text may hold (all M fields but the free text)."""
        return tuple(field for field in self.fields if field.model and field.type != "text")

    def in_section(self, section: str) -> tuple[Field, ...]:
        """The fields of one section, for a form."""
        return tuple(field for field in self.fields if field.section == section)

    def bin_of(self, mm: float) -> Bin:
        """The size bin of ``mm`` millimetres."""
        return next((b for b in self.bins if mm <= b.maximum), self.bins[-1])


def fold(typed: str) -> str:
    """Spelling without case, underscores, hyphens and repeated blanks, for comparing what people type."""
    text = unicodedata.normalize("NFKC", typed).casefold()
    return re.sub(r"[\s_\-‐-―/()]+", " ", text).strip()


@cache
def load() -> Vocabulary:
    """The shipped vocabulary, read once.

    Raises:
        FileNotFoundError: the vocabulary isn't shipped.
    """
    with resource("vocabularies", "description.toml").open("rb") as file:
        return msgspec.convert(tomllib.load(file), Vocabulary)
