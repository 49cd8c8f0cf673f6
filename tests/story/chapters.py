"""The main job in the window, told by mouse and keyboard: a first exam, then a follow-up with two findings.

The catalogue says what came of each step; what only the eye can see is waited for on the screen.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hands import ROOT, Step, Thing, Window, wait_for

T = TypeVar("T")
PATIENT = "PH4-005"
FOLLOW_UP = "follow-up"
"""The part of the story whose keys are counted."""
TICKS = 512
"""Of a frame of the demo's videos."""


@dataclass(frozen=True)
class Exam:
    """An exam of the demo: its file and its day."""

    name: str
    day: dt.date


@dataclass(frozen=True)
class Lesion:
    """How a finding is shown and described.

    Attributes:
        box: of its best frame, in picture pixels: x, y, width, height.
        frames: first and last frame of the clip, and the one that the box is drawn on.
        way_in, way_out, way_back: keys that lead from where the player stands to the first frame, from there
            to the last, and from there to the box.
        told: what is typed for each field, in the order in which the form asks for them.
        values: the description that this makes.
    """

    box: tuple[int, int, int, int]
    frames: tuple[int, int, int]
    way_in: list[str]
    way_out: list[str]
    way_back: list[str]
    told: list[str]
    values: dict[str, Any]


FIRST_EXAM, SECOND_EXAM = (
    Exam(f"{PATIENT}-E1.mp4", dt.date(2020, 8, 3)),
    Exam(f"{PATIENT}-E2.mp4", dt.date(2020, 11, 13)),
)
SECOND, BACK = "shift+Right", "shift+Left"
FIRST = Lesion(
    box=(270, 106, 184, 240),
    frames=(25, 125, 88),
    way_in=[SECOND],
    way_out=[SECOND] * 4,
    way_back=[BACK] + ["Left"] * 12,
    told=["l", "trans", "28", "e", "iia", "g", "white", "biopsy"],
    values={
        "state": "LST",
        "segment": "transverse",
        "size_mm": 28,
        "size_method": "eye",
        "paris": "IIa",
        "lst": "G-H",
        "imaging": "white light",
        "action": "biopsy only",
    },
)
AGAIN = Lesion(
    box=(218, 77, 162, 208),
    frames=(7, 57, 32),
    way_in=["Right"] * 7,
    way_out=[SECOND] * 2,
    way_back=[BACK],
    told=["l", "hep", "44", "e", "iia", "g", "bli", "left"],
    values={
        "state": "LST",
        "segment": "hepatic flexure",
        "size_mm": 44,
        "size_method": "eye",
        "paris": "IIa",
        "lst": "G-H",
        "imaging": "BLI",
        "action": "left in situ",
    },
)
NEW = Lesion(
    box=(237, 159, 74, 92),
    frames=(82, 132, 107),
    way_in=[SECOND] * 2,
    way_out=[SECOND] * 2,
    way_back=[BACK],
    told=["p", "desc", "5", "e", "is", "bli", "cold sn", "e", "y", "y"],
    values={
        "state": "polyp",
        "segment": "descending",
        "size_mm": 5,
        "size_method": "eye",
        "paris": "Is",
        "imaging": "BLI",
        "action": "cold snare",
        "en_bloc": "en bloc",
        "complete": "yes",
        "retrieved": "yes",
    },
)


