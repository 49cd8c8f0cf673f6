"""All that is marked in the video: clips, the boxes of the one that is shown, in and out marks."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain import Clip
from desktop.player.boxes import Boxes
from desktop.player.film import Film
from desktop.player.marks import Marks
from desktop.player.timeline_paint import Content, Stretch


class Marked:
    """Holds what is marked and lays it out for the timeline. Empty for each video anew."""

    def __init__(self) -> None:
        self.clips: tuple[Clip, ...] = ()
        self.clip: Clip | None = None
        self.boxes = Boxes()
        self.marks = Marks()

    def show_clips(self, clips: Sequence[Clip]) -> None:
        """Takes the clips of the video. Marks that became one of them are cleared."""
        known = {clip.id for clip in self.clips}
        ends = (self.marks.pts_in, self.marks.pts_out)
        if any((clip.pts_in, clip.pts_out) == ends for clip in clips if clip.id not in known):
            self.marks = Marks()
        self.clips = tuple(clips)

    def show_clip(self, clip: Clip | None) -> bool:
        """Takes the clip that is shown; gives whether it is another one than before."""
        other = clip is not None and (self.clip is None or clip.id != self.clip.id)
        self.clip = clip
        self.boxes.show(clip)
        return other

    def way_into_clip(self, film: Film, number: int) -> int:
        """The first frame of the clip that is shown where this frame lies outside of it; else this frame."""
        pts = film.pts(number)
        if self.clip is None or pts is None or self.clip.pts_in <= pts <= self.clip.pts_out:
            return number
        return film.first_from(self.clip.pts_in)

    def content(self, film: Film) -> Content:
        """What the timeline shows. In a video without time stamps nothing is marked."""
        if not film.has_stamps:
            return Content(film)
        return Content(film, self._stretches(film), self._ticks(film), *self._ends(film))

    def _shown(self) -> list[Clip]:
        shown = {clip.id: clip for clip in self.clips}
        if self.clip is not None:
            shown[self.clip.id] = self.clip
        return list(shown.values())

    def _stretches(self, film: Film) -> tuple[Stretch, ...]:
        return tuple(
            Stretch(_seconds(film, clip.pts_in), _seconds(film, clip.pts_out), clip is self.clip)
            for clip in self._shown()
        )

    def _ticks(self, film: Film) -> tuple[float, ...]:
        marked = {box.pts for clip in self._shown() if clip is not self.clip for box in clip.boxes}
        return tuple(_seconds(film, pts) for pts in marked | self.boxes.marked.keys() if pts is not None)

    def _ends(self, film: Film) -> tuple[float | None, float | None]:
        pts_in, pts_out = self.marks.pts_in, self.marks.pts_out
        return (
            None if pts_in is None else _seconds(film, pts_in),
            None if pts_out is None else _seconds(film, pts_out),
        )


def _seconds(film: Film, pts: int) -> float:
    return film.seconds(film.number_at(pts))
