"""The recipe of the starter model, and the invented patients that it learns from."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.data.manifest import Row, read_manifest, write_manifest
from core.data.splits import assert_disjoint, patients_of
from core.phantom.crops import write_crops
from core.progress import CancelToken, Progress, ProgressSink
from core.training.config import TrainConfig
from core.training.mlm_loop import MlmSettings
from core.training.presets import COMPACT

MANIFEST, HELD_BACK = "manifest.csv", "held-back"
_SEEDS = 1000
"""Seeds of one recipe's parts: part k of recipe seed s ≥ 1 is rendered with seed 1000·s + k."""
_HELD_BACK_SEED = 900
"""Of the patients that no version learns from: below every recipe's."""

TRAINING = msgspec.structs.replace(
    COMPACT,
    model=msgspec.structs.replace(COMPACT.model, text_frozen=True),
    steps=900,
    lr_backbone=8e-4,
    loss=msgspec.structs.replace(COMPACT.loss, metric_warmup=0.1),
    validate_every=200,
    checkpoint_seconds=90.0,
)
"""The preset ``compact`` with a text encoder that stays as the parent had it; 40 minutes on two cores.

Chosen on 20 real polyps that nothing was learnt from (150 batches, from the former starter's ResNet; mAP and
Rank-1 of single frames, under another processor in brackets): a processor a picture 0.474, 0.596 (0.344,
0.386); one for all pictures of an exam 0.511, 0.632 (0.387, 0.380); with the generalised mean too 0.538,
0.649 (0.374, 0.386); weaker photometric changes 0.497, 0.620 (0.378, 0.409); stronger geometric ones 0.475,
0.620 (0.339, 0.380). Which losses teach the image encoder, and the shares of the embedding, were chosen on
the same polyps; the shares after the training of the second version, whose fused vector alone has 0.476,
0.602 (0.397, 0.450), own features 0.569, 0.719 (0.439, 0.485), colours 0.658, 0.836 (0.213, 0.216), and all
three together 0.627, 0.766 (0.421, 0.439).
"""
TUNING = msgspec.structs.replace(
    TRAINING,
    identities=8,
    steps=200,
    lr_backbone=1e-4,
    lr_head=2e-4,
    loss=msgspec.structs.replace(TRAINING.loss, metric_warmup=0.0),
    validate_every=50,
)
"""What a user with a few lesions of their own would do: some minutes from the starter model."""
TEXT = MlmSettings(steps=500)
"""Some minutes on two cores."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides what the starter model becomes.

    Args:
        patients: invented patients to learn from.
        held_back: invented patients that no version ever learns from; checkpoint and no-match threshold are
            chosen on them.
        part: patients rendered at a time: what a kill can cost.
        crop_px: longest side of a rendered picture.
        views: pictures of a lesion in one exam.
        seed: of everything; each version has its own, or it would learn from its parent's patients again.
            The first two had 1, and held patients back by lot among those of the seed: 13 of the second's 58
            had taught the first.
        parent: id of the model that is gone on from; None = from random weights.
        text: masked-language pre-training; not needed with a parent, which has its text encoder.
        training: the DMCL run.
        tuning: going on from it on real polyps, where there are some: for the figures, never shipped.
    """

    patients: int = 500
    held_back: int = 60
    part: int = 30
    crop_px: int = 176
    views: int = 4
    seed: int = 2
    parent: str | None = None
    text: MlmSettings = TEXT
    training: TrainConfig = TRAINING
    tuning: TrainConfig = TUNING


def training_patients(
    work: Path, recipe: Recipe, workers: int | None, progress: ProgressSink, cancel: CancelToken
) -> Path:
    """Renders the crops to learn from, part by part, and returns their manifest (splits train and val).

    Raises:
        PolypTraceError: as :func:`core.phantom.crops.write_crops`.
        Cancelled: the parts that were ready stay.
    """
    folder = work / "crops"
    if (folder / MANIFEST).exists():
        return folder / MANIFEST
    rows: list[Row] = []
    done = 0
    parts = [
        (f"part-{number:02d}", count, _SEEDS * recipe.seed + number, 0.0)
        for number, count in enumerate(_parts(recipe.patients, recipe.part))
    ]
    parts.append((HELD_BACK, recipe.held_back, _HELD_BACK_SEED, 1.0))
    for name, count, seed, val_share in parts:

        def sink(step: Progress, done: int = done, count: int = count) -> None:
            share = step.done / step.total if step.total else 0.0
            note = f"{step.done} of {step.total} pictures of this part"
            everybody = recipe.patients + recipe.held_back
            progress(Progress("crops: patients", done + int(share * count), everybody, note))

        manifest = write_crops(
            folder / name,
            count,
            seed,
            recipe.crop_px,
            recipe.views,
            val_share=val_share,
            workers=workers,
            progress=sink,
            cancel=cancel,
        )
        rows += read_manifest(manifest).rows
        done += count
    sides = {name: patients_of(row for row in rows if row.split == name) for name in ("train", "val")}
    assert_disjoint(sides)
    return write_manifest(folder / MANIFEST, rows)


def held_back_patients(
    folder: Path, recipe: Recipe, workers: int | None, progress: ProgressSink, cancel: CancelToken
) -> Path:
    """Renders only the patients that no version learns from, into ``folder``; returns their manifest.

    Raises:
        Cancelled, PolypTraceError: as :func:`core.phantom.crops.write_crops`.
    """
    return write_crops(
        folder,
        recipe.held_back,
        _HELD_BACK_SEED,
        recipe.crop_px,
        recipe.views,
        val_share=1.0,
        workers=workers,
        progress=progress,
        cancel=cancel,
    )


def _parts(patients: int, size: int) -> list[int]:
    """Sizes of the parts, none above ``size``, as even as can be."""
    count = -(-patients // size)
    return [patients // count + (number < patients % count) for number in range(count)]
