"""Building blocks of DMCL: image encoder, text encoder and the fusion's self-attention layers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.resnet import ResNet

from core.models.config import BertSettings, DmclConfig, check_backbone

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def make_resnet(name: str, last_stride: int = 2) -> ResNet:
    """A torchvision ResNet without its classifier, random weights.

    Raises:
        PolypTraceError: ``unknown-backbone``.
    """
    check_backbone(name)
    net: ResNet = get_model(name, weights=None)
    net.fc = nn.Identity()
    if last_stride == 1:
        for module in net.layer4.modules():
            if isinstance(module, nn.Conv2d):
                module.stride = (1, 1)
    return net


class ImageEncoder(nn.Module):
    """ResNet over pictures in 0…255: the normalisation is in here so that it travels with the weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: DmclConfig) -> None:
        super().__init__()
        probe: ResNet = make_resnet(config.backbone, config.last_stride)
        self.resnet = probe
        self.channels: int = _channels(probe)
        self.pool: nn.Module = GeneralisedMean() if config.pooling == "gem" else nn.AdaptiveAvgPool2d(1)
        self.project = nn.Linear(self.channels, config.width)
        if config.own_share:
            # Only its running mean and spread are learnt: each channel counts alike.
            self.own_norm = nn.BatchNorm2d(self.channels).requires_grad_(False)
        self.register_buffer("mean", 255 * torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def feature_map(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) float in 0…255 → activations of the last convolution (B, C, h, w)."""
        net = self.resnet
        x = (images - self.mean) / self.std
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        out: Tensor = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        return out

    def pooled(self, feature_map: Tensor) -> Tensor:
        """(B, C, h, w) → the picture's features, (B, C)."""
        out: Tensor = self.pool(feature_map).flatten(1)
        return out

    def own(self, pooled: Tensor) -> Tensor:
        """(B, C) of :meth:`pooled` → the picture's own features, centred by channel, L2 rows."""
        return F.normalize(self.own_norm(pooled.float()[:, :, None, None]).flatten(1), dim=1)

    def token(self, feature_map: Tensor) -> Tensor:
        """(B, C, h, w) → the image token I, (B, width)."""
        out: Tensor = self.project(self.pooled(feature_map))
        return out


class GeneralisedMean(nn.Module):
    """(B, C, h, w) ≥ 0 → (B, C): the p-mean over all places, p learned from 3 on (GeM, Radenović 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, feature_map: Tensor) -> Tensor:
        """Large p tends to the maximum, p = 1 is the mean."""
        raised = feature_map.float().clamp(min=1e-6).pow(self.power)
        return raised.mean(dim=(2, 3)).pow(1 / self.power)


def _channels(net: ResNet) -> int:
    """Channels of the last stage: 512 for basic blocks, 2048 for bottlenecks."""
    last = net.layer4[-1]
    norm = last.bn3 if hasattr(last, "bn3") else last.bn2
    return int(norm.num_features)


def bert_shape(settings: BertSettings) -> Any:
    """Our settings as ``transformers``' ``BertConfig``."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=settings.vocab_size,
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.intermediate,
        max_position_embeddings=settings.positions,
        type_vocab_size=settings.types,
        hidden_act=settings.activation,
        layer_norm_eps=settings.norm_eps,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.dropout,
        pad_token_id=settings.pad_id,
    )


class TextEncoder(nn.Module):
    """A ``transformers`` BERT and, where its width differs from the fusion's, a projection."""

    def __init__(self, settings: BertSettings, width: int, frozen: bool) -> None:
        super().__init__()
        # transformers takes seconds to import: only those who build a text encoder pay for it.
        from transformers import BertModel

        self.bert: nn.Module = BertModel(bert_shape(settings), add_pooling_layer=False)
        same = settings.hidden == width
        self.project: nn.Module = nn.Identity() if same else nn.Linear(settings.hidden, width)
        self.frozen = frozen
        if frozen:
            self.bert.requires_grad_(False)

    def train(self, mode: bool = True) -> TextEncoder:
        """A frozen BERT stays in evaluation mode, so that its dropout adds no noise."""
        super().train(mode)
        if self.frozen:
            self.bert.train(False)
        return self

    def states(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """BERT's last layer before the projection, (B, n, hidden): constant, so worth caching, when frozen.

        A row without any token reads its first position, so that nothing becomes NaN.
        """
        first = torch.arange(token_ids.shape[1], device=token_ids.device) == 0
        mask = attention_mask.bool()
        mask = mask | (first & (mask.sum(1, keepdim=True) == 0))
        square = mask[:, None, None, :].expand(-1, 1, token_ids.shape[1], -1)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            out: Tensor = self.bert(input_ids=token_ids, attention_mask=square).last_hidden_state
        return out

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, n) token ids and mask → text tokens T1…Tn, (B, n, width)."""
        out: Tensor = self.project(self.states(token_ids, attention_mask))
        return out


class FusionLayer(nn.Module):
    """One pre-norm self-attention layer, softmax(QKᵀ/√d)V with d = 32 (equation 3), padding masked."""

    def __init__(self, width: int, head_size: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.head_size, self.dropout = width // head_size, head_size, dropout
        self.norm_attention = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_ratio * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(mlp_ratio * width, width),
        )
        self.drop = nn.Dropout(dropout)

    def _split(self, x: Tensor) -> Tensor:
        """(B, n, width) → (B, heads, n, head_size)."""
        return x.view(x.shape[0], x.shape[1], self.heads, self.head_size).transpose(1, 2)

    def forward(self, x: Tensor, mask: Tensor, first_only: bool = False) -> Tensor:
        """(B, L, width) and (B, L) bool, True = real token → (B, L, width).

        ``first_only`` computes the first position alone, (B, 1, width): the last layer needs no other.
        """
        normed = self.norm_attention(x)
        asking = normed[:, :1] if first_only else normed
        key, value = self.key_value(normed).chunk(2, dim=-1)
        attended = F.scaled_dot_product_attention(
            self._split(self.query(asking)),
            self._split(key),
            self._split(value),
            attn_mask=mask[:, None, None, :],
            dropout_p=self.dropout if self.training else 0.0,
        )
        x = (x[:, :1] if first_only else x) + self.drop(self.out(attended.transpose(1, 2).flatten(2)))
        out: Tensor = x + self.drop(self.mlp(self.norm_mlp(x)))
        return out


class IdentityHead(nn.Module):
    """Linear scores over the training identities, for equation 5; it never enters a bundle."""

    def __init__(self, width: int, identities: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(identities, width))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, features: Tensor) -> Tensor:
        """(B, width) → logits (B, identities)."""
        return F.linear(features, self.weight)
