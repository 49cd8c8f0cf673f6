"""Renders the demo exams that are shipped: ``python -m core.demo_data resources/demo``.

The demo was fixed before any model was trained; nothing here looks at a model. Its seed is the smallest with
which five patients have Ip, Isp, Is, IIa and a laterally spreading lesion among their follow-up lesions,
lesions that are linked over earlier exams, and a known lesion as the first follow-up clip.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from core.phantom.truth import ExamTruth, FrameTruth, read_exam, write_truth
from core.progress import ProgressSink, no_progress

PATIENTS, SEED = 5, 4
BOXES = 6
"""Marked frames a clip, spread in time: about what a patient endoscopist would draw."""
EXAM_SECONDS = 8.0


def render_demo(out: Path, progress: ProgressSink = no_progress) -> list[ExamTruth]:
    """Renders the demo's exams into ``out``: ``videos/`` and ``truth/``. About four minutes on two cores.

    Raises:
        PolypTraceError: as :func:`core.phantom.generate.generate`.
    """
    from core.phantom.generate import generate  # here: reading the demo must not load the renderer

    with tempfile.TemporaryDirectory() as folder:
        made = generate(Path(folder) / "demo", PATIENTS, SEED, exam_seconds=EXAM_SECONDS, progress=progress)
        exams = [_thinned(exam) for exam in made.exams]
        for name in ("videos", "truth"):
            shutil.rmtree(out / name, ignore_errors=True)
            (out / name).mkdir(parents=True)
        for exam in exams:
            shutil.copyfile(made.out / exam.video, out / exam.video)
            write_truth(out / "truth" / f"{exam.patient_id}-E{exam.exam}.json", exam)
    return exams


def read_demo(folder: Path) -> list[ExamTruth]:
    """The exams of a demo folder, by patient and exam.

    Raises:
        FileNotFoundError: the folder holds no demo.
    """
    files = sorted((folder / "truth").glob("*-E*.json"))
    if not files:
        raise FileNotFoundError(str(folder))
    exams = [read_exam(path) for path in files]
    return sorted(exams, key=lambda exam: (exam.patient_id, exam.exam))


def _thinned(exam: ExamTruth) -> ExamTruth:
    """The truth with only the frames whose boxes the demo marks."""
    clips = tuple(msgspec.structs.replace(clip, frames=_spread(clip.frames)) for clip in exam.clips)
    return msgspec.structs.replace(exam, clips=clips)


def _spread(frames: tuple[FrameTruth, ...]) -> tuple[FrameTruth, ...]:
    """:data:`BOXES` frames at equal steps, the middle of each step: not those with the best view."""
    step = max(1.0, len(frames) / BOXES)
    chosen = [frames[int((k + 0.5) * step)] for k in range(min(BOXES, len(frames)))]
    return tuple(msgspec.structs.replace(frame, mask=None) for frame in chosen)


if __name__ == "__main__":
    for made in render_demo(Path(sys.argv[1])):
        sys.stdout.write(f"{made.video}: {made.frames} frames, {len(made.clips)} clips\n")
