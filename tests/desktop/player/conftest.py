"""Videos whose frames carry their own number, imported into a data folder; and eyes that read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from core.video.importing import read_video
from core.video.index import FrameIndex
from desktop.player.canvas import FrameCanvas
from desktop.player.player import Player

BITS, BLOCK, LEFT, TOP = 10, 14, 6, 6
WIDTH, HEIGHT = 176, 120
TICK = 512
"""One frame of 25 a second in the ticks of these MP4 files."""


@dataclass(frozen=True)
class Imported:
    """A video that the data folder knows."""

    path: Path
    sha256: str
    data_dir: Path
    index: FrameIndex


def _block(bit: int) -> tuple[int, int]:
    return LEFT + bit * (BLOCK + 2), TOP


def draw(number: int) -> np.ndarray:
    """A frame (120, 176, 3) uint8: moving stripes, above them the number as bars over their complement."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [np.sin((columns * k + rows + number * 3) / (9.0 + 4 * k)) for k in range(3)]
    picture = np.stack([120 + 50 * wave for wave in waves], axis=-1).astype(np.uint8)
    for bit in range(BITS):
        (left, top), on = _block(bit), number >> bit & 1
        picture[top : top + BLOCK, left : left + BLOCK] = 225 if on else 25
        picture[top + BLOCK + 4 : top + 2 * BLOCK + 4, left : left + BLOCK] = 25 if on else 225
    return picture


def encode(path: Path, frames: int, gop: int = 24, pts: list[int] | None = None, **options: Any) -> Path:
    """Writes such a video; ``pts`` in thousandths of a second, else 25 frames a second."""
    with av.open(str(path), "w", **options) as out:
        stream: Any = out.add_stream(
            "libx264", rate=25, options={"bf": "3", "preset": "veryfast", "sc_threshold": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = gop
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(number), format="rgb24")
            if pts is not None:
                frame.pts, frame.time_base = pts[number], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Imported]:
    """Encodes and imports a video: ``make_video("long", frames=300, gop=250)``; each name once a session."""
    folder = tmp_path_factory.mktemp("player")
    made: dict[str, Imported] = {}

    def make(name: str, frames: int = 120, suffix: str = ".mp4", **settings: Any) -> Imported:
        if name not in made:
            path = encode(folder / f"{name}{suffix}", frames, **settings)
            scan = read_video(path, folder / "data")
            made[name] = Imported(path, scan.sha256, folder / "data", scan.index)
        return made[name]

    return make


@pytest.fixture
def video(make_video: Callable[..., Imported]) -> Imported:
    """120 frames, 25 a second, a key frame every 24, B-frames between."""
    return make_video("usual")


@pytest.fixture
def other_video(make_video: Callable[..., Imported]) -> Imported:
    """Another one, with 60 frames."""
    return make_video("other", frames=60, gop=12)


@pytest.fixture
def player(qtbot: QtBot) -> Iterator[Player]:
    """A player on the (offscreen) screen; it is shut down afterwards."""
    made = Player()
    qtbot.addWidget(made, before_close_func=lambda widget: widget.shutdown())
    made.resize(700, 560)
    made.show()
    yield made
    made.shutdown()


@pytest.fixture
def opened(player: Player, video: Imported, qtbot: QtBot) -> Player:
    """A player that shows frame 0 of the usual video."""
    open_in(player, video)
    qtbot.waitUntil(lambda: player.canvas.number == 0)
    return player


def open_in(player: Player, video: Imported) -> None:
    """Opens a video."""
    player.open_video(video.path, video.sha256, video.data_dir, video.index.facts.region)


def number_in(image: QImage) -> int:
    """The number that is drawn in a picture of the video's own size."""
    return _read(lambda x, y: image.pixelColor(round(x), round(y)).lightness())


def painted_number(canvas: FrameCanvas) -> int:
    """The number that can be read off the widget as it is painted."""
    shot = canvas.grab().toImage()
    ratio = shot.devicePixelRatio()

    def light(x: float, y: float) -> int:
        point = canvas.view.to_canvas(QPointF(x, y))
        return shot.pixelColor(round(point.x() * ratio), round(point.y() * ratio)).lightness()

    return _read(light)


def _read(light: Callable[[float, float], int]) -> int:
    number = 0
    for bit in range(BITS):
        left, top = _block(bit)
        upper = light(left + BLOCK / 2, top + BLOCK / 2)
        lower = light(left + BLOCK / 2, top + BLOCK + 4 + BLOCK / 2)
        assert abs(upper - lower) > 60, "the picture is broken"
        number |= int(upper > lower) << bit
    return number


@dataclass(frozen=True)
class Eyes:
    """What tests look at pictures with."""

    number_in: Callable[[QImage], int] = number_in
    painted: Callable[[FrameCanvas], int] = painted_number


@pytest.fixture
def eyes() -> Eyes:
    """Reads the number drawn in pictures and on widgets."""
    return Eyes()


@pytest.fixture
def open_video() -> Callable[[Player, Imported], None]:
    """Opens an imported video in a player."""
    return open_in
