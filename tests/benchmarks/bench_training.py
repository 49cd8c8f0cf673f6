"""One training step of the paper's network, against the naive step and the matrix product's speed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from bench_model import TEXTS
from table import Figure, Goal, Row
from threadpoolctl import threadpool_limits
from timing import Size, middle, paired, ratio, sgemm
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core.data.batches import Batch
from core.inference.device import DeviceChoice
from core.models.config import BERT_BASE, PAPER, BertSettings, DmclConfig
from core.models.dmcl import Dmcl
from core.models.losses import identity_loss, triplet_loss
from core.paths import resource
from core.training.config import LossSettings, TrainConfig
from core.training.devices import Devices
from core.training.heads import Heads
from core.training.objective import Objective
from core.training.optimiser import make_optimiser, trained
from core.training.text_reader import TextReader
from core.training.tokens import TokenTable

PADDED = 291
"""What the reference pads every text to."""


class Side:
    """A network with its heads and optimiser, both sides from the same weights."""

    def __init__(self, config: TrainConfig, identities: int, layout: torch.memory_format) -> None:
        torch.manual_seed(4)
        self.model = Dmcl(config.model).train().to(memory_format=layout)  # type: ignore[call-overload]
        self.heads = Heads(self.model, identities, LossSettings())
        self.optimiser = make_optimiser(self.model, self.heads, config)

    def learn(self, losses: Callable[[], list[Tensor]]) -> float:
        """One step; the loss before it."""
        loss = torch.stack(losses()).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained(self.optimiser), 5.0)
        self.optimiser.step()
        return float(loss.detach())


def training_step(size: Size) -> list[Row]:
    """Ours: tokens of known texts kept, batches as long as their longest text, channels last."""
    # Both sides and the limit in single precision: in bfloat16 ours would only look better than it is.
    config = TrainConfig(model=_network(size), mixed_precision=False)
    batch = _batch(config.model.image_size, *((2, 2) if size.quick else (4, 4)))
    identities = int(batch.labels.max()) + 1
    table = TokenTable(Tokenizer.from_file(str(Path(resource("models")) / "starter/tokenizer.json")), PADDED)
    ours, naive = (Side(config, identities, way) for way in (torch.channels_last, torch.contiguous_format))
    alone = Devices(DeviceChoice("cpu", "benchmark"), torch.device("cpu"))
    objective = Objective(ours.model, ours.heads, TextReader(table), config, alone)

    def step() -> float:
        return ours.learn(lambda: list(objective.losses(batch).values()))

    def plain() -> float:
        return naive.learn(lambda: _naive(naive, table, batch))

    torch.set_num_threads(1)
    with threadpool_limits(1):
        first = step(), plain()
        with FlopCounterMode(display=False) as counter:
            step()
        product, operations = sgemm(size.of(2048, 256))
        own, peer, least = paired(step, plain, product, rounds=size.of(3, 1), warm=0)
    share = counter.get_total_flops() / operations
    needed = [share * one for one in least]
    shape = "ResNet-50, 224 pixels, frozen BERT-base" if not size.quick else "a small network"
    return [
        Row(
            name="training-step",
            work=f"a training step, {shape}, batch {len(batch.labels)}, 1 thread",
            ours=Figure(middle(own), "ms", "core.training: kept tokens, dynamic length, channels last"),
            peer=Figure(middle(peer), "ms", f"the text encoder in every step, padded to {PADDED} tokens"),
            limit=Figure(middle(needed), "ms", "its operations at the speed of sgemm"),
            goals=(
                Goal("naive / ours", ratio(peer, own), 3, least=True),
                Goal("limit / ours", ratio(needed, own), 0.6, least=True),
            ),
            checks={"same loss as the naive step's": abs(first[0] - first[1]) < 1e-2 * abs(first[1])},
            note="random weights; texts were seen before, as in every epoch but the first",
        )
    ]


def _network(size: Size) -> DmclConfig:
    if size.quick:
        text = BertSettings(layers=2, positions=320)
        return DmclConfig(image_size=64, max_tokens=PADDED, text=text, text_frozen=True, dropout=0.0)
    quiet = msgspec.structs.replace(BERT_BASE, dropout=0.0)
    return msgspec.structs.replace(PAPER, text=quiet, dropout=0.0)


def _batch(side: int, lesions: int, pictures: int) -> Batch:
    """Each lesion's pictures from two exams, each exam with a text of its own."""
    count = lesions * pictures
    images = np.random.default_rng(5).integers(0, 256, (count, side, side, 3)).astype(np.uint8)
    labels = np.repeat(np.arange(lesions, dtype=np.int64), pictures)
    texts = tuple(TEXTS[int(place // max(1, pictures // 2)) % len(TEXTS)] for place in range(count))
    yes = np.ones(count, dtype=bool)
    return Batch(0, images, labels, texts, yes, yes)


def _naive(side: Side, table: TokenTable, batch: Batch) -> list[Tensor]:
    """As the reference does it: every text through the encoder, padded to the longest that may come."""
    ids, mask = table.encode(list(batch.texts))
    spare = (0, PADDED - ids.shape[1])
    ids, mask = (torch.nn.functional.pad(x, spare) for x in (ids, mask))
    model, labels, yes = side.model, torch.from_numpy(batch.labels), torch.from_numpy(batch.has_text)
    images = torch.from_numpy(batch.images).permute(0, 3, 1, 2).float().contiguous()
    maps = model.image_map(images)
    fused = model.fused(model.image.token(maps), model.text_tokens(ids, mask), mask, yes, yes)
    unit = torch.nn.functional.normalize(fused, dim=1)
    return [identity_loss(side.heads.fused(fused), labels), triplet_loss(unit, labels)]


BENCHES: dict[str, Callable[[Size], list[Any]]] = {"training-step": training_step}
