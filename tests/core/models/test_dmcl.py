"""DMCL: what its equations promise."""

from __future__ import annotations

import msgspec
import pytest
import torch
from torch import Tensor
from torchvision.models import list_models

from core.errors import PolypTraceError
from core.models import colour
from core.models.config import BACKBONES, COMPACT, PAPER, BertSettings, DmclConfig, check
from core.models.dmcl import Dmcl
from core.models.layers import IMAGENET_MEAN, IMAGENET_STD, FusionLayer, GeneralisedMean

TEXT = BertSettings(vocab_size=50, hidden=32, layers=1, heads=2, intermediate=64, positions=32)
SMALL = DmclConfig(width=64, depth=2, image_size=64, max_tokens=24, text=TEXT)


BESIDE = msgspec.structs.replace(SMALL, own_share=0.4, colour_share=0.2)


@pytest.fixture(scope="module", params=[SMALL, BESIDE], ids=["fused alone", "more beside"])
def net(request: pytest.FixtureRequest) -> Dmcl:
    torch.manual_seed(0)
    return Dmcl(request.param).eval()


def inputs(batch: int = 3, tokens: int = 7) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (batch, 3, 64, 64), generator=rng).float()
    ids = torch.randint(5, 50, (batch, tokens), generator=rng)
    yes = torch.ones(batch, dtype=torch.bool)
    return images, ids, torch.ones_like(ids), yes, yes


@torch.no_grad()
def test_embeddings_are_float32_rows_of_length_one(net: Dmcl) -> None:
    vectors = net(*inputs())
    assert vectors.shape == (3, net.dim)
    assert vectors.dtype == torch.float32
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-6)


@torch.no_grad()
def test_padding_changes_nothing(net: Dmcl) -> None:
    images, ids, mask, yes, _ = inputs()
    plain = net(images, ids, mask, yes, yes)
    more = torch.randint(5, 50, (3, 11))
    padded = net(images, torch.cat([ids, more], 1), torch.cat([mask, torch.zeros_like(more)], 1), yes, yes)
    assert torch.allclose(plain, padded, atol=1e-6)


@torch.no_grad()
def test_a_row_does_not_depend_on_its_batch(net: Dmcl) -> None:
    whole = net(*inputs())
    alone = torch.cat([net(*(value[row : row + 1] for value in inputs())) for row in range(3)])
    assert torch.allclose(whole, alone, atol=1e-5)


@torch.no_grad()
def test_both_modalities_and_the_order_of_words_count(net: Dmcl) -> None:
    images, ids, mask, yes, _ = inputs()
    vectors = net(images, ids, mask, yes, yes)
    for other in (
        net(255 - images, ids, mask, yes, yes),
        net(images, (ids + 7) % 45 + 5, mask, yes, yes),
        net(images, ids.flip(1), mask, yes, yes),
        net(images, ids, mask, yes, ~yes),
        net(images, ids, mask, ~yes, yes),
    ):
        assert float((vectors * other).sum(1).max()) < 0.99999


@torch.no_grad()
def test_a_missing_modality_is_not_looked_at(net: Dmcl) -> None:
    images, ids, mask, yes, _ = inputs()
    assert torch.equal(net(images, ids, mask, ~yes, yes), net(255 - images, ids, mask, ~yes, yes))
    no_text = net(images, ids, mask, yes, ~yes)
    assert torch.allclose(no_text, net(images, ids.flip(1), mask, yes, ~yes), atol=1e-6)
    assert torch.allclose(
        no_text, net(images, ids[:, :1], torch.zeros_like(mask[:, :1]), yes, yes), atol=1e-6
    )
    assert torch.isfinite(net(images, ids, torch.zeros_like(mask), ~yes, ~yes)).all()


