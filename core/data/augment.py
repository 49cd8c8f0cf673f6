"""Augmentation of lesion crops: what another withdrawal, scope and processor would have made of them."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import msgspec
import numpy as np

Rotation = Literal["none", "quarter", "any"]
ROTATIONS = get_args(Rotation)
Sharing = Literal["picture", "exam"]
SHARINGS = get_args(Sharing)


class Augmentation(msgspec.Struct, frozen=True):
    """Ranges of the random changes; a range ``(a, b)`` is drawn from evenly.

    The paper flips and crops. Rotation and photometric jitter are ours: a colonoscope turns freely about its
    axis, and white balance, gamma and sharpening differ between processors.

    Args:
        flip: mirror half of the crops.
        rotation: ``none``, ``quarter`` turns or ``any`` angle.
        zoom: enlargement; above 1 crops, below 1 shows a mirrored margin.
        shift: largest displacement, as a share of the crop's side.
        stretch: largest relative change of the aspect ratio (a lesion seen from another side).
        gain: factor of each colour channel.
        gamma: exponent on values in 0…1.
        saturation: factor of the distance to grey.
        hue_deg: largest turn of the hue circle, degrees.
        processor: who shares the draw of ``photometric_p``, gain, gamma, saturation, hue: every ``picture``
            has its own, or all pictures of one ``exam`` in a batch have one. Shared, the colours of a lesion
            stay a clue within an exam and none between exams, as in practice.
        photometric_p, blur_p, noise_p, jpeg_p: how often each is applied.
        blur_px: standard deviation of the blur, pixels at a crop side of 128.
        noise: standard deviation of the noise, grey levels.
        jpeg: JPEG quality.
    """

    flip: bool = True
    rotation: Rotation = "any"
    zoom: tuple[float, float] = (0.9, 1.3)
    shift: float = 0.08
    stretch: float = 0.12
    processor: Sharing = "picture"
    photometric_p: float = 0.8
    gain: tuple[float, float] = (0.7, 1.35)
    gamma: tuple[float, float] = (0.65, 1.5)
    saturation: tuple[float, float] = (0.5, 1.4)
    hue_deg: float = 10.0
    blur_p: float = 0.25
    blur_px: tuple[float, float] = (0.4, 1.6)
    noise_p: float = 0.4
    noise: tuple[float, float] = (1.0, 9.0)
    jpeg_p: float = 0.25
    jpeg: tuple[int, int] = (35, 90)


PAPER = Augmentation(
    rotation="none",
    zoom=(1.0, 1.1),
    shift=10 / 224,
    stretch=0.0,
    photometric_p=0.0,
    blur_p=0.0,
    noise_p=0.0,
    jpeg_p=0.0,
)
"""Random flip and random crop only: at 224 px the reference crops from 10 px of padding on each side, here
the picture is shifted by at most as much and zoomed by at most 1.1."""

NONE = Augmentation(
    flip=False,
    rotation="none",
    zoom=(1.0, 1.0),
    shift=0.0,
    stretch=0.0,
    photometric_p=0.0,
    blur_p=0.0,
    noise_p=0.0,
    jpeg_p=0.0,
)
"""Changes nothing but the size."""


def augment(
    crop: np.ndarray,
    size: int,
    settings: Augmentation,
    rng: np.random.Generator,
    processor: np.random.Generator | None = None,
) -> np.ndarray:
    """One random version of a crop.

    Args:
        crop: (s, s, 3) uint8 RGB; best a little larger than ``size``.
        size: side of the result, pixels.
        settings: which changes, how strong.
        rng: source of all choices.
        processor: source of the processor's choices where they are shared; None = ``rng``.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    picture = _warp(crop, size, settings, rng)
    if rng.random() < settings.blur_p:
        sigma = rng.uniform(*settings.blur_px) * size / 128
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    colours = processor or rng
    if colours.random() < settings.photometric_p:
        picture = _processor(picture, settings, colours)
    if rng.random() < settings.noise_p:
        picture = _noise(picture, rng.uniform(*settings.noise), rng)
    if rng.random() < settings.jpeg_p:
        low, high = settings.jpeg
        picture = _jpeg(picture, int(rng.integers(low, high + 1)))
    return np.ascontiguousarray(picture)


def geometry(side: int, size: int, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """The random 2×3 matrix that takes pixels of the crop (side ``side``) to the result (side ``size``)."""
    angle = {
        "none": 0.0,
        "quarter": float(rng.integers(4)) * np.pi / 2,
        "any": float(rng.uniform(-np.pi, np.pi)),
    }[settings.rotation]
    zoom = float(np.exp(rng.uniform(*np.log(settings.zoom)))) * size / side
    stretch = float(np.exp(rng.uniform(-settings.stretch, settings.stretch) / 2))
    mirror = -1.0 if settings.flip and rng.random() < 0.5 else 1.0
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    linear = turn @ np.diag([mirror * stretch, 1 / stretch]) * zoom
    target = (size - 1) / 2 + rng.uniform(-settings.shift, settings.shift, 2) * size
    centre = np.full(2, (side - 1) / 2)
    return np.column_stack([linear, target - linear @ centre])


def _warp(crop: np.ndarray, size: int, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    matrix = geometry(crop.shape[0], size, settings, rng)
    warped = cv2.warpAffine(
        crop, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped)


def _processor(picture: np.ndarray, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Gain and gamma as one table a channel, saturation and hue as one colour matrix."""
    gain = rng.uniform(*settings.gain, 3)
    gamma = float(np.exp(rng.uniform(*np.log(settings.gamma))))
    levels = (np.arange(256) / 255.0) ** gamma
    table = np.clip(levels[:, None] * gain[None, :] * 255.0, 0, 255)
    picture = cv2.LUT(picture, np.ascontiguousarray(table[None].round().astype(np.uint8)))
    saturation = rng.uniform(*settings.saturation)
    hue = np.deg2rad(rng.uniform(-settings.hue_deg, settings.hue_deg))
    return np.asarray(cv2.transform(picture, _colour_matrix(saturation, hue)))


def _colour_matrix(saturation: float, hue: float) -> np.ndarray:
    """3×3 on RGB: chroma turned by ``hue`` and scaled by ``saturation``, luma (Rec. 601) kept."""
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    cos, sin = saturation * np.cos(hue), saturation * np.sin(hue)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return np.asarray(np.linalg.inv(to_yiq) @ turn @ to_yiq)


def _noise(picture: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    grain = rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(sigma)
    noisy: np.ndarray = np.clip(picture + grain + 0.5, 0, 255).astype(np.uint8)
    return noisy


def _jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    # Channel order doesn't matter to the artefacts as long as both ways agree.
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return decoded[..., ::-1]
