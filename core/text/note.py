"""The free text as the model may read it: appearance and place, never who, when, histology or treatment."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from core import privacy
from core.text.vocabulary import load

_SENTENCE_END = re.compile(r"(?<=[.!?;。！？；])\s+|(?<=[。！？；])|\n+")
_LETTERS = re.compile(r"[\w-]+")


def model_note(free_text: str) -> str:
    """The part of the free text that the model may read, on one line; empty when nothing is left.

    1. Invisible characters go, forms of letters and digits are unified (NFKC), blanks become single spaces.
    2. Sentences that speak of histology or treatment are left out whole: half of one could still tell the
       outcome.
    3. What looks like a name, date, record number, telephone number or address is taken out. The scan is
       stricter than for the warning at the form: here a lost word costs less than a shown name.
    """
    lines = _visible(free_text)
    # Who and when are looked for in the whole text, since a name may run over a sentence's end.
    cleaned = _without_identity(lines)
    sentences = [sentence.strip() for sentence in _SENTENCE_END.split(cleaned)]
    kept = " ".join(sentence for sentence in sentences if _has_letters(sentence) and not is_outcome(sentence))
    note = " ".join(_without_identity(kept).split())
    return "" if privacy.scan(note, strict=True) or is_outcome(note) else note


def is_outcome(sentence: str) -> bool:
    """Whether a sentence speaks of histology or treatment."""
    form = load().model
    plain = _plain(sentence)
    # A hyphen may hide a word ("cold-snared") or split one ("re-sected"): look at both readings.
    words = {
        part for word in _LETTERS.findall(plain) for part in (word, word.replace("-", ""), *word.split("-"))
    }
    if any(word in _closed_words() or word.startswith(form.stems) for word in words):
        return True
    return any(text in plain for text in form.anywhere)


def _visible(text: str) -> str:
    unified = unicodedata.normalize("NFKC", text)
    kept = "".join(
        c if unicodedata.category(c) not in ("Cf", "Cc", "Cn", "Co", "Cs") else _blank(c) for c in unified
    )
    return re.sub(r"[^\S\n]+", " ", _latin(kept))


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
def _closed_words() -> frozenset[str]:
    return frozenset(load().model.words)
