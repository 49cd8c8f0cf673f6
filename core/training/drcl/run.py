"""A run of DRCL from samples to encoders: priors, encoders and figures, each kept as soon as it is there."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from core.data.cross_modal.samples import TEST, TRAIN, VAL, CrossModal
from core.inference.bundle import BundleInfo, amend_bundle
from core.inference.device import DeviceChoice
from core.inference.space import EncoderShape, SearchInputs
from core.models.device import usable_device
from core.models.drcl import ModalityEncoder, orthonormal_prior
from core.models.drcl_bundle import Space, load_space, save_space
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.training.checkpoint import load_tensors, save_tensors
from core.training.drcl.begun import claim_run
from core.training.drcl.card import space_card
from core.training.drcl.config import DrclSettings, check
from core.training.drcl.consistency import learn_encoder
from core.training.drcl.embedding import space_figures
from core.training.drcl.prior import LearntPrior, best_prior, learn_prior
from core.training.drcl.scaling import check_scaling, feature_scaling
from core.training.drcl.stage import Best, Tensors
from core.training.trainer import StepSink, no_steps

METRICS = "metrics.jsonl"


class DrclResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run.

    Args:
        bundle: the space, ``run/model``.
        metrics: ``map_all``, ``map_50``, ``precision_recall``, ``average`` on the test part, where there is
            one; ``validation`` the same on the validation part; ``prior`` and ``encoders`` by modality.
        seconds: of all its stages, also those of an earlier start.
    """

    run: Path
    model: str
    bundle: Path
    metrics: dict[str, Any]
    seconds: float
    device: DeviceChoice
    notes: tuple[str, ...]


def train_drcl(
    data: CrossModal,
    folder: Path,
    settings: DrclSettings,
    device: str = "auto",
    on_step: StepSink = no_steps,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
    inputs: SearchInputs | None = None,
    source: Mapping[str, Any] | None = None,
) -> DrclResult:
    """Learns a prior and an encoder for every modality; a stage that is finished in ``folder`` is kept.

    Every modality is learnt by itself: batches pair nothing, so that any numbers of samples fit.

    Args:
        inputs: what the samples were made of, where the space shall search a catalogue.
        source: where the samples were read from, kept in a new folder for whoever goes on with it; JSON-able.

    Raises:
        Cancelled: stages that are finished stay; the same call goes on with the next.
        PolypTraceError: ``setting-invalid``, ``features-scale``, ``run-data-changed`` where the folder was
            begun with other data or settings, or ``training-diverged``.
    """
    check(settings, len(data.categories))
    check_scaling(data, settings.scaling)
    claim_run(folder, data, settings, source)
    return _Run(data, folder, settings, device, (on_step, progress), cancel or CancelToken(), inputs).run()


