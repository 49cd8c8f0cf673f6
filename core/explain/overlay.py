"""Heat maps on the pictures, with what they mean burnt into the exported PNG. Torch-free."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from core.domain import OVERLAY_CAPTION, RESEARCH_BANNER
from core.errors import PolypTraceError
from core.explain.explanation import ImageExplanation, PairExplanation
from core.inference.bundle import replace_file
from core.inference.device import DeviceChoice
from core.inference.preprocess import Picture

Floats = NDArray[np.float32]
OPACITY = 0.5
MIN_SIDE, MAX_SIDE = 480, 1080
"""A crop is shown at a width between these, in pixels, so that the caption can be read."""
_TEXT, _PAD, _LINE = 15, 10, 23
_INK, _PAPER, _SIGNAL = (235, 235, 235), (24, 24, 27), (122, 24, 24)


class OverlayFile(msgspec.Struct, frozen=True):
    """One exported overlay: its PNG, the map's raw strength and the same in words."""

    path: str
    strength: float
    words: str


class LayerFiles(msgspec.Struct, frozen=True):
    """One side as two layers that a window lays over each other.

    ``crop``: the plain crop as PNG. ``map``: a PNG of the crop's size in the overlay's colours whose alpha is
    the heat; transparent everywhere when it isn't ``clear``, because then it is only rounding.
    """

    crop: str
    map: str
    clear: bool


class ExplainFiles(msgspec.Struct, frozen=True):
    """What ``explain`` answers: both overlays, the cosine, and what computed it."""

    query: OverlayFile
    candidate: OverlayFile
    similarity: float
    model: str
    device: DeviceChoice
    notice: str = RESEARCH_BANNER


def heat_colours(values: NDArray[np.float32]) -> Picture:
    """(h, w) in 0…1 → (h, w, 3) uint8 RGB by viridis.

    Viridis grows evenly in lightness, reads the same with colour-blind eyes and in grey, and its blue to
    yellow stands off from red mucosa, which the rainbow's red end does not.
    """
    levels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[..., ::-1]).astype(np.uint8)


