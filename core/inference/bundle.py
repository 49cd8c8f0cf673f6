"""A model bundle on disk, read without torch: what is in it, and whether it is whole.

A bundle is a folder with ``weights-*.safetensors``, ``manifest.json`` and ``card.md``, one of DMCL also with
``tokenizer.json``. It never holds pickles: reading a bundle can't run code.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import msgspec

from core.domain import DMCL
from core.errors import PolypTraceError

MANIFEST, TOKENIZER, CARD = "manifest.json", "tokenizer.json", "card.md"
FORMAT = 1
PICKLES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib", ".npy", ".npz"})
"""Endings of files that may hold Python objects."""


class Preprocessing(msgspec.Struct, frozen=True, kw_only=True):
    """How a crop and a text become input: side in pixels, longest text in tokens, the resize's name."""

    image_size: int
    max_tokens: int
    resize: str = "square: area down, linear up"


class NoMatchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Below ``threshold`` (cosine) the best candidate is no good match.

    The threshold was learnt from ``queries`` validation queries. P(same lesion) of an earlier clip of the
    same patient is 1 / (1 + exp(−(slope · score + intercept))), fitted on ``pairs`` of a query and such clip.
    ``learnt_on`` says in words whose they were.
    """

    threshold: float
    slope: float
    intercept: float
    pairs: int
    queries: int = 0
    learnt_on: str = ""


class BundleManifest(msgspec.Struct, frozen=True, kw_only=True):
    """``manifest.json`` of a bundle.

    Attributes:
        model_id: kind and the first twelve digits of a hash over architecture, preprocessing, weights and
            tokenizer: the same network has the same id on every computer.
        architecture: the network's settings (:class:`core.models.config.DmclConfig` or
            :class:`core.inference.space.SpaceShape`).
        preprocessing: of pictures and texts; None where the network takes features.
        training_manifest_sha256: hash of the manifest that it was trained on.
        files: SHA-256 of every file of the bundle but ``manifest.json``.
        no_match: None until calibrated.
    """

    model_id: str
    architecture: dict[str, Any]
    preprocessing: Preprocessing | None = None
    files: dict[str, str]
    format: int = FORMAT
    kind: str = DMCL
    name: str = ""
    training_manifest_sha256: str | None = None
    metrics: dict[str, Any] = {}
    versions: dict[str, str] = {}
    no_match: NoMatchSettings | None = None
    embedding: int | None = None

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of each weights shard, by name."""
        return {name: digest for name, digest in sorted(self.files.items()) if name.endswith(".safetensors")}

    @property
    def reads(self) -> Preprocessing:
        """How pictures and texts become its input.

        Raises:
            PolypTraceError: ``model-kind``: it is no model of lesions.
        """
        if self.preprocessing is None:
            raise PolypTraceError(
                "model-kind",
                f"The model {self.model_id} finds words and pictures of a kind; it can't recognise a lesion.",
                "Choose a model whose id begins with dmcl; `polyptrace models list` shows them.",
            )
        return self.preprocessing

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.embedding or int(self.architecture["width"])


class BundleInfo(msgspec.Struct, frozen=True):
    """A bundle that was read: where it lies and what it says of itself."""

    folder: Path
    manifest: BundleManifest

    @property
    def tokenizer(self) -> Path:
        """The ``tokenizers`` file."""
        return self.folder / TOKENIZER

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return (self.folder / CARD).read_text("utf-8")


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_id(
    kind: str, architecture: dict[str, Any], preprocessing: Preprocessing | None, files: dict[str, str]
) -> str:
    """The deterministic id of a network: card, metrics and calibration don't change it."""
    content = {name: digest for name, digest in files.items() if name != CARD}
    parts = [kind, architecture, msgspec.to_builtins(preprocessing), content]
    return f"{kind}-{hashlib.sha256(msgspec.json.encode(parts, order='sorted')).hexdigest()[:12]}"


