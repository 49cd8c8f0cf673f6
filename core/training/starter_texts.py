"""More than one endoscopist for each invented exam: descriptions for training, one a picture."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from core.data.manifest import Row
from core.phantom.description_writer import describe
from core.phantom.plan import REMOVED, PlannedExam, plan
from core.phantom.processor import PROCESSORS
from core.phantom.seeding import stream
from core.text.render import model_text


def described_anew(rows: Iterable[Row], seed: int, patients: int) -> list[Row]:
    """Training rows with a description of their own, each by another observer of the same exam.

    With one text a lesion and exam the text encoder learns the few texts by heart and reads new ones badly.
    Rows of other splits keep the one text of their clip: that is how texts come in practice.

    Args:
        rows: of crops that :func:`core.phantom.crops.write_crops` rendered with this seed.
        seed, patients: as given there.

    Returns:
        The rows in their order; a training row is a clip of its own, since a clip has one text.
    """
    exams = {
        (patient.code, exam.number): exam
        for patient in plan(seed, patients, always_present=True)
        for exam in patient.exams
    }
    return [
        _anew(row, exams[row.patient_id, row.exam], number) if row.split == "train" else row
        for number, row in enumerate(rows)
    ]


def _anew(row: Row, exam: PlannedExam, number: int) -> Row:
    keys = [lesion.key for lesion in exam.colon.lesions]
    index = keys.index(str(row.polyp_id))
    words = describe(
        exam.colon.lesions[index],
        exam.colon,
        removed=exam.fates[index] == REMOVED,
        narrow_band=PROCESSORS[exam.processor].narrow_band if exam.optics.narrow_band else None,
        number=index + 1,
        rng=stream(exam.seed, "observer of one picture", str(row.polyp_id), number),
    )
    return msgspec.structs.replace(row, clip_id=f"{row.clip_id}-{row.path.stem[-2:]}", text=model_text(words))
