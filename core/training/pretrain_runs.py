"""The runs behind the figures of learning without labels: encoders, the same training from each, measures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch

from core.errors import PolypTraceError
from core.evaluation.items import Vectors, normalised
from core.evaluation.result import Figures
from core.evaluation.run import evaluate_manifest
from core.evaluation.vectors import PairEmbedder, Picture
from core.inference.bundle import replace_file
from core.inference.embedder import Embedder
from core.inference.preprocess import to_square
from core.models.device import usable_device
from core.models.export import ensure_onnx
from core.models.layers import ImageEncoder
from core.models.pretrained import load_resnet
from core.progress import CancelToken
from core.training.command import EventLog
from core.training.config import TrainConfig
from core.training.dmcl import train_dmcl
from core.training.presets import with_start
from core.training.tracklet_sources import TrackletSources
from core.training.tracklets import PretrainResult, pretrain_tracklets
from core.training.trainer import StepSink
from core.training.validation import to_input

NOTHING, CLIPS = "nothing (random weights)", "phantom clips"
HISTOGRAM = "colour histogram"
AS_LEARNT, TRAINED = "encoder as it is", "after DMCL, picture alone"
PHANTOM = "phantom, validation patients"
_BATCH = 32


_TABLE_ROWS = {NOTHING: "none", CLIPS: "image"}
"""Which runs of Table 3 are the same as one here."""


class _Places(NamedTuple):
    """The folders of a source's image encoder and of the training from it."""

    learnt: Path
    trained: Path


class EncoderFeatures:
    """An image encoder as a model to be evaluated: its pooled features, L2-normalised. Texts aren't read."""

    def __init__(self, config: TrainConfig, weights: str | None, device: str) -> None:
        torch.manual_seed(config.seed)
        encoder = ImageEncoder(config.model)
        if weights is not None:
            load_resnet(encoder.resnet, Path(weights))
        self._device = torch.device(usable_device(device).name)
        self._encoder, self._size = encoder.to(self._device).eval(), config.model.image_size

    def embed_pairs(
        self,
        images: Sequence[Picture | None],
        texts: Sequence[str | None],
        cancel: CancelToken | None = None,
    ) -> Vectors:
        """N crops (h, w, 3) uint8 RGB → (N, channels) float32, L2 rows; every crop must be there."""
        squares = [to_square(image, self._size) for image in images if image is not None]
        parts = []
        with torch.inference_mode():
            for start in range(0, len(squares), _BATCH):
                batch = to_input(np.stack(squares[start : start + _BATCH]), self._device)
                parts.append(self._encoder.pooled(self._encoder.feature_map(batch)).cpu().numpy())
        return normalised(np.concatenate(parts))


