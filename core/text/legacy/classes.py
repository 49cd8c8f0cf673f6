"""Classes in their usual notation: “Paris 0-IIa+Is”, “NICE 2”, “JNET 2A”, “Kudo IIIs”, “LST-G-H”."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.legacy.mark import Mark
from core.text.legacy.tokens import Token
from core.text.vocabulary import load

_PARIS = {
    "ip": "Ip", "isp": "Isp", "is": "Is", "iia": "IIa", "iib": "IIb", "iic": "IIc", "iii": "III",
    "1p": "Ip", "1sp": "Isp", "1s": "Is", "2a": "IIa", "2b": "IIb", "2c": "IIc",
}  # fmt: skip
_BETWEEN = frozenset({"classification", "class", "type", "pit", "pattern", "grade", ":", "=", "-", "–"})
"""What may stand between the name of a scale and the class."""
_SCALES = ("nice", "jnet", "kudo", "lst")
_LONGEST = 4
"""Tokens of the longest class: “NG - F E”."""


def class_at(words: Sequence[Token], at: int) -> Mark | None:
    """The class that is named here."""
    return _paris(words, at) or _scale(words, at)


def _paris(words: Sequence[Token], at: int) -> Mark | None:
    """“Is” and “III” alone are a verb and a number: they count behind “Paris” or “0-”, or between signs."""
    end, named = at, False
    if words[end].word == "paris":
        end, named = _behind_name(words, end + 1), True
    if [token.text for token in words[end : end + 2]] in (["0", "-"], ["0", "–"]):
        end, named = end + 2, True
    elif named and words[end : end + 1] and words[end].text == "0":
        end += 1
    first, length = _form(words, end, named)
    if first is None or not (named or _by_itself(words, end, first)):
        return None
    end += length
    if end + 1 < len(words) and words[end].text == "+":
        other, length = _form(words, end + 1, True)
        if load().by_key["paris"].value(f"{first}+{other}") is not None:
            return Mark("say", at, end + 1 + length, "paris", f"{first}+{other}")
    return Mark("say", at, end, "paris", first)


def _form(words: Sequence[Token], at: int, digits: bool) -> tuple[str | None, int]:
    """A form of Paris and its length in tokens; “2a” is two, and one only where digits may stand for it."""
    if at >= len(words):
        return None, 0
    if words[at].word in _PARIS:
        return _PARIS[words[at].word], 1
    both = "".join(token.text.lower() for token in words[at : at + 2])
    return (_PARIS[both], 2) if digits and both in _PARIS else (None, 0)


def _by_itself(words: Sequence[Token], at: int, form: str) -> bool:
    if form not in ("Is", "III"):
        return True
    if words[at].text != form:
        return False
    before = words[at - 1].word if at else ""
    behind = words[at + 1].word if at + 1 < len(words) else ""
    between = before in ("", "(", ",", "/") and behind in ("", ")", ",", ".", ";", "/", "or")
    return form == "Is" and (between or before in ("mm", "cm", "type") or behind in ("polyp", "lesion"))


def _scale(words: Sequence[Token], at: int) -> Mark | None:
    # “LST” is what the finding is called, too: its type begins behind it.
    key = "lst" if at and words[at - 1].word == "lst" else words[at].word
    if key not in _SCALES or words[at].word == "lst":
        return None
    start = at if key == "lst" else _behind_name(words, at + 1)
    for length in range(min(_LONGEST, len(words) - start), 0, -1):
        run = words[start : start + length]
        # A class stands together: “JNET 2A”, “LST-NG-PD”, never “NICE 1 a 5 mm polyp”.
        hyphen = key == "lst"
        if any(run[one].end + hyphen < run[one + 1].start for one in range(length - 1)):
            continue
        code = load().by_key[key].find(("-" if hyphen else "").join(token.text for token in run))
        if code is not None:
            return Mark("say", at, start + length, key, code)
    return None


def _behind_name(words: Sequence[Token], at: int) -> int:
    while at < len(words) and words[at].word in _BETWEEN:
        at += 1
    return at