def read_bundle(folder: Path, verify: bool = True) -> BundleInfo:
    """Reads a bundle's manifest and, with ``verify``, the hash of every file.

    Raises:
        PolypTraceError: ``bundle-missing`` (no such bundle), ``bundle-damaged`` (a file is missing or its
            bytes differ), ``bundle-unsafe`` (a pickle, or a file the manifest doesn't name),
            ``bundle-too-new`` (a format this version doesn't know).
    """
    manifest = _read_manifest(folder)
    try:
        _refuse_unsafe(folder, manifest)
        _check_files(folder, manifest, verify)
    except OSError as error:
        raise _damaged(folder, "one of its files can't be read") from error
    return BundleInfo(folder, manifest)


def _read_manifest(folder: Path) -> BundleManifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise PolypTraceError(
            "bundle-missing",
            f"“{folder.name}” holds no model: {MANIFEST} is missing.",
            "Give the folder of a model bundle; `polyptrace models list` shows the known ones.",
        )
    try:
        raw = msgspec.json.decode(path.read_bytes())
        if isinstance(raw, dict) and isinstance(raw.get("format"), int) and raw["format"] > FORMAT:
            raise PolypTraceError(
                "bundle-too-new", f"The model “{folder.name}” needs a newer PolypTrace.", "Update PolypTrace."
            )
        return msgspec.convert(raw, BundleManifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise _damaged(folder, f"{MANIFEST} isn't readable") from error


def _refuse_unsafe(folder: Path, manifest: BundleManifest) -> None:
    names = {path.name for path in folder.iterdir()} | set(manifest.files)
    pickles = sorted(name for name in names if Path(name).suffix.lower() in PICKLES)
    outside = sorted(name for name in manifest.files if Path(name).name != name)
    unnamed = sorted(n for n in names if n.endswith(".safetensors") and n not in manifest.files)
    for found, sentence in (
        (pickles, "holds a file that could run code"),
        (outside, "names a file outside its own folder"),
        (unnamed, "holds weights that its manifest doesn't name"),
    ):
        if found:
            raise PolypTraceError(
                "bundle-unsafe",
                f"The model “{folder.name}” was refused: it {sentence} ({found[0]}).",
                "Only use bundles from a source you trust.",
            )


def _check_files(folder: Path, manifest: BundleManifest, verify: bool) -> None:
    for name in (TOKENIZER, CARD) if manifest.kind == DMCL else (CARD,):
        if name not in manifest.files:
            raise _damaged(folder, f"{MANIFEST} doesn't name {name}")
    if not manifest.weights:
        raise _damaged(folder, "it names no weights")
    for name, digest in sorted(manifest.files.items()):
        if not (folder / name).is_file():
            raise _damaged(folder, f"{name} is missing")
        if verify and sha256_file(folder / name) != digest:
            raise _damaged(folder, f"the content of {name} isn't what {MANIFEST} says")
    expected = content_id(manifest.kind, manifest.architecture, manifest.preprocessing, manifest.files)
    if expected != manifest.model_id:
        raise _damaged(folder, "its id doesn't belong to its content")


def _damaged(folder: Path, what: str) -> PolypTraceError:
    return PolypTraceError(
        "bundle-damaged",
        f"The model “{folder.name}” was refused: {what}.",
        "Copy the bundle again from its source.",
    )


def write_manifest(folder: Path, manifest: BundleManifest) -> None:
    """Writes ``manifest.json`` by atomic replacement; the bytes depend on the content alone."""
    replace_file(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def amend_bundle(
    folder: Path,
    metrics: dict[str, Any] | None = None,
    no_match: NoMatchSettings | None = None,
    card: str | None = None,
) -> BundleInfo:
    """Adds what is only known once the saved network was evaluated; its id stays the same.

    Raises:
        PolypTraceError: as :func:`read_bundle`.
    """
    manifest = read_bundle(folder).manifest
    changes: dict[str, Any] = {}
    if metrics is not None:
        changes["metrics"] = metrics
    if no_match is not None:
        changes["no_match"] = no_match
    if card is not None:
        replace_file(folder / CARD, card.encode("utf-8"))
        changes["files"] = {**manifest.files, CARD: sha256_file(folder / CARD)}
    write_manifest(folder, msgspec.structs.replace(manifest, **changes))
    return read_bundle(folder)


def replace_file(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path`` at once or not at all.

    Raises:
        OSError: the folder can't be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
