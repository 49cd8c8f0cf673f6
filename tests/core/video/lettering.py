"""Draws endoscopy frames with burned-in text whose place is known, and measures what was found of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from core.domain import PixelBox, ScopeRegion
from core.video.burned_text import TextFinder
from core.video.region import RegionFinder

WIDTH, HEIGHT = 640, 480
ROUND = cv2.ellipse2Poly((390, 240), (232, 232), 0, 0, 360, 3)
SIMPLEX, DUPLEX, COMPLEX = cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX
Words = Callable[[int], str]


@dataclass(frozen=True)
class Line:
    """One line of text: what it says in frame n, the left end of its baseline, and how it is written."""

    words: str | Words
    at: tuple[int, int]
    scale: float = 0.5
    font: int = SIMPLEX
    thickness: int = 1
    colour: tuple[int, int, int] = (225, 225, 225)
    alpha: float = 1.0
    frames: tuple[int, int] = (0, 10**9)

    def said(self, number: int) -> str:
        return self.words if isinstance(self.words, str) else self.words(number)

    def box(self) -> PixelBox:
        """Its rectangle on the frame, by the font's measures."""
        (w, h), below = cv2.getTextSize(self.said(0), self.font, self.scale, self.thickness)
        left, top = max(0, self.at[0]), max(0, self.at[1] - h)
        return left, top, min(w, WIDTH - left), h + below // 3

    def put(self, frame: np.ndarray, number: int) -> None:
        if not self.frames[0] <= number < self.frames[1]:
            return
        ink = np.zeros(frame.shape[:2], np.uint8)
        args = (self.font, self.scale, 255, self.thickness, cv2.LINE_AA)
        cv2.putText(ink, self.said(number), self.at, *args)
        share = (ink / 255.0 * self.alpha)[..., None]
        frame[:] = (frame * (1 - share) + np.array(self.colour) * share).astype(np.uint8)


class Mucosa:
    """A wall with folds and vessels that the scope moves along, with highlights that come and go."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        side = 1400
        grey = np.zeros((side, side), np.float32)
        for cells, weight in ((14, 26), (50, 14), (180, 9)):
            coarse = rng.standard_normal((cells, cells)).astype(np.float32)
            grey += weight * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        wall = 135 + grey
        for _ in range(70):
            ends = rng.integers(0, side, (4, 2)).cumsum(axis=0) // np.arange(1, 5)[:, None]
            cv2.polylines(wall, [ends.astype(np.int32)], False, float(rng.uniform(70, 100)), 2, cv2.LINE_AA)
        self._wall = cv2.GaussianBlur(wall, (0, 0), 1.2)
        self._rng = rng

    def frame(self, number: int, still: bool = False, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
        """(height, width, 3) uint8 RGB."""
        time = 0 if still else number
        zoom = 1.0 + 0.12 * np.sin(time / 9)
        turn = cv2.getRotationMatrix2D((700, 700), 14 * np.sin(time / 13), zoom)
        turn[:, 2] -= (700 - width / 2 + 190 * np.sin(time / 11), 700 - height / 2 + 160 * np.cos(time / 7))
        wall = cv2.warpAffine(self._wall, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        rows, columns = np.mgrid[0:height, 0:width]
        away = np.hypot(rows - height / 2 - 4 * np.sin(time / 5), columns - 0.6 * width)
        light = np.clip((away - 30) / 150, 0.05, 1.0)  # a dark lumen that hardly moves
        for _ in range(25):
            x, y = self._rng.integers(0, width), self._rng.integers(0, height)
            axes = (int(self._rng.integers(2, 9)), int(self._rng.integers(1, 4)))
            cv2.ellipse(wall, (int(x), int(y)), axes, float(self._rng.uniform(0, 180)), 0, 360, 250.0, -1)
        grey = wall * light + self._rng.normal(0, 2, wall.shape)
        return np.clip(grey[..., None] * np.array([1.25, 0.75, 0.62]), 0, 255).astype(np.uint8)


def draw(
    seed: int,
    lines: Sequence[Line],
    frames: int = 40,
    outline: np.ndarray | None = ROUND,
    still: bool = False,
) -> list[np.ndarray]:
    """Frames with text; ``outline`` None fills the frame with mucosa."""
    mucosa = Mucosa(seed)
    made = []
    for number in range(frames):
        picture = mucosa.frame(number, still)
        if outline is not None:
            inside = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.fillConvexPoly(inside, outline, 1)
            picture[inside == 0] = 4
        for line in lines:
            line.put(picture, number)
        made.append(picture)
    return made


def find(frames: Sequence[np.ndarray]) -> tuple[tuple[PixelBox, ...], ScopeRegion]:
    """What the finders make of these frames, as the import pass feeds them."""
    regions, text = RegionFinder(), TextFinder()
    height, width = frames[0].shape[:2]
    for frame in frames:
        regions.add(cv2.resize(frame, (256, round(256 * height / width)), interpolation=cv2.INTER_AREA))
        text.add(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), lambda: regions.region(width, height))
    region = regions.region(width, height)
    return text.boxes(region), region


def painted(boxes: Sequence[PixelBox], grow: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """(H, W) bool, True inside of the boxes."""
    mask = np.zeros(size[::-1], np.uint8)
    for x, y, w, h in boxes:
        mask[max(0, y - grow) : y + h + grow, max(0, x - grow) : x + w + grow] = 1
    return mask.astype(bool)


def recall_and_precision(
    found: Sequence[PixelBox], truth: Sequence[PixelBox], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> tuple[float, float]:
    """By area: how much of the truth is covered, and how much of what is covered lies within 6 px of it."""
    got, true = painted(found, size=size), painted(truth, size=size)
    near = painted(truth, grow=6, size=size)
    return float((got & true).sum() / max(1, true.sum())), float((got & near).sum() / max(1, got.sum()))
