"""Who is asked and who is compared with: frames and clips with their vectors."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.data.manifest import Manifest, Row
from core.errors import PolypTraceError
from core.evaluation.scores import Floats

Vectors = npt.NDArray[np.float32]

PARTS = ("test", "val", "train")
"""The parts of a manifest that can be evaluated; ``test`` is its rows marked query and gallery."""


class Items(msgspec.Struct, frozen=True):
    """Frames or clips with their vectors.

    ``vectors`` is (N, d) float32 or float64 with L2-normalised rows; ``identities`` holds (patient, polyp),
    or None where the identity isn't known: such a query isn't asked, such a gallery item is a distractor.
    ``cameras`` holds None where no camera is known; ``junk`` marks gallery items that stand in no ranking.
    """

    vectors: Floats
    clips: list[str]
    identities: list[Hashable | None]
    patients: list[str]
    exams: list[int]
    cameras: list[str | None]
    junk: list[bool]

    def take(self, places: Sequence[int]) -> Items:
        """The items at these places, in this order."""
        return Items(
            self.vectors[np.asarray(places, dtype=np.int64)],
            [self.clips[at] for at in places],
            [self.identities[at] for at in places],
            [self.patients[at] for at in places],
            [self.exams[at] for at in places],
            [self.cameras[at] for at in places],
            [self.junk[at] for at in places],
        )


def choose_sides(manifest: Manifest, split: str = "test") -> tuple[list[Row], list[Row]]:
    """Query rows and gallery rows of a manifest. Junk doesn't ask; in the gallery it stands in no ranking.

    Args:
        manifest: as read.
        split: ``test`` takes the rows marked query and gallery; ``train`` and ``val`` take that part's
            rows: each patient's last exam (with a row that isn't junk) asks, the others answer.

    Raises:
        PolypTraceError: the part has no query or no gallery rows.
        ValueError: ``split`` isn't one of :data:`PARTS`.
    """
    rows = part_rows(manifest, split)
    if split == "test":
        asking, gallery = manifest.split("query").rows, manifest.split("gallery").rows
    else:
        asking, gallery = by_last_exam(rows)
    query = [row for row in asking if not row.junk]
    if not query or not gallery:
        missing = "query" if not query else "gallery"
        raise PolypTraceError(
            "evaluation-empty",
            f"The manifest has no {missing} rows in its part “{split}”, so there is nothing to rank.",
            "Mark rows as query and gallery in the column split (junk doesn't ask), or choose another part.",
        )
    return query, gallery


def part_rows(manifest: Manifest, split: str) -> list[Row]:
    """All rows of a part, those that neither ask nor answer among them.

    Raises:
        ValueError: ``split`` isn't one of :data:`PARTS`.
    """
    if split not in PARTS:
        raise ValueError(f"unknown part: {split}")
    return manifest.split(*(("query", "gallery") if split == "test" else (split,))).rows


def by_last_exam(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of each patient's last exam, and those of all others and of patients with a single exam.

    An exam that is all junk is nobody's last.
    """
    exams: dict[str, set[int]] = {}
    for row in rows:
        if not row.junk:
            exams.setdefault(row.patient_id, set()).add(row.exam)
    followed = {patient: max(own) for patient, own in exams.items() if len(own) > 1}
    asking = [row for row in rows if row.exam == followed.get(row.patient_id)]
    return asking, [row for row in rows if row.exam != followed.get(row.patient_id)]


def frames(rows: Sequence[Row], vectors: Vectors) -> Items:
    """Rows with their (N, d) vectors as items of the frame level."""
    return Items(
        vectors,
        [row.clip_id for row in rows],
        [row.identity for row in rows],
        [row.patient_id for row in rows],
        [row.exam for row in rows],
        [row.camera for row in rows],
        [row.junk for row in rows],
    )


def pool(items: Items) -> Items:
    """One item a clip, in the order of their first frames: the mean of the frames' vectors, then L2, in the
    precision of the frames'."""
    first: dict[str, int] = {}
    number = np.array([first.setdefault(clip, len(first)) for clip in items.clips], dtype=np.int64)
    sums = np.zeros((len(first), items.vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, number, items.vectors)
    starts = np.unique(number, return_index=True)[1].tolist()
    double = items.vectors.dtype == np.float64
    return msgspec.structs.replace(
        items.take(starts), vectors=unit_rows(sums) if double else normalised(sums)
    )


def normalised(vectors: npt.NDArray[Any]) -> Vectors:
    """Rows divided by their L2 norm, float32; a row of zeros stays zero (it is like nothing)."""
    return np.asarray(_divided(vectors), dtype=np.float32)


def unit_rows(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The same in double precision, so that ties of a ranking are true ones."""
    return np.asarray(_divided(vectors.astype(np.float64)))


def _divided(vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1))
