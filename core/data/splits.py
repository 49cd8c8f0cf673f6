"""Splits by patient: no patient is ever on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.counting import count
from core.data.manifest import Row
from core.errors import PolypTraceError


def patients_of(rows: Iterable[Row]) -> set[str]:
    """The patients of some rows."""
    return {row.patient_id for row in rows}


def identities_of(rows: Iterable[Row]) -> set[object]:
    """The known lesions (or persons) of some rows."""
    return {row.identity for row in rows if row.identity is not None}


def split_patients(patients: Iterable[str], shares: Mapping[str, float], seed: int) -> dict[str, list[str]]:
    """Deals patients out at random, the same way for the same seed whatever the order they come in.

    Args:
        patients: patient ids; repeats don't matter.
        shares: part name → share; the shares add up to 1.
        seed: of the shuffle.

    Returns:
        Part name → sorted patient ids. Every patient is in exactly one part; a part with a share above 0
        gets at least one patient as long as there are enough.

    Raises:
        PolypTraceError: ``split-impossible`` with fewer patients than parts.
    """
    names = [name for name, share in shares.items() if share > 0]
    if abs(sum(shares.values()) - 1) > 1e-6 or any(share < 0 for share in shares.values()):
        raise ValueError("shares must be positive and add up to 1")
    order = sorted(set(patients))
    if len(order) < len(names):
        raise PolypTraceError(
            "split-impossible",
            f"{len(order)} patients can't be split into {len(names)} parts.",
            "Add patients: the parts may never share one.",
        )
    np.random.default_rng(seed).shuffle(order)
    parts: dict[str, list[str]] = {name: [] for name in shares}
    start, done = 0, 0.0
    for place, name in enumerate(names):
        done += shares[name]
        left = len(names) - place - 1
        stop = min(max(round(done * len(order)), start + 1), len(order) - left)
        parts[name] = sorted(order[start:stop])
        start = stop
    assert_disjoint(parts)
    return parts


def assert_disjoint(parts: Mapping[str, Iterable[str]]) -> None:
    """Refuses parts that share a patient.

    Raises:
        PolypTraceError: ``split-overlap``; counts only, no patient codes.
    """
    seen: dict[str, str] = {}
    for name, patients in parts.items():
        for patient in set(patients):
            other = seen.setdefault(patient, name)
            if other != name:
                both = len(set(parts[name]) & set(parts[other]))
                raise PolypTraceError(
                    "split-overlap",
                    f"{both} patients are in both {other} and {name}.",
                    "Split by patient: figures on patients seen in training say nothing.",
                )


def split_hash(patients: Iterable[str]) -> str:
    """SHA-256 of a part, whatever its order: it freezes who was in it without naming anyone."""
    return hashlib.sha256("\n".join(sorted(set(patients))).encode()).hexdigest()


def training_parts(
    rows: Sequence[Row], seed: int, val_share: float = 0.15
) -> tuple[list[Row], list[Row], str]:
    """The rows to train on, the rows to validate on, and a sentence on where the split came from.

    The manifest's own ``val`` rows are used where it has any; else some of the training patients are held
    back: ``val_share`` of them, none where it is 0 or where those left would show less than two lesions.
    Query and gallery rows are for testing: none of them is given back, and none of their patients may be
    among the others.

    Raises:
        PolypTraceError: ``no-training-rows`` or ``split-overlap``.
    """
    train = [row for row in rows if row.split == "train"]
    val = [row for row in rows if row.split == "val"]
    if not train:
        raise PolypTraceError(
            "no-training-rows",
            "The manifest has no row with split train.",
            "Mark the rows to learn from as train; query and gallery rows are for testing alone.",
        )
    note = "Validation patients as the manifest gives them."
    if not val:
        train, val, note = _held_back(train, seed, val_share)
    if val and not _can_be_asked(val):
        note += " Nothing can be asked of them: the last weights are kept."
    test = [row for row in rows if row.split in ("query", "gallery")]
    assert_disjoint({"train": patients_of(train), "val": patients_of(val), "test": patients_of(test)})
    return train, val, note


def _held_back(train: list[Row], seed: int, val_share: float) -> tuple[list[Row], list[Row], str]:
    """Rows to train on, rows held back, and a sentence."""
    patients = patients_of(train)
    if not val_share:
        return train, [], "Few patients, who all train: nothing is left to validate on."
    if len(patients) < 2:
        return train, [], "Only one patient: nothing is left to validate on."
    labelled = patients_of(row for row in train if row.identity is not None)
    drawn = labelled if len(labelled) > 1 else patients
    parts = split_patients(drawn, {"train": 1 - val_share, "val": val_share}, seed)
    held = set(parts["val"])
    left = [row for row in train if row.patient_id not in held]
    if len(identities_of(left)) < 2 <= len(identities_of(train)):
        return train, [], "Too few lesions to hold a patient back: nothing is left to validate on."
    who = count(len(held), "patient was", "patients were")
    return left, [row for row in train if row.patient_id in held], f"{who} held back for validation."


def _can_be_asked(val: Sequence[Row]) -> bool:
    """Whether a lesion is seen in two exams beside another one that it could be mistaken for."""
    exams: dict[object, set[int]] = {}
    for row in val:
        if row.identity is not None:
            exams.setdefault(row.identity, set()).add(row.exam)
    others = len(exams) > 1 or any(row.identity is None for row in val)
    return others and any(len(own) > 1 for own in exams.values())
