"""Initial weights from local files: an image backbone, a BERT folder. Nothing is ever downloaded here."""

from __future__ import annotations

import hashlib
import pickle
import re
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor
from torchvision.models import get_model_weights
from torchvision.models.resnet import ResNet

from core.errors import PolypTraceError
from core.models.config import DmclConfig, with_bert_folder
from core.models.dmcl import Dmcl

TORCHVISION = "torchvision"
_UNTRAINED = ("num_batches_tracked", "position_ids", "token_type_ids")
"""Counters and constants that some versions write beside the weights."""
_UNREADABLE = (
    *(OSError, RuntimeError, ValueError, KeyError, IndexError, AttributeError, TypeError, EOFError),
    *(AssertionError, pickle.UnpicklingError, SafetensorError),
)
"""What reading a file that isn't a state dict raises."""


def build_dmcl(
    config: DmclConfig, image_weights: str | Path | None = None, text_folder: Path | None = None
) -> Dmcl:
    """A network with the initial weights of Table 3: neither, text only, image only or both pre-trained.

    Args:
        config: the settings; with ``text_folder`` the text encoder's shape is read from there.
        image_weights: None (random), ``"torchvision"`` (the file in torch's own cache, ``TORCH_HOME``)
            or a local ``.pth`` / ``.safetensors`` state dict of that ResNet.
        text_folder: a ``transformers`` BERT folder.

    Raises:
        PolypTraceError: ``weights-missing``, ``weights-unreadable``, ``weights-mismatch``, ``bert-folder``.
    """
    if text_folder is not None:
        config = with_bert_folder(config, text_folder)
    model = Dmcl(config)
    if image_weights is not None:
        cached = str(image_weights) == TORCHVISION
        path = torchvision_file(config.backbone) if cached else Path(image_weights)
        load_resnet(model.image.resnet, path)
    if text_folder is not None:
        load_bert(model, text_folder)
    return model


def torchvision_file(backbone: str) -> Path:
    """The newest ImageNet weights of ``backbone`` in torch's cache, its hash checked.

    Raises:
        PolypTraceError: ``weights-missing``, or ``weights-unreadable`` when the hash in its name is wrong.
    """
    names = [Path(entry.url).name for entry in reversed(list(get_model_weights(backbone)))]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for name in names:
        if (folder / name).is_file():
            _check_hash(folder / name)
            return folder / name
    raise PolypTraceError(
        "weights-missing",
        f"The ImageNet weights of {backbone} aren't on this computer.",
        f"`polyptrace models fetch {backbone}` downloads them; or put {names[0]} into {folder}.",
    )


def _check_hash(path: Path) -> None:
    """torchvision writes the first eight digits of the file's SHA-256 into its name."""
    wanted = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if wanted and not found.startswith(wanted.group(1)):
        raise PolypTraceError(
            "weights-unreadable", f"{path.name} is damaged: its hash is wrong.", "Fetch it again."
        )


def read_state(path: Path) -> dict[str, Tensor]:
    """A state dict from ``.safetensors`` or from ``.pth`` (tensors only, no code is run).

    Raises:
        PolypTraceError: ``weights-missing`` or ``weights-unreadable``.
    """
    if not path.is_file():
        raise PolypTraceError(
            "weights-missing", f"There is no weights file “{path.name}”.", f"Looked for {path}."
        )
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise PolypTraceError(
            "weights-unreadable", f"“{path.name}” isn't a readable weights file.", "Use .safetensors or .pth."
        ) from error
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def load_resnet(net: ResNet, path: Path) -> None:
    """Loads a torchvision state dict; its classifier is left out, prefixes of wrappers are tolerated.

    Raises:
        PolypTraceError: ``weights-mismatch`` when a tensor is missing or has another shape.
    """
    state = read_state(path)
    prefix = next(
        (
            name[: -len("conv1.weight")]
            for name in state
            if re.fullmatch(r"(.*\.)?conv1\.weight", name) and "layer" not in name
        ),
        "",
    )
    state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    _load_matching(net, state, path.name)


def load_bert(model: Dmcl, folder: Path) -> None:
    """Loads ``model.safetensors`` (or ``pytorch_model.bin``) of a BERT folder; heads are left out.

    Raises:
        PolypTraceError: ``weights-missing``, ``weights-unreadable`` or ``weights-mismatch``.
    """
    path = folder / "model.safetensors"
    if not path.is_file() and (folder / "pytorch_model.bin").is_file():
        path = folder / "pytorch_model.bin"
    state = {_bert_name(name): value for name, value in read_state(path).items()}
    _load_matching(model.text.bert, state, f"{folder.name}/{path.name}")


def _bert_name(name: str) -> str:
    """Names of old checkpoints (``bert.``, ``gamma``, ``beta``) in today's words."""
    name = name.removeprefix("bert.")
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _load_matching(net: torch.nn.Module, state: dict[str, Tensor], source: str) -> None:
    own = {name: value for name, value in net.state_dict().items() if not name.endswith(_UNTRAINED)}
    wrong = [name for name, value in own.items() if name not in state or state[name].shape != value.shape]
    # A deeper network holds all of ours and more: half of it would make no sense here.
    blocks = {name.partition(".")[0] for name in own}
    wrong += [
        name
        for name in state
        if name.partition(".")[0] in blocks and name not in own and not name.endswith(_UNTRAINED)
    ]
    if wrong:
        raise PolypTraceError(
            "weights-mismatch",
            f"“{source}” doesn't fit this network: {len(wrong)} tensors differ.",
            f"Choose the backbone or BERT settings it was made with; the first that differs is {wrong[0]}.",
        )
    net.load_state_dict({name: state[name].float() for name in own}, strict=False)
