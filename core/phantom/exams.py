"""Renders one planned exam as a video with its truth."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from core.errors import PolypTraceError
from core.phantom.description_writer import exam_words
from core.phantom.overlay import Caption, compose, mask, outline
from core.phantom.path import Take, take, turn_speed
from core.phantom.plan import REMOVED, PlannedExam
from core.phantom.processor import (
    PROCESSORS,
    Exposure,
    Image,
    Linear,
    Look,
    Processor,
    develop,
    smear,
    varied,
)
from core.phantom.renderer import Renderer
from core.phantom.seeding import stream
from core.phantom.truth import Box, ClipTruth, ExamTruth, FrameTruth, box_of, write_truth
from core.phantom.wobble import Wobble, warped, warped_labels
from core.phantom.workers import Tick
from core.phantom.writer import VideoWriter
from core.text.render import model_text

_SHUTTER = 0.3
"""Share of the time between two rendered views during which the shutter is open."""


_WOBBLE = 0.008
"""How far the bowel's own movement shifts parts of the picture, as a share of its side (our choice)."""


class ExamSettings(msgspec.Struct, frozen=True):
    """How long and how fine exams are rendered.

    Args:
        seconds: length of an exam's video; each lesion gets an equal share, but at least ``least_take``.
        least_take: shortest take of one lesion, seconds.
        fps: frames a second of the file.
        held: how many frames show one rendered view; 2 at 25 fps means 12.5 different views a second.
        detail: pixels rendered per pixel shown, along each side; the rest is interpolated.
        clip_frames: rows a clip gets in the manifest.
    """

    seconds: float = 8.0
    least_take: float = 3.0
    fps: int = 25
    held: int = 2
    detail: float = 0.7
    clip_frames: int = 7

    def views(self, lesions: int) -> int:
        """Rendered views of one take in an exam that shows ``lesions`` lesions."""
        seconds = max(self.least_take, self.seconds / max(lesions, 1))
        return max(8, round(seconds * self.fps / self.held))


class ExamJob(msgspec.Struct, frozen=True):
    """All that a worker needs to render one exam into ``folder``."""

    folder: Path
    patient: str
    split: str
    known: frozenset[str]
    exam: PlannedExam
    settings: ExamSettings


class _Sight(msgspec.Struct):
    """One rendered view that shows the lesion: first of its frames, and the mask on the screen, packed."""

    index: int
    box: Box
    visible_px: int
    packed: NDArray[np.uint8]


def exam_views(job: ExamJob) -> int:
    """How many views rendering this job takes (and ticks), unless a lesion can't be seen."""
    lesions = len(job.exam.colon.lesions)
    return lesions * job.settings.views(lesions)


def render_exam(job: ExamJob, tick: Tick) -> ExamTruth:
    """Renders the video, the masks and the truth of one exam into ``job.folder``.

    Raises:
        Cancelled: from ``tick``; half-written files stay behind in the folder, which the caller removes.
        PolypTraceError: ``phantom-video`` when the file could not be written whole.
    """
    screen = _Screen(job)
    name = f"{job.patient}-E{job.exam.number}"
    video = job.folder / "videos" / f"{name}.mp4"
    processor = screen.processor
    sights: list[list[_Sight]] = []
    missed: list[str] = []
    crf, fps = processor.crf, job.settings.fps
    with VideoWriter(video, processor.width, processor.height, fps, crf) as writer:
        for index, lesion in enumerate(job.exam.colon.lesions):
            seen = _film(job, screen, index, writer, tick)
            sights.append(seen)
            if not seen:
                missed.append(lesion.key)
    clips: list[ClipTruth] = []
    for index, seen in enumerate(sights):
        if seen:
            clips.append(_clip(job, screen, index, len(clips) + 1, seen, writer.pts))
    truth = ExamTruth(
        patient_id=job.patient,
        exam=job.exam.number,
        date=job.exam.date,
        split=job.split,
        video=f"videos/{name}.mp4",
        width=processor.width,
        height=processor.height,
        frames=len(writer.pts),
        fps=fps,
        held=job.settings.held,
        time_base=(writer.time_base.numerator, writer.time_base.denominator),
        region=tuple((int(x), int(y)) for x, y in outline(processor)),
        processor=processor.brand,
        optics=job.exam.optics,
        clips=tuple(clips),
        missed=tuple(missed),
    )
    write_truth(job.folder / "truth" / f"{name}.json", truth)
    return truth


