"""How an encoder learns under a prior: equation 8 by plain loops, and which epoch is kept."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import pytest
import torch
from torch import Tensor

from core.data.cross_modal.samples import CrossModal
from core.inference.space import EncoderShape
from core.models.drcl import ModalityEncoder
from core.progress import CancelToken
from core.training.drcl.config import Augmentation, DrclSettings
from core.training.drcl.consistency import Consistency, learn_encoder
from core.training.drcl.losses import likelihood, quality
from core.training.drcl.presets import PRESETS
from core.training.drcl.stage import Best, Tensors

from .plain import equation_8

RANDOM = torch.Generator().manual_seed(5)
SAMPLES = torch.randn(6, 3, generator=RANDOM)
PRIOR = torch.randn(5, 4, generator=RANDOM)
SINGLE = torch.eye(4)[[0, 3, 1, 1, 2, 0]]
MULTI = torch.tensor(
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1], [0, 0, 1, 1]], dtype=torch.float32
)


def encoder() -> ModalityEncoder:
    torch.manual_seed(2)
    return ModalityEncoder(EncoderShape(features=3, width=8, dim=5))


def mixed(rows: Tensor, order: list[int], gamma: float) -> Tensor:
    return torch.stack([gamma * rows[at] + (1 - gamma) * rows[other] for at, other in enumerate(order)])


@pytest.mark.parametrize("labels", [SINGLE, MULTI], ids=["single", "multi"])
@pytest.mark.parametrize("augmentation", ["embedding", "features", "none"])
@pytest.mark.parametrize(
    "weights", [(0.3, 0.7, 1.5), (0.3, 0, 0), (0, 0.7, 0), (0, 0, 1.5)], ids=["all", "alpha", "beta", "label"]
)
def test_equation_8_by_hand(
    labels: Tensor, augmentation: Augmentation, weights: tuple[float, float, float]
) -> None:
    alpha, beta, label = weights
    settings = DrclSettings(
        alpha=alpha, beta=beta, label_weight=label, augmentation=augmentation, gamma=0.8, width=8, dim=5
    )
    network = encoder()
    rule = Consistency(PRIOR, settings, torch.Generator().manual_seed(11))
    order = torch.randperm(6, generator=torch.Generator().manual_seed(11)).tolist()
    with torch.no_grad():
        ours = float(rule.loss(network, SAMPLES, labels, 0.5))
        if augmentation == "features":
            z = network.of_scaled(mixed(SAMPLES, order, 0.8))
        else:
            z = network.of_scaled(SAMPLES)
            z = mixed(z, order, 0.8) if augmentation == "embedding" else z
    wanted = labels if augmentation == "none" else mixed(labels, order, 0.8)
    assert ours == pytest.approx(equation_8(z, wanted, PRIOR, 0.5, weights), rel=1e-4)


def test_a_step_lowers_the_loss() -> None:
    settings = DrclSettings(augmentation="none", width=8, dim=5, rate=1e-3)
    network = encoder()
    rule = Consistency(PRIOR, settings, RANDOM)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    before = rule.loss(network, SAMPLES, SINGLE, 0.5).item()
    for _ in range(20):
        rule.step(network, optimiser, SAMPLES, SINGLE, 0.5)
    assert rule.loss(network, SAMPLES, SINGLE, 0.5).item() < before


def learnt(
    data: CrossModal, settings: DrclSettings, with_val: bool = True
) -> tuple[ModalityEncoder, Best, list[float], Tensors, Tensor]:
    """An encoder of the invented texts, its best epoch and every epoch's score."""
    torch.manual_seed(2)
    network = ModalityEncoder(EncoderShape(features=6, width=settings.width, dim=settings.dim))
    prior = 4 * torch.linalg.qr(torch.randn(settings.dim, 4, generator=torch.Generator().manual_seed(0))).Q
    train, val = (
        Tensors.of(data.parts[part]["text"], lambda x: (x - 5) / 3, torch.device("cpu"))
        for part in ("train", "val")
    )
    scores: list[float] = []
    told = lambda _epoch, score, _best: scores.append(score)  # noqa: E731
    held = val if with_val else None
    best = learn_encoder("text", network, prior, train, held, settings, CancelToken(), told)
    return network, best, scores, val, prior


@pytest.mark.parametrize("measure", ["likelihood", "probability"])
def test_an_encoder_ends_with_the_weights_of_its_best_epoch(
    measure: str, invented: Callable[..., CrossModal], settings: DrclSettings
) -> None:
    # A rate so high that it gets worse again.
    chosen = msgspec.structs.replace(settings, epochs=30, rate=0.1, best=measure)  # type: ignore[arg-type]
    network, best, scores, val, prior = learnt(invented(), chosen)
    assert best.epoch < len(scores)
    assert max(scores) == best.score == scores[best.epoch - 1] > scores[-1]
    with torch.no_grad():
        by = likelihood if measure == "likelihood" else quality
        again = float(by(network.of_scaled(val.features) @ prior, val.labels).mean())
    assert again == pytest.approx(best.score, rel=1e-5)
    assert all(torch.equal(best.state[name], value) for name, value in network.state_dict().items())


def test_the_lowest_validation_loss_is_a_choice_too(
    invented: Callable[..., CrossModal], settings: DrclSettings
) -> None:
    chosen = msgspec.structs.replace(settings, epochs=30, rate=0.1, batch=16, best="loss")
    network, best, scores, val, prior = learnt(invented(), chosen)
    assert max(scores) == best.score == scores[best.epoch - 1]
    plain = Consistency(
        prior, msgspec.structs.replace(chosen, augmentation="none"), torch.Generator().manual_seed(0)
    )
    whole = 0.0
    with torch.no_grad():
        for start in (0, 16):
            own = val.features[start : start + 16], val.labels[start : start + 16]
            whole += 16 * float(plain.loss(network, *own, chosen.q_at(best.epoch)))
    assert len(val) == 32
    assert best.score == pytest.approx(-whole / 32, rel=1e-5)
    assert PRESETS["paper-wikipedia"].best == "loss"


def test_it_stops_by_patience_where_there_is_a_validation_part(
    invented: Callable[..., CrossModal], settings: DrclSettings
) -> None:
    chosen = msgspec.structs.replace(settings, epochs=30, rate=0.1, patience=3)
    _, best, scores, *_ = learnt(invented(), chosen)
    assert len(scores) == best.epoch + 3 < 30
    _, last, alone, *_ = learnt(invented(), chosen, with_val=False)
    assert last.epoch == len(alone) == 30
    _, _, never, *_ = learnt(invented(), msgspec.structs.replace(chosen, patience=None))
    assert len(never) == 30


def test_the_exponent_of_an_encoder_s_step_is_the_epoch_s(
    invented: Callable[..., CrossModal], settings: DrclSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    plain = Consistency.step
    monkeypatch.setattr(
        Consistency, "step", lambda self, *given: (seen.append(given[-1]), plain(self, *given))[1]
    )
    learnt(invented(), msgspec.structs.replace(settings, epochs=3, batch=1000))
    assert seen == pytest.approx([0.01, 0.02, 0.03])
    seen.clear()
    learnt(invented(), msgspec.structs.replace(settings, epochs=2, batch=1000, q=2.0))
    assert seen == [2, 2]
    assert not math.isnan(seen[0])
