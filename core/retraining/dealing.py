"""Which patients train and which are held back: patient-disjoint, and the same ones from run to run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.values import JobState

LEAST_LESIONS = 4
"""Lesions seen in two exams that training needs: fewer and it would only learn them by heart."""
HELD_BACK, LEAST_HELD_BACK = 0.2, 2
"""Share of the patients that is held back, and how many at least where enough lesions are left."""
LEARNT = 2 / 3
"""Share of the lesions that is left to learn from, whatever the share of patients."""
KIND = "train"
"""Of the catalogue's jobs that train on it."""


class Past(msgspec.Struct, frozen=True):
    """What earlier runs did with patients: ids that the model in use has learnt from, and ids held back."""

    learnt: frozenset[int] = frozenset()
    held_back: frozenset[int] = frozenset()


class Dealt(msgspec.Struct, frozen=True):
    """Ids of the patients that train, and of those that are held back, in order; they share none."""

    train: tuple[int, ...]
    held_back: tuple[int, ...]


def past_of(catalog: Catalog, model: str) -> Past:
    """What is on record of the patients of earlier runs.

    Args:
        model: the model in use: what it and the models that it came from have learnt from can't judge it.
    """
    done = [job.detail for job in queries.jobs(catalog, JobState.DONE) if job.kind == KIND]
    by_model = {detail.get("model"): detail for detail in done}
    learnt: set[int] = set()
    seen: set[str] = set()
    at: str | None = model
    while at is not None and at in by_model and at not in seen:
        seen.add(at)
        learnt.update(by_model[at].get("train_patients", ()))
        at = by_model[at].get("start")
    held = {patient for detail in done for patient in detail.get("held_back_patients", ())}
    return Past(frozenset(learnt), frozenset(held - learnt))


def deal(lesions: Mapping[int, Collection[int]], past: Past, seed: int = 0) -> Dealt:
    """Deals patients out.

    Who was held back before stays held back, who was learnt from is never held back: figures on a patient
    that the model in use has learnt from would flatter it. Nobody is held back where less than
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
