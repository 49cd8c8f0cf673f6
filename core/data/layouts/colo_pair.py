"""Colo-Pair: ``ROOT/<identity>/<1|2>/*.jpg`` and a sheet with ``id`` and ``Eng_text``.

Folder 1 of an identity asks, folder 2, the same polyp at the other screening, answers. The sheet holds one
text an identity, so both sides carry the same sentence: the figures come with the warning ``text-leak``. An
``id`` like ``kp1/2`` gives one exam a text of its own.

There is no published training part. The public code tests four folds in turn, identities in the order of
their names, 8, 8, 8 and 7 of them; ``fold`` follows it, but never parts the polyps of one patient.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from core.counting import count
from core.data.layouts.data_set import pictures_in
from core.data.layouts.texts import Texts, read_texts, text_notes
from core.data.manifest import Row
from core.errors import PolypTraceError

TITLE = "Colo-Pair"
EXAMS = {"1": "query", "2": "gallery"}
_PUBLISHED = 62
"""Clips that the published figures are of."""
FOLDS = 4
_SHEETS = (".xlsx", ".csv")


def colo_pair_rows(root: Path, texts_file: Path | None, fold: int | None) -> tuple[list[Row], list[str]]:
    """The rows and notes.

    Args:
        root: the folder of the identities.
        texts_file: the sheet; by default the only one that lies in ``root``.
        fold: 1…4 marks the other folds' identities for training; None tests all.

    Raises:
        PolypTraceError: ``layout-folder``, ``layout-fold``, or what is wrong with the sheet.
    """
    pictures = _pictures(root)
    names = sorted({name for name, _ in pictures})
    notes = _side_notes(names, pictures)
    file = texts_file or _sheet(root)
    texts = read_texts(file) if file is not None else None
    found = {clip: texts.of("/".join(clip), clip[0]) if texts else "" for clip in pictures}
    if texts is None:
        notes.append("There is no sheet with texts beside the pictures: see --texts.")
    else:
        notes += text_notes(texts, list(found.values()), "clips", names[0])
    patients, note = _patients(names, texts)
    notes.append(note)
    tested = set(names) if fold is None else _fold(names, patients, fold)
    notes += _asked_notes(sum(name in tested for name, exam in pictures if exam == "1"), fold)
    rows = []
    for (name, exam), files in pictures.items():
        split = EXAMS[exam] if name in tested else "train"
        who = (patients[name], name, int(exam), split, found[name, exam])
        rows += [Row(f"{name}/{exam}", file, None, *who) for file in files]
    return rows, notes


def _pictures(root: Path) -> dict[tuple[str, str], list[Path]]:
    """The pictures of every clip that has any, by identity and exam."""
    found = {}
    for identity in sorted(one for one in root.iterdir() if one.is_dir()):
        for exam in EXAMS:
            if (identity / exam).is_dir() and (files := pictures_in(identity / exam)):
                found[identity.name, exam] = files
    if not found:
        raise PolypTraceError(
            "layout-folder",
            f"{root.name} holds no folder NAME/1 or NAME/2 with pictures, so it isn't {TITLE} as published.",
            "Give the folder whose folders are the identities.",
        )
    return found


def _side_notes(names: Sequence[str], clips: dict[tuple[str, str], list[Path]]) -> list[str]:
    lacking = {exam: sum((name, exam) not in clips for name in names) for exam in EXAMS}
    return [
        f"{number} of {count(len(names), 'identity', 'identities')} without pictures in the folder {exam}."
        for exam, number in lacking.items()
        if number
    ]


def _asked_notes(asked: int, fold: int | None) -> list[str]:
    """What the published figures are of, where that is something else."""
    if asked == _PUBLISHED and fold is None:
        return []
    which = "" if fold is None else f" Only fold {fold} is asked."
    here = count(asked, "clip asks", "clips ask")
    return [f"{here} here; the published figures are of {_PUBLISHED} clips of 30 patients.{which}"]


def _sheet(root: Path) -> Path | None:
    found = [
        one
        for one in sorted(root.iterdir())
        if one.suffix.lower() in _SHEETS and one.is_file() and not one.name.startswith((".", "~"))
    ]
    if len(found) > 1:
        raise PolypTraceError(
            "texts-unclear",
            f"{root.name} holds {len(found)} sheets: {', '.join(one.name for one in found)[:120]}.",
            "Name the one with the texts: --texts FILE.",
        )
    return found[0] if found else None


def _patients(names: Sequence[str], texts: Texts | None) -> tuple[dict[str, str], str]:
    """Each identity's patient: as the sheet says, else by the names, and a sentence on which it was.

    In the public part of the data an identity is named by its patient's letters and one digit (``kp1``,
    ``kp2``).
    """
    named = {name: texts.patient_of(name) if texts else "" for name in names}
    if all(named.values()):
        return named, "Patients are those that the sheet names."
    letters = {name: match[1] for name in names if (match := re.fullmatch(r"(.*[^\W\d_])\d", name))}
    if len(letters) == len(names) and len(set(letters.values())) > 1:
        return (
            letters,
            f"{count(len(set(letters.values())), 'patient')}: names that differ in their digit are one's.",
        )
    return {name: name for name in names}, "Every identity counts as a patient of its own."


def _fold(names: Sequence[str], patients: dict[str, str], fold: int) -> set[str]:
    """The identities that a fold tests; fold 4 holds the first of the sorted names, as in the public code."""
    step = -(-len(names) // FOLDS)
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        first.setdefault(patients[name], place // step)
    tested = {name for name in names if FOLDS - first[patients[name]] == fold}
    if not tested or len(tested) == len(names):
        raise PolypTraceError(
            "layout-fold",
            f"Fold {fold} of {FOLDS} can't be made from {len(names)} identities of {len(first)} patients.",
            f"Choose a fold of 1…{FOLDS}, or test all without --fold.",
        )
    return tested
