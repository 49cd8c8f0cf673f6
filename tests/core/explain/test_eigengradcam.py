"""EigenGradCAM: against the SVD, and against pictures where the truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from core.explain.eigengradcam import PairMaps, Side, eigen_projection, pair_maps, scaled_maps
from core.models.config import BertSettings, DmclConfig
from core.models.dmcl import Dmcl

SIDE, CELL = 64, 8


def side(pictures: list[NDArray[np.uint8]]) -> Side:
    """Pictures without text."""
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    empty = torch.zeros(len(pictures), 1, dtype=torch.int64)
    return Side(images, empty, empty)


def peaks(maps: NDArray[np.float32]) -> list[tuple[int, int]]:
    """(x, y) of each map's maximum."""
    return [divmod(int(m.argmax()), m.shape[1])[::-1] for m in maps]


def planted(seed: int, shape: tuple[int, ...] = (2, 6, 4, 5)) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=rng), torch.randn(shape, generator=rng)


# The projection itself


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_first_component_of_the_svd(seed: int) -> None:
    activations, gradients = planted(seed)
    ours = eigen_projection(activations, gradients).flatten(1)
    for row, (a, g) in enumerate(zip(activations, gradients, strict=True)):
        m = (a * g).double().flatten(1).T
        centred = m - m.mean(0)
        first = centred @ torch.linalg.svd(centred)[2][0]
        assert torch.allclose(ours[row].abs(), first.abs(), atol=1e-10)
        assert float(ours[row] @ m.sum(1)) >= 0


