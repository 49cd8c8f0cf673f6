"""Downloads ImageNet weights of a ResNet, only when somebody asks for it, and checks their hash."""

from __future__ import annotations

import hashlib
import re
import tempfile
import urllib.request
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlparse

import torch
from torchvision.models import get_model_weights

from core.errors import PolypTraceError
from core.models.layers import make_resnet
from core.models.pretrained import load_resnet
from core.progress import CancelToken, Progress, ProgressSink, no_progress

_CHUNK = 1 << 20
_TIMEOUT_S = 60


def cache_folder() -> Path:
    """torch's own cache of weights (``TORCH_HOME``); ``--image-weights torchvision`` reads it."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def official_url(backbone: str) -> str:
    """Where torchvision's newest ImageNet weights of a ResNet lie; the name holds the file's hash."""
    return str(list(get_model_weights(backbone))[-1].url)


def is_official(backbone: str, name: str) -> bool:
    """Whether ``--image-weights torchvision`` looks for a file of this name."""
    return name in _official_names(backbone)


def fetch_resnet(
    backbone: str,
    url: str | None = None,
    sha256: str | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Puts the weights of a ResNet into torch's cache. A file that is there and whole is kept.

    Args:
        backbone: a ResNet of torchvision.
        url: another place to take them from; None takes torchvision's own.
        sha256: hash of the file, or its beginning (at least eight digits); None takes the one that
            torchvision writes into the file's name.

    Raises:
        Cancelled: nothing is left behind.
        PolypTraceError: ``unknown-backbone``; ``weights-unverifiable`` without a hash; ``download-failed``;
            ``weights-damaged`` where the hash is another; ``weights-mismatch`` or ``weights-unreadable``
            where they are no weights of that network. Nothing is left behind.
    """
    net = make_resnet(backbone)
    source = url or official_url(backbone)
    name = Path(unquote(urlparse(source).path)).name
    wanted = _wanted_hash(name, sha256)
    # torchvision's own file from another place gets the name that it is looked for by.
    own = [one for one in _official_names(backbone) if wanted.startswith(_hash_in(one))]
    target = cache_folder() / (own[0] if own else name)
    if target.is_file() and _hash(target).startswith(wanted):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        part = Path(scratch) / target.name
        found = _download(source, part, progress, cancel or CancelToken())
        if not found.startswith(wanted):
            raise PolypTraceError(
                "weights-damaged",
                f"{target.name} was refused: its hash begins with {found[:8]}, not with {wanted[:8]}.",
                "Try again; if it stays so, the place doesn't hold this file.",
            )
        load_resnet(net, part)
        part.replace(target)
    return target


def _official_names(backbone: str) -> list[str]:
    return [Path(entry.url).name for entry in get_model_weights(backbone)]


def _hash_in(name: str) -> str:
    found = re.search(r"-([0-9a-f]{8,64})\.pth$", name)
    return found.group(1) if found else ""


def _wanted_hash(name: str, sha256: str | None) -> str:
    wanted = (sha256 or _hash_in(name)).lower()
    if not re.fullmatch(r"[0-9a-f]{8,64}", wanted):
        raise PolypTraceError(
            "weights-unverifiable",
            f"There is no hash to check {name} by.",
            "Give the file's SHA-256 with --sha256 (at least its first eight digits).",
        )
    return wanted


def _download(source: str, part: Path, progress: ProgressSink, cancel: CancelToken) -> str:
    """Writes the file and returns its SHA-256."""
    digest, done = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(source, timeout=_TIMEOUT_S) as answer, part.open("wb") as file:
            total = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK):
                cancel.raise_if_cancelled()
                digest.update(chunk)
                file.write(chunk)
                done += len(chunk)
                progress(Progress("fetch", done, total or done, part.name))
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise PolypTraceError(
            "download-failed",
            f"{part.name} couldn't be fetched: {reason}.",
            f"Is this computer connected? Else fetch {source} elsewhere and put it into {cache_folder()}.",
        ) from error
    return digest.hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