@torch.no_grad()
def test_pictures_are_normalised_inside(net: Dmcl) -> None:
    images = inputs()[0]
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    resnet = net.image.resnet
    x = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1((images / 255 - mean) / std))))
    expected = resnet.layer4(resnet.layer3(resnet.layer2(resnet.layer1(x))))
    assert torch.allclose(net.image_map(images), expected, atol=1e-4)
    assert net.image_map(images).shape == (3, 512, 2, 2)


@torch.no_grad()
def test_own_features_and_colours_decide_their_share_of_the_cosine() -> None:
    images, ids, mask, yes, _ = inputs()
    torch.manual_seed(0)
    net = Dmcl(BESIDE).eval()
    net.image.own_norm.running_mean.normal_()
    assert net.dim == 64 + 512 + colour.LENGTH
    first, second = net(images, ids, mask, yes, yes)[:2]
    own = net.image.own(net.image.pooled(net.image_map(images)))
    colours = colour.colour_histogram(images)
    fused = torch.nn.functional.normalize(
        net.fused(net.image.token(net.image_map(images)), net.text_tokens(ids, mask), mask, yes, yes), dim=1
    )
    expected = 0.4 * fused[0] @ fused[1] + 0.4 * own[0] @ own[1] + 0.2 * colours[0] @ colours[1]
    assert float(first @ second) == pytest.approx(float(expected), abs=1e-5)
    # Without a picture the fused vector stands alone.
    alone = net(images, ids, mask, ~yes, yes)
    assert torch.equal(alone[:, 64:], torch.zeros(3, 512 + colour.LENGTH))
    assert torch.allclose(alone.norm(dim=1), torch.ones(3), atol=1e-6)


@torch.no_grad()
def test_colours_are_told_apart_and_nothing_else() -> None:
    rng = torch.Generator().manual_seed(3)
    red = torch.rand(1, 3, 128, 128, generator=rng) * torch.tensor([90.0, 40.0, 30.0]).view(1, 3, 1, 1) + 60
    mirrored, bluer = red.flip(3), red[:, [2, 1, 0]]
    vectors = colour.colour_histogram(torch.cat([red, mirrored, bluer, red * 0 + 255, red * 0]))
    assert vectors.shape == (5, colour.LENGTH)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(5), atol=1e-6)
    assert float(vectors[0] @ vectors[1]) == pytest.approx(1, abs=1e-5)
    assert float(vectors[0] @ vectors[2]) < 0.7
    assert float(vectors[3] @ vectors[4]) < 0.1
    # Every pixel is counted whole, in at most eight bins of the three values' neighbours.
    one = colour.colour_histogram(torch.full((1, 3, 64, 64), 100.0))[0].square()
    assert int((one > 1e-4).sum()) <= 8


@torch.no_grad()
def test_embed_map_continues_image_map(net: Dmcl) -> None:
    images, *rest = inputs()
    assert torch.equal(net.embed_map(net.image_map(images), images, *rest), net(images, *rest))


@torch.no_grad()
def test_attention_is_equation_3_with_padding_masked() -> None:
    torch.manual_seed(2)
    layer = FusionLayer(64, 32, 2, 0.0).eval()
    x, mask = torch.randn(2, 5, 64), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]).bool()
    normed = layer.norm_attention(x)
    key, value = layer.key_value(normed).chunk(2, -1)
    heads = []
    for h in (slice(0, 32), slice(32, 64)):
        scores = layer.query(normed)[..., h] @ key[..., h].transpose(1, 2) / 32**0.5
        heads.append(scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1) @ value[..., h])
    y = x + layer.out(torch.cat(heads, -1))
    expected = y + layer.mlp(layer.norm_mlp(y))
    assert torch.allclose(layer(x, mask), expected, atol=1e-5)
    assert torch.allclose(layer(x, mask, first_only=True), expected[:, :1], atol=1e-5)


