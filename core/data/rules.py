"""Which gallery items don't stand in a query's ranking: the rule that comes with a kind of data."""

from __future__ import annotations

import msgspec


class RankingRule(msgspec.Struct, frozen=True):
    """What is left out of a query's ranking, and what the data know of time and patients.

    Junk rows stand in no ranking. A gallery item without a known identity, or whose identity nobody asks for,
    is a distractor: it stays and is never right.

    Args:
        name: of the rule, for documents.
        own_exam: items of the query's own patient and exam are left out.
        own_camera: items of the query's own identity are left out where both were taken by one camera.
        patients: identities belong to patients; else every identity is a person of its own, and there is no
            gallery of one patient (A) and none of all other patients (C).
        any_order: gallery A holds the patient's other exams whatever their order, not the earlier ones alone.
        words: the rule as one sentence.
    """

    name: str
    own_exam: bool
    own_camera: bool
    patients: bool
    any_order: bool
    words: str


LESIONS = RankingRule(
    name="lesions",
    own_exam=True,
    own_camera=True,
    patients=True,
    any_order=False,
    words="Left out of a query's ranking: junk, clips of its own exam, and, where cameras are named, "
    "clips of its own lesion from its own camera.",
)
"""Our manifest: what was seen a moment ago, by the same scope in the same light, says nothing about knowing a
lesion again."""

PAIRED_EXAMS = RankingRule(
    name="paired-exams",
    own_exam=True,
    own_camera=False,
    patients=True,
    any_order=True,
    words="Every clip of the one exam asks, every clip of the other exam answers; nothing is left out.",
)
"""Colo-Pair: folder 1 asks, folder 2 answers."""

PERSONS = RankingRule(
    name="persons",
    own_exam=False,
    own_camera=True,
    patients=False,
    any_order=True,
    words="Left out of a query's ranking: junk, and pictures of its own person from its own camera; "
    "distractors stay and are never right.",
)
"""Person re-identification (Zheng 2015, section 5; Zhong 2017 for CUHK03)."""
