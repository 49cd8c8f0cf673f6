"""The player: one video, frame by frame, with marks, clips and lesion boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from core.domain import Box, Clip, PixelBox, ScopeRegion
from core.errors import PolypTraceError
from desktop.player.canvas import FrameCanvas
from desktop.player.film import Film
from desktop.player.frames import FrameSource
from desktop.player.marked import Marked
from desktop.player.marks import Marks, no_stamps
from desktop.player.shuttle import Shuttle, faster
from desktop.player.timeline import Timeline
from desktop.player.transport import Transport

_PATIENCE_MS = 120
"""After so long the frame that is still shown is marked as old: not before, or every step would flicker."""
_CORRECTING = (
    "Burned-in text is painted over before a model sees a frame. Drag around text that has no box; "
    "click a box and press Delete where there is no text. Escape leaves."
)
_NOTHING = ("No video chosen", "Choose a video of an exam to see it here.")


class Player(QWidget):
    """Shows exactly the frame whose number it names. Decodes in a thread; :meth:`shutdown` ends it.

    Signals:
        clip_wanted(int, int): a clip from this pts to that one, both included, in ticks.
        box_drawn(Box): the frame with the box's pts has this box now.
        box_cleared(int): the frame with this pts has none any more.
        text_added(PixelBox), text_removed(PixelBox): burned-in text is, or isn't, in this box.
        frame_shown(int): this frame is on the screen.
        problem(PolypTraceError): the video can't be shown, or what was asked for can't be done.
        file_wanted(): somebody would like to say where the video's file lies now.
        modes_changed(): :attr:`lost`, or what is outlined or corrected on the frame, is another now.
    """

    clip_wanted = Signal(object, object)
    box_drawn = Signal(object)
    box_cleared = Signal(object)
    text_added = Signal(object)
    text_removed = Signal(object)
    frame_shown = Signal(int)
    problem = Signal(object)
    file_wanted = Signal()
    modes_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Player")
        self.canvas, self.timeline, self.transport = FrameCanvas(self), Timeline(self), Transport(self)
        self.text_hint = QLabel(_CORRECTING, self, wordWrap=True)
        self.find_file = QPushButton("Find the file…", self)
        self._source, self._shuttle = FrameSource(self), Shuttle(self)
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._film: Film | None = None
        self._marked = Marked()
        self._wanted, self._name = 0, ""
        self._speed = 1.0
        self.lost = False
        """Whether the file of the video isn't where it was, or is another one."""
        self._arrange()
        self._connect()
        self._show_rate()
        self.close_video()

    # -- the video -------------------------------------------------------------------------------------------

    def open_video(self, path: Path, sha256: str, data_dir: Path, region: ScopeRegion | None) -> None:
        """Opens an imported video at its first frame. What is asked for meanwhile is done once it is open.

        Args:
            path: where its file should lie.
            sha256: its content hash, under which the data folder knows its frames.
            data_dir: the data folder.
            region: its scope region, for :meth:`toggle_region`.
        """
        self._forget()
        self._name = path.name
        self.canvas.set_region(region)
        self.canvas.show_message("Loading the video…")
        self._source.open(path, sha256, data_dir)

    def close_video(self) -> None:
        """Shows no video, and lets go of its file."""
        self._forget()
        self._source.close()
        self.canvas.show_message(*_NOTHING)

    def shutdown(self) -> None:
        """Ends playing and the decoding thread, and waits for that."""
        self._shuttle.stop()
        self._patience.stop()
        self._source.shutdown()

    @property
    def number(self) -> int | None:
        """The frame at the playhead: while playing the one that is shown, else the one asked for last."""
        if self._film is None:
            return None
        return self._shuttle.number if self._shuttle.rate else self._wanted

    @property
    def pts(self) -> int | None:
        """The time stamp of the frame at the playhead in ticks; None without a video or without stamps."""
        number = self.number
        return self._film.pts(number) if self._film is not None and number is not None else None

    # -- where to go -----------------------------------------------------------------------------------------

    def seek(self, number: int) -> None:
        """Shows the frame with this number, or the nearest one there is. Playing ends."""
        self._shuttle.stop()
        self._go(number)

    def step(self, frames: int) -> None:
        """Shows the frame so many further; backwards is negative. Playing ends."""
        number = self.number
        if number is not None and frames:
            self._shuttle.stop()
            self._go(number + frames, 1 if frames > 0 else -1)

    def step_seconds(self, seconds: float) -> None:
        """Goes on by so many seconds, at least by one frame; backwards is negative. Playing ends."""
        number = self.number
        if self._film is None or number is None or not seconds:
            return
        goal = self._film.at_seconds(self._film.seconds(number) + seconds)
        self.step(goal - number if (goal - number) * seconds > 0 else (1 if seconds > 0 else -1))

    def toggle_play(self) -> None:
        """Plays forward at the chosen speed, from the beginning where the end is reached; or pauses."""
        if self._shuttle.rate:
            self.pause()
        elif self._film is not None:
            if self._wanted == self._film.last:
                self._go(0)
            self._play(self._speed)

    def play_forward(self) -> None:
        """Plays forward; pressed again it plays twice as fast, up to 8×."""
        self._play(faster(self._shuttle.rate, True, self._speed))

    def play_backward(self) -> None:
        """Plays backward; pressed again it plays twice as fast, up to 8×."""
        self._play(faster(self._shuttle.rate, False, self._speed))

    def pause(self) -> None:
        """Stops playing on the frame that is shown."""
        number = self.number
        if self._shuttle.rate and number is not None:
            self._shuttle.stop()
            if number != self._wanted:
                self._go(number)

    def _play(self, rate: float) -> None:
        number = self.number
        if self._film is not None and number is not None:
            self._shuttle.play(self._film, number, rate)

    def _choose_speed(self, speed: float) -> None:
        self._speed, rate = speed, self._shuttle.rate
        self._show_rate()
        if rate:
            self._play(speed if rate > 0 else -speed)

    def _go(self, number: int, step: int = 1) -> None:
        if self._film is None:
            self._wanted = max(0, number)
            return
        self._wanted = self._film.clamp(number)
        self.timeline.set_playhead(self._wanted)
        self.transport.show_position(self._film, self._wanted)
        if not self._source.want(self._wanted, step) and not self._patience.isActive():
            self._patience.start()

    def _hold(self) -> None:
        """Stays on the frame that is shown, also when another one is on its way."""
        self._shuttle.stop()
        shown = self.canvas.number
        if shown is not None and shown != self._wanted:
            self._go(shown)

    # -- what is marked --------------------------------------------------------------------------------------

    @property
    def marks(self) -> tuple[int | None, int | None]:
        """First and last pts of the clip to be, in ticks; None where not marked yet."""
        return self._marked.marks.pts_in, self._marked.marks.pts_out

    def show_clips(self, clips: Sequence[Clip]) -> None:
        """Shows the clips of the video on the timeline. Marks that became one of them are cleared."""
        self._marked.show_clips(clips)
        self._show_content()

    def show_clip(self, clip: Clip | None) -> None:
        """Shows a clip and its boxes as they were saved; None shows none.

        Another clip than before is gone to, unless the playhead is in it already.
        """
        other = self._marked.show_clip(clip)
        self._show_content()
        self._show_boxes()
        number = self.number
        if other and self._film is not None and number is not None:
            inside = self._marked.way_into_clip(self._film, number)
            if inside != number:
                self.seek(inside)

    def mark_in(self) -> None:
        """The clip to be begins with the frame at the playhead."""
        self._mark(self._marked.marks.with_in)

    def mark_out(self) -> None:
        """The clip to be ends with the frame at the playhead."""
        self._mark(self._marked.marks.with_out)

    def add_clip(self) -> None:
        """Asks for a clip between the marks; without an out mark it ends at the playhead."""
        if self._film is None:
            return
        self._marked.marks = self._marked.marks.closed_at(self.pts)
        self._show_content()
        try:
            ends = self._marked.marks.ends()
        except PolypTraceError as error:
            self.problem.emit(error)
        else:
            self.clip_wanted.emit(*ends)

    def show_text_boxes(self, boxes: tuple[PixelBox, ...]) -> None:
        """Takes where burned-in text is in the video, as it was saved."""
        self.canvas.set_text(boxes)

    def toggle_text(self) -> None:
        """Outlines burned-in text on the frame, or no longer does."""
        self.canvas.show_text(not self.canvas.text.shown)

    def toggle_region(self) -> None:
        """Outlines the scope region on the frame, or no longer does."""
        self.canvas.show_region(not self.canvas.region_shown)

    def correct_text(self) -> None:
        """Begins or ends the correction of burned-in text."""
        self.canvas.correct_text(not self.canvas.text.correcting)

    def _mark(self, marked: Callable[[int], Marks]) -> None:
        pts = self.pts
        if pts is not None:
            self._marked.marks = marked(pts)
            self._show_content()
        elif self._film is not None:
            self.problem.emit(no_stamps())

    def _box_drawn(self, box: Box) -> None:
        pts = self._shown_pts()
        if pts is None:
            self.canvas.set_boxes(None, None)
            self.problem.emit(no_stamps())
            return
        self._marked.boxes.put(pts, box)
        self._show_content()
        self.box_drawn.emit(replace(box, pts=pts))

    def _box_cleared(self) -> None:
        pts = self._shown_pts()
        if pts is not None:
            self._marked.boxes.put(pts, None)
            self._show_content()
            self._show_boxes()
            self.box_cleared.emit(pts)

    # -- what is shown ---------------------------------------------------------------------------------------

    def _shown_pts(self) -> int | None:
        shown = self.canvas.number
        return self._film.pts(shown) if self._film is not None and shown is not None else None

    def _opened(self, film: Film) -> None:
        self._film = film
        self.transport.setEnabled(True)
        self._show_content()
        self._wanted = self._marked.way_into_clip(film, film.clamp(self._wanted))
        self._go(self._wanted)

    def _missing(self, error: PolypTraceError) -> None:
        self.canvas.show_message(f"{self._name}: {error.message}", error.hint)
        self._show_lost(error.code != "video-not-read")
        self.problem.emit(error)

    def _show_lost(self, lost: bool) -> None:
        self.lost = lost
        self.find_file.setVisible(lost)
        self.modes_changed.emit()

    def _frame_ready(self, number: int, image: QImage) -> None:
        self.canvas.show_frame(number, image)
        if number == self._wanted:
            self._patience.stop()
        else:
            self._lose_patience()
        self._show_boxes()
        self.frame_shown.emit(number)
        self._shuttle.came(number)

    def _frame_failed(self, number: int, error: PolypTraceError) -> None:
        if number == self._wanted:
            self._patience.stop()
            self.canvas.mark_refused(error.message, error.hint, f"Shown is frame {self.canvas.number}")
            if error.code != "frame-not-exact":
                self.problem.emit(error)
        self._shuttle.came(number)

    def _lose_patience(self) -> None:
        if self.canvas.has_frame:
            self.canvas.mark_old(f"Frame {self.canvas.number} · frame {self._wanted} is being decoded …")

    def _show_boxes(self) -> None:
        pts = self._shown_pts()
        self.canvas.set_boxes(self._marked.boxes.on(pts), self._marked.boxes.near(pts))

    def _show_rate(self) -> None:
        self.transport.show_playing(self._shuttle.rate, self._speed)

    def _show_content(self) -> None:
        film = self._film
        self.timeline.show_content(self._marked.content(film) if film is not None else None)

    def _forget(self) -> None:
        """Nothing is left of the video before."""
        self._shuttle.stop()
        self._patience.stop()
        self._film, self._wanted = None, 0
        self._marked = Marked()
        self._show_lost(False)
        self.canvas.set_region(None)
        self.canvas.correct_text(False)
        self.canvas.set_text(())
        self.canvas.fit()
        self.timeline.show_content(None)
        self.transport.show_position(None, 0)
        self.transport.setEnabled(False)

    def _arrange(self) -> None:
        unit = self.fontMetrics().height()
        self.setFocusProxy(self.canvas)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(unit // 3)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.text_hint)
        column.addWidget(self.find_file, 0, Qt.AlignmentFlag.AlignHCenter)
        self.text_hint.setVisible(False)
        column.addWidget(self.timeline)
        column.addWidget(self.transport)

    def _connect(self) -> None:
        source, canvas, transport = self._source, self.canvas, self.transport
        source.opened.connect(self._opened)
        source.missing.connect(self._missing)
        source.frame_ready.connect(self._frame_ready)
        source.failed.connect(self._frame_failed)
        source.thumbnail_ready.connect(self.timeline.add_thumbnail)
        self._patience.timeout.connect(self._lose_patience)
        self._shuttle.due.connect(self._go)
        self._shuttle.changed.connect(self._show_rate)
        self.timeline.scrubbed.connect(self.seek)
        canvas.painted.connect(source.go_on)
        canvas.touched.connect(self._hold)
        canvas.stepped.connect(self.step)
        canvas.space_tapped.connect(self.toggle_play)
        canvas.box_drawn.connect(self._box_drawn)
        canvas.box_cleared.connect(self._box_cleared)
        canvas.text_added.connect(self.text_added)
        canvas.text_removed.connect(self.text_removed)
        canvas.text_mode.connect(self.text_hint.setVisible)
        for changed in (canvas.text_mode, canvas.outlined):
            changed.connect(lambda *_: self.modes_changed.emit())
        self.find_file.clicked.connect(lambda: self.file_wanted.emit())
        transport.play_pressed.connect(self.toggle_play)
        transport.step_pressed.connect(self.step)
        transport.in_pressed.connect(self.mark_in)
        transport.out_pressed.connect(self.mark_out)
        transport.add_pressed.connect(self.add_clip)
        transport.speed_chosen.connect(self._choose_speed)
