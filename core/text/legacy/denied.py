"""What a sentence says isn't so: “not pedunculated”, “without a stalk”, “no polyp in the rectum”."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.mark import Mark
from core.text.legacy.tokens import Token
from core.text.legacy.wording import load_wording, phrase

_DENIES = frozenset({
    "not", "no", "non", "without", "never", "neither", "nor", "isn", "wasn", "aren", "weren", "excluding",
})  # fmt: skip
_PASSED = frozenset({
    "in", "the", "a", "an", "any", "at", "on", "of", "with", "very", "obviously", "clearly", "evidence",
    "signs", "sign", "t", "'", "’", "from", "-", "paris", "really", "be", "larger", "smaller", "bigger",
    "greater", "more", "less", "than", "over", "under", ">", "<", "≥", "≤", "about",
})  # fmt: skip
"""What may stand between the denial and what is denied."""
_NOT_DONE_BEFORE = frozenset({
    "for", "consider", "considered", "unsuitable", "previous", "prior", "old", "needs", "requires", "plan",
    "planned", "future", "after", "earlier", "recommend", "recommended", "suggest", "unsuccessful", "attempt",
    "attempted", "elective", "amenable", "suitable", "candidate", "book", "booked",
})  # fmt: skip
_NOT_DONE_BEHIND = (
    "considered", "discussed", "declined", "refused", "contemplated", "list", "attempted without", "failed",
    "unsuccessful", "impossible", "unavailable", "next", "planned", "previously", "scar",
    "not possible", "not available", "not feasible", "not attempted", "not performed", "not done",
    "not successful",
)  # fmt: skip
"""What says that a treatment wasn't given, or not at this exam: “EMR not possible”, “for EMR next week”."""
_OR = frozenset({"or", "nor", "/", "the", "in", "a"})
_JOINING = frozenset({"or", "nor", "/"})
_THEN = frozenset({"previous", "previously", "prior", "before", "last"})
"""“Not seen on the previous colonoscopy”: it is there now."""
_WASHED_OFF = (("was", "stool"), ("was", "mucus"), ("was", "debris"), ("washed", "away"), ("washed", "off"))
_REACH, _CLAUSE = 4, 10


def with_denials(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mark]:
    """The marks, those that are denied marked so."""
    found: list[Mark] = []
    for mark in marks:
        chained = bool(found) and found[-1].denied and _only(words, found[-1].last, mark.first, _OR)
        told = mark.kind in ("say", "size", "below", "above")
        denied = told and (chained or is_denied(words, mark.first) or _not_done(words, mark))
        found.append(msgspec.structs.replace(mark, denied=True) if denied else mark)
    return found


def with_absent_denied(words: Sequence[Token], marks: Sequence[Mark], absent: Sequence[Mark]) -> list[Mark]:
    """The marks; what is said of a finding that isn't there is denied: “no polyp in the rectum”.

    Args:
        absent: the lesion marks that are taken back.
    """
    others = [mark for mark in marks if mark.kind == "lesion" and mark not in absent]
    spans = [
        (noun.first, min([_stop(words, noun.last), *(one.first for one in others if one.first > noun.first)]))
        for noun in absent
    ]
    return [
        msgspec.structs.replace(mark, denied=True)
        if mark.kind == "say" and any(first <= mark.first < last for first, last in spans)
        else mark
        for mark in marks
    ]


def taken_back(words: Sequence[Token], start: int, noun: Mark) -> bool:
    """“No polyps”, “polyps: nil”, “small lesions could have been missed”.

    Args:
        start: token at which the finding's name begins.
    """
    negation = load_wording().negation
    reach: list[str] = []
    for token in reversed(words[max(0, start - negation.reach) : noun.first]):
        if (
            token.text in ".;:"
            or token.word in negation.stops
            or (noun.value == "scar" and token.word == "at")
        ):
            break  # “no recurrence at the scar”
        reach.insert(0, token.word)
    if any(_holds(reach, phrase(one)) for one in negation.excepted):
        return False
    if any(_holds(reach, phrase(one)) for one in negation.before):
        return True
    if start and words[start - 1].word == "not":
        return True
    answer = [token.word for token in words[noun.last : noun.last + 2]]
    if answer[:1] == [":"] and answer[1:] and answer[1] in negation.answers:
        return True
    if any(_holds([token.word for token in words[noun.last :]], one) for one in _WASHED_OFF):
        return True
    behind = [token.word for token in words[noun.last : _stop(words, noun.last)]]
    ends = [end for one in negation.after for end in _ends(behind, phrase(one))]
    return any(_THEN.isdisjoint(behind[end:]) for end in ends)


def is_denied(words: Sequence[Token], first: int) -> bool:
    """Whether a denial stands before this token with nothing but small words between."""
    at = first - 1
    while at >= 0 and first - at <= _REACH and words[at].word in _PASSED:
        at -= 1
    return at >= 0 and first - at <= _REACH and words[at].word in _DENIES


def _not_done(words: Sequence[Token], mark: Mark) -> bool:
    if mark.field == "state":
        return _denied_behind(words, mark)
    if not mark.is_treatment:
        return False
    if "will" in (token.word for token in words[max(0, mark.first - _CLAUSE) : mark.first]):
        return True
    before = {token.word for token in words[max(0, mark.first - 2) : mark.first]}
    behind = _behind(words, mark)[:_REACH]
    return not _NOT_DONE_BEFORE.isdisjoint(before) or any(
        _holds(behind, phrase(one)) for one in _NOT_DONE_BEHIND
    )


def _denied_behind(words: Sequence[Token], mark: Mark) -> bool:
    return any(_holds(_behind(words, mark), phrase(one)) for one in load_wording().negation.after)


def _behind(words: Sequence[Token], mark: Mark) -> list[str]:
    """The words behind it up to a stop, “but” aside: “attempted but failed”."""
    end = mark.last
    while end < len(words) and words[end].text not in ".;:,":
        end += 1
    return [token.word for token in words[mark.last : end]]


def _stop(words: Sequence[Token], at: int) -> int:
    """Where what is said of a finding ends at the latest."""
    negation = load_wording().negation
    stops = {*negation.stops, *(phrase(one)[0] for one in negation.excepted)}
    while at < len(words) and words[at].text not in ".;:," and words[at].word not in stops:
        at += 1
    return at


def _only(words: Sequence[Token], first: int, last: int, allowed: frozenset[str]) -> bool:
    between = {token.word for token in words[first:last]}
    return not between.isdisjoint(_JOINING) and between <= allowed


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return bool(_ends(words, wanted))


def _ends(words: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Behind each place at which these words stand."""
    size = len(wanted)
    starts = range(len(words) - size + 1)
    return [at + size for at in starts if tuple(words[at : at + size]) == tuple(wanted)]
