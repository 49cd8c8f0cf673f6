"""The losses of one batch: identity + metric loss of the fused vectors (equation 7), in mixed precision."""

from __future__ import annotations

import torch
from torch import Tensor

from core.data.batches import Batch
from core.models.device import gains_by_bfloat16
from core.models.dmcl import Dmcl
from core.models.losses import identity_loss, supervised_contrastive_loss, triplet_loss
from core.training.config import LossSettings, TrainConfig
from core.training.devices import Devices
from core.training.heads import Heads
from core.training.text_reader import TextReader
from core.training.validation import to_input


class Objective:
    """Network, heads and what reads the texts, as one function from a batch to its losses.

    With several processes each embeds its part of the batch; the losses are those of the whole batch.
    """

    def __init__(
        self, model: Dmcl, heads: Heads, reader: TextReader, config: TrainConfig, devices: Devices
    ) -> None:
        self._model, self._heads, self._reader = model, heads, reader
        self._settings, self._devices = config.loss, devices
        self._mixed = config.mixed_precision and gains_by_bfloat16(devices.device)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Name → scalar: ``identity``, ``metric``; ``image_identity``, ``image_metric`` where they count."""
        labels = torch.from_numpy(batch.labels).to(self._devices.device)
        fused, seen = self._vectors(batch)
        fused, settings = self._devices.whole(fused, len(labels)), self._settings
        losses = {
            "identity": identity_loss(self._heads.fused(fused), labels, settings.smoothing),
            "metric": metric_loss(torch.nn.functional.normalize(fused, dim=1), labels, settings),
        }
        if settings.image_identity_weight or settings.image_metric_weight:
            own = self._heads.project(self._devices.whole(seen, len(labels)))
            losses["image_identity"] = identity_loss(self._heads.image(own), labels, settings.smoothing)
            if settings.image_metric_weight:
                own = torch.nn.functional.normalize(own, dim=1)
                losses["image_metric"] = supervised_contrastive_loss(own, labels, settings.temperature)
        return losses

    def _vectors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """This process's fused vectors (b, width) and pooled picture features (b, C), float32."""
        model, device = self._model, self._devices.device
        # A text that is hidden needn't be read.
        shown = [text if has else "" for text, has in zip(batch.texts, batch.has_text, strict=True)]
        has_image, has_text = (torch.from_numpy(x).to(device) for x in (batch.has_image, batch.has_text))
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._mixed):
            maps = model.image_map(to_input(batch.images, device))
            pooled = model.image.pooled(maps.float())
            text, mask = self._reader.read(model, shown, device)
            taught = pooled if self._settings.fusion_teaches_image else pooled.detach()
            fused = model.fused(model.image.project(taught), text, mask, has_image, has_text)
        if model.config.own_share:
            model.image.own(pooled.detach())  # its norm follows the features
        return fused.float(), pooled


def metric_loss(features: Tensor, labels: Tensor, settings: LossSettings) -> Tensor:
    """Equation 6, or the contrastive loss where the settings say so."""
    if settings.metric == "contrastive":
        return supervised_contrastive_loss(features, labels, settings.temperature)
    return triplet_loss(features, labels, settings.miner, settings.margin)


def loss_weights(settings: LossSettings, share: float) -> dict[str, float]:
    """The weight of each loss at ``share`` of the run, 0…1."""
    rising = min(1.0, share / settings.metric_warmup) if settings.metric_warmup else 1.0
    return {
        "identity": settings.identity_weight,
        "metric": settings.metric_weight * rising,
        "image_identity": settings.image_identity_weight,
        "image_metric": settings.image_metric_weight,
    }