def blend(crop: Picture, heat: NDArray[np.float32], opacity: float = OPACITY) -> Picture:
    """The heat over the crop; what is cold stays as the endoscope saw it.

    Args:
        crop: (h, w, 3) uint8 RGB.
        heat: map in 0…1 over the crop stretched to a square; any size.
        opacity: of the hottest place, 0…1; elsewhere in proportion to the heat.

    Returns:
        (h, w, 3) uint8 RGB of the crop's size.

    Raises:
        ValueError: an opacity outside 0…1.
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity {opacity} lies outside 0…1")
    height, width = crop.shape[:2]
    stretched = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    spread = np.clip(np.asarray(stretched, dtype=np.float32), 0, 1)
    alpha = opacity * spread[..., None]
    mixed: Floats = (1 - alpha) * crop.astype(np.float32) + alpha * heat_colours(spread).astype(np.float32)
    return np.rint(mixed).astype(np.uint8)


def render_overlay(
    crop: Picture, explanation: ImageExplanation, similarity: float, title: str, opacity: float = OPACITY
) -> Picture:
    """The picture for export: overlay above, caption and research banner burnt in below.

    A map without a clear region isn't drawn: scaled to 0…1, rounding would look like a finding.

    Args:
        crop: (h, w, 3) uint8 RGB.
        explanation: its map and raw strength.
        similarity: the cosine that is explained.
        title: what the picture is, e.g. ``Query``. Never a name, a record number or a date.
        opacity: see :func:`blend`.

    Returns:
        (H, W, 3) uint8 RGB with W in ``MIN_SIDE``…``MAX_SIDE``.
    """
    height, width = crop.shape[:2]
    wide = int(np.clip(width, MIN_SIDE, MAX_SIDE))
    size = (wide, max(1, round(height * wide / width)))
    how = cv2.INTER_CUBIC if wide > width else cv2.INTER_AREA
    big = cv2.resize(np.ascontiguousarray(crop), size, interpolation=how).astype(np.uint8)
    shown = blend(big, explanation.map, opacity) if explanation.clear else big
    lines = [
        f"{title} · similarity of these two crops {similarity:.3f}",
        f"Sensitive region: {explanation.words} (strength {explanation.strength:.2g})",
        OVERLAY_CAPTION,
    ]
    blocks = [shown, _text_block(lines, wide, _PAPER), _text_block([RESEARCH_BANNER], wide, _SIGNAL)]
    if explanation.clear:
        blocks.insert(1, _scale(wide))
    return np.vstack(blocks)


def write_overlays(
    explanation: PairExplanation,
    query_crop: Picture,
    candidate_crop: Picture,
    out: Path,
    opacity: float = OPACITY,
) -> ExplainFiles:
    """Writes ``query.png`` and ``candidate.png`` into ``out``, which is made.

    Raises:
        PolypTraceError: ``overlay-not-written`` when the folder can't be written.
    """
    sides = (
        ("query", "Query", query_crop, explanation.query),
        ("candidate", "Candidate", candidate_crop, explanation.candidate),
    )
    files = {}
    for name, title, crop, side in sides:
        picture = render_overlay(crop, side, explanation.similarity, title, opacity)
        files[name] = OverlayFile(str(_write_png(out / f"{name}.png", picture)), side.strength, side.words)
    return ExplainFiles(
        files["query"],
        files["candidate"],
        explanation.similarity,
        explanation.model_id,
        explanation.device,
    )


def write_layers(name: str, crop: Picture, explanation: ImageExplanation, out: Path) -> LayerFiles:
    """Writes ``NAME-crop.png`` and ``NAME-map.png`` into ``out``, which is made.

    Raises:
        PolypTraceError: ``overlay-not-written`` when the folder can't be written.
    """
    size = (crop.shape[1], crop.shape[0])
    heat = np.clip(cv2.resize(explanation.map, size, interpolation=cv2.INTER_LINEAR), 0, 1).astype(np.float32)
    alpha = np.rint(heat * (255 if explanation.clear else 0)).astype(np.uint8)
    layer = np.dstack([heat_colours(heat), alpha]).astype(np.uint8)
    return LayerFiles(
        str(_write_png(out / f"{name}-crop.png", crop)),
        str(_write_png(out / f"{name}-map.png", layer)),
        explanation.clear,
    )


def _write_png(path: Path, picture: Picture) -> Path:
    """``picture`` is (h, w, 3) RGB or (h, w, 4) RGBA, uint8."""
    # Encoded in memory: OpenCV's own writer can't open paths with letters outside ASCII on Windows.
    ordered = picture[..., [2, 1, 0, 3][: picture.shape[2]]]
    _, data = cv2.imencode(".png", np.ascontiguousarray(ordered))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data.tobytes())
    except OSError as error:
        raise PolypTraceError(
            "overlay-not-written",
            f"The overlay “{path.name}” can't be written.",
            "Choose a folder that you may write to with --out.",
        ) from error
    return path


def _scale(width: int) -> Picture:
    """The colours from cold to hot, with words at both ends."""
    strip: Picture = np.full((_LINE + 2 * _PAD // 2, width, 3), _PAPER, dtype=np.uint8)
    font = cv2.FontFace("sans")
    ends = [("less sensitive", _PAD), ("more", width - _PAD)]
    sizes = [cv2.getTextSize((0, 0), word, (0, 0), font, _TEXT, 450)[2] for word, _ in ends]
    begin, end = 2 * _PAD + sizes[0], width - 2 * _PAD - sizes[1]
    bar = heat_colours(np.linspace(0, 1, end - begin, dtype=np.float32)[None, :])
    strip[_PAD : _PAD + _LINE // 2, begin:end] = bar
    for (word, at), size in zip(ends, sizes, strict=True):
        cv2.putText(strip, word, (at if at == _PAD else at - size, _PAD + _TEXT - 2), _INK, font, _TEXT, 450)
    return strip


def _text_block(lines: list[str], width: int, paper: tuple[int, int, int]) -> Picture:
    """Lines of text on a plain ground, wrapped at ``width``."""
    wrapped = [part for line in lines for part in _wrapped(line, width - 2 * _PAD)]
    block: Picture = np.full((2 * _PAD + _LINE * len(wrapped), width, 3), paper, dtype=np.uint8)
    font = cv2.FontFace("sans")
    for number, line in enumerate(wrapped):
        at = (_PAD, _PAD + number * _LINE + _TEXT + 2)
        cv2.putText(block, line, at, _INK, font, _TEXT, 450)
    return block


def _wrapped(line: str, room: int) -> list[str]:
    font, parts = cv2.FontFace("sans"), [""]
    for word in line.split():
        longer = f"{parts[-1]} {word}".strip()
        left, _, width, _ = cv2.getTextSize((0, 0), longer, (0, 0), font, _TEXT, 450)
        if parts[-1] and left + width > room:
            parts.append(word)
        else:
            parts[-1] = longer
    return parts
