"""Selective prior learning: what it learns, by which exponent, and when it stops."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
import torch

from core.data.cross_modal.samples import CrossModal
from core.inference.space import EncoderShape
from core.models.drcl import ModalityEncoder, orthonormal_prior
from core.progress import CancelToken
from core.training.drcl.config import DrclSettings, scheduled_q
from core.training.drcl.prior import LearntPrior, learn_prior
from core.training.drcl.stage import Tensors

Invented = Callable[..., CrossModal]
Learn = Callable[..., tuple[LearntPrior, list[float]]]


@pytest.fixture
def learn(invented: Invented, settings: DrclSettings) -> Learn:
    """Learns a prior on the invented texts; gives it with the score of every epoch."""

    def run(**changes: object) -> tuple[LearntPrior, list[float]]:
        chosen = msgspec.structs.replace(settings, **{"epochs": 12, **changes})  # type: ignore[arg-type]
        samples = invented().parts["train"]["text"]
        torch.manual_seed(0)
        encoder = ModalityEncoder(EncoderShape(features=6, width=chosen.width, dim=chosen.dim))
        data = Tensors.of(samples, encoder.scaled, torch.device("cpu"))
        scores: list[float] = []
        told = lambda _epoch, score, _best: scores.append(score)  # noqa: E731
        return learn_prior("text", encoder, data, chosen, CancelToken(), told), scores

    return run


def test_the_exponent_grows_by_a_hundredth_an_epoch_unless_it_is_fixed() -> None:
    plain = DrclSettings()
    assert [plain.q_at(epoch) for epoch in (1, 2, 50, 100, 101, 300)] == [0.01, 0.02, 0.5, 1, 1, 1]
    assert [DrclSettings(q=2.0).q_at(epoch) for epoch in (1, 100)] == [2, 2]
    assert [scheduled_q(epoch) for epoch in (1, 2, 50, 100, 300)] == [0.01, 0.02, 0.5, 1, 1]


def test_a_fixed_exponent_is_the_encoders_alone(learn: Learn) -> None:
    scheduled, fixed = learn()[0], learn(q=2.0)[0]
    assert torch.equal(scheduled.matrix, fixed.matrix)
    assert scheduled.score == fixed.score


def test_matrix_and_score_are_learnt(learn: Learn, settings: DrclSettings) -> None:
    learnt, scores = learn()
    begun = orthonormal_prior(settings.dim, 4, torch.Generator().manual_seed(settings.seed))
    assert float((learnt.matrix - begun).norm()) > 0.1
    assert learnt.score == max(scores) > scores[0] + 0.05
    assert scores.index(learnt.score) + 1 == learnt.epoch
    still = learn(prior_rate=1e-12)[0]
    assert float((still.matrix - begun).norm()) < 1e-6


@pytest.mark.parametrize("patience", [2, 4])
def test_it_stops_when_its_score_no_longer_rises(learn: Learn, patience: int) -> None:
    learnt, scores = learn(rate=1e-12, prior_rate=1e-12, epochs=12, patience=patience)
    assert len(scores) == learnt.epoch + patience < 12
    assert len(learn(rate=1e-12, prior_rate=1e-12, epochs=12, patience=None)[1]) == 12
