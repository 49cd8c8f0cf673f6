"""The query's text fused with a whole gallery, and with the first hundred: against the reference's loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from table import Figure, Goal, Row
from timing import Size, middle, paired, seconds, sgemm
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core.inference.device import DeviceChoice
from core.models.config import BertSettings, DmclConfig
from core.models.dmcl import Dmcl
from core.models.text_fuser import TextFuser

WORDS, LONGEST, FIRST = 40, 291, 100
"""Tokens of a usual description; to how many the reference pads each; how many are scored anew."""
_LOOPED = 6


def query_text(size: Size) -> list[Row]:
    """The paper's fusion (width 768, 4 layers), image tokens there already, one query."""
    torch.manual_seed(0)
    count, width = size.of(2000, 40), size.of(768, 64)
    text = BertSettings(vocab_size=64, hidden=32, layers=1, heads=2, intermediate=64, positions=LONGEST)
    net = Dmcl(DmclConfig(width=width, mlp_ratio=4, image_size=32, max_tokens=LONGEST, text=text)).eval()
    tokens, told = torch.randn(count, width), torch.randn(WORDS, width)
    fuser = TextFuser(net, _NoTokenizer(told), DeviceChoice("cpu", "benchmark"))  # type: ignore[arg-type]
    net.text_tokens = lambda ids, mask: told[None]  # type: ignore[method-assign]
    gallery = tokens.numpy()

    def loop(some: int) -> Tensor:
        """One gallery item at a time, the text padded: 291 tokens through every layer."""
        padded = torch.nn.functional.pad(told, (0, 0, 0, LONGEST - WORDS))[None]
        mask = (torch.arange(LONGEST) < WORDS)[None]
        yes = torch.ones(1, dtype=torch.bool)
        with torch.inference_mode():
            return torch.cat([net.fuse(one[None], padded, mask, yes, yes) for one in tokens[:some]])

    product, operations = sgemm(size.of(1024, 256))
    looped = [seconds(lambda: loop(_LOOPED)) for _ in range(size.of(3, 1))]
    whole, least = paired(lambda: fuser.fuse(gallery, "text"), product, rounds=1, warm=0)
    first, again = paired(lambda: fuser.fuse(gallery[:FIRST], "text"), product, rounds=size.of(5, 1))
    share = _operations(lambda: fuser.fuse(gallery[:20], "text")) / 20 / operations
    naive = sorted(looped)[len(looped) // 2] * 1000 / _LOOPED
    gap = float((torch.from_numpy(fuser.fuse(gallery[:_LOOPED], "text")) - loop(_LOOPED)).abs().max())
    exact = {"as the loop's to 1e-6": gap < 1e-6}
    return [
        Row(
            name="query-text",
            work=f"one query's text fused with {count:,} gallery items, width {width}, {WORDS} tokens",
            ours=Figure(middle(whole), "ms", "core.models.text_fuser: one text, batches, nothing padded"),
            peer=Figure(naive * count, "ms", f"the reference's loop at {LONGEST} tokens, {_LOOPED} scaled"),
            limit=Figure(share * count * middle(least), "ms", "our operations at the speed of sgemm"),
            goals=(Goal("loop / ours", naive * count / middle(whole), 10, least=True),),
            checks=exact,
            note=f"largest difference to the loop {gap:.1e}; BERT runs once a text in both and isn't counted",
        ),
        Row(
            name="rerank",
            work=f"the first {FIRST} of a ranking fused with the query's text",
            ours=Figure(middle(first), "ms", "core.models.text_fuser"),
            limit=Figure(share * FIRST * middle(again), "ms", "our operations at the speed of sgemm"),
            goals=(Goal("re-rank", middle(first) / 1000, 1, "s"),),
            checks=exact,
        ),
    ]


class _NoTokenizer:
    """Stands for a tokenizer: the benchmark's text tokens are there already."""

    def __init__(self, told: Tensor) -> None:
        self.ids = list(range(len(told)))

    def encode(self, _: str) -> _NoTokenizer:
        return self


def _operations(work: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


BENCHES: dict[str, Callable[[Size], list[Row]]] = {"query-text": query_text}