class PretrainRuns:
    """Encoders and runs in a work folder; what is finished is kept.

    Args:
        training: of every run, apart from seed and first weights.
        crops: manifest that every run trains on, with a validation part.
        real: name → manifest with query and gallery rows of real polyps.
        table: folder of Table 3 with the same training: its runs from random weights and from unlabelled
            clips are taken instead of doing them again, and all others read the same word pieces.
    """

    def __init__(
        self,
        work: Path,
        training: TrainConfig,
        crops: Path,
        real: Mapping[str, Path],
        device: str,
        on_event: StepSink,
        cancel: CancelToken,
        table: Path | None = None,
    ) -> None:
        self._work, self._training, self._device, self._table = work, training, device, table
        self._crops, self._cancel, self._on_event = crops.absolute(), cancel, on_event
        self._log = EventLog("pretraining", on_event)
        self._parts = {PHANTOM: (self._crops, "val")}
        self._parts |= {f"real polyps, {name}": (file, "test") for name, file in real.items()}

    def run(self, sources: Mapping[str, TrackletSources | None], seeds: Sequence[int]) -> dict[str, Any]:
        """Does what is missing; writes ``figures.json`` and ``figures.md`` after every part.

        Raises:
            Cancelled: checkpoints are left.
            PolypTraceError: what a part refuses.
        """
        found: dict[str, dict[str, Any]] = {name: {} for name in sources}
        for seed in seeds:
            for name, source in sources.items():
                found[name][str(seed)] = self._one(name, source, seed)
                self._write(found)
        return self._write(found)

    def _one(self, name: str, source: TrackletSources | None, seed: int) -> dict[str, Any]:
        folder = self._work / f"seed-{seed}" / name.split(" ")[0].lower()
        done = folder / "figures.json"
        if done.exists():
            kept: dict[str, Any] = json.loads(done.read_text("utf-8"))
            return kept
        config = self._config(seed)
        places = self._places(name, folder, seed)

        def tell(event: dict[str, Any]) -> None:
            self._on_event({**event, "run": f"{name}, seed {seed}"})

        learnt = None if source is None else self._learnt(places.learnt, config, source, tell)
        weights = learnt.weights if learnt else None
        embedder, seconds = self._trained(places.trained, config, weights, tell)
        figures = {
            AS_LEARNT: self._measured(EncoderFeatures(config, weights, self._device), "model"),
            TRAINED: self._measured(embedder, "image_only"),
        }
        if learnt is None:
            figures[HISTOGRAM] = self._measured(embedder, "colour_histogram")
        own = None if learnt is None else {**msgspec.to_builtins(learnt), "weights": "", "notes": []}
        document = {"learnt": own, "trained_seconds": seconds, "figures": figures}
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(done, (json.dumps(document, indent=2) + "\n").encode())
        return document

    def _config(self, seed: int) -> TrainConfig:
        config = msgspec.structs.replace(self._training, seed=seed)
        if self._table is None:
            return config
        pieces = str((self._table / f"seed-{seed}" / "text-encoder").absolute())
        return msgspec.structs.replace(config, start=msgspec.structs.replace(config.start, tokenizer=pieces))

    def _places(self, name: str, folder: Path, seed: int) -> _Places:
        row = _TABLE_ROWS.get(name)
        if self._table is None or row is None:
            return _Places(folder / "pretrain", folder / "dmcl")
        known = self._table / f"seed-{seed}"
        if not (known / row / "figures.json").exists():
            raise PolypTraceError(
                "figures-table-unfinished",
                f"Table 3 in {self._table.name} has no finished run “{row}” of seed {seed}.",
                "Finish it first, ask for fewer --seeds, or leave --table3 out.",
            )
        return _Places(known / "image-encoder", known / row)

    def _learnt(
        self, folder: Path, config: TrainConfig, source: TrackletSources, tell: StepSink
    ) -> PretrainResult:
        return pretrain_tracklets(
            folder,
            config,
            source,
            device=self._device,
            progress=self._log.progress,
            on_step=tell,
            cancel=self._cancel,
        )

    def _trained(
        self, folder: Path, config: TrainConfig, weights: str | None, tell: StepSink
    ) -> tuple[Embedder, float]:
        """The same training from whatever weights, and how many seconds it took."""
        start = msgspec.structs.replace(config.start, image_weights=weights)
        config = msgspec.structs.replace(config, start=start)
        done = train_dmcl(
            self._crops,
            folder,
            with_start(config, "none" if weights is None else "image"),
            self._device,
            on_step=tell,
            cancel=self._cancel,
        )
        ensure_onnx(done.bundle, self._work / "cache")  # torch is loaded here already
        return Embedder.open(done.bundle, self._device, self._work / "cache"), done.seconds

    def _measured(self, embedder: PairEmbedder, way: str) -> dict[str, Any]:
        found = {}
        for name, (manifest, part) in self._parts.items():
            wanted = () if way == "model" else (way,)
            result = evaluate_manifest(
                manifest,
                embedder,
                split=part,
                baselines=wanted,
                progress=self._log.progress,
                cancel=self._cancel,
            )
            own = result.figures if way == "model" else result.baselines[way]
            found[name] = None if own is None else _short(own)
        return found

    def _write(self, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        document = {"image_size": self._training.model.image_size, "sources": found}
        replace_file(self._work / "figures.json", (json.dumps(document, indent=2) + "\n").encode())
        replace_file(self._work / "figures.md", figures_page(found).encode())
        return document


def figures_page(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures for readers, Markdown: one table a part, one row a source and way; means over the seeds."""
    parts = [part for own in found.values() for run in own.values() for part in run["figures"][AS_LEARNT]]
    lines = ["# What learning without labels brings", ""]
    for part in dict.fromkeys(parts):
        lines += [f"## {part[0].upper()}{part[1:]}", ""]
        lines += ["| learnt without labels from | measured | frames: mAP | Rank-1 | clips: mAP | Rank-1 |"]
        lines += ["|---|---|---|---|---|---|"]
        for source, own in found.items():
            for way in (HISTOGRAM, AS_LEARNT, TRAINED):
                runs = [run["figures"][way][part] for run in own.values() if way in run["figures"]]
                runs = [run for run in runs if run is not None]
                if runs:
                    label = "–" if way == HISTOGRAM else source
                    cells = " | ".join(_cell(runs, key) for key in _KEYS)
                    lines.append(f"| {label} | {way} | {cells} |")
        lines.append("")
    lines += [f"The checkpoint of each DMCL training was chosen on the part “{PHANTOM}” too.", ""]
    lines += ["In brackets 95 % intervals by bootstrap over patients (polyps), of the first seed.", ""]
    return "\n".join(lines)


_KEYS = ("frame_mAP", "frame_rank1", "clip_mAP", "clip_rank1")


def _short(own: Figures) -> dict[str, Any]:
    short: dict[str, Any] = {}
    for level, figures in (("frame", own.frame), ("clip", own.clip)):
        for name, value in (("mAP", figures.mean_average_precision), ("rank1", figures.rank1)):
            short[f"{level}_{name}"] = {"value": value, "interval": figures.intervals.get(name)}
    return short


def _cell(runs: Sequence[Mapping[str, Any]], key: str) -> str:
    values = [run[key]["value"] for run in runs]
    if any(value is None for value in values):
        return "–"
    interval = runs[0][key]["interval"]
    shown = "" if interval is None else f" [{interval[0]:.3f}, {interval[1]:.3f}]"
    return f"{sum(values) / len(values):.3f}{shown}"
