"""Which patients train and which are held back: patient-disjoint, and the same ones from run to run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog

LEAST_LESIONS = 4
"""Lesions seen in two exams that training needs: fewer and it would only learn them by heart."""
HELD_BACK, LEAST_HELD_BACK = 0.2, 2
"""Share of the patients that is held back, and how many at least where enough lesions are left."""
LEARNT = 2 / 3
"""Share of the lesions that is left to learn from, whatever the share of patients."""
KIND = "train"
"""Of the catalogue's jobs that train on it."""


class Past(msgspec.Struct, frozen=True):
    """What earlier runs did with patients: ids that any of them trained on, and ids all of them held back."""

    learnt: frozenset[int] = frozenset()
    held_back: frozenset[int] = frozenset()


class Dealt(msgspec.Struct, frozen=True):
    """Ids of the patients that train, and of those that are held back, in order; they share none."""

    train: tuple[int, ...]
    held_back: tuple[int, ...]


def past_of(catalog: Catalog) -> Past:
    """What is on record of the patients of earlier runs, however these ended.

    Any of their models may be put to use, also that of a run that was stopped and is gone on with: none of
    the patients that one of them trained on can judge.
    """
    tried = [job.detail for job in queries.jobs(catalog) if job.kind == KIND]
    learnt = {patient for detail in tried for patient in detail.get("train_patients", ())}
    held = {patient for detail in tried for patient in detail.get("held_back_patients", ())}
    return Past(frozenset(learnt), frozenset(held - learnt))


def deal(lesions: Mapping[int, Collection[int]], past: Past, seed: int = 0) -> Dealt:
    """Deals patients out.

    Who was held back before stays held back, who was learnt from is never held back: figures on a patient
    that a model has learnt from would flatter it. Nobody is held back where less than
    :data:`LEAST_LESIONS` would be left to learn from.

    Args:
        lesions: by patient, the lesions that were seen in two exams or more.
    """
    wish = max(LEAST_HELD_BACK, math.ceil(HELD_BACK * len(lesions)))
    left = sum(map(len, lesions.values()))
    wanted = max(LEAST_LESIONS, math.ceil(LEARNT * left))
    held: list[int] = []
    free = [patient for patient in lesions if patient not in past.learnt]
    for patient in sorted(free, key=lambda one: (one not in past.held_back, _lot(one, seed))):
        again, kept = patient in past.held_back, left - len(lesions[patient])
        if kept >= LEAST_LESIONS and (again or (len(held) < wish and kept >= wanted)):
            held.append(patient)
            left -= len(lesions[patient])
    train = sorted(set(lesions) - set(held))
    return Dealt(tuple(train), tuple(sorted(held)))


def _lot(patient: int, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{patient}".encode()).hexdigest()
