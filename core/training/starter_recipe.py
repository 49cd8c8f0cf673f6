"""The recipe of the starter model, and the invented patients that it learns from."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.data.manifest import Row, read_manifest, write_manifest
from core.data.splits import assert_disjoint, patients_of
from core.errors import PolypTraceError
from core.inference.bundle import replace_file
from core.phantom.crops import EACH_CLIP, EACH_PICTURE, write_crops
from core.progress import CancelToken, Progress, ProgressSink
from core.training.config import TrainConfig
from core.training.mlm_loop import MlmSettings
from core.training.presets import COMPACT

MANIFEST = "manifest.csv"
_SEEDS = 1000
"""Seeds of one recipe's parts: part k of recipe seed s is rendered with seed 1000·s + k."""
_FRESH = 900
"""Parts from this number on are the patients of a fresh seed, who are only measured on."""

TRAINING = msgspec.structs.replace(
    COMPACT,
    model=msgspec.structs.replace(COMPACT.model, image_size=96),
    steps=1000,
    validate_every=200,
    checkpoint_seconds=90.0,
)
"""The preset ``compact`` with smaller pictures and fewer batches: about half an hour on two cores."""
TEXT = MlmSettings(steps=500)
"""Some minutes on two cores."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides what the starter model becomes.

    Args:
        patients: invented patients to learn from; ``val_share`` of them are held back for choosing the
            checkpoint and the no-match threshold.
        fresh_patients: patients of another seed, only measured on.
        part: patients rendered at a time: what a kill can cost.
        crop_px: longest side of a rendered picture.
        views: pictures of a lesion in one exam.
        seed: of everything.
        text: masked-language pre-training.
        training: the DMCL run.
    """

    patients: int = 320
    fresh_patients: int = 30
    val_share: float = 0.12
    part: int = 30
    crop_px: int = 176
    views: int = 4
    seed: int = 1
    text: MlmSettings = TEXT
    training: TrainConfig = TRAINING


def claim(work: Path, recipe: Recipe) -> None:
    """Keeps the recipe in the work folder, so that a later start goes on with the same one.

    Raises:
        PolypTraceError: ``starter-other-recipe`` when the folder was begun with another recipe.
    """
    file = work / "recipe.json"
    wanted = msgspec.json.format(msgspec.json.encode(recipe), indent=2) + b"\n"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        replace_file(file, wanted)
    elif file.read_bytes() != wanted:
        raise PolypTraceError(
            "starter-other-recipe",
            f"The work folder {work.name} was begun with another recipe.",
            "Use the same options, choose another --work-dir, or delete that folder.",
        )


def training_patients(
    work: Path, recipe: Recipe, workers: int | None, progress: ProgressSink, cancel: CancelToken
) -> Path:
    """Renders the crops to learn from, part by part, and returns their manifest (splits train and val).

    Raises:
        PolypTraceError: as :func:`core.phantom.crops.write_crops`.
        Cancelled: the parts that were ready stay.
    """
    return _patients(work / "crops", recipe, 0, recipe.patients, recipe.val_share, workers, progress, cancel)


def fresh_patients(
    work: Path, recipe: Recipe, workers: int | None, progress: ProgressSink, cancel: CancelToken
) -> Path:
    """Renders the crops of the fresh seed: each patient's last exam asks, the earlier ones answer, and every
    third lesion is new."""
    return _patients(work / "fresh", recipe, _FRESH, recipe.fresh_patients, 0.0, workers, progress, cancel)


def _patients(
    folder: Path,
    recipe: Recipe,
    first: int,
    patients: int,
    val_share: float,
    workers: int | None,
    progress: ProgressSink,
    cancel: CancelToken,
) -> Path:
    if (folder / MANIFEST).exists():
        return folder / MANIFEST
    rows: list[Row] = []
    done = 0
    for number, count in enumerate(_parts(patients, recipe.part)):

        def sink(step: Progress, done: int = done, count: int = count) -> None:
            share = step.done / step.total if step.total else 0.0
            note = f"{step.done} of {step.total} pictures of this part"
            progress(Progress(f"{folder.name}: patients", done + int(share * count), patients, note))

        manifest = write_crops(
            folder / f"part-{number:02d}",
            count,
            _SEEDS * recipe.seed + first + number,
            recipe.crop_px,
            recipe.views,
            val_share=val_share,
            observers=EACH_CLIP if first == _FRESH else EACH_PICTURE,
            workers=workers,
            progress=sink,
            cancel=cancel,
        )
        rows += read_manifest(manifest).rows
        done += count
    if first == _FRESH:
        rows = _asking(rows)
    else:
        sides = {name: patients_of(row for row in rows if row.split == name) for name in ("train", "val")}
        assert_disjoint(sides)
    return write_manifest(folder / MANIFEST, rows)


def _parts(patients: int, size: int) -> list[int]:
    """Sizes of the parts, none above ``size``, as even as can be."""
    count = -(-patients // size)
    return [patients // count + (number < patients % count) for number in range(count)]


def _asking(rows: list[Row]) -> list[Row]:
    """Each patient's last exam asks; of every three lesions the third is new: no earlier exam shows it."""
    new = set(sorted({row.polyp_id for row in rows if row.polyp_id})[2::3])
    last: dict[str, int] = {}
    for row in rows:
        last[row.patient_id] = max(row.exam, last.get(row.patient_id, row.exam))
    return [
        msgspec.structs.replace(row, split="query" if row.exam == last[row.patient_id] else "gallery")
        for row in rows
        if row.exam == last[row.patient_id] or row.polyp_id not in new
    ]
