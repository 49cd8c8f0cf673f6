"""Learning word pieces: the most frequent pair of neighbouring pieces is joined, again and again.

Byte-pair merging (Sennrich 2016) with BERT's ``##`` in front of pieces that continue a word. Small and slow
beside a library's trainer, but it breaks ties by the alphabet, so that a training run can be repeated.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

_CONTINUES = "##"
Pair = tuple[str, str]


def learn_pieces(counts: Mapping[str, int], size: int, min_frequency: int = 2) -> list[str]:
    """The pieces of a corpus: all letters first, then the merged ones in the order of merging.

    Args:
        counts: how often each word occurs.
        size: most pieces; letters are kept even when they alone are more.
        min_frequency: a pair that is rarer isn't merged.
    """
    words = [_letters(word) for word in sorted(counts)]
    weights = [counts[word] for word in sorted(counts)]
    pieces = dict.fromkeys(sorted({letter for word in words for letter in word}))
    pairs: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += weights[number]
            places[pair].add(number)
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    while queue and len(pieces) < size:
        negative, pair = heapq.heappop(queue)
        if -negative != pairs[pair]:
            continue  # an older count of a pair that has changed since
        if -negative < max(min_frequency, 1):
            break
        pieces[_joined(pair)] = None
        changed: set[Pair] = set()
        for number in places.pop(pair):
            changed |= _merge(words, number, weights[number], pair, pairs, places)
        for other in changed - {pair}:
            heapq.heappush(queue, (-pairs[other], other))
        del pairs[pair]
    return list(pieces)


def _merge(
    words: list[list[str]],
    number: int,
    weight: int,
    pair: Pair,
    pairs: Counter[Pair],
    places: defaultdict[Pair, set[int]],
) -> set[Pair]:
    """Joins ``pair`` wherever it stands in one word; returns the pairs whose counts changed."""
    old = words[number]
    new: list[str] = []
    for piece in old:
        if new and (new[-1], piece) == pair:
            new[-1] = _joined(pair)
        else:
            new.append(piece)
    words[number] = new
    before, after = list(pairwise(old)), list(pairwise(new))
    for gone in before:
        pairs[gone] -= weight
        places[gone].discard(number)
    for come in after:
        pairs[come] += weight
        places[come].add(number)
    return set(before) | set(after)


def _letters(word: str) -> list[str]:
    return [word[:1], *(_CONTINUES + letter for letter in word[1:])]


def _joined(pair: Pair) -> str:
    return pair[0] + pair[1].removeprefix(_CONTINUES)
