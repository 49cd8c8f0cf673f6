"""The words of reports that were typed by hand, from ``resources/vocabularies/free_text.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache, cached_property

import msgspec

from core.paths import resource

Phrase = tuple[str, ...]
SHORTEST = 5
"""Shorter words have too many neighbours to be put right."""


class Lesion(msgspec.Struct, frozen=True):
    """What a finding is called.

    Args:
        many: more than one.
        says: other fields that the name says.
        of: the finding that follows is what was there before: “scar of the polyp”.
    """

    words: tuple[str, ...]
    state: str
    many: bool = False
    says: dict[str, str] = {}
    of: bool = False


class Say(msgspec.Struct, frozen=True):
    """Words for one value of one field, how sure they are by themselves, and what else they say."""

    field: str
    value: str
    words: tuple[str, ...]
    sure: float = 0.95
    also: dict[str, str] = {}


class Negation(msgspec.Struct, frozen=True):
    """Words that take a finding back: before it within ``reach`` words and no stop between, or after it.

    Args:
        excepted: words behind which a finding is there in spite of all: “no polyps apart from …”.
        again: words before a finding that was named already.
        kinds: words right before it that make something else of it: “vascular lesion”.
        compounds: words right behind it that make something else of it: “polyp surveillance”.
        answers: words behind it and a colon.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    excepted: tuple[str, ...]
    again: tuple[str, ...]
    kinds: tuple[str, ...]
    compounds: tuple[str, ...]
    answers: tuple[str, ...]
    stops: tuple[str, ...]
    reach: int


class Fillers(msgspec.Struct, frozen=True):
    """Words inside a finding's name; those that mean an unknown number; those before a name that only says
    what a finding looks like.
    """

    words: tuple[str, ...]
    several: tuple[str, ...]
    looks: tuple[str, ...]


class Words(msgspec.Struct, frozen=True):
    """Known words without a meaning here."""

    known: tuple[str, ...]


class Relation(msgspec.Struct, frozen=True):
    """Words after which a place is near the finding, not its own."""

    words: tuple[str, ...]


class Sections(msgspec.Struct, frozen=True):
    """Headings of a report, and words that go on about the finding before them.

    Args:
        skipped: nothing was found under them; ``closing``: nor after them.
        bodies: what was found begins there.
        summaries: they repeat it.
        goes_on: a sentence begins with them.
        treats: words for a treatment.
    """

    skipped: tuple[str, ...]
    closing: tuple[str, ...]
    bodies: tuple[str, ...]
    summaries: tuple[str, ...]
    others: tuple[str, ...]
    goes_on: tuple[str, ...]
    treats: tuple[str, ...]


class Wording(msgspec.Struct, frozen=True, dict=True):
    """The whole file; its head explains each part."""

    lesion: tuple[Lesion, ...]
    say: tuple[Say, ...]
    negation: Negation
    fillers: Fillers
    numbers: dict[str, int]
    sizes: dict[str, tuple[int, int]]
    regions: dict[str, tuple[str, ...]]
    relation: Relation
    words: Words
    sections: Sections

    @cached_property
    def phrases(self) -> dict[Phrase, Say]:
        """Each wording of a value as its words."""
        return {phrase(words): say for say in self.say for words in say.words}

    @cached_property
    def lesions(self) -> dict[Phrase, Lesion]:
        """Each name of a finding as its words."""
        return {phrase(words): lesion for lesion in self.lesion for words in lesion.words}

    @cached_property
    def relations(self) -> frozenset[Phrase]:
        """Each wording of a relation as its words."""
        return frozenset(map(phrase, self.relation.words))

    @cached_property
    def longest(self) -> int:
        """Words of the longest phrase."""
        return max(map(len, (*self.phrases, *self.lesions, *self.relations)))

    @cached_property
    def lexicon(self) -> frozenset[str]:
        """Every word of the file."""
        parts = [word for key in (*self.phrases, *self.lesions, *self.relations) for word in key]
        negated = [word for one in (*self.negation.before, *self.negation.after) for word in one.split()]
        goes_on = [word for one in self.sections.goes_on for word in one.split()]
        told = (
            *self.negation.kinds,
            *self.negation.compounds,
            *goes_on,
            *self.fillers.words,
            *self.words.known,
        )
        return frozenset([*parts, *negated, *told, *self.numbers, *self.sizes])

    @cached_property
    def correctable(self) -> tuple[str, ...]:
        """Words of the lexicon that are long enough for a slip of the pen to be put right."""
        return tuple(word for word in self.lexicon.difference(self.words.known) if len(word) >= SHORTEST)


def phrase(words: str) -> Phrase:
    """``"cold snare"`` → ``("cold", "snare")``."""
    return tuple(words.split())


def lesion_of(words: Sequence[str]) -> Lesion:
    """What a finding is called by these words.

    Raises:
        KeyError: they call nothing so.
    """
    return load_wording().lesions[tuple(words)]


@cache
def load_wording() -> Wording:
    """The file, read once."""
    raw = tomllib.loads(resource("vocabularies", "free_text.toml").read_text("utf-8"))
    return msgspec.convert(raw, Wording)
