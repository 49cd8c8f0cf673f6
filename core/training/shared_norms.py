"""Batch norms and gathered rows over several processes, with gradients (torch.distributed)."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function


class AllRows(Function):
    """Rows of all processes, one below the other; each process may have another count of them."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: list[int], rank: int) -> Tensor:
        """(sizes[rank], d) → (sum of sizes, d)."""
        ctx.place = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
        padded = own.new_zeros(max(sizes), *own.shape[1:])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Every process's losses depend on these rows: their gradients add up."""
        total = grads[0].contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.place], None, None


class _Sum(Function):
    """The sum over all processes."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SharedNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the pictures of all processes; ``nn.SyncBatchNorm`` knows GPUs only."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same shape and dtype; B may differ between the processes.

        Reckons in single precision whatever autocast says: bfloat16 can't even count a batch's pixels.
        """
        if not self.training:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return self._normalised(x.float()).to(x.dtype)

    def _normalised(self, x: Tensor) -> Tensor:
        count = x.new_tensor([x.numel() / x.shape[1]])
        sums: Tensor = _Sum.apply(torch.cat([x.sum(dim=(0, 2, 3)), count]))
        number = float(sums[-1].detach())
        mean = sums[:-1] / number
        apart = x - mean[None, :, None, None]
        squares: Tensor = _Sum.apply(apart.square().sum(dim=(0, 2, 3)))
        spread = squares / number
        self._remember(mean.detach(), spread.detach() * number / max(number - 1, 1))
        scale = (spread + self.eps).rsqrt() * self.weight
        return apart * scale[None, :, None, None] + self.bias[None, :, None, None]

    def _remember(self, mean: Tensor, spread: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        share = 0.1 if self.momentum is None else self.momentum
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(spread, share)


def share_norms(model: nn.Module, device: str) -> nn.Module:
    """The network with its batch norms over pictures replaced; weights and their names stay."""
    if device == "cuda":
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return synced
    for name, child in model.named_children():
        if type(child) is nn.BatchNorm2d:
            setattr(model, name, _shared(child))
        else:
            share_norms(child, device)
    return model


def _shared(norm: nn.BatchNorm2d) -> SharedNorm2d:
    made = SharedNorm2d(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    made.load_state_dict(norm.state_dict())
    for own, old in zip(made.parameters(), norm.parameters(), strict=True):
        own.requires_grad_(old.requires_grad)
    made.train(norm.training)
    return made
