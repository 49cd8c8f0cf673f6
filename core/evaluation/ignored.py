"""The pairs of query and gallery that no ranking counts: one mask for every kind of data."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from core.data.rules import RankingRule
from core.evaluation.items import Items
from core.evaluation.scores import Ints

_NOTHING = np.empty(0, dtype=np.int64)


class IgnoredPairs:
    """For each query the gallery places that don't stand in its ranking, made when asked for.

    Args:
        junk: (J,) gallery places that stand in no ranking, ascending.
        own: for each query the further places, none of them junk.
    """

    def __init__(self, junk: Ints, own: Sequence[Ints]) -> None:
        self.junk, self._own = junk, own

    def __len__(self) -> int:
        return len(self._own)

    def __getitem__(self, query: int) -> Ints:
        """The ignored places of a query, without repeats."""
        own = self._own[query]
        return np.concatenate([self.junk, own]) if len(own) else self.junk

    @property
    def own_pairs(self) -> int:
        """How many pairs are ignored because of what query and item share."""
        return sum(map(len, self._own))


def ignored_pairs(query: Items, gallery: Items, rule: RankingRule) -> IgnoredPairs:
    """Applies a rule.

    Args:
        query: who asks.
        gallery: who answers.
        rule: what the data's kind leaves out.
    """
    parts = []
    if rule.own_exam:
        parts.append((_exam_keys(query), _exam_keys(gallery)))
    if rule.own_camera:
        parts.append((_camera_keys(query), _camera_keys(gallery)))
    found = [_same(ours, theirs, gallery.junk) for ours, theirs in parts]
    own = [_joined(places) for places in zip(*found, strict=True)] if found else [_NOTHING] * len(query.clips)
    return IgnoredPairs(np.flatnonzero(np.array(gallery.junk, dtype=bool)), own)


def _exam_keys(items: Items) -> list[Hashable | None]:
    return list(zip(items.patients, items.exams, strict=True))


def _camera_keys(items: Items) -> list[Hashable | None]:
    return [
        None if identity is None or camera is None else (identity, camera)
        for identity, camera in zip(items.identities, items.cameras, strict=True)
    ]


def _same(
    ours: Sequence[Hashable | None], theirs: Sequence[Hashable | None], junk: Sequence[bool]
) -> list[Ints]:
    """For each of ours the places of theirs with the same key; None is like nothing, junk is no place."""
    places: dict[Hashable, list[int]] = {}
    for place, (key, is_junk) in enumerate(zip(theirs, junk, strict=True)):
        if key is not None and not is_junk:
            places.setdefault(key, []).append(place)
    arrays = {key: np.array(found, dtype=np.int64) for key, found in places.items()}
    return [_NOTHING if key is None else arrays.get(key, _NOTHING) for key in ours]


def _joined(places: Sequence[Ints]) -> Ints:
    kept = [part for part in places if len(part)]
    return kept[0] if len(kept) == 1 else np.unique(np.concatenate(kept)) if kept else _NOTHING
