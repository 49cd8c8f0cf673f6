"""The player in every state."""

from __future__ import annotations

from camera import Stage, choose, clips_of, leave, videos_of
from material import PATIENT, SPOILT, STRANGE
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from desktop.main_window import MainWindow
from desktop.player.picture import PictureState


def a_clip(stage: Stage) -> None:
    """A follow-up clip: its box, the nearest marked frame's box, marks, playing, enlarged, a preview."""
    with stage.window(stage.copy(stage.demo)) as window:
        chosen = clips_of(stage.demo, "PH4-001")[-1]
        do = {name: action.trigger for name, action in window.actions_by_id.items()}
        choose(stage, window, chosen)
        stage.take(window, "player-clip")
        to_a_box(stage, window)
        stage.take(window, "player-lesion-box")
        do["next"]()
        stage.take(window.player, "player-box-of-a-frame-nearby")
        do["mark-in"]()
        window.player.step(40)
        do["mark-out"]()
        stage.take(window.player, "player-marks")
        do["play"]()
        stage.settle(1.0)
        stage.catch(window.player, "player-playing")
        do["play"]()
        to_a_box(stage, window)
        for _ in range(4):
            do["zoom-in"]()
        stage.take(window.player, "player-enlarged")
        do["fit"]()
        line = window.player.timeline
        QTest.mouseMove(line, QPoint(line.width() * 2 // 3, line.height() // 2))
        stage.wait(lambda: line.tip is not None and line.tip.isVisible(), "the preview", 10)
        stage.take(window, "player-preview")
        leave(line)


def outlines(stage: Stage) -> None:
    """Burned-in text and the scope region outlined; text being corrected, with a new box chosen."""
    with stage.window(stage.copy(stage.demo)) as window:
        choose(stage, window, clips_of(stage.demo, "PH4-001")[-1])
        window.actions_by_id["text-show"].trigger()
        stage.take(window.player, "player-burned-in-text")
        window.actions_by_id["text-show"].trigger()
        window.actions_by_id["region-show"].trigger()
        stage.take(window.player, "player-scope-region")
        window.actions_by_id["region-show"].trigger()
        window.actions_by_id["text-correct"].trigger()
        stage.take(window, "player-text-correcting")
        canvas, text = window.player.canvas, window.player.canvas.text
        before = len(text.boxes)
        ends = [canvas.view.to_canvas(QPointF(*at)).toPoint() for at in ((180, 60), (330, 90))]
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=ends[0])
        QTest.mouseMove(canvas, (ends[0] + ends[1]) / 2)
        QTest.mouseMove(canvas, ends[1])
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=ends[1])
        stage.wait(lambda: len(text.boxes) > before, "the new box", 10)
        stage.take(window.player, "player-text-corrected")


def slow_and_refused(stage: Stage) -> None:
    """A film that takes a while to open and to jump in; a frame that can't be given."""
    with stage.window(stage.copy(stage.material.awkward)) as window:
        stage.take(window, "player-nothing-chosen")
        long, damaged = videos_of(stage.material.awkward, STRANGE)
        player = window.player
        window.library.show_selection(long)
        stage.wait(lambda: player.canvas.words[0].startswith("Loading"), "the loading", 10)
        stage.catch(window, "player-loading")
        stage.wait(lambda: player.canvas.has_frame, "the first frame")
        stage.settle()
        player.seek(340)
        stage.wait(lambda: player.canvas.state is PictureState.OLD, "the old frame", 10)
        stage.catch(window, "player-frame-is-being-decoded")
        stage.wait(lambda: player.canvas.number == 340, "frame 340")
        choose(stage, window, damaged)
        player.seek(SPOILT - 1)
        stage.wait(lambda: player.canvas.number == SPOILT - 1, "the frame before")
        player.step(1)
        stage.wait(lambda: player.canvas.state is PictureState.REFUSED, "the refused frame")
        stage.take(window, "player-frame-refused")


def lost(stage: Stage) -> None:
    """A file that was moved away, and one that became another."""
    clip = clips_of(stage.material.awkward, PATIENT)[-1]
    with stage.material.without_follow_up(), stage.window(stage.copy(stage.material.awkward)) as window:
        window.library.show_selection(clip)
        stage.wait(lambda: window.player.lost, "the loss")
        stage.take(window, "player-file-lost")
    with stage.material.another_follow_up(), stage.window(stage.copy(stage.material.awkward)) as window:
        window.library.show_selection(clip)
        stage.wait(lambda: window.player.lost, "the loss")
        stage.take(window, "player-file-is-another")


def to_a_box(stage: Stage, window: MainWindow) -> None:
    """On to the next frame that has a lesion box of its own."""
    player = window.player
    for _ in range(400):
        player.step(1)
        wanted = player.number
        stage.wait(lambda wanted=wanted: player.canvas.number == wanted, f"frame {wanted}")  # type: ignore[misc]
        if player.canvas.box is not None:
            return
    raise RuntimeError("no frame of this clip has a lesion box")


SCENES = (a_clip, outlines, slow_and_refused, lost)
