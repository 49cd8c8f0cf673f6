"""The runs of Table 3 in a work folder: both encoders of a seed, then the rows, each kept when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.data.manifest import read_manifest
from core.inference.bundle import replace_file
from core.progress import CancelToken
from core.training.ablation_figures import RunFigures, measure_run
from core.training.ablation_recipe import AblationRecipe
from core.training.ablation_table import markdown, table
from core.training.command import EventLog
from core.training.config import Pretrained, TrainConfig
from core.training.dmcl import train_dmcl
from core.training.masked_language import pretrain_text, read_result
from core.training.presets import with_start
from core.training.run_folder import environment
from core.training.tracklet_sources import TrackletSources
from core.training.tracklets import pretrain_tracklets, read_pretraining
from core.training.trainer import StepSink, no_steps

_DONE = "figures.json"


class Ablation:
    """The table's runs in a work folder.

    Args:
        work: what is made on the way; a later start goes on from there.
        recipe: the same at every start in one folder.
        manifest: rows of train, val, query and gallery; their text and pictures.
        unlabelled: what the image encoder learns from; None where no row wants it.
        device: of training and measuring.
    """

    def __init__(
        self,
        work: Path,
        recipe: AblationRecipe,
        manifest: Path,
        unlabelled: TrackletSources | None,
        device: str = "auto",
        on_event: StepSink = no_steps,
        cancel: CancelToken | None = None,
    ) -> None:
        self._work, self._recipe, self._device = work, recipe, device
        self._manifest, self._unlabelled = manifest, unlabelled
        self._on_event, self._cancel = on_event, cancel or CancelToken()
        self._log = EventLog("table3", on_event)

    def run(self, rows: Sequence[Pretrained], seeds: Sequence[int]) -> dict[str, Any]:
        """Does what is missing, seed by seed, and returns the table of all that is finished.

        Raises:
            Cancelled: checkpoints are left.
            PolypTraceError: what a stage refuses.
        """
        for seed in seeds:
            for row in rows:
                if self.figures(row, seed) is None:
                    self._train(row, seed)
                    self.write(rows, seeds)
        return self.write(rows, seeds)

    def figures(self, row: Pretrained, seed: int) -> RunFigures | None:
        """What a finished run reached, else None."""
        try:
            return msgspec.json.decode((self._folder(row, seed) / _DONE).read_bytes(), type=RunFigures)
        except (OSError, msgspec.MsgspecError):
            return None

    def write(self, rows: Sequence[Pretrained], seeds: Sequence[int]) -> dict[str, Any]:
        """Writes ``table.json`` and ``table.md`` of what is finished among these runs."""
        found = {row: {seed: self.figures(row, seed) for seed in seeds} for row in rows}
        runs: dict[str, dict[int, RunFigures]] = {
            row: {seed: one for seed, one in own.items() if one is not None} for row, own in found.items()
        }
        missing = [f"{row}, seed {seed}" for row in rows for seed in seeds if seed not in runs[row]]
        size = self._recipe.training.model.image_size
        document = {
            "size": size,
            "seeds": list(seeds),
            "missing": missing,
            "manifest_sha256": self._recipe.manifest_sha256,
            "environment": environment(),
            "image_encoders": {str(seed): one for seed in seeds if (one := self._image_encoder(seed))},
            **table(runs),
        }
        replace_file(self._work / "table.json", msgspec.json.format(msgspec.json.encode(document), indent=2))
        replace_file(self._work / "table.md", markdown(document, runs, size, missing).encode())
        return document

    def _image_encoder(self, seed: int) -> dict[str, float | None] | None:
        """How well the image encoder of a seed tells tracklets apart; None before it is there."""
        learnt = read_pretraining(self._work / f"seed-{seed}" / "image-encoder")
        return None if learnt is None else {"found": learnt.found, "chance": learnt.chance}

    def _folder(self, row: Pretrained, seed: int) -> Path:
        return self._work / f"seed-{seed}" / row

    def _train(self, row: Pretrained, seed: int) -> None:
        text, image = self._text(seed), self._image(seed) if row in ("image", "both") else None
        config = self._config(seed)
        # Every row reads the same word pieces: the rows differ in their first weights alone.
        start = msgspec.structs.replace(
            config.start,
            image_weights=image,
            text_folder=str(text) if row in ("text", "both") else None,
            tokenizer=str(text),
        )
        config = with_start(msgspec.structs.replace(config, start=start), row)
        folder = self._folder(row, seed)
        done = train_dmcl(
            self._manifest, folder, config, self._device, on_step=self._tell(row, seed), cancel=self._cancel
        )
        events = [line for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines() if line]
        last = msgspec.json.decode(events[-1])
        figures = measure_run(
            done.bundle,
            self._manifest,
            "test",
            self._work / "cache",
            self._device,
            self._log.progress,
            self._cancel,
            steps=last["step"],
            planned=last["steps"],
            seconds=done.seconds,
        )
        replace_file(folder / _DONE, msgspec.json.encode(figures))

    def _text(self, seed: int) -> Path:
        """A BERT folder: word pieces for all rows, weights for two of them."""
        folder = self._work / f"seed-{seed}" / "text-encoder"
        if read_result(folder) is None:
            rows = read_manifest(self._manifest).rows
            texts = sorted({row.text for row in rows if row.split == "train" and row.text})
            model = self._recipe.training.model
            settings = msgspec.structs.replace(self._recipe.text, seed=seed, bert=model.text)
            on = "cpu" if self._device == "auto" else self._device
            pretrain_text(folder, texts, settings, model.max_tokens, on, self._log.progress, self._cancel)
        return folder

    def _image(self, seed: int) -> str:
        """The weights that an image encoder learnt without labels."""
        folder = self._work / f"seed-{seed}" / "image-encoder"
        learnt = read_pretraining(folder) or pretrain_tracklets(
            folder,
            self._config(seed),
            self._unlabelled or TrackletSources(),
            device=self._device,
            progress=self._log.progress,
            on_step=self._tell("image encoder", seed),
            cancel=self._cancel,
        )
        return learnt.weights

    def _config(self, seed: int) -> TrainConfig:
        return msgspec.structs.replace(self._recipe.training, seed=seed)

    def _tell(self, row: str, seed: int) -> StepSink:
        return lambda event: self._on_event({**event, "run": f"{row}, seed {seed}"})
