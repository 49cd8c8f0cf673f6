"""A search for words among 100 000 clips from question to list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import large_catalogue
from table import Figure, Goal, Row
from timing import Size, middle, paired, ratio, seconds

from core.search.prepared import PreparedClips
from core.search.query import Filters, SearchQuery
from core.search.searching import SearchResult
from core.search.searching import search as find

TOP = 50
NEXT_MS, FIRST_MS = 300, 1500
WORDS = "2 cm pedunculated polyp in the sigmoid"
OTHERS = {
    "like a clip": SearchQuery(like=17),
    "one patient": SearchQuery(text=WORDS, filters=Filters(patient="P-000001")),
    "between two days": SearchQuery(
        text=WORDS, filters=Filters(since=dt.date(2020, 1, 1), until=dt.date(2022, 6, 30))
    ),
    "one segment": SearchQuery(text=WORDS, filters=Filters(segment="sigmoid")),
    "other segments": SearchQuery(text=WORDS, refinements=("other segment",)),
    "after a tattoo": SearchQuery(text=WORDS, refinements=("after tattoo",)),
}
"""Searches whose times stand in the note."""


def search(size: Size) -> list[Row]:
    """By the core: the vectors kept from the search before, and read for each search."""
    with large_catalogue.prepared(size.of(5000, 10), 5) as (catalog, space):
        kept, query = PreparedClips(), SearchQuery(text=WORDS)

        def ask(query: SearchQuery, kept: PreparedClips | None = kept) -> SearchResult:
            return find(catalog, space, query, TOP, kept)

        first = seconds(lambda: ask(query))
        mixed = kept.of(catalog, space).mixed
        ours, peer, product = paired(
            lambda: ask(query), lambda: ask(query, None), lambda: mixed @ mixed[17], rounds=size.rounds
        )
        others = {
            name: min(seconds(lambda one=one: ask(one)) for _ in range(3))  # type: ignore[misc]
            for name, one in OTHERS.items()
        }
        same = all(ask(one) == ask(one, None) for one in (query, *OTHERS.values()))
        return [_row(len(mixed), first, ours, peer, product, others, same)]


def _row(
    count: int,
    first: float,
    ours: list[float],
    peer: list[float],
    product: list[float],
    others: dict[str, float],
    same: bool,
) -> Row:
    told = ", ".join(f"{name} {1000 * one:.0f}" for name, one in others.items())
    return Row(
        name="search",
        work=f"a search for words among {count:,} clips, {TOP} hits with the words that mattered",
        ours=Figure(middle(ours), "ms", "core.search.searching.search, vectors kept from the one before"),
        peer=Figure(middle(peer), "ms", "the same, vectors read for each search"),
        limit=Figure(middle(product), "ms", "the matrix product alone"),
        goals=(
            Goal("a search that follows", middle(ours), NEXT_MS, "ms"),
            Goal("read each time / ours", ratio(peer, ours), 2, least=True),
            Goal("the first of a process", 1000 * first, FIRST_MS, "ms"),
        ),
        checks={"same hits with vectors kept and read": same},
        note=f"ms: {told}",
    )


BENCHES: dict[str, Callable[[Size], list[Row]]] = {"search": search}
