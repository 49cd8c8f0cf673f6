"""Many pictures with one text: the batched way gives what the plain loop gives."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from core.errors import Cancelled
from core.inference.device import DeviceChoice
from core.models.config import BertSettings, DmclConfig
from core.models.dmcl import Dmcl
from core.models.one_text import fuse_one_text
from core.models.text_fuser import TextFuser
from core.progress import CancelToken
from core.training.masked_language import train_tokenizer

TEXT = BertSettings(vocab_size=120, hidden=32, layers=1, heads=2, intermediate=64, positions=32)
SMALL = DmclConfig(width=64, depth=3, image_size=32, max_tokens=24, text=TEXT)
SENTENCE = "a red polyp in the rectum"


def network(depth: int = 3, own: float = 0.0, colours: float = 0.0) -> Dmcl:
    torch.manual_seed(0)
    net = Dmcl(msgspec.structs.replace(SMALL, depth=depth, own_share=own, colour_share=colours)).eval()
    for parameter in (net.no_text, net.types, net.positions):  # a trained network's don't nearly vanish
        torch.nn.init.normal_(parameter, std=0.5)
    return net


def naive(net: Dmcl, tokens: Tensor, text: Tensor | None) -> Tensor:
    """The reference's loop: one gallery picture at a time, the text padded to the longest allowed."""
    length = net.config.max_tokens
    padded, mask = torch.zeros(1, length, net.config.width), torch.zeros(1, length, dtype=torch.bool)
    if text is not None:
        padded[0, : len(text)], mask[0, : len(text)] = text, True
    yes, told = torch.tensor([True]), torch.tensor([text is not None])
    return torch.cat([net.fuse(one[None], padded, mask, yes, told) for one in tokens])


@torch.no_grad()
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("words", [None, 1, 7])
def test_the_same_as_the_loop(depth: int, words: int | None) -> None:
    net, rng = network(depth), torch.Generator().manual_seed(2)
    tokens = torch.randn(5, 64, generator=rng)
    text = None if words is None else torch.randn(words, 64, generator=rng)
    batched = fuse_one_text(net, tokens, text)
    assert torch.allclose(batched, naive(net, tokens, text), atol=1e-6)
    assert torch.allclose(batched.norm(dim=1), torch.ones(5), atol=1e-6)


@pytest.fixture(scope="module", params=[(0.0, 0.0), (0.3, 0.2)], ids=["fused alone", "more beside"])
def fuser(request: pytest.FixtureRequest) -> TextFuser:
    tokenizer = train_tokenizer([SENTENCE], 120)
    return TextFuser(network(3, *request.param), tokenizer, DeviceChoice("cpu", "test"), batch=2)


def crops(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (20 + 9 * at, 40, 3)).astype(np.uint8) for at in range(count)]


@pytest.mark.parametrize("text", [SENTENCE, " ", None])
def test_a_fuser_gives_the_networks_own_embeddings(fuser: TextFuser, text: str | None) -> None:
    from core.inference.preprocess import to_square

    tokens = fuser.looks(crops(5))
    assert tokens.shape == (5, fuser.model.dim)
    squares = torch.from_numpy(np.stack([to_square(crop, 32) for crop in crops(5)]))
    ids = torch.tensor([fuser.tokenizer.encode(text or "").ids or [0]]).expand(5, -1)
    told = torch.full((5,), bool(text and text.strip()))
    with torch.no_grad():
        whole = fuser.model(
            squares.permute(0, 3, 1, 2).float(), ids, torch.ones_like(ids), torch.ones(5).bool(), told
        )
    np.testing.assert_allclose(fuser.fuse(tokens, text), whole.numpy(), atol=2e-6)


def test_between_two_batches_it_can_be_cancelled(fuser: TextFuser) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        fuser.fuse(fuser.looks(crops(3)), SENTENCE, token)
