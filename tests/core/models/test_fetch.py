"""Weights are fetched on demand, checked by their hash, and leave nothing behind when they are wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from core.errors import Cancelled, PolypTraceError
from core.models import fetch
from core.models.config import DmclConfig
from core.models.fetch import fetch_resnet, official_url
from core.models.layers import make_resnet
from core.models.pretrained import build_dmcl
from core.progress import CancelToken, Progress


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-18 in half precision, named as torchvision names its files."""
    folder = tmp_path_factory.mktemp("served")
    torch.save(
        {name: value.half() for name, value in make_resnet("resnet18").state_dict().items()}, folder / "w"
    )
    digest = hashlib.sha256((folder / "w").read_bytes()).hexdigest()
    return (folder / "w").rename(folder / f"resnet18-{digest[:8]}.pth")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub/checkpoints"


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(weights: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(weights.parent))) as here:
        threading.Thread(target=here.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{here.server_port}"
        here.shutdown()


def code_of(*args: object, **more: object) -> str:
    with pytest.raises(PolypTraceError) as refused:
        fetch_resnet(*args, **more)  # type: ignore[arg-type]
    return refused.value.code


def test_the_official_place_is_torchvision_s_newest_and_names_its_hash() -> None:
    assert official_url("resnet50").endswith("/resnet50-11ad3fa6.pth")
    with pytest.raises(PolypTraceError) as refused:
        fetch_resnet("resnet51")
    assert "resnet50" in refused.value.hint


def test_fetched_weights_are_found_by_training(
    weights: Path, server: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress] = []
    address = f"{server}/{weights.name}"
    path = fetch_resnet("resnet18", address, progress=told.append)
    assert path.parent == cache
    assert path.read_bytes() == weights.read_bytes()
    assert (told[-1].done, told[-1].total) == (path.stat().st_size, path.stat().st_size)
    assert build_dmcl(DmclConfig(width=32, depth=1, image_size=32), path)
    # What is there and whole isn't fetched again.
    monkeypatch.setattr(fetch, "_download", lambda *_: pytest.fail("fetched again"))
    assert fetch_resnet("resnet18", address) == path


def test_torchvision_s_own_file_from_another_place_gets_its_own_name(
    weights: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    official = [f"resnet18-{digest[:8]}.pth", "resnet18-00000000.pth"]
    monkeypatch.setattr(fetch, "_official_names", lambda _: official)
    mirrored = tmp_path / "mirror of it.pth"
    mirrored.write_bytes(weights.read_bytes())
    assert fetch_resnet("resnet18", mirrored.as_uri(), digest) == cache / official[0]
    assert fetch.is_official("resnet18", official[0])
    monkeypatch.setattr(fetch, "_official_names", lambda _: official[1:])
    own = fetch_resnet("resnet18", mirrored.as_uri(), digest)
    assert own == cache / mirrored.name  # a network of somebody else's: by its path
    assert not fetch.is_official("resnet18", own.name)


def test_wrong_files_leave_nothing_behind(weights: Path, server: str, cache: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "resnet18-00000000.pth"
    wrong.write_bytes(weights.read_bytes()[:5000])
    assert code_of("resnet18", wrong.as_uri()) == "weights-damaged"
    assert code_of("resnet34", f"{server}/{weights.name}") == "weights-mismatch"
    assert code_of("resnet18", f"{server}/none-12345678.pth") == "download-failed"
    assert code_of("resnet18", (tmp_path / "plain.pth").as_uri()) == "weights-unverifiable"
    no_weights = tmp_path / "text.pth"
    no_weights.write_bytes(b"text")
    digest = hashlib.sha256(b"text").hexdigest()
    assert code_of("resnet18", no_weights.as_uri(), digest) == "weights-unreadable"
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        fetch_resnet("resnet18", f"{server}/{weights.name}", cancel=token)
    assert list(cache.iterdir()) == []
