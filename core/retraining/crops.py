"""Cuts the frozen clips' crops out of their videos: each clip decoded once, as matching samples it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import cv2
import msgspec
import numpy as np

from core.catalog import queries
from core.catalog.engine import Catalog
from core.data.manifest import Row, write_manifest
from core.errors import PolypTraceError
from core.inference.bundle import replace_file
from core.matching.footage import open_reader
from core.matching.sampling import Picture, sample_clip
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.retraining.confirmed import LeftOut
from core.retraining.frozen import TRAIN, Frozen, FrozenClip
from core.retraining.plan import refusal
from core.video.reader import VideoReader

STAGE = "cutting out the lesions"
OTHER_FILE = "it isn't the file any more that it was when the run began"
MANIFEST, FOLDER, LEFT_OUT = "manifest.csv", "crops", "left-out.json"


def cut_crops(
    catalog: Catalog,
    run: Path,
    frozen: Frozen,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Path, tuple[LeftOut, ...]]:
    """Writes ``crops/`` and, when all are there, ``manifest.csv`` of a run; what is there already stays.

    A crop is what matching would embed: cut to lesion box or scope region, burned-in text painted over.

    Returns:
        The manifest, and the clips that can't be learnt from: their videos are gone, changed or damaged.

    Raises:
        PolypTraceError: ``run-unwritable``; ``training-too-little`` where too few videos can be read.
        Cancelled: between two frames.
    """
    manifest, token = run / MANIFEST, cancel or CancelToken()
    if manifest.is_file():
        return manifest, _read_left_out(run)
    left: list[LeftOut] = [*frozen.left_out]
    done: list[tuple[FrozenClip, list[str]]] = []
    try:
        (run / FOLDER).mkdir(parents=True, exist_ok=True)
        for number, (one, found) in enumerate(_each(catalog, run, frozen, token), start=1):
            if isinstance(found, LeftOut):
                left.append(found)
            else:
                done.append((one, found))
            progress(Progress(STAGE, number, len(frozen.clips)))
        replace_file(run / LEFT_OUT, msgspec.json.encode(left))
        rows = [_row(run, one, name) for one, names in done for name in names]
        _refuse_too_little(rows, len(left))
        write_manifest(manifest, rows)
    except OSError as error:
        raise PolypTraceError(
            "run-unwritable",
            "The pictures to learn from can't be written.",
            "Check that the disk of the data folder has space and that you have the right to write there.",
        ) from error
    return manifest, tuple(left)


def _refuse_too_little(rows: Sequence[Row], lost: int) -> None:
    """Before the manifest is written: lost videos that are found again are then cut out after all."""
    exams: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        if row.split == TRAIN and row.identity is not None:
            exams.setdefault(row.identity, set()).add(row.exam)
    refused = refusal(sum(len(seen) > 1 for seen in exams.values()), lost)
    if refused is not None:
        raise refused


def _each(
    catalog: Catalog, run: Path, frozen: Frozen, cancel: CancelToken
) -> Iterator[tuple[FrozenClip, list[str] | LeftOut]]:
    by_video = sorted(frozen.clips, key=lambda one: (one.facts.clip.video_id, one.facts.clip.pts_in))
    for video_id, group in groupby(by_video, key=lambda one: one.facts.clip.video_id):
        clips = list(group)
        try:
            video = queries.video(catalog, video_id)
            reader = open_reader(catalog, video)
        except PolypTraceError as error:
            yield from ((one, LeftOut(one.facts.clip.id, video_id, error.message)) for one in clips)
            continue
        with reader:
            for one in clips:
                cancel.raise_if_cancelled()
                if one.facts.sha256 != video.sha256:
                    yield one, LeftOut(one.facts.clip.id, video_id, OTHER_FILE)
                    continue
                try:
                    yield one, _cut(reader, run, one, cancel)
                except PolypTraceError as error:
                    yield one, LeftOut(one.facts.clip.id, video_id, error.message)


def _cut(reader: VideoReader, run: Path, one: FrozenClip, cancel: CancelToken) -> list[str]:
    """The names of a clip's crops; the list is written last, so that a clip without it is cut again."""
    facts = one.facts
    known = run / FOLDER / f"{facts.clip.id}.txt"
    if known.is_file():
        return known.read_text("utf-8").split()
    sample = sample_clip(reader, facts.clip, facts.region, cancel=cancel, text=facts.text_boxes)
    names = [f"{facts.clip.id}-{pts}.png" for pts in sample.pts]
    for name, crop in zip(names, sample.crops, strict=True):
        replace_file(run / FOLDER / name, _png(crop))
    replace_file(known, "\n".join(names).encode())
    return names


def _row(run: Path, one: FrozenClip, name: str) -> Row:
    facts = one.facts
    return Row(
        clip_id=str(facts.clip.id),
        path=run / FOLDER / name,
        frame=None,
        patient_id=str(facts.patient),
        polyp_id=None if facts.lesion is None else str(facts.lesion),
        exam=facts.exam,
        split=one.split,
        text=facts.text,
    )


def _png(picture: Picture) -> bytes:
    _, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    return bytes(data.tobytes())


def _read_left_out(run: Path) -> tuple[LeftOut, ...]:
    try:
        return tuple(msgspec.json.decode((run / LEFT_OUT).read_bytes(), type=list[LeftOut]))
    except (OSError, msgspec.MsgspecError):
        return ()
