"""Many pictures fused with one text: what a query's text makes of a whole gallery (protocol query-text).

The same vectors as :meth:`core.models.dmcl.Dmcl.fuse` picture by picture, at less cost: every picture is
encoded once, the text isn't padded, its projections in the first layer are computed once for all pictures
(later ones depend on the picture), and the last layer computes the picture's position alone.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.models.dmcl import Dmcl
from core.models.layers import FusionLayer


def fuse_one_text(model: Dmcl, looks: Tensor, text_tokens: Tensor | None) -> Tensor:
    """Embeddings of B pictures with one text.

    Args:
        model: in evaluation mode.
        looks: (B, d) of :meth:`Dmcl.look`.
        text_tokens: (n, width) of :meth:`Dmcl.text_tokens` without padding, n ≥ 1; None for no text.

    Returns:
        (B, d) float32, L2 rows.
    """
    text = model.no_text[None] if text_tokens is None else text_tokens
    own = (looks[:, : model.config.width] + model.types[0] + model.positions[0])[:, None]
    shared = (text + model.types[1] + model.positions[1 : len(text) + 1])[None]
    layers = [layer for layer in model.layers if isinstance(layer, FusionLayer)]
    x = _first_layer(layers[0], own, shared, alone=len(layers) == 1)
    everything = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    for number, layer in enumerate(layers[1:], start=2):
        x = layer(x, everything, first_only=number == len(layers))
    here = torch.ones(len(looks), dtype=torch.bool, device=looks.device)
    return model.joined(model.norm(x[:, 0]).float(), looks, here)


def _first_layer(layer: FusionLayer, own: Tensor, shared: Tensor, alone: bool) -> Tensor:
    """:meth:`FusionLayer.forward` of [own, shared]: (B, 1, width) and (1, n, width) → (B, 1 + n, width).

    ``alone`` computes the first position only.
    """
    count = own.shape[0]
    parts = [layer.norm_attention(own), layer.norm_attention(shared)]
    asking = [layer.query(part) for part in (parts[:1] if alone else parts)]
    keys_values = [layer.key_value(part) for part in parts]
    query = _heads(layer, _together(asking, count))
    key, value = (_heads(layer, half) for half in _together(keys_values, count).chunk(2, dim=-1))
    attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    x = (own if alone else _together([own, shared], count)) + layer.out(attended)
    out: Tensor = x + layer.mlp(layer.norm_mlp(x))
    return out


def _together(parts: list[Tensor], count: int) -> Tensor:
    """Each picture's own position, then the shared ones."""
    return torch.cat([part.expand(count, -1, -1) for part in parts], dim=1)


def _heads(layer: FusionLayer, x: Tensor) -> Tensor:
    """(B, n, width) → (B, heads, n, head_size)."""
    return x.view(x.shape[0], x.shape[1], layer.heads, layer.head_size).transpose(1, 2)
