"""The network as inference calls it: pictures and texts once each, joined by row numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.models.dmcl import Dmcl


class Serving(nn.Module):
    """Wraps :class:`Dmcl` for the ONNX file and for CUDA.

    The frames of a clip share one text, and one picture may go with several texts: each is encoded once and
    joined by ``picture_row`` and ``text_row``, where −1 means that the modality is missing.
    """

    def __init__(self, model: Dmcl) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        pictures: Tensor,
        token_ids: Tensor,
        attention_mask: Tensor,
        picture_row: Tensor,
        text_row: Tensor,
    ) -> Tensor:
        """Embeds B rows.

        Args:
            pictures: (I, S, S, 3) uint8 RGB, I ≥ 1.
            token_ids: (T, n) int64, T ≥ 1.
            attention_mask: (T, n) int64, 1 = real token.
            picture_row: (B,) int64 into ``pictures`` or −1.
            text_row: (B,) int64 into ``token_ids`` or −1.

        Returns:
            (B, d) float32, L2 rows.
        """
        model = self.model
        images = pictures.permute(0, 3, 1, 2).to(torch.float32)
        image = model.look(model.image_map(images), images)[picture_row.clamp(min=0)]
        chosen = text_row.clamp(min=0)
        text = model.text_tokens(token_ids, attention_mask)[chosen]
        return model.fuse(image, text, attention_mask[chosen], picture_row >= 0, text_row >= 0)
