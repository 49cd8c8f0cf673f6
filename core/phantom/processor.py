"""The video processor: from the sensor's linear light to the picture on the screen.

Every brand develops the same scene in its own way (white balance, gamma, saturation, sharpening), and this is
what a re-identification across exams has to see through. The brands here are invented.
"""

from __future__ import annotations

import math

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from core.phantom.seeding import Rng

Image = NDArray[np.uint8]
Linear = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Look(msgspec.Struct, frozen=True):
    """How a processor develops the picture.

    Args:
        gain: white balance, factors of red, green and blue in linear light.
        gamma: contrast on top of the display's 2.2; above 1 is darker in the shadows.
        saturation: 1 = as the sensor saw it.
        hue_deg: turn of all hues, degrees.
        sharpening: strength of the unsharp mask, 0 = none.
        noise: standard deviation of the sensor's noise at mid-grey, in parts of full scale.
        exposure: the level that automatic exposure steers the picture's mean luminance to, 0…1 after gamma.
        softness: blur of optics and sensor, standard deviation in pixels.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    saturation: float = 1.0
    hue_deg: float = 0.0
    sharpening: float = 0.4
    noise: float = 0.012
    exposure: float = 0.45
    softness: float = 0.5


class Processor(msgspec.Struct, frozen=True):
    """An invented brand: its look and how it lays out the screen.

    Args:
        width, height: the video's size in pixels, even numbers.
        picture: x, y, width, height of the scope picture on the screen.
        shape: ``octagon``, ``round`` or ``cut`` (a rectangle with small cut corners).
        layout: where the text stands, see :mod:`core.phantom.overlay`.
        narrow_band: what the brand calls its narrow-band light, a vocabulary word.
        crf: quality of the recording's H.264 compression; higher is worse.
    """

    brand: str
    width: int
    height: int
    picture: tuple[int, int, int, int]
    shape: str
    layout: str
    narrow_band: str
    crf: int
    look: Look


PROCESSORS: tuple[Processor, ...] = (
    Processor(
        brand="Aurelian VX-3", width=560, height=416, picture=(144, 8, 404, 400), shape="octagon",
        layout="left column", narrow_band="NBI", crf=23,
        look=Look((1.0, 1.0, 1.0), 1.0, 1.05, 0.0, 0.7, 0.010, 0.47, 0.5),
    ),
    Processor(
        brand="Brightwater C7", width=512, height=400, picture=(112, 4, 392, 392), shape="round",
        layout="corners", narrow_band="BLI", crf=24,
        look=Look((1.12, 0.98, 0.86), 0.9, 1.2, -3.0, 0.3, 0.016, 0.5, 0.8),
    ),
    Processor(
        brand="Kestrel EV-2", width=480, height=400, picture=(48, 4, 420, 392), shape="cut",
        layout="bottom line", narrow_band="NBI", crf=26,
        look=Look((0.9, 1.02, 1.1), 1.14, 0.8, 4.0, 1.1, 0.013, 0.42, 0.6),
    ),
    Processor(
        brand="Monsun 480", width=448, height=384, picture=(40, 2, 400, 380), shape="octagon",
        layout="top line", narrow_band="NBI", crf=28,
        look=Look((1.05, 1.03, 0.8), 1.2, 0.92, 6.0, 0.2, 0.022, 0.4, 1.0),
    ),
    Processor(
        brand="Velmora P5", width=576, height=400, picture=(176, 6, 388, 388), shape="cut",
        layout="left column", narrow_band="BLI", crf=22,
        look=Look((1.0, 0.94, 1.04), 0.86, 1.32, -5.0, 0.9, 0.009, 0.52, 0.45),
    ),
)  # fmt: skip


class Exposure:
    """Automatic exposure: steers towards the look's level and follows with the lag of a real processor."""

    def __init__(self, look: Look, lag: float = 0.7) -> None:
        self._target = look.exposure ** (2.2 / look.gamma)  # develop() in reverse
        self._lag = lag
        self._gain: float | None = None

    def gain(self, linear: Linear) -> float:
        """The factor for this frame, (H, W, 3) linear light; call it once a frame, in the order of time."""
        luma = np.minimum(linear[::4, ::4] @ _LUMA, 1.5)
        # Half mean, half bright quarter: a lumen that fills the picture must not blow out the wall.
        level = 0.5 * float(luma.mean()) + 0.5 * float(np.percentile(luma, 75))
        wish = float(np.clip(self._target / max(level, 1e-4), 0.1, 10.0))
        past = wish if self._gain is None else self._gain
        self._gain = past**self._lag * wish ** (1 - self._lag)
        return self._gain