class _Screen:
    """The scope, the processor and the monitor of one exam."""

    def __init__(self, job: ExamJob) -> None:
        exam = job.exam
        self.processor: Processor = PROCESSORS[exam.processor]
        rng = stream(exam.seed, "screen")
        self.look: Look = varied(self.processor.look, rng)
        self.roll = float(rng.uniform(-math.pi, math.pi))
        self.start = dt.datetime.combine(exam.date, dt.time(8)) + dt.timedelta(
            seconds=int(rng.integers(8 * 3600))
        )
        self.renderer = Renderer(exam.colon, exam.optics)
        self._noise = stream(exam.seed, "noise")
        self._exposure = Exposure(self.look)
        self._light = self.processor.narrow_band if exam.optics.narrow_band else "WLI"
        self._code = job.patient
        width, height = self.processor.picture[2:]
        self.size = (width, height)
        self.rendered = (
            max(24, round(width * job.settings.detail)),
            max(24, round(height * job.settings.detail)),
        )

    def show(self, light: Linear, moment: dt.datetime) -> Image:
        """Develops a rendered view and puts it on the screen."""
        gain = self._exposure.gain(light)
        full: Linear = np.asarray(cv2.resize(light, self.size), np.float32)
        picture = develop(full, self.look, gain, self._noise)
        return compose(picture, self.processor, Caption(self._code, moment, self._light))

    def lesion_mask(self, lesion: NDArray[np.int16], index: int) -> NDArray[np.bool_]:
        """Where the lesion shows on the whole screen, (height, width) bool."""
        on = cv2.resize((lesion == index + 1).astype(np.uint8), self.size, interpolation=cv2.INTER_NEAREST)
        screen = np.zeros((self.processor.height, self.processor.width), bool)
        x, y, w, h = self.processor.picture
        screen[y : y + h, x : x + w] = on.astype(bool) & mask(self.processor)
        return screen


def _film(job: ExamJob, screen: _Screen, index: int, writer: VideoWriter, tick: Tick) -> list[_Sight]:
    """Films one take; returns the views that show the lesion."""
    settings, lesions = job.settings, len(job.exam.colon.lesions)
    width, height = screen.rendered
    rng = stream(job.exam.seed, "take", index)
    way = take(screen.renderer, index, settings.views(lesions), width / height, screen.roll, rng)
    if way is None:
        return []
    wobble = Wobble(stream(job.exam.seed, "wobble", index), _WOBBLE)
    pause = dt.timedelta(seconds=90 * index + int(rng.integers(60)))
    sights: list[_Sight] = []
    for n, pose in enumerate(way.poses):
        tick()
        render = screen.renderer.render(pose, width, height)
        bent = wobble.maps(width, height, n * settings.held / settings.fps)
        light = _smear(warped(render.rgb, bent), way, n, screen, job.exam.optics.fov_deg)
        moment = screen.start + pause + dt.timedelta(seconds=n * settings.held / settings.fps)
        picture = screen.show(light, moment)
        first = writer.write(picture)
        for _ in range(settings.held - 1):
            writer.write(picture)
        sight = _sight(first, screen.lesion_mask(warped_labels(render.lesion, bent), index))
        if sight is not None:
            sights.append(sight)
    return sights


def _smear(light: Linear, way: Take, at: int, screen: _Screen, fov_deg: float) -> Linear:
    """Motion blur of a turning scope: a line as long as the picture moves while the shutter is open."""
    yaw, pitch = turn_speed(way.poses, at)
    focal = math.hypot(*screen.rendered) / math.radians(fov_deg)
    roll = way.poses[at].roll
    dx = focal * _SHUTTER * (yaw * math.cos(roll) + pitch * math.sin(roll))
    dy = focal * _SHUTTER * (yaw * math.sin(roll) - pitch * math.cos(roll))
    return smear(light, dx, dy)


def _sight(index: int, shown: NDArray[np.bool_]) -> _Sight | None:
    """What a view tells about its lesion, or None when hardly anything of it shows."""
    visible = int(shown.sum())
    if visible < 0.0006 * shown.size:
        return None
    return _Sight(index, box_of(shown), visible, np.packbits(shown))


def _clip(
    job: ExamJob, screen: _Screen, index: int, number: int, sights: list[_Sight], pts: tuple[int, ...]
) -> ClipTruth:
    exam, lesion = job.exam, job.exam.colon.lesions[index]
    clip_id = f"{job.patient}-E{exam.number}-C{number}"
    words = exam_words(exam, index)
    chosen = _choose(sights, job.settings.clip_frames)
    frames = []
    for n, sight in enumerate(sights):
        name = f"masks/{clip_id}-{pts[sight.index]}.png" if n in chosen else None
        if name is not None:
            _write_mask(job.folder / name, sight, screen.processor)
        frames.append(FrameTruth(sight.index, pts[sight.index], sight.box, sight.visible_px, name))
    return ClipTruth(
        clip_id=clip_id,
        polyp_id=lesion.key,
        split=job.split,
        has_match=lesion.key in job.known if job.split == "query" else None,
        pts_in=frames[0].pts,
        pts_out=pts[sights[-1].index + job.settings.held - 1],
        removed=exam.fates[index] == REMOVED,
        lesion=lesion,
        description=words,
        text=model_text(words),
        frames=tuple(frames),
    )


def _choose(sights: list[_Sight], wanted: int) -> frozenset[int]:
    """Evenly spread views among those that show the lesion well: at least a quarter of its best size."""
    best = max(sight.visible_px for sight in sights)
    good = [n for n, sight in enumerate(sights) if sight.visible_px >= 0.25 * best]
    picks = np.linspace(0, len(good) - 1, min(wanted, len(good))).round().astype(int)
    return frozenset(good[n] for n in picks)


def _write_mask(path: Path, sight: _Sight, processor: Processor) -> None:
    size = processor.height * processor.width
    shown = np.unpackbits(sight.packed, count=size).reshape(processor.height, processor.width)
    done, data = cv2.imencode(".png", shown * 255)
    if not done:
        raise PolypTraceError(
            "phantom-picture", f"{path.name} could not be encoded.", "Check the free memory."
        )
    path.write_bytes(data.tobytes())
