"""The word lists with which identifying words are told from clinical ones."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

import msgspec

from core.paths import resource
from core.text.vocabulary import load as load_vocabulary

_WORD = re.compile(r"[^\W\d_]+")


class Words(msgspec.Struct, frozen=True):
    """The lists of ``resources/vocabularies/privacy.toml``, folded by :func:`plain`.

    ``safe`` are clinical and everyday words, ``eponyms`` those of them that are somebody's name too (Barrett,
    Meier), ``names`` given names and surnames, ``doubtful`` names that are words too. Labels and
    ``month_spellings`` are kept as written, with their accents.
    """

    titles: frozenset[str]
    safe: frozenset[str]
    eponyms: frozenset[str]
    names: frozenset[str]
    doubtful: frozenset[str]
    months: frozenset[str]
    month_spellings: frozenset[str]
    particles: frozenset[str]
    endings: tuple[str, ...]
    everyday_endings: tuple[str, ...]
    weekdays: frozenset[str]
    labels: dict[str, tuple[str, ...]]

    def is_safe(self, word: str, loose: bool = False) -> bool:
        """Whether a word of a sentence is known to be none of a name.

        Args:
            loose: also trust everyday endings (-ing, -ed, -al …), as some surnames have them.
        """
        key = plain(word)
        if key in self.names:
            return False
        parts = [part for part in re.split(r"[-–/]", key) if part]
        return bool(parts) and all(self._is_word(part, loose) for part in parts)

    def _is_word(self, part: str, loose: bool) -> bool:
        if part in self.safe or part in self.months or part in self.weekdays:
            return True
        if part in self.names or part in self.doubtful:
            return False
        stems = {part.removesuffix(end) for end in ("s", "es", "ed", "ing", "ly", "d")} - {part}
        if any(len(stem) > 3 and stem in self.safe for stem in stems):
            return True
        endings = (*self.endings, *self.everyday_endings) if loose else self.endings
        return len(part) > 5 and part.endswith(endings)


@lru_cache(maxsize=4096)
def plain(word: str) -> str:
    """Lower case, without accents and apostrophes."""
    decomposed = unicodedata.normalize("NFKD", word)
    kept = "".join(c for c in decomposed if unicodedata.category(c) != "Mn" and c not in "'’")
    return kept.casefold()


@cache
def words() -> Words:
    """The shipped lists, read once; the words of the description's vocabulary are safe too."""
    with resource("vocabularies", "privacy.toml").open("rb") as file:
        lists = tomllib.load(file)
    eponyms = _folded(lists["eponyms"])
    safe = _folded(lists["words"]) | eponyms | _vocabulary_words()
    named = _folded(f"{lists['given']} {lists['surnames']}")
    doubtful = _folded(lists["names_and_words"]) | (named & eponyms)
    names = named - safe - doubtful
    return Words(
        titles=_folded(lists["titles"]),
        safe=safe,
        eponyms=eponyms,
        names=names,
        doubtful=doubtful,
        months=_folded(lists["months"]),
        month_spellings=frozenset(lists["months"].split()),
        weekdays=_folded(lists["weekdays"]),
        particles=_folded(lists["particles"]),
        endings=tuple(lists["endings"].split()),
        everyday_endings=tuple(lists["everyday_endings"].split()),
        labels={
            key: tuple(sorted(lists[key], key=len, reverse=True))
            for key in ("name_labels", "doers", "record_labels", "birth_labels", "phone_labels")
        },
    )


def alternatives(labels: Iterable[str]) -> str:
    """A pattern that matches any of ``labels``, the longest first, with any blanks in them."""
    longest_first = sorted(labels, key=len, reverse=True)
    return "|".join(re.escape(label).replace(r"\ ", r"\s+") for label in longest_first)


def _folded(text: str) -> frozenset[str]:
    return frozenset(plain(word) for word in text.split())


def _vocabulary_words() -> frozenset[str]:
    vocabulary = load_vocabulary()
    said: list[str] = []
    for field in vocabulary.fields:
        said += [field.label, field.key]
        for value in field.values:
            said += [value.code, value.report, value.model, value.shape, *value.aliases]
    for form in (vocabulary.report, vocabulary.model):
        said += [re.sub(r"\{[^}]*\}", " ", sentence.text) for sentence in form.sentences]
    return frozenset(plain(word) for text in said for word in _WORD.findall(text))
