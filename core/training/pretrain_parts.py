"""What pre-training is measured with: what is learnt from without labels, and real polyps kept apart."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from core.data.manifest import Row, read_manifest, write_manifest
from core.errors import PolypTraceError

SPLIT, ALL, SHIFTED = "reid_split.csv", "reid_all_test.csv", "reid_all_test_shift.csv"
"""Manifests of CVC-ClinicDB (Bernal 2015) cut into sequences, one a polyp: the first says who trains and who
validates, the others ask every polyp, as it is and as another processor and view would show it."""


def validation_polyps(folder: Path, work: Path) -> dict[str, Path]:
    """Manifests that ask the validation polyps alone; nobody who trains or tests is in them.

    Args:
        folder: with :data:`SPLIT`, :data:`ALL` and :data:`SHIFTED`.
        work: the manifests are written here.

    Returns:
        ``as it is`` and ``other processor`` → manifest with query and gallery rows.

    Raises:
        PolypTraceError: ``real-data-missing``.
    """
    polyps = {row.identity for row in _rows(folder, SPLIT) if row.split == "val"}
    made = {}
    for name, file in (("as it is", ALL), ("other processor", SHIFTED)):
        rows = [row for row in _rows(folder, file) if row.identity in polyps]
        made[name] = write_manifest(work / f"val-{Path(file).stem}.csv", rows)
    return made


def training_sequences(folder: Path, work: Path) -> Path:
    """A manifest of the training polyps' sequences as unlabelled clips: one sequence, one clip, no identity.

    Raises:
        PolypTraceError: ``real-data-missing``.
    """
    rows = [
        msgspec.structs.replace(row, clip_id=row.patient_id, polyp_id=None, exam=1, text="")
        for row in _rows(folder, SPLIT)
        if row.split == "train"
    ]
    # Sequences are films of their own: none is the other's neighbour in time.
    return write_manifest(work / "sequences.csv", rows)


def folder_mark(folder: Path) -> str:
    """SHA-256 over the names and sizes of a folder's files; cheap, and another one for another folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder).as_posix()} {path.stat().st_size}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _rows(folder: Path, file: str) -> list[Row]:
    if not (folder / file).is_file():
        raise PolypTraceError(
            "real-data-missing",
            f"{folder.name} lacks {file}.",
            "Give the folder that holds the manifests of CVC-ClinicDB and their frames, or leave it out.",
        )
    return read_manifest(folder / file).rows