def develop(linear: Linear, look: Look, gain: float, rng: Rng) -> Image:
    """Develops one frame.

    Args:
        linear: (H, W, 3) float32 RGB, linear light.
        look: the processor's settings.
        gain: exposure factor, see :class:`Exposure`.
        rng: of the sensor's noise.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    light = np.maximum(linear, 0.0) * np.float32(gain)
    if look.softness > 0.05:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), look.softness), np.float32)
    # Photon noise grows with the root of the light, read noise stays; both before white balance.
    spread = look.noise * np.sqrt(0.25 + light)
    light = light + spread * rng.standard_normal(light.shape, dtype=np.float32)
    light = _shoulder(np.maximum(light * np.array(look.gain, dtype=np.float32), 0.0))
    screen = np.power(light, np.float32(1.0 / (2.2 / look.gamma)))
    screen = _colour(screen, look)
    if look.sharpening > 0.01:
        soft = cv2.GaussianBlur(screen, (0, 0), 1.3)
        screen = screen + np.float32(look.sharpening) * (screen - soft)
    return np.clip(screen * 255.0 + 0.5, 0, 255).astype(np.uint8)


def smear(linear: Linear, dx: float, dy: float) -> Linear:
    """Motion blur: the picture moves by (dx, dy) pixels, right and down, in one shutter time (at most 14)."""
    length = math.hypot(dx, dy)
    if length < 1.0:
        return linear
    reach = min(math.ceil(length / 2), 7)
    half = min(length / 2, 7.0) / length
    tip = (round(dx * half), round(dy * half))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    cv2.line(kernel, (reach - tip[0], reach - tip[1]), (reach + tip[0], reach + tip[1]), 1.0, 1)
    return np.asarray(
        cv2.filter2D(linear, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32
    )


def _shoulder(light: Linear) -> Linear:
    """Rolls highlights off above 0.7 instead of clipping them hard."""
    over = np.maximum(light - 0.7, 0.0)
    rolled: Linear = np.minimum(light, 0.7) + 0.3 * (1.0 - np.exp(-over / 0.3))
    return rolled


def _colour(screen: Linear, look: Look) -> Linear:
    """Saturation and hue as one matrix: a turn and a stretch in the plane of equal luminance."""
    turn = math.radians(look.hue_deg)
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    cos, sin = math.cos(turn) * look.saturation, math.sin(turn) * look.saturation
    stretch = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix = (np.linalg.inv(to_yiq) @ stretch @ to_yiq).astype(np.float32)
    return np.asarray(cv2.transform(np.ascontiguousarray(screen), matrix), np.float32)


def varied(look: Look, rng: Rng) -> Look:
    """The same brand in another room: balanced and set up a little differently."""
    gain = tuple(float(g * math.exp(0.04 * rng.standard_normal())) for g in look.gain)
    return msgspec.structs.replace(
        look,
        gain=(gain[0], gain[1], gain[2]),
        gamma=look.gamma * math.exp(0.05 * rng.standard_normal()),
        saturation=look.saturation * math.exp(0.07 * rng.standard_normal()),
        hue_deg=look.hue_deg + 1.5 * float(rng.standard_normal()),
        noise=look.noise * math.exp(0.2 * rng.standard_normal()),
    )


def random_look(rng: Rng) -> Look:
    """Any processor there might be: the spread of brands, wider than the five above; for training crops."""
    gain = [float(math.exp(rng.uniform(math.log(0.75), math.log(1.3)))) for _ in range(3)]
    return Look(
        gain=(gain[0], gain[1], gain[2]),
        gamma=float(math.exp(rng.uniform(math.log(0.8), math.log(1.75)))),
        saturation=float(math.exp(rng.uniform(math.log(0.75), math.log(1.5)))),
        hue_deg=float(rng.uniform(-8, 8)),
        sharpening=float(rng.uniform(0.0, 2.2)),
        noise=float(math.exp(rng.uniform(math.log(0.001), math.log(0.014)))),
        exposure=float(rng.uniform(0.4, 0.66)),
        softness=float(rng.uniform(0.3, 0.9)),
    )
