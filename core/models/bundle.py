"""Saves a network as a bundle and loads it again: fp16 safetensors on disk, float32 in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor

from core import __version__
from core.domain import DMCL
from core.errors import PolypTraceError
from core.inference.bundle import (
    CARD,
    TOKENIZER,
    BundleInfo,
    BundleManifest,
    NoMatchSettings,
    Preprocessing,
    content_id,
    read_bundle,
    sha256_file,
    write_manifest,
)
from core.models.config import DmclConfig
from core.models.dmcl import Dmcl

SHARD_BYTES = 15_000_000
"""Largest shard; headers included."""
_HEADER_BYTES = 100_000
_ROWS = "@rows"
"""A tensor that is larger than a shard is cut by rows: ``name@rows0000``, ``name@rows0001``, …"""


def save_bundle(
    folder: Path,
    model: Dmcl,
    tokenizer_json: str,
    *,
    card: str,
    name: str = "",
    metrics: dict[str, Any] | None = None,
    no_match: NoMatchSettings | None = None,
    training_manifest_sha256: str | None = None,
) -> BundleInfo:
    """Writes a whole bundle or none: an earlier bundle in ``folder`` is replaced at the end.

    Args:
        folder: the bundle's folder; made when missing.
        model: the network; its weights are stored as fp16 (a tensor beyond fp16's range as float32).
        tokenizer_json: content of a ``tokenizers`` file whose ids the network knows.
        card: the model card, Markdown.

    Raises:
        PolypTraceError: ``weights-not-finite`` or ``tokenizer-mismatch``.
    """
    _check_tokenizer(tokenizer_json, model.config)
    size, tokens = model.config.image_size, model.config.max_tokens
    return write_bundle(
        folder,
        model.state_dict(),
        {TOKENIZER: tokenizer_json, CARD: card},
        kind=DMCL,
        architecture=msgspec.to_builtins(model.config),
        preprocessing=Preprocessing(image_size=size, max_tokens=tokens),
        name=name,
        training_manifest_sha256=training_manifest_sha256,
        metrics=metrics or {},
        no_match=no_match,
        embedding=model.dim,
    )


def write_bundle(
    folder: Path,
    state: dict[str, Tensor],
    texts: dict[str, str],
    *,
    kind: str,
    architecture: dict[str, Any],
    preprocessing: Preprocessing | None = None,
    exact: Collection[str] = (),
    **told: Any,
) -> BundleInfo:
    """Writes a bundle of any kind, whole or not at all; an earlier one in ``folder`` is replaced at the end.

    Args:
        state: weights by name; stored as fp16 where that holds them.
        exact: names of those that stay float32, because fp16 would change what the network does.
        texts: file name → content; the card is among them.
        told: further fields of :class:`core.inference.bundle.BundleManifest`.

    Raises:
        PolypTraceError: ``weights-not-finite``.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / "bundle"
        fresh.mkdir()
        _write_shards(fresh, state, exact)
        for name, text in texts.items():
            (fresh / name).write_text(text, "utf-8")
        files = {path.name: sha256_file(path) for path in sorted(fresh.iterdir())}
        manifest = BundleManifest(
            model_id=content_id(kind, architecture, preprocessing, files),
            kind=kind,
            architecture=architecture,
            preprocessing=preprocessing,
            files=files,
            versions=_versions(),
            **told,
        )
        write_manifest(fresh, manifest)
        _replace_folder(folder, fresh, Path(scratch) / "old")
    return read_bundle(folder)


def _replace_folder(folder: Path, fresh: Path, old: Path) -> None:
    """Puts ``fresh`` in the place of ``folder``; what was there comes back when that fails."""
    if folder.exists():
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def load_model(folder: Path) -> Dmcl:
    """The network of a bundle, float32, in evaluation mode.

    Raises:
        PolypTraceError: as :func:`core.inference.bundle.read_bundle`; ``bundle-damaged`` when the weights
            aren't those of the architecture.
    """
    info = read_bundle(folder)
    info.manifest.reads  # noqa: B018 - refuses a model of another kind
    with refusing_foreign_weights(folder):
        config = msgspec.convert(info.manifest.architecture, DmclConfig)
        model = Dmcl(config)
        model.load_state_dict(read_state(info))
    return model.eval()


@contextmanager
def refusing_foreign_weights(folder: Path) -> Iterator[None]:
    """Puts weights that don't belong to their architecture into words.

    Raises:
        PolypTraceError: ``bundle-damaged``.
    """
    try:
        yield
    except (msgspec.ValidationError, SafetensorError, RuntimeError) as error:
        raise PolypTraceError(
            "bundle-damaged",
            f"The model “{folder.name}” was refused: its weights don't belong to its architecture.",
            "Copy the bundle again from its source.",
        ) from error


def _check_tokenizer(tokenizer_json: str, config: DmclConfig) -> None:
    size = Tokenizer.from_str(tokenizer_json).get_vocab_size(with_added_tokens=True)
    if size > config.text.vocab_size:
        raise PolypTraceError(
            "tokenizer-mismatch",
            f"The tokenizer knows {size} pieces, the text encoder only {config.text.vocab_size}.",
            "Use the tokenizer that the text encoder was trained with.",
        )


def _versions() -> dict[str, str]:
    names = ("torch", "torchvision", "transformers", "tokenizers", "safetensors")
    return {"polyptrace": __version__, **{name: version(name) for name in names}}


def _narrowed(name: str, value: Tensor, exact: bool) -> Tensor:
    """fp16 where its range allows, float32 where it has to be exact, integers as they are."""
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point():
        return value
    if not bool(torch.isfinite(value).all()):
        raise PolypTraceError(
            "weights-not-finite", f"The network can't be saved: {name} holds numbers that aren't finite."
        )
    half = value.to(torch.float16)
    return half if bool(torch.isfinite(half).all()) and not exact else value.float()


def _widened(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _pieces(state: dict[str, Tensor], exact: Collection[str]) -> Iterator[tuple[str, Tensor]]:
    """Narrowed tensors by name; one that is larger than a shard comes as blocks of rows."""
    room = SHARD_BYTES - _HEADER_BYTES
    for name in sorted(state):
        value = _narrowed(name, state[name], name in exact)
        if value.nbytes <= room:
            yield name, value
            continue
        rows = max(1, room // (value.nbytes // value.shape[0]))
        for number, block in enumerate(torch.split(value, rows)):
            yield f"{name}{_ROWS}{number:04d}", block.clone()


def _write_shards(folder: Path, state: dict[str, Tensor], exact: Collection[str]) -> None:
    shards: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, value in _pieces(state, exact):
        if shards[-1] and filled + value.nbytes > SHARD_BYTES - _HEADER_BYTES:
            shards.append({})
            filled = 0
        shards[-1][name] = value
        filled += value.nbytes
    for number, shard in enumerate(shards):
        (folder / f"weights-{number:03d}.safetensors").write_bytes(safetensors.torch.save(shard))


def read_state(info: BundleInfo) -> dict[str, Tensor]:
    """A bundle's weights by name, float32."""
    state: dict[str, Tensor] = {}
    blocks: dict[str, list[Tensor]] = {}
    for shard in info.manifest.weights:
        for name, value in sorted(safetensors.torch.load_file(info.folder / shard).items()):
            whole, cut, _ = name.partition(_ROWS)
            if cut:
                blocks.setdefault(whole, []).append(value)
            else:
                state[name] = value
    state |= {name: torch.cat(parts) for name, parts in blocks.items()}
    return {name: _widened(value) for name, value in state.items()}
