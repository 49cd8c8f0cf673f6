"""Videos made in code, each frame carrying its own number in its pixels."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from core.phantom.writer import steady_encoder

BITS = 12
BLOCK = 12
WIDTH, HEIGHT = 176, 120


def draw(number: int, width: int = WIDTH, height: int = HEIGHT, still: bool = False) -> np.ndarray:
    """A frame (h, w, 3) uint8 RGB: moving stripes below, the number as bars and their complement above."""
    rows, columns = np.mgrid[0:height, 0:width]
    shift = 0 if still else number * 3
    picture = np.stack(
        [
            110 + 60 * np.sin((columns + shift) / 9.0),
            90 + 50 * np.sin((rows + columns / 2 + shift) / 13.0),
            80 + 40 * np.sin((rows * 2 - columns + shift) / 17.0),
        ],
        axis=-1,
    ).astype(np.uint8)
    for bit in range(BITS):
        on = number >> bit & 1
        left = 4 + bit * (BLOCK + 2)
        picture[4 : 4 + BLOCK, left : left + BLOCK] = 215 if on else 35
        picture[22 : 22 + BLOCK, left : left + BLOCK] = 35 if on else 215
    return picture


def read_counter(rgb: np.ndarray) -> int | None:
    """The number drawn in a frame, or None where bars and complement disagree (a broken picture)."""
    grey = rgb.astype(np.float32).mean(axis=2)
    number = 0
    for bit in range(BITS):
        left = 4 + bit * (BLOCK + 2)
        upper = grey[7 : 1 + BLOCK, left + 3 : left + BLOCK - 3].mean()
        lower = grey[25 : 19 + BLOCK, left + 3 : left + BLOCK - 3].mean()
        if abs(upper - lower) < 60:
            return None
        number |= int(upper > lower) << bit
    return number


@dataclass
class Recipe:
    """How one test video is made; the names are those of PyAV and FFmpeg."""

    suffix: str
    codec: str = "libx264"
    frames: int = 120
    rate: int = 25
    gop: int = 24
    bframes: int = 3
    size: tuple[int, int] = (WIDTH, HEIGHT)
    pixels: str = "yuv420p"
    codec_options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    format: str | None = None
    pts: Sequence[int] | None = None
    time_base: Fraction | None = None
    rotation: int = 0
    audio: bool = False
    first: int = 0
    still: bool = False


def encode(path: Path, recipe: Recipe) -> Path:
    """Writes the video of a recipe."""
    with av.open(str(path), "w", format=recipe.format, options=recipe.container_options) as out:
        stream: Any = out.add_stream(recipe.codec, rate=recipe.rate, options=_codec_options(recipe))
        stream.width, stream.height = recipe.size
        stream.pix_fmt = recipe.pixels
        if recipe.codec not in ("mjpeg", "gif", "prores", "ffv1"):
            stream.codec_context.gop_size = recipe.gop
        if recipe.codec in ("mpeg4", "mpeg2video"):
            stream.codec_context.max_b_frames = recipe.bframes
            stream.codec_context.bit_rate = 1_500_000
        if recipe.time_base:
            stream.codec_context.time_base = recipe.time_base
        if recipe.rotation:
            stream.set_display_rotation(recipe.rotation)
        sound: Any = out.add_stream("aac", rate=16000) if recipe.audio else None
        for number in range(recipe.frames):
            frame = av.VideoFrame.from_ndarray(
                draw(recipe.first + number, *recipe.size, still=recipe.still), format="rgb24"
            )
            if recipe.pts is not None:
                frame.pts = recipe.pts[number]
                frame.time_base = recipe.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        if sound is not None:
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
            tone.sample_rate = 16000
            out.mux(sound.encode(tone))
            out.mux(sound.encode())
    return path


def _codec_options(recipe: Recipe) -> dict[str, str]:
    options = dict(recipe.codec_options)
    if recipe.codec == "libx264":
        options = {"bf": str(recipe.bframes), "preset": "veryfast", "sc_threshold": "0", **options}
        if "x264-params" not in options:
            options |= steady_encoder()  # what is damaged later shall be damaged in the same place
    if recipe.codec == "libx265":
        extra = options.pop("x265-params", "")
        base = f"log-level=none:pools=1:frame-threads=1:keyint={recipe.gop}:min-keyint={recipe.gop}"
        base += f":bframes={recipe.bframes}"
        options = {"preset": "ultrafast", "x265-params": base + (":" + extra if extra else ""), **options}
    if recipe.codec == "libvpx":
        options = {"deadline": "realtime", "cpu-used": "8", "b:v": "800k", **options}
    if recipe.codec == "libvpx-vp9":
        options = {"deadline": "realtime", "cpu-used": "8", "b:v": "800k", **options}
    if recipe.codec == "libsvtav1":
        options = {"preset": "12", **options}
    return options


def remux(
    source: Path, target: Path, *, keep: Callable[[int, Any], bool], shift: int = 0, **options: Any
) -> Path:
    """Copies packets without re-encoding: those that ``keep(packet number, packet)`` wants, times moved."""
    with av.open(str(source)) as src, av.open(str(target), "w", **options) as out:
        inner: Any = src.streams.video[0]
        outer: Any = out.add_stream_from_template(inner)
        for at, packet in enumerate(src.demux(inner)):
            if packet.dts is None or not keep(at, packet):
                continue
            packet.stream = outer
            packet.pts = packet.pts - shift if packet.pts is not None else None
            packet.dts = packet.dts - shift
            out.mux(packet)
    return target


def irregular(count: int, seed: int) -> list[int]:
    """Rising pts with uneven gaps, in 1/1000 s."""
    rng = random.Random(seed)
    times, now = [], 0
    for _ in range(count):
        times.append(now)
        now += rng.choice([17, 33, 40, 41, 80, 250])
    return times


MILLI = Fraction(1, 1000)
OPEN_GOP = {"x264-params": "open-gop=1:keyint=24:min-keyint=24:bframes=3:b-adapt=0"}
RECIPES: dict[str, Recipe] = {
    "h264-cfr-mp4": Recipe(".mp4", audio=True),
    "h264-cfr-mkv": Recipe(".mkv"),
    "h264-vfr-mp4": Recipe(".mp4", pts=irregular(120, 1), time_base=MILLI),
    "h264-vfr-mkv": Recipe(".mkv", pts=irregular(120, 2), time_base=MILLI),
    "h264-ts": Recipe(".ts", format="mpegts"),
    "h264-interlaced-mp4": Recipe(".mp4", codec_options={"flags": "+ildct+ilme", "x264-params": "tff=1"}),
    "h264-interlaced-ts": Recipe(".ts", codec_options={"flags": "+ildct+ilme", "x264-params": "tff=1"}),
    "h264-open-gop-mp4": Recipe(".mp4", codec_options=OPEN_GOP),
    "h264-open-gop-ts": Recipe(".ts", codec_options=OPEN_GOP),
    "h264-intra-refresh-mp4": Recipe(
        ".mp4", bframes=0, codec_options={"x264-params": "intra-refresh=1:keyint=24:bframes=0"}
    ),
    "h264-intra-refresh-ts": Recipe(
        ".ts", bframes=0, codec_options={"x264-params": "intra-refresh=1:keyint=24:bframes=0"}
    ),
    "h264-one-key-mp4": Recipe(".mp4", gop=600),
    "h264-10bit-mp4": Recipe(".mp4", pixels="yuv420p10le"),
    "h264-444-odd-mkv": Recipe(".mkv", pixels="yuv444p", size=(183, 121)),
    "h264-rotated-mp4": Recipe(".mp4", rotation=90),
    "h264-fragmented-mp4": Recipe(
        ".mp4", container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    ),
    "h264-elementary": Recipe(".h264", format="h264"),
    "h264-flv": Recipe(".flv", bframes=2),
    "h264-avi": Recipe(".avi", bframes=2),
    "h264-intra-only-mov": Recipe(".mov", gop=1, bframes=0),
    "mpeg4-avi": Recipe(".avi", codec="mpeg4", gop=15, bframes=2),
    "mpeg4-avi-no-b": Recipe(".avi", codec="mpeg4", gop=15, bframes=0),
    "mpeg4-mp4": Recipe(".mp4", codec="mpeg4", gop=15, bframes=2),
    "mpeg4-elementary": Recipe(".m4v", codec="mpeg4", gop=15, bframes=2),
    "mpeg2-ts": Recipe(".ts", codec="mpeg2video", gop=12, bframes=2),
    "mpeg2-interlaced-ps": Recipe(
        ".mpg", codec="mpeg2video", gop=12, bframes=2, codec_options={"flags": "+ildct+ilme"}
    ),
    "mpeg2-elementary": Recipe(".m2v", codec="mpeg2video", gop=12, bframes=2),
    "hevc-mp4": Recipe(".mp4", codec="libx265", codec_options={"x265-params": "open-gop=0"}),
    "hevc-open-gop-mp4": Recipe(".mp4", codec="libx265", codec_options={"x265-params": "open-gop=1"}),
    "hevc-open-gop-ts": Recipe(".ts", codec="libx265", codec_options={"x265-params": "open-gop=1"}),
    "vp8-webm": Recipe(
        ".webm", codec="libvpx", frames=60, codec_options={"auto-alt-ref": "1", "lag-in-frames": "8"}
    ),
    "vp9-webm": Recipe(
        ".webm", codec="libvpx-vp9", codec_options={"auto-alt-ref": "1", "lag-in-frames": "12"}
    ),
    "av1-mp4": Recipe(".mp4", codec="libsvtav1"),
    "mjpeg-avi": Recipe(".avi", codec="mjpeg", pixels="yuvj420p", codec_options={"q:v": "3"}),
    "prores-mov": Recipe(".mov", codec="prores", pixels="yuv422p10le"),
    "ffv1-mkv": Recipe(".mkv", codec="ffv1", pixels="yuv444p"),
    "gif": Recipe(".gif", codec="gif", pixels="rgb8"),
    "h264-still-mp4": Recipe(".mp4", frames=90),
}


@dataclass(frozen=True)
class Films:
    """Makes test videos on first use and keeps them for the session."""

    folder: Path

    def __call__(self, name: str) -> Path:
        if name in DERIVED:
            target = self.folder / f"{name}{DERIVED[name][0]}"
            return target if target.exists() else DERIVED[name][1](self, target)
        recipe = RECIPES[name]
        target = self.folder / f"{name}{recipe.suffix}"
        return target if target.exists() else encode(target, recipe)


def _edit_list_cut(films: Films, target: Path) -> Path:
    """A stream copy from the key frame before the cut: the edit list hides 9 decoded frames."""
    source = films("h264-cfr-mp4")
    with av.open(str(source)) as src:
        keys = [p.pts for p in src.demux(video=0) if p.is_keyframe and p.pts is not None]
        tick = int(1 / (src.streams.video[0].time_base * 25))
    cut = keys[1] + 9 * tick
    return remux(source, target, keep=lambda _, p: p.pts >= keys[1], shift=cut)


def _broken_start_ts(films: Films, target: Path) -> Path:
    """A transport stream recorded from the middle of a group of pictures."""
    return remux(films("h264-ts"), target, keep=lambda at, _: at >= 11, format="mpegts")


def _broken_start_mpeg2(films: Films, target: Path) -> Path:
    return remux(films("mpeg2-ts"), target, keep=lambda at, _: at >= 5, format="mpegts")


def _joined_ts(films: Films, target: Path) -> Path:
    """Two recordings in one file: every pts comes twice."""
    first = films("h264-ts").read_bytes()
    second = encode(target.with_suffix(".part.ts"), Recipe(".ts", format="mpegts", first=500)).read_bytes()
    target.write_bytes(first + second)
    return target


def _damaged_ts(films: Films, target: Path) -> Path:
    """Packets lost and bytes flipped in the middle."""
    data = bytearray(films("h264-ts").read_bytes())
    rng = random.Random(7)
    for _ in range(25):
        at = rng.randrange(len(data) // 4, len(data) * 3 // 4)
        data[at] ^= 0x5A
    lost = (len(data) // 2 // 188) * 188
    target.write_bytes(bytes(data[:lost] + data[lost + 188 * 5 :]))
    return target


def _damaged_mp4(films: Films, target: Path) -> Path:
    data = bytearray(films("h264-cfr-mp4").read_bytes())
    rng = random.Random(3)
    start = data.index(b"mdat")
    for _ in range(12):
        data[start + 2000 + rng.randrange((len(data) - start) // 2)] ^= 0xA5
    target.write_bytes(data)
    return target


def _wrapped_ts(films: Films, target: Path) -> Path:
    """A transport stream whose 33-bit clock starts over in the middle."""
    offset = 2**33 - 2 * 90000
    with av.open(str(films("h264-ts"))) as src, av.open(str(target), "w", format="mpegts") as out:
        inner: Any = src.streams.video[0]
        outer: Any = out.add_stream_from_template(inner)
        for packet in src.demux(inner):
            if packet.dts is None:
                continue
            packet.stream = outer
            packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
            out.mux(packet)
    return target


def _two_streams(films: Films, target: Path) -> Path:
    """Two pictures in one file; the first is the one that counts."""
    with av.open(str(target), "w") as out:
        streams: list[Any] = [out.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.codec_context.gop_size = 24
        for number in range(80):
            for stream, first in zip(streams, (0, 1000), strict=True):
                picture = av.VideoFrame.from_ndarray(draw(first + number), format="rgb24")
                out.mux(stream.encode(picture))
        for stream in streams:
            out.mux(stream.encode())
    return target


def _pausing(films: Films, target: Path) -> Path:
    """The picture stands still twice (freeze button): many frames are equal."""
    with av.open(str(target), "w") as out:
        stream: Any = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 12
        stream.codec_context.max_b_frames = 2
        for number in range(120):
            shown = min(max(number, 0), 30) if number < 70 else number
            out.mux(stream.encode(av.VideoFrame.from_ndarray(draw(shown), format="rgb24")))
        out.mux(stream.encode())
    return target


DERIVED: dict[str, tuple[str, Callable[[Films, Path], Path]]] = {
    "edit-list-cut": (".mp4", _edit_list_cut),
    "broken-start-ts": (".ts", _broken_start_ts),
    "broken-start-mpeg2-ts": (".ts", _broken_start_mpeg2),
    "joined-ts": (".ts", _joined_ts),
    "damaged-ts": (".ts", _damaged_ts),
    "damaged-mp4": (".mp4", _damaged_mp4),
    "wrapped-ts": (".ts", _wrapped_ts),
    "two-streams": (".mkv", _two_streams),
    "pausing-avi": (".avi", _pausing),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``any_film`` runs a test once a video, ``drawn_film`` once a video that was encoded frame by frame."""
    if "any_film" in metafunc.fixturenames:
        metafunc.parametrize("any_film", [*RECIPES, *DERIVED])
    if "drawn_film" in metafunc.fixturenames:
        metafunc.parametrize("drawn_film", RECIPES)


@pytest.fixture(scope="session")
def counter() -> Callable[[np.ndarray], int | None]:
    """Reads the number drawn in a frame."""
    return read_counter


@pytest.fixture(scope="session")
def make_film() -> Callable[..., Path]:
    """Encodes a video: ``make_film(path, frames=30, codec="libx264")``, the names as in `Recipe`."""

    def make(path: Path, **settings: Any) -> Path:
        return encode(path, Recipe(path.suffix, **settings))

    return make


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    """Makes a named test video on first use: ``films("h264-cfr-mp4")`` → path."""
    return Films(tmp_path_factory.mktemp("films"))
