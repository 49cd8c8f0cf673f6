"""The free text as the model may read it: appearance and place, never who, when, histology or treatment."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from core import privacy
from core.text.vocabulary import load

_SENTENCE_END = re.compile(r"(?<=[.!?;。！？；])\s+|(?<=[。！？；])|\n+")
_LETTERS = re.compile(r"[\w-]+")
_DOTTED = re.compile(r"(?<![a-z0-9])(?:[a-z]\.){2,}")
_STAGE = re.compile(r"y?p?t(?:is|[0-4](?:[a-d]|sm[1-3])*)|sm[1-3]|g[1-3]")
_PREFIX = re.compile(r"^(?:post|pre|re|un|non|p|[0-9]+)")
_ENDINGS = (re.compile(r"(?:s|d|ed)$"), re.compile(r"[0-9]+$"))


def model_note(free_text: str) -> str:
    """The part of the free text that the model may read, on one line; empty when nothing is left.

    1. Invisible characters go, forms of letters and digits are unified (NFKC), blanks become single spaces.
    2. Sentences that speak of histology or treatment are left out whole: half of one could still tell the
       outcome.
    3. What looks like a name, date, record number, telephone number or address is taken out. The scan is
       stricter than for the warning at the form: here a lost word costs less than a shown name.
    """
    lines = _visible(free_text)
    told = " ".join(sentence for sentence in _sentences(lines) if not is_outcome(sentence))
    # Names are looked for in all that is left at once, since one may run over a sentence's end.
    cleaned = _without_identity(_latin(told))
    # Taking something out may bring two halves together that now say what neither said.
    kept = " ".join(one for one in _sentences(cleaned) if _has_letters(one) and not is_outcome(one))
    note = _tidy(_without_identity(kept))
    return "" if privacy.scan(note, strict=True) or is_outcome(note) else note


def is_outcome(sentence: str) -> bool:
    """Whether a sentence speaks of histology or treatment."""
    form = load().model
    plain = _DOTTED.sub(lambda match: match[0].replace(".", "") + " ", _plain(sentence).replace("_", " "))
    # A hyphen may hide a word ("cold-snared") or split one ("re-sected"): look at both readings.
    words = {
        part for word in _LETTERS.findall(plain) for part in (word, word.replace("-", ""), *word.split("-"))
    }
    return (
        any(_tells_outcome(word) for word in words)
        or not set(form.capitals).isdisjoint(_LETTERS.findall(sentence))
        or _phrases().search(plain) is not None
        or any(text in plain for text in form.anywhere)
    )


def _tells_outcome(word: str) -> bool:
    form = load().model
    if word.startswith(form.stems) or any(part in word for part in form.inside) or _STAGE.fullmatch(word):
        return True
    bare = _PREFIX.sub("", word)
    forms = {word, bare, *(end.sub("", one) for one in (word, bare) for end in _ENDINGS)}
    return not forms.isdisjoint(_closed_words())


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE_END.split(text)]


def _tidy(text: str) -> str:
    """Without the gaps that taken-out words leave before a comma or full stop."""
    closed = re.sub(r"\s+(?=[.,;:!?])", "", " ".join(text.split()))
    return re.sub(r"([,;])[,;]+", r"\1", closed)


def _visible(text: str) -> str:
    unified = unicodedata.normalize("NFKC", text)
    kept = "".join(
        c if unicodedata.category(c) not in ("Cf", "Cc", "Cn", "Co", "Cs") else _blank(c) for c in unified
    )
    return re.sub(r"[^\S\n]+", " ", kept)


def _latin(text: str) -> str:
    """Without words in other scripts: the name scan can't tell their names from their words."""
    return _LETTERS.sub(lambda word: word[0] if all(_is_latin(c) for c in word[0]) else " ", text)


def _is_latin(character: str) -> bool:
    return not character.isalpha() or unicodedata.name(character, "").startswith(
        ("LATIN", "GREEK SMALL LETTER MU")
    )


def _blank(character: str) -> str:
    """What a control or format character becomes: a line break stays one, other white space is a blank."""
    if character in "\n\r\v\f\x1c\x1d\x1e\x85":
        return "\n"
    return " " if character.isspace() else ""


def _without_identity(text: str) -> str:
    for _ in range(8):  # taking one thing out may bring two others together
        found = privacy.scan(text, strict=True)
        if not found:
            return text
        for suspicion in reversed(found):
            text = f"{text[: suspicion.start]} {text[suspicion.end :]}"
    return ""


def _plain(text: str) -> str:
    """Lower case without accents, as the tokenizer reads it."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn").casefold()


def _has_letters(sentence: str) -> bool:
    return any(character.isalpha() for character in sentence)


@cache
def _phrases() -> re.Pattern[str]:
    phrases = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in load().model.phrases)
    return re.compile(rf"(?<!\w)(?:{phrases})(?!\w)")


@cache
def _closed_words() -> frozenset[str]:
    return frozenset(load().model.words)
