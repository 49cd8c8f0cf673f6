"""DMCL: image and text of one clip become one embedding (equations 2–4 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models import colour
from core.models.config import DmclConfig, check
from core.models.layers import FusionLayer, ImageEncoder, TextEncoder


class Dmcl(nn.Module):
    """P = [I, T1…Tn] through pre-norm self-attention layers; the embedding is read at I's position.

    Shapes: ``images`` (B, 3, S, S) float in 0…255 RGB; ``token_ids`` (B, n) int64 with any n from 1 to
    ``config.max_tokens``; ``attention_mask`` (B, n) bool or int, true = real token; ``has_image`` and
    ``has_text`` (B,) bool, False = the learned [no-image] / [no-text] token stands in. A text without any
    real token counts as missing. An embedding has d = ``width`` numbers, and more where the picture's own
    features or colours have a share.
    """

    def __init__(self, config: DmclConfig) -> None:
        super().__init__()
        check(config)
        self.config = config
        width = config.width
        self.image = ImageEncoder(config)
        self.text = TextEncoder(config.text, width, config.text_frozen)
        self.no_image = nn.Parameter(torch.zeros(width))
        self.no_text = nn.Parameter(torch.zeros(width))
        self.types = nn.Parameter(torch.zeros(2, width))
        self.positions = nn.Parameter(torch.zeros(1 + config.max_tokens, width))
        for parameter in (self.no_image, self.no_text, self.types, self.positions):
            nn.init.trunc_normal_(parameter, std=0.02)
        if config.missing == "zeros":
            for parameter in (self.no_image, self.no_text):
                parameter.requires_grad_(False).zero_()
        self.layers = nn.ModuleList(
            FusionLayer(width, config.head_size, config.mlp_ratio, config.dropout)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width)

    @property
    def dim(self) -> int:
        """Length d of an embedding."""
        own = self.image.channels if self.config.own_share else 0
        return self.config.width + own + (colour.LENGTH if self.config.colour_share else 0)

    def image_map(self, images: Tensor) -> Tensor:
        """Activations of the last convolution, (B, C, h, w)."""
        return self.image.feature_map(images)

    def look(self, feature_map: Tensor, images: Tensor) -> Tensor:
        """All that fusing needs of B pictures, (B, length of an embedding).

        The image token I, and what stands beside the fused vector, weighted: the picture's own features and
        its colours, where the settings give them a share.

        Args:
            feature_map: (B, C, h, w) of :meth:`image_map`.
            images: (B, 3, S, S) float in 0…255, RGB.
        """
        pooled = self.image.pooled(feature_map)
        parts = [self.image.project(pooled)]
        if self.config.own_share:
            parts.append(self.config.own_share**0.5 * self.image.own(pooled))
        if self.config.colour_share:
            parts.append(self.config.colour_share**0.5 * colour.colour_histogram(images))
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def text_tokens(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """T1…Tn, (B, n, width)."""
        out: Tensor = self.text(token_ids, attention_mask)
        return out

    def fused(
        self,
        image_token: Tensor,
        text_tokens: Tensor,
        attention_mask: Tensor,
        has_image: Tensor,
        has_text: Tensor,
    ) -> Tensor:
        """The fused vector at the image's position before L2, (B, width) float32: I_c of equation 4."""
        length = text_tokens.shape[1]
        mask = attention_mask.bool()
        first = torch.arange(length, device=mask.device) == 0
        has_text = has_text.bool() & (mask.sum(1) > 0)
        text = torch.where(has_text[:, None, None], text_tokens, self.no_text.to(text_tokens.dtype))
        mask = (mask & has_text[:, None]) | (first & ~has_text[:, None])
        image = torch.where(has_image.bool()[:, None], image_token, self.no_image.to(image_token.dtype))
        x = torch.cat([image[:, None] + self.types[0], text + self.types[1]], dim=1)
        x = x + self.positions[: length + 1]
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x, mask, first_only=number == len(self.layers))
        out: Tensor = self.norm(x[:, 0]).float()
        return out

    def fuse(
        self,
        looks: Tensor,
        text_tokens: Tensor,
        attention_mask: Tensor,
        has_image: Tensor,
        has_text: Tensor,
    ) -> Tensor:
        """The embedding of B pictures of :meth:`look` with their texts, (B, d) float32, L2 rows."""
        token = looks[:, : self.config.width]
        fused = self.fused(token, text_tokens, attention_mask, has_image, has_text)
        return self.joined(fused, looks, has_image)

    def joined(self, fused: Tensor, looks: Tensor, has_image: Tensor) -> Tensor:
        """The fused vectors (B, width), and beside them what :meth:`look` saw: (B, d) float32, L2 rows."""
        fused = F.normalize(fused, dim=1)
        if looks.shape[1] == self.config.width:
            return fused
        share = 1 - self.config.own_share - self.config.colour_share
        beside = looks[:, self.config.width :].float() * has_image[:, None]
        return F.normalize(torch.cat([share**0.5 * fused, beside], dim=1), dim=1)

    def embed_map(
        self,
        feature_map: Tensor,
        images: Tensor,
        token_ids: Tensor,
        attention_mask: Tensor,
        has_image: Tensor,
        has_text: Tensor,
    ) -> Tensor:
        """Embedding from the last activations (B, C, h, w) on: (B, d) float32, L2 rows."""
        looks, text = self.look(feature_map, images), self.text_tokens(token_ids, attention_mask)
        return self.fuse(looks, text, attention_mask, has_image, has_text)

    def forward(
        self,
        images: Tensor,
        token_ids: Tensor,
        attention_mask: Tensor,
        has_image: Tensor,
        has_text: Tensor,
    ) -> Tensor:
        """Embedding of each row, (B, d) float32, L2 rows."""
        maps = self.image_map(images)
        return self.embed_map(maps, images, token_ids, attention_mask, has_image, has_text)

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """What the optimiser's slow group trains: ResNet and, unless frozen, BERT."""
        yield from self.image.resnet.parameters()
        yield from (p for p in self.text.bert.parameters() if p.requires_grad)

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """What the optimiser's fast group trains: everything that isn't a backbone."""
        slow = {id(p) for p in self.image.resnet.parameters()} | {id(p) for p in self.text.bert.parameters()}
        yield from (p for p in self.parameters() if id(p) not in slow)