class _Run:
    def __init__(
        self,
        data: CrossModal,
        folder: Path,
        settings: DrclSettings,
        device: str,
        ears: tuple[StepSink, ProgressSink],
        cancel: CancelToken,
        inputs: SearchInputs | None,
    ) -> None:
        self._data, self._folder, self._settings, self._inputs = data, folder, settings, inputs
        self._choice = usable_device(device)
        self._device = torch.device(self._choice.name)
        (self._on_step, self._progress), self._cancel = ears, cancel
        self._seconds = 0.0

    def run(self) -> DrclResult:
        prior, scores = self._prior()
        encoders: dict[str, ModalityEncoder] = {}
        reached: dict[str, dict[str, Any]] = {}
        for modality in self._data.modalities:
            encoders[modality], reached[modality] = self._encoder(modality, prior.matrix)
        space = Space(encoders, prior.matrix, self._data.categories, self._inputs)
        told = {
            "prior": {"modality": prior.modality, "score": prior.score, "scores": scores},
            "encoders": reached,
        }
        info, metrics = self._published(space, prior, told)
        return DrclResult(
            run=self._folder,
            model=info.manifest.model_id,
            bundle=info.folder,
            metrics=metrics,
            seconds=self._seconds,
            device=self._choice,
            notes=self._data.notes,
        )

    def _published(
        self, space: Space, prior: LearntPrior, told: dict[str, Any]
    ) -> tuple[BundleInfo, dict[str, Any]]:
        """The bundle, and figures of what it holds: its weights are rounded, so they are read back first."""
        folder, parts = self._folder / "model", self._data.parts
        save_space(folder, space, card="", name=self._folder.name, metrics={})
        encoders = load_space(folder, self._device.type)[1].encoders
        metrics = {
            **space_figures(encoders, parts.get(TEST, {})),
            "validation": space_figures(encoders, parts.get(VAL, {})),
            **told,
        }
        card = space_card(self._data, self._settings, prior, metrics)
        return amend_bundle(folder, metrics=metrics, card=card), metrics

    def _prior(self) -> tuple[LearntPrior, dict[str, float]]:
        """The prior that guides all modalities, and the quality score of each that was learnt."""
        settings = self._settings
        if settings.prior == "orthonormal":
            generator = torch.Generator().manual_seed(settings.seed)
            matrix = orthonormal_prior(settings.dim, len(self._data.categories), generator)
            return LearntPrior("", matrix.to(self._device), 0.0, 0), {}
        learnt = [self._learnt_prior(modality) for modality in self._data.modalities]
        return best_prior(learnt), {one.modality: one.score for one in learnt}

    def _learnt_prior(self, modality: str) -> LearntPrior:
        file = self._folder / f"prior-{modality}.safetensors"
        if not file.exists():
            encoder = self._new_encoder(modality)
            begun = time.monotonic()
            one = learn_prior(
                modality,
                encoder,
                self._tensors(TRAIN, modality, encoder),
                self._settings,
                self._cancel,
                self._telling("prior", modality),
            )
            facts = {"score": one.score, "epoch": one.epoch, "seconds": time.monotonic() - begun}
            save_tensors(file, {"prior": one.matrix}, facts)
        tensors, facts = load_tensors(file)
        self._seconds += facts["seconds"]
        return LearntPrior(modality, tensors["prior"].to(self._device), facts["score"], int(facts["epoch"]))

    def _encoder(self, modality: str, prior: Tensor) -> tuple[ModalityEncoder, dict[str, Any]]:
        file = self._folder / f"encoder-{modality}.safetensors"
        encoder = self._new_encoder(modality)
        if not file.exists():
            begun = time.monotonic()
            best = self._learn(modality, encoder, prior)
            facts = {"score": best.score, "epoch": best.epoch, "seconds": time.monotonic() - begun}
            save_tensors(file, best.state, facts)
        tensors, facts = load_tensors(file)
        encoder.load_state_dict(tensors)
        self._seconds += facts["seconds"]
        return encoder.eval(), facts

    def _learn(self, modality: str, encoder: ModalityEncoder, prior: Tensor) -> Best:
        held = modality in self._data.parts.get(VAL, {})
        return learn_encoder(
            modality,
            encoder,
            prior,
            self._tensors(TRAIN, modality, encoder),
            self._tensors(VAL, modality, encoder) if held else None,
            self._settings,
            self._cancel,
            self._telling("encoder", modality),
        )

    def _new_encoder(self, modality: str) -> ModalityEncoder:
        """Random weights that depend on seed and modality alone."""
        train, settings = self._data.parts[TRAIN][modality], self._settings
        torch.manual_seed(zlib.crc32(f"{settings.seed} {modality}".encode()))
        shape = EncoderShape(features=train.features.shape[1], width=settings.width, dim=settings.dim)
        if settings.scaling == "none":
            return ModalityEncoder(shape).to(self._device)
        shift, scale = map(torch.from_numpy, feature_scaling(train.features, modality))
        return ModalityEncoder(shape, shift, scale).to(self._device)

    def _tensors(self, part: str, modality: str, encoder: ModalityEncoder) -> Tensors:
        return Tensors.of(self._data.parts[part][modality], encoder.scaled, self._device)

    def _telling(self, stage: str, modality: str) -> Any:
        """Tells an epoch as an event, which the run keeps."""
        begun = time.monotonic()

        def told(epoch: int, score: float, best: bool) -> None:
            event = {
                "run": self._folder.name,
                "stage": stage,
                "modality": modality,
                "epoch": epoch,
                "epochs": self._settings.epochs,
                "score": round(score, 5),
                "best": best,
                "seconds": round(time.monotonic() - begun, 1),
            }
            with (self._folder / METRICS).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(event) + "\n")
            self._on_step(event)
            words = f"validation {score:.3f}" if stage == "encoder" else f"quality {score:.3f}"
            self._progress(Progress(f"{stage} of {modality}", epoch, self._settings.epochs, words))

        return told
