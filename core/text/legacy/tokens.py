"""Sentences as words and numbers, with slips of the pen put right."""

from __future__ import annotations

import re
from functools import cache

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from core.text.legacy.records import goes_on_in_form
from core.text.legacy.wording import SHORTEST, load_wording

_SHORT = (
    r"(?<!\bapprox\.)(?<!\bca\.)(?<!\bmax\.)(?<!\bdiam\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bDr\.)(?<!\bno\.)"
)
"""A full stop behind one of these ends no sentence."""
_SENTENCE = re.compile(
    rf"(?:(?<=[.!?]){_SHORT}\s+(?=[A-Z\d])|(?<=;)\s+(?=[A-Z\d])(?!\d+\))|(?<=[;:])\s+(?=\([a-h]\)\s))|\s*[\r\n]+\s*"
)
_SHORTENED = frozenset(
    {"prox", "dist", "asc", "desc", "sig", "trans", "hep", "spl", "splen", "rect", "caec", "approx"}
)
_NARROWEST, _FULL = 40, 0.7
"""A line that is nearly as long as the longest, of so many characters at least, and goes on in lower case was
wrapped, not ended."""
_OPEN = frozenset({
    "a", "an", "and", "at", "by", "for", "from", "in", "no", "of", "or", "the", "to", "was", "were", "with",
})  # fmt: skip
"""No sentence ends with one of these."""
_LEADS_ON = frozenset({"in", "of", "at", "from", "with", "measuring", "within"})
"""No line begins a sentence with one of these in small letters."""
_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|(?<!\w)\.\d+|[^\W\d_]+|[^\w\s]")
_ALIKE = 0.79
_LONG, _ALIKE_LONG = 10, 0.74
SLIP = 0.85
"""How far a word that was put right can be relied on."""


class Token(msgspec.Struct, frozen=True):
    """A word, number or sign: as it stands, in lower case and put right, its place, and how sure that is."""

    text: str
    word: str
    start: int
    end: int
    sure: float = 1.0

    @property
    def number(self) -> float | None:
        """Its value, where it is a number in digits, with a point or a comma."""
        return float(self.text.replace(",", ".")) if self.text[-1].isdigit() else None


def sentences(text: str) -> list[tuple[int, str]]:
    """Where each sentence begins, and the sentence."""
    found, start = [], 0
    for gap in _SENTENCE.finditer(text):
        if _wraps(text, gap) or goes_on_in_form(text, start, gap):
            continue
        found.append((start, text[start : gap.start()]))
        start = gap.end()
    found.append((start, text[start:]))
    return [(at, one) for at, one in found if one.strip()]


def _wraps(text: str, gap: re.Match[str]) -> bool:
    """Whether a line's end is nothing but the page's edge."""
    line = text[: gap.start()].rpartition("\n")[2].rstrip()
    if gap.group().count("\n") != 1 or not line or line[-1] in ".;:!?":
        return False
    following = text[gap.end() :].split(maxsplit=1)
    told = line.split()
    answer = told[-2:-1] and told[-2].endswith(":")  # “Retrieved: No”
    if (
        (told[-1].lower() in _OPEN and not answer)
        or line[-1] == "-"
        or (following and following[0] in _LEADS_ON)
    ):
        return True
    longest = max(map(len, text.splitlines()))
    full = longest >= _NARROWEST and len(line) >= _FULL * longest
    return full and text[gap.end() : gap.end() + 1].islower()


def tokens(sentence: str, offset: int = 0) -> list[Token]:
    """The sentence's words, numbers and signs; hyphens between words are left out."""
    found = []
    for match in _TOKEN.finditer(sentence):
        text = match.group()
        word, sure = put_right(text.lower())
        found.append(Token(text, word, offset + match.start(), offset + match.end(), sure))
    return [one for at, one in enumerate(found) if not (_joins(found, at) or _shortens(found, at))]


def _joins(found: list[Token], at: int) -> bool:
    """Whether a token is a hyphen or slash between two words."""
    if found[at].text not in "-/–" or not 0 < at < len(found) - 1:
        return False
    if found[at].text != "/" and found[at - 1].end < found[at].start < found[at].end < found[at + 1].start:
        return False  # “sigmoid - stalk 10 mm”
    return found[at - 1].text[-1].isalpha() and found[at + 1].text[0].isalpha()


def _shortens(found: list[Token], at: int) -> bool:
    """Whether a token is the full stop of an abbreviation: “prox. transverse”."""
    if found[at].text != "." or not 0 < at < len(found) - 1:
        return False
    return found[at - 1].word in _SHORTENED and found[at + 1].text[0].islower()


@cache
def put_right(word: str) -> tuple[str, float]:
    """The known word that is meant, and how sure that is; an unknown one stays as it is."""
    wording = load_wording()
    if word in wording.lexicon or len(word) < SHORTEST or not word.isalpha():
        return word, 1.0
    near = process.extractOne(
        word,
        wording.correctable,
        scorer=DamerauLevenshtein.normalized_similarity,
        score_cutoff=_ALIKE_LONG if len(word) >= _LONG else _ALIKE,
    )
    return (near[0], SLIP) if near else (word, 1.0)
