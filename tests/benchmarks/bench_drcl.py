"""One step of DRCL's encoder in the paper's size, its memory, and a search among 100 000 in its space."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from table import Figure, Goal, Row
from timing import Size, middle, paired, ratio, read_once, sgemm
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core.inference.ranker import rank
from core.inference.space import EncoderShape
from core.models.drcl import ModalityEncoder, orthonormal_prior, recast
from core.training.drcl.config import DrclSettings
from core.training.drcl.consistency import Consistency, adam
from core.training.drcl.losses import generalised_cross_entropy, invariance_loss, mix, similarity_loss
from tests.core.training.drcl.plain import equation_8

CATEGORIES, TOP = 10, 10
Q, BY_HAND = 0.5, 16
"""The exponent of the timed steps, and so many samples' loss is checked by plain loops."""


def drcl_step(size: Size) -> list[Row]:
    """Batch 1024 of 4096 long samples through 4096–4096–2048, as for Wikipedia's deep features."""
    work = _Work(size)
    with FlopCounterMode(display=False) as counter:
        work.ours()
    work.naive()
    product, operations = sgemm(size.of(2048, 256))
    own, peer, least = paired(work.ours, work.naive, product, rounds=size.of(3, 1), warm=0)
    needed = [counter.get_total_flops() / operations * one for one in least]
    return [
        Row(
            name="drcl-step",
            work=f"a step of one encoder, embeddings mixed, batch {work.batch}, {work.shape.features}–"
            f"{work.shape.width}–{work.shape.width}–{work.shape.dim}",
            ours=Figure(middle(own), "ms", "core.training.drcl: losses under a prior, fused Adam"),
            peer=Figure(middle(peer), "ms", "the generalised inverse in every step, Adam weight by weight"),
            limit=Figure(middle(needed), "ms", "its operations at the speed of sgemm"),
            goals=(Goal("limit / ours", ratio(needed, own), 0.7, least=True),),
            checks={"same loss as plain loops over the formula": work.agree()},
            note=f"largest memory of such a process: {_memory(size):.2f} GB",
        ),
        _search(size),
    ]


class _Work:
    """Ours and the naive step on the same samples."""

    def __init__(self, size: Size) -> None:
        width = size.of(4096, 64)
        self.batch = size.of(1024, 32)
        self.shape = EncoderShape(features=width, width=width, dim=size.of(2048, 32))
        self.settings = DrclSettings(width=width, dim=self.shape.dim, batch=self.batch)
        torch.manual_seed(0)
        self.encoder, self.other = ModalityEncoder(self.shape), ModalityEncoder(self.shape)
        self.other.load_state_dict(self.encoder.state_dict())
        generator = torch.Generator().manual_seed(1)
        self.prior = orthonormal_prior(self.shape.dim, CATEGORIES, generator)
        self.samples = torch.randn(self.batch, width, generator=generator)
        numbers = torch.randint(CATEGORIES, (self.batch,), generator=generator)
        self.labels = torch.nn.functional.one_hot(numbers, CATEGORIES).float()
        self.rule = Consistency(self.prior, self.settings, generator)
        self.optimiser = adam(self.encoder, "image", self.settings)
        self.plain = torch.optim.Adam(self.other.parameters(), lr=5e-4, foreach=False, fused=False)

    def ours(self) -> None:
        self.rule.step(self.encoder, self.optimiser, self.samples, self.labels, Q)

    def naive(self) -> None:
        self.plain.zero_grad()
        self._formula(self.other).backward()  # type: ignore[no-untyped-call]
        self.plain.step()

    def agree(self) -> bool:
        """Our loss of a few samples against plain loops over the same mixture of them."""
        samples, labels = self.samples[:BY_HAND], self.labels[:BY_HAND]
        settings, order = self.settings, torch.randperm(BY_HAND, generator=_seeded())
        rule = Consistency(self.prior, settings, _seeded())
        with torch.no_grad():
            ours = float(rule.loss(self.encoder, samples, labels, Q))
            z = self.encoder.of_scaled(samples)
        gamma, weights = settings.gamma, (settings.alpha, settings.beta, settings.label_weight)
        z, labels = (gamma * one + (1 - gamma) * one[order] for one in (z, labels))
        return math.isclose(ours, equation_8(z, labels, self.prior, Q, weights), rel_tol=1e-4)

    def _formula(self, encoder: ModalityEncoder) -> Tensor:
        order = torch.randperm(self.batch)
        z, labels = mix(encoder.of_scaled(self.samples), self.labels, self.settings.gamma, order)
        wanted = labels @ recast(self.prior)
        rest = self.settings.alpha * similarity_loss(z, wanted)
        rest = rest + self.settings.beta * invariance_loss(z, wanted)
        return generalised_cross_entropy(z @ self.prior, labels, Q) + rest


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def _memory(size: Size) -> float:
    """The peak of a process that does a few steps and nothing else, in GB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (size,))


def _peak(size: Size) -> float:
    import resource  # not on Windows, where benchmarks don't run

    work = _Work(size)
    for _ in range(3):
        work.ours()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _search(size: Size) -> Row:
    """A sentence's place in the common space against 100 000 clips."""
    rng = np.random.default_rng(2)
    dim = 512
    gallery = rng.standard_normal((size.of(100_000, 4_000), dim), dtype=np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    query = gallery[17]
    ours, once = paired(lambda: rank(query, gallery, TOP), read_once(gallery), rounds=3 * size.rounds, warm=2)
    return Row(
        name="drcl-search",
        work=f"the {TOP} nearest of {len(gallery):,} items of {dim} numbers in the common space",
        ours=Figure(middle(ours), "ms", "core.inference.ranker.rank"),
        limit=Figure(middle(once), "ms", "reading the array once, all cores"),
        goals=(Goal("ours / reading once", ratio(ours, once), 1.15),),
        checks={"finds itself first": int(rank(query, gallery, TOP)[0][0]) == 17},
    )


BENCHES: dict[str, Callable[[Size], list[Any]]] = {"drcl-step": drcl_step}