def test_the_sign_follows_the_contributions_not_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    activations, gradients = planted(3)
    expected = eigen_projection(activations, gradients)
    real = torch.linalg.eigh

    def inverted(matrix: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = real(matrix)
        return values, -vectors

    monkeypatch.setattr(torch.linalg, "eigh", inverted)
    assert torch.allclose(eigen_projection(activations, gradients), expected)


def test_a_place_that_raises_the_score_is_hot_and_one_that_lowers_it_is_cold() -> None:
    activations = torch.ones(2, 4, 3, 3)
    gradients = torch.zeros(2, 4, 3, 3)
    gradients[0, :, 1, 2] = 0.5
    gradients[1, :, 1, 2] = -0.5
    raising, lowering = eigen_projection(activations, gradients)
    assert int(raising.argmax()) == 5
    assert int(lowering.argmin()) == 5
    assert torch.allclose(raising, -lowering)
    # √λ u at the only place: four channels of 0.5 each, less the mean over nine places.
    assert float(raising.max()) == pytest.approx(0.5 * 2 * 8 / 9)


def test_the_strength_grows_with_the_gradient_and_the_map_does_not() -> None:
    activations, gradients = planted(4)
    weak, strong = (scaled_maps(eigen_projection(activations, gradients * k), 32) for k in (0.01, 10.0))
    assert np.allclose(strong.strengths, 1000 * weak.strengths, rtol=1e-4)
    assert np.allclose(strong.maps, weak.maps, atol=1e-4)
    assert weak.maps.shape == (2, 32, 32)
    assert weak.maps.dtype == np.float32
    assert weak.maps.min() >= 0
    assert weak.maps.max() <= 1


def test_pictures_of_a_batch_do_not_touch_each_other() -> None:
    activations, gradients = planted(5)
    whole = eigen_projection(activations, gradients)
    alone = torch.cat([eigen_projection(activations[k : k + 1], gradients[k : k + 1]) for k in range(2)])
    assert torch.allclose(whole, alone)


# A network whose truth is known


class PatchNet(nn.Module):
    """Random colour detectors on 8 × 8 patches, then a linear head that is fitted by least squares.

    The head learns the identity, which the marker's colour alone tells, and the colour of the backdrop, so
    that the cosine is never saturated.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.detect = torch.randn(48, 3, generator=rng)
        self.bias = torch.randn(48, generator=rng) * 0.5
        self.head = torch.zeros(48, 5)

    def image_map(self, images: Tensor) -> Tensor:
        patches = F.avg_pool2d((images - 128) / 128, CELL)
        return F.relu(torch.einsum("kc,bchw->bkhw", self.detect, patches) + self.bias[None, :, None, None])

    def embed_map(
        self, feature_map: Tensor, images: Tensor, ids: Tensor, mask: Tensor, image: Tensor, text: Tensor
    ) -> Tensor:
        return F.normalize(feature_map.mean((2, 3)) @ self.head, dim=1)

    def fit(self, pictures: list[NDArray[np.uint8]], identities: list[int]) -> None:
        images = side(pictures).images
        backdrop = images[:, :, ::4, ::4].flatten(2).median(2).values / 128 - 1
        wanted = torch.cat([F.one_hot(torch.tensor(identities), 2).float(), backdrop], 1)
        self.head = torch.linalg.lstsq(self.image_map(images).mean((2, 3)), wanted).solution


def marked(rng: np.random.Generator, identity: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A backdrop of random shades with one marker; its colour alone tells the identity."""
    coarse = rng.integers(80, 190, 3) + rng.integers(-12, 13, (8, 8, 3))
    picture = np.repeat(np.repeat(coarse.astype(np.uint8), CELL, 0), CELL, 1)
    x, y = (int(v) * CELL for v in rng.integers(0, SIDE // CELL, 2))
    picture[y : y + CELL, x : x + CELL] = (0, 40, 255) if identity else (30, 255, 60)
    return picture, (x + CELL // 2, y + CELL // 2)


@pytest.fixture(scope="module")
def patch_net() -> PatchNet:
    rng = np.random.default_rng(0)
    identities = [k % 2 for k in range(600)]
    net = PatchNet(1)
    net.fit([marked(rng, identity)[0] for identity in identities], identities)
    return net


def share_under_the_peak(maps: NDArray[np.float32], places: list[tuple[int, int]]) -> float:
    hits = [
        max(abs(px - x), abs(py - y)) <= CELL for (px, py), (x, y) in zip(peaks(maps), places, strict=True)
    ]
    return float(np.mean(hits))


def test_a_marker_that_alone_separates_two_identities_is_under_the_peak(patch_net: PatchNet) -> None:
    rng = np.random.default_rng(1)
    queries = [marked(rng, k % 2) for k in range(60)]
    candidates = [marked(rng, k % 2) for k in range(60)]
    found = pair_maps(patch_net, side([p for p, _ in queries]), side([p for p, _ in candidates]))
    # By chance the peak would lie this near in about 10 of 100 pictures.
    assert share_under_the_peak(found.query.maps, [at for _, at in queries]) >= 0.8
    assert share_under_the_peak(found.candidate.maps, [at for _, at in candidates]) >= 0.8


def test_a_marker_of_another_identity_is_never_hot(patch_net: PatchNet) -> None:
    rng = np.random.default_rng(2)
    queries = [marked(rng, 0) for _ in range(40)]
    candidates = [marked(rng, 1) for _ in range(40)]
    found = pair_maps(patch_net, side([p for p, _ in queries]), side([p for p, _ in candidates]))
    heat = [float(m[y, x]) for m, (_, (x, y)) in zip(found.query.maps, queries, strict=True)]
    assert np.mean(np.asarray(heat) < 0.2) >= 0.9


def test_the_map_is_what_covering_a_patch_says(patch_net: PatchNet) -> None:
    """Hiding the hottest patch lowers the cosine more than hiding a cold one."""
    rng = np.random.default_rng(3)
    falls = []
    for _ in range(20):
        (query, _), (candidate, _) = marked(rng, 0), marked(rng, 0)
        found = pair_maps(patch_net, side([query]), side([candidate]))
        (px, py), cold = peaks(found.query.maps)[0], int(found.query.maps[0].argmin())
        after = []
        for x, y in ((px, py), divmod(cold, SIDE)[::-1]):
            covered = query.copy()
            x, y = x // CELL * CELL, y // CELL * CELL
            covered[y : y + CELL, x : x + CELL] = np.median(query, axis=(0, 1))
            after.append(pair_maps(patch_net, side([covered]), side([candidate])).similarity[0])
        falls.append(after[0] < after[1])
    assert np.mean(falls) >= 0.9


def test_constant_pictures_have_no_region(patch_net: PatchNet) -> None:
    grey, red = (np.full((SIDE, SIDE, 3), colour, np.uint8) for colour in ((90, 90, 90), (200, 80, 70)))
    found = pair_maps(patch_net, side([grey]), side([red]))
    assert found.query.strengths[0] < 1e-6
    assert found.candidate.strengths[0] < 1e-6
    assert np.isfinite(found.query.maps).all()


# The real network


def dmcl(seed: int) -> Dmcl:
    torch.manual_seed(seed)
    text = BertSettings(vocab_size=40, hidden=32, layers=1, heads=2, intermediate=64, positions=32)
    return Dmcl(DmclConfig(width=64, depth=2, image_size=128, max_tokens=16, text=text)).eval()


@pytest.fixture(scope="module")
def net() -> Dmcl:
    return dmcl(0)


def scenes(seed: int, count: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    coarse = [rng.integers(40, 220, (6, 6, 3)).astype(np.uint8) for _ in range(count)]
    return [cv2.resize(c, (128, 128), interpolation=cv2.INTER_CUBIC) for c in coarse]


def explained(net: Dmcl) -> PairMaps:
    return pair_maps(net, side(scenes(1, 4)), side(scenes(2, 4)))


def test_randomised_weights_change_the_map(net: Dmcl) -> None:
    ours, random = explained(net).query.maps, explained(dmcl(1)).query.maps
    same = explained(dmcl(0)).query.maps
    assert np.array_equal(ours, same)
    likeness = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, random, strict=True)]
    assert float(np.mean(np.abs(likeness))) < 0.8


def test_the_similarity_is_the_cosine_of_the_embeddings(net: Dmcl) -> None:
    query, candidate = side(scenes(1, 4)), side(scenes(2, 4))
    yes = torch.ones(4, dtype=torch.bool)
    with torch.no_grad():
        vectors = [net(s.images, s.token_ids, s.attention_mask, yes, ~yes) for s in (query, candidate)]
    assert np.allclose(explained(net).similarity, (vectors[0] * vectors[1]).sum(1).numpy(), atol=1e-5)


def test_pairs_are_explained_each_for_itself_and_texts_may_differ_in_length(net: Dmcl) -> None:
    rng = torch.Generator().manual_seed(0)
    images = side(scenes(1, 2)).images
    short, long = (torch.randint(1, 40, (1, n), generator=rng) for n in (3, 9))
    query = Side(images[:1], short, torch.ones_like(short))
    candidate = Side(images[1:], long, torch.ones_like(long))
    one = pair_maps(net, query, candidate)
    turned = pair_maps(net, candidate, query)
    assert one.similarity[0] == pytest.approx(turned.similarity[0], abs=1e-6)
    assert np.allclose(one.query.maps, turned.candidate.maps, atol=1e-3)
    without = pair_maps(net, side(scenes(1, 2)[:1]), side(scenes(1, 2)[1:]))
    assert abs(float(one.similarity[0]) - float(without.similarity[0])) > 1e-4


def test_explaining_leaves_no_gradient_behind(net: Dmcl) -> None:
    explained(net)
    assert all(p.grad is None for p in net.parameters())


def test_a_picture_and_itself_have_no_clear_region(net: Dmcl) -> None:
    picture = scenes(5, 1)
    found = pair_maps(net, side(picture), side(picture))
    assert found.similarity[0] == pytest.approx(1, abs=1e-6)
    assert found.query.strengths[0] < 1e-5