class Story:
    """Tells it in a window on an empty data folder; the exams' files lie in the home of whoever uses it."""

    def __init__(self, window: Window) -> None:
        self.window = window
        for exam in (FIRST_EXAM, SECOND_EXAM):
            shutil.copy(ROOT / "resources" / "demo" / "videos" / exam.name, window.home)

    def ask(self, question: Callable[[Any], T]) -> T:
        """Reads the catalogue from outside, while the program runs."""
        from core.catalog.engine import Catalog
        from core.paths import DataDir

        with Catalog.open(DataDir(self.window.data)) as catalog:
            return question(catalog)

    # --- the parts ----------------------------------------------------------------------------------------

    def first_exam(self) -> int:
        """Imports by the menu, watches the video, marks and describes one finding; gives its clip."""
        with self.window.step("import by the menu"):
            self.window.keys("alt+f", "i")
            self._import(FIRST_EXAM)
            self.window.wait_for_frame(0)
        with self.window.step("play, scrub, go back"):
            self._watch()
        clip = self._mark(FIRST)
        self._describe(clip, FIRST)
        assert self._told(clip) == FIRST.values
        return clip

    def follow_up(self, earlier: int) -> tuple[int, int]:
        """Imports the second exam and decides about two findings; gives their clips."""
        with self.window.step("import by its key", FOLLOW_UP):
            self.window.keys("ctrl+i")
            self._import(SECOND_EXAM)
        with self.window.step("open its video", FOLLOW_UP):
            self._open(SECOND_EXAM)
        again = self._mark(AGAIN, FOLLOW_UP)
        self._locked(again)
        self._describe(again, AGAIN, FOLLOW_UP)
        self._match(again, AGAIN, earlier)
        with self.window.step("explain", FOLLOW_UP):
            self.window.keys("ctrl+e")
            self.window.thing("ranking pools up to six")
        self._decide(again, "alt+1", "same lesion")
        new = self._mark(NEW, FOLLOW_UP)
        self._locked(new)
        self._describe(new, NEW, FOLLOW_UP)
        self._match(new, NEW, earlier)
        self._decide(new, "alt+4", "new lesion")
        return again, new

    def undo_and_redo(self, clip: int) -> None:
        """Takes the last verdict back, and gives it again."""
        before = self._verdict(clip)
        with self.window.step("undo the verdict"):
            self.window.keys("ctrl+z")
            wait_for(lambda: self._verdict(clip) is None, "the undo")
        with self.window.step("redo the verdict"):
            self.window.keys("ctrl+shift+z")
            wait_for(lambda: self._verdict(clip) == before, "the redo")

    # --- the steps ----------------------------------------------------------------------------------------

    def _import(self, exam: Exam) -> None:
        from core.catalog import queries

        window = self.window
        window.focus("Choose the videos of one exam")
        window.type(exam.name)
        window.take(f"files of {exam.day}")
        window.keys("Return")
        window.focus("Import videos")
        window.type(PATIENT)
        window.keys("Tab")
        window.type(f"{exam.day:%Y-%m-%d}")
        window.take(f"exam of {exam.day}")
        window.keys("Return")
        told: set[str] = set()

        def filed() -> bool:
            told.update(one.words for one in window.see() if one.words.startswith("Import"))
            return any(one.date == exam.day for one in self.ask(queries.exams))

        wait_for(filed, f"the exam of {exam.day}")
        assert told, "the import never said how far it was"
        (filed_exam,) = [one for one in self.ask(queries.exams) if one.date == exam.day]
        (patient,) = self.ask(queries.patients)
        assert (patient.code, filed_exam.patient_id) == (PATIENT, patient.id)
        (video,) = self.ask(lambda catalog: queries.videos(catalog, filed_exam.id))
        assert Path(video.path).name == exam.name
        window.focus()

    def _open(self, exam: Exam) -> None:
        """By the library: to the new exam below the clip that was worked on, and into its video."""
        window = self.window
        window.thing(f"Exam {exam.day}")
        window.keys("F2", "Down")
        wait_for(lambda: f"{exam.day}" in window.field()[1], "the exam in the library")
        window.keys("Right", "Down")
        wait_for(lambda: exam.name in window.field()[1], "its video in the library")
        window.keys("Return")
        window.wait_for_frame(0)

    def _watch(self) -> None:
        window = self.window
        window.keys("F3", "space")
        wait_for(lambda: any((one.frame or 0) > 20 for one in window.see()), "the video to play")
        window.keys("space", "j")  # backwards, to the beginning
        window.wait_for_frame(0)
        x, y, width, height = window.thing("Timeline").place
        window.drag((x + width * 0.2, y + height // 2), (x + width * 0.8, y + height // 2))
        wait_for(lambda: any((one.frame or 0) > 100 for one in window.see()), "the frame scrubbed to")
        window.keys("Home")
        window.wait_for_frame(0)

    def _mark(self, lesion: Lesion, part: str = "") -> int:
        """In, out, a clip and its box: by keys, the box with the mouse."""
        from core.catalog import queries

        window, known = self.window, {clip.id for clip in self.ask(queries.clips)}
        first, last, best = lesion.frames
        with window.step("mark a clip", part):
            window.keys("F3", *lesion.way_in)
            window.wait_for_frame(first)
            window.keys("i", *lesion.way_out)
            window.wait_for_frame(last)
            window.keys("o", "Return")
            (new,) = wait_for(lambda: {clip.id for clip in self.ask(queries.clips)} - known, "the clip")
        clip = self.ask(lambda catalog: queries.clip(catalog, new))
        assert (clip.pts_in, clip.pts_out) == (first * TICKS, last * TICKS)
        with window.step("draw its box", part):
            window.thing("0 of 7 needed")  # the clip is the chosen one
            window.keys(*lesion.way_back)
            picture = window.wait_for_frame(best)
            window.drag(*_corners(lesion.box, picture))
            (box,) = wait_for(lambda: self.ask(lambda c: queries.clip(c, new)).boxes, "the box")
        assert box.pts == best * TICKS
        drawn = (box.x, box.y, box.w, box.h)
        assert all(abs(a - b) <= 2 for a, b in zip(drawn, lesion.box, strict=True)), (drawn, lesion.box)
        return int(new)

    def _locked(self, clip: int) -> None:
        """What isn't described has no matches; to look doesn't count."""
        with self.window.step("see that matches are locked"):
            self.window.keys("F6", "ctrl+m")
            self.window.thing("Decide first, then look.")
            assert self._shown(clip) is None

    def _describe(self, clip: int, lesion: Lesion, part: str = "") -> None:
        with self.window.step("describe it", part):
            for key, words in zip(["ctrl+d"] + ["F8"] * len(lesion.told), lesion.told, strict=False):
                self._fill(key, words)
            wait_for(lambda: set(self._told(clip)) == set(lesion.values), "the description")

    def _fill(self, key: str, words: str) -> None:
        """On to the next field, by a key, and into it: where it has buttons, a letter chooses."""
        window, before = self.window, self.window.field()[0]
        window.keys(key)
        wait_for(lambda: window.field()[0] not in ("", before), f"the field after “{before}”")
        window.type(words)
        wait_for(lambda: len(words) == 1 or window.field()[1] == words, f"“{words}” in its field")

    def _match(self, clip: int, lesion: Lesion, earlier: int) -> None:
        with self.window.step("show the matches", FOLLOW_UP):
            self.window.keys("ctrl+m")
            shown = wait_for(lambda: self._shown(clip), "the ranking")
            self.window.thing("dmcl-")
        assert self._told(clip) == lesion.values  # also of the field that was left last
        assert [one for one, _ in shown.after["ranking"]] == [earlier]

    def _decide(self, clip: int, key: str, name: str) -> None:
        with self.window.step(f"verdict: {name}", FOLLOW_UP):
            self.window.keys(key)
            verdict = wait_for(lambda: self._verdict(clip), "the verdict")
        assert verdict.verdict.value == name
        assert verdict.model_id == self._shown(clip).after["model"]

    # --- what the catalogue says --------------------------------------------------------------------------

    def _told(self, clip: int) -> dict[str, Any]:
        from core.catalog import queries

        revision = self.ask(lambda c: queries.description(c, queries.clip(c, clip).finding_id))
        assert revision is None or (revision.author, revision.draft) == ("tester", True)
        return revision.values if revision else {}

    def _shown(self, clip: int) -> Any:
        from core.catalog import queries

        return self.ask(lambda c: queries.last_audit_event(c, "ranking-shown", f"clip {clip}"))

    def _verdict(self, clip: int) -> Any:
        from core.catalog import queries

        return self.ask(lambda c: queries.verdict(c, queries.clip(c, clip).finding_id))


def _corners(box: tuple[int, int, int, int], picture: Thing) -> list[tuple[float, float]]:
    """Where on the screen two corners of a box lie that is given in picture pixels."""
    (x, y, w, h), (left, top, *_), scale = box, picture.place, picture.scale
    return [(left + a * scale, top + b * scale) for a, b in ((x, y), (x + w, y + h))]


def tell(window: Window, whole: bool = True) -> dict[str, Any]:
    """Tells the story in a new window and closes it; gives what the probe measured, with the steps.

    Args:
        window: on an empty data folder.
        whole: with the follow-up exam; else the first one alone.
    """
    story = Story(window)
    clip = story.first_exam()
    if whole:
        _, new = story.follow_up(clip)
        story.undo_and_redo(new)
    assert "libtorch" not in Path(f"/proc/{window.process.pid}/maps").read_text()
    with window.step("close"):
        assert window.close() == 0
    assert "Traceback" not in window.log.read_text()
    return window.stalls()


def counted(steps: list[Step]) -> Step:
    """The sum over the follow-up exam, from opening the import dialog to the second verdict."""
    total = Step("follow-up exam with two findings", FOLLOW_UP)
    for step in steps:
        if step.part == FOLLOW_UP:
            total.keys += step.keys
            total.typed += step.typed
            total.clicks += step.clicks
            total.drags += step.drags
    return total


def strokes(step: Step) -> str:
    """In words."""
    return f"{step.keys} keys, {step.typed} typed characters, {step.clicks} clicks, {step.drags} drags"
