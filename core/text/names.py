"""Names of people in free text, told from the capitalised words of the field (Paris, Kudo, Lynch …)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import msgspec

from core.text.identity import alternatives, plain, words

Span = tuple[int, int]

_TOKEN = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f]|['’-](?=[^\W\d_]))*")
_CHINESE_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶"
    "阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_CHINESE = re.compile(
    rf"[{_CHINESE_SURNAMES}][\u4e00-\u9fff]{{0,2}}(?:先生|女士|医生|医师|教授|主任|护士)"
    r"|(?:姓名|患者|病人|签名)\s*[:：]\s*[\u4e00-\u9fff]{2,4}"
)
_MOST_WORDS = 4
_LONGEST_ABBREVIATION = 4
"""A title with a full stop, if longer, is the last word of a sentence: ``seen by the consultant.``"""
_SAYS = re.compile(
    r"[ \t]+(?:saw|says|said|thinks|thought|did|performed|assisted|reviewed|noted|agreed|scoped|called"
    r"|advised|asked|examined|confirmed|attended|supervised|told|wrote|helped|taught)\b"
)
"""What people do: a capitalised word before it, if no word of the lists, is a name."""


class _Word(msgspec.Struct, frozen=True):
    """A word of the text; ``after`` is what stands between it and the next one."""

    start: int
    end: int
    text: str
    opens_sentence: bool
    after: str

    @property
    def capital(self) -> bool:
        """Written like a name: Smith, O'Brien, McCarthy, Anne-Marie, SMITH or an initial."""
        return self.text[0].isupper()

    @property
    def title_case(self) -> bool:
        celtic = re.match(r"(?:[A-Z]['’]|Mc|Mac)[A-Z]", self.text)
        return self.capital and (self.text[1:2].islower() or celtic is not None)

    @property
    def shouted(self) -> bool:
        return len(self.text) > 1 and self.text.isupper()

    @property
    def initial(self) -> bool:
        return len(self.text) == 1 and self.capital

    @property
    def listed(self) -> bool:
        """Whether it is a common name and no word."""
        return any(plain(part) in words().names for part in (self.text, *re.split(r"[-–]", self.possessor)))

    @property
    def doubtful(self) -> bool:
        return plain(self.text) in words().doubtful

    @property
    def eponym(self) -> bool:
        """Whether a word of the field is named after somebody: a name beside a title or a given name."""
        return plain(self.possessor) in words().eponyms

    @property
    def is_particle(self) -> bool:
        return plain(self.text) in words().particles

    @property
    def possessor(self) -> str:
        return re.sub(r"['’]s$", "", self.text)

    def safe(self, loose: bool = False) -> bool:
        """Whether it is a word of the field or of every day."""
        known = words()
        return known.is_safe(self.text, loose) or known.is_safe(self.possessor, loose)

    def in_lists(self) -> bool:
        """Whether it is a word that stands in the lists (endings don't count)."""
        return plain(self.text) in words().safe


def find_names(text: str, strict: bool = False) -> Iterator[Span]:
    """Stretches that look like people's names.

    After titles ("Dr"), labels ("Name:") and doers ("seen by"); two capitalised words that aren't of the
    field; a common name alone. Single letters and clinical eponyms aren't names.

    Args:
        strict: also any capitalised word that isn't known, and common names in lower case.
    """
    tokens = _tokens(text)
    for finder in (_after_titles, _pairs, _listed):
        yield from finder(tokens, strict)
    yield from _after_labels(text, tokens, strict)
    yield from _before_doing(text, tokens)
    yield from (match.span() for match in _CHINESE.finditer(text))
    if strict:
        yield from _unknown_capitals(tokens)


def _tokens(text: str) -> list[_Word]:
    matches = list(_TOKEN.finditer(text))
    tokens: list[_Word] = []
    for number, match in enumerate(matches, 1):
        following = matches[number].start() if number < len(matches) else len(text)
        before = tokens[-1].after if tokens else "."
        opens = bool(re.search(r"[.!?:;\n(\[\"“•*-]", before)) and not (tokens and tokens[-1].initial)
        tokens.append(_Word(match.start(), match.end(), match[0], opens, text[match.end() : following]))
    return tokens


def _run(tokens: list[_Word], first: int, lower: bool, titled: bool = False) -> int:
    """How many tokens from ``first`` on belong to one name; particles count only between two of them.

    Behind a title (``titled``) any capitalised word is one; behind a label, eponyms are too.
    """
    taken = 0
    for place in range(first, min(first + _MOST_WORDS, len(tokens))):
        word = tokens[place]
        particle = word.is_particle
        certain = word.capital and (word.eponym or (titled and place == first))
        likely = certain or word.listed or word.doubtful or not word.safe()
        if not particle and not (likely and (word.capital or lower or word.listed)):
            break
        if not particle:
            taken = place - first + 1
        if word.opens_sentence and place > first and not tokens[place - 1].initial:
            taken = min(taken, place - first)
            break
        if not re.fullmatch(r"[ \t]+|\.[ \t]*|,[ \t]+|[ \t]*&[ \t]*", word.after):
            break
        if word.after[0] == "." and not word.initial:
            break
    return taken