def test_the_compact_setting_is_as_promised() -> None:
    model = Dmcl(COMPACT)
    assert (COMPACT.backbone, COMPACT.width, COMPACT.heads, COMPACT.head_size) == ("resnet18", 256, 8, 32)
    assert sum(p.numel() for p in model.text.bert.parameters()) <= 4_000_000
    assert (PAPER.backbone, PAPER.width, PAPER.heads, PAPER.image_size) == ("resnet50", 768, 24, 224)


def test_the_two_parameter_groups_are_everything_once() -> None:
    for frozen in (False, True):
        model = Dmcl(msgspec.structs.replace(SMALL, text_frozen=frozen))
        slow, fast = list(model.backbone_parameters()), list(model.head_parameters())
        assert not {id(p) for p in slow} & {id(p) for p in fast}
        assert {id(p) for p in slow + fast} == {id(p) for p in model.parameters() if p.requires_grad}


def test_a_frozen_text_encoder_neither_learns_nor_drops() -> None:
    model = Dmcl(msgspec.structs.replace(SMALL, text_frozen=True)).train()
    _, ids, mask, _, _ = inputs()
    assert torch.equal(model.text.states(ids, mask), model.text.states(ids, mask))
    model(*inputs())[:, 0].sum().backward()
    assert all(p.grad is None for p in model.text.bert.parameters())
    assert model.text.project.weight.grad is not None


@pytest.mark.parametrize(
    "change", [{"width": 65}, {"max_tokens": 33}, {"last_stride": 3}, {"image_size": 8}, {"depth": 0}]
)
def test_settings_that_contradict_each_other_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(PolypTraceError) as refused:
        check(msgspec.structs.replace(SMALL, **change))
    assert refused.value.code == "model-config"


def test_the_backbones_are_torchvisions_resnets() -> None:
    there = [name for name in list_models() if name.split("_")[0].startswith(("resnet", "resnext", "wide"))]
    assert sorted(BACKBONES) == sorted(there)


def test_an_unknown_backbone_is_refused() -> None:
    with pytest.raises(PolypTraceError) as refused:
        check(msgspec.structs.replace(SMALL, backbone="resnet7"))
    assert refused.value.code == "unknown-backbone"
    with pytest.raises(PolypTraceError) as refused:
        Dmcl(msgspec.structs.replace(SMALL, backbone="vgg16"))
    assert refused.value.code == "unknown-backbone"


def test_a_last_stride_of_1_doubles_the_map() -> None:
    model = Dmcl(msgspec.structs.replace(SMALL, last_stride=1)).eval()
    assert model.image_map(inputs()[0]).shape == (3, 512, 4, 4)


@torch.no_grad()
def test_the_generalised_mean_lies_between_mean_and_maximum_and_is_learnt() -> None:
    pool = GeneralisedMean()
    maps = torch.rand(2, 5, 3, 4) + 0.1
    mean, most = maps.mean((2, 3)), maps.amax((2, 3))
    assert ((pool(maps) > mean) & (pool(maps) < most)).all()
    pool.power.fill_(1.0)
    assert torch.allclose(pool(maps), mean, atol=1e-6)
    pool.power.fill_(60.0)
    assert torch.allclose(pool(maps), most, rtol=0.05)
    net = Dmcl(msgspec.structs.replace(SMALL, pooling="gem"))
    assert "image.pool.power" in dict(net.named_parameters())
    net.image.pool.power.fill_(1.0)
    plain = Dmcl(SMALL)
    plain.load_state_dict({k: v for k, v in net.state_dict().items() if k != "image.pool.power"})
    assert torch.allclose(net.eval()(*inputs()), plain.eval()(*inputs()), atol=1e-5)


def test_zeros_may_stand_in_for_a_missing_modality() -> None:
    plain = Dmcl(msgspec.structs.replace(SMALL, missing="zeros"))
    assert not plain.no_image.any()
    assert not plain.no_text.any()
    assert not plain.no_text.requires_grad
    assert bool(Dmcl(SMALL).no_text.any())
    with pytest.raises(PolypTraceError):
        check(msgspec.structs.replace(SMALL, missing="ones"))