def _after_titles(tokens: list[_Word], strict: bool) -> Iterator[Span]:
    for place, word in enumerate(tokens[:-1]):
        if plain(word.text) not in words().titles or not re.fullmatch(r"\.?[ \t]*", word.after):
            continue
        following = tokens[place + 1]
        if word.shouted and not (following.shouted or following.listed):
            continue  # "DR performed": a digital examination, not a doctor
        ends_sentence = "." in word.after and len(word.text) > _LONGEST_ABBREVIATION
        taken = _run(tokens, place + 1, strict, titled=not ends_sentence)
        if taken:
            yield word.start, tokens[place + taken].end


def _after_labels(text: str, tokens: list[_Word], strict: bool) -> Iterator[Span]:
    places = {token.start: place for place, token in enumerate(tokens)}
    for pattern, is_label in ((_label_pattern(), True), (_doer_pattern(), False)):
        for match in pattern.finditer(text):
            place = places.get(match.end())
            if place is None:
                continue
            lower = _asks_for_name(match[0]) or (strict and (not is_label or ":" in match[0]))
            taken = _run(tokens, place, lower)
            if taken:
                yield tokens[place].start, tokens[place + taken - 1].end


def _asks_for_name(label: str) -> bool:
    """Whether a name must follow, even in lower case: ``Name:``, ``Nachname:``, ``Nom:``."""
    return re.search(r"(?:name|nom|nome|cognome|prenom|prénom)\s*:", label, re.IGNORECASE) is not None


def _pairs(tokens: list[_Word], strict: bool) -> Iterator[Span]:
    """Two adjacent words, or three with a particle, that together are a name."""
    for place, first in enumerate(tokens[:-1]):
        step = 1
        while step < 4 and place + step < len(tokens) - 1 and tokens[place + step].is_particle:
            step += 1
        second = tokens[place + step]
        between = {word.after for word in tokens[place : place + step]}
        if all(re.fullmatch(r"[ \t]+", gap) for gap in between) and _is_pair(first, second):
            yield first.start, second.end
        elif step == 1 and _is_turned_or_initial(first, second):
            yield _first_initial(tokens, place).start, second.end


def _is_pair(first: _Word, second: _Word) -> bool:
    named = first.listed or second.listed
    if first.listed and second.listed:
        return True
    if first.initial:
        return second.title_case and second.listed
    if not (first.capital and second.capital) or second.initial:
        return first.listed and first.capital and second.initial
    if named or (first.doubtful and second.doubtful):
        return all(word.doubtful or word.eponym or not word.in_lists() for word in (first, second))
    return all(word.title_case and not word.safe(loose=True) for word in (first, second))


def _is_turned_or_initial(first: _Word, second: _Word) -> bool:
    """``Smith, John``, ``J. Smith`` and ``Smith J.``"""
    if re.fullmatch(r",[ \t]+", first.after):
        likely = first.doubtful or first.eponym or not first.safe(loose=True)
        return likely and first.capital and second.capital and second.listed
    if first.initial and re.fullmatch(r"\.[ \t]*", first.after):
        return second.title_case and not second.safe(loose=True)
    return False


def _first_initial(tokens: list[_Word], place: int) -> _Word:
    """``J.`` of ``J.R. Smith``."""
    while place > 0 and tokens[place - 1].initial and tokens[place - 1].after.strip() == ".":
        place -= 1
    return tokens[place]


def _listed(tokens: list[_Word], strict: bool) -> Iterator[Span]:
    """A common name alone: with a capital, or in lower case when strict."""
    for word in tokens:
        if word.listed and (word.title_case or strict):
            yield word.start, word.end


def _before_doing(text: str, tokens: list[_Word]) -> Iterator[Span]:
    """``Harding saw it``: whoever acts is a person."""
    for word in tokens:
        if word.title_case and (word.eponym or not word.in_lists()) and _SAYS.match(text, word.end):
            yield word.start, word.end


def _unknown_capitals(tokens: list[_Word]) -> Iterator[Span]:
    """Capitalised words that aren't known. Everyday endings are trusted only where a sentence begins."""
    for word in tokens:
        if word.title_case and not word.safe(loose=word.opens_sentence):
            yield word.start, word.end


@cache
def _label_pattern() -> re.Pattern[str]:
    labels = alternatives(words().labels["name_labels"])
    return re.compile(rf"(?<!\w)(?:{labels})(?!\w)(?:\s*[:=：]\s*|\s+(?:is\s+|was\s+)?)(?=\w)", re.IGNORECASE)


@cache
def _doer_pattern() -> re.Pattern[str]:
    labels = alternatives(words().labels["doers"])
    return re.compile(rf"(?<!\w)(?:{labels})\s*:?\s+(?=\w)", re.IGNORECASE)
