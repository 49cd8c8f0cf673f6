"""The in and out marks between which a clip is made."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import PolypTraceError


@dataclass(frozen=True)
class Marks:
    """First and last pts of the clip to be, in ticks; None where not marked yet. In never lies after out."""

    pts_in: int | None = None
    pts_out: int | None = None

    def with_in(self, pts: int) -> Marks:
        """Marks the first frame; an out mark before it is dropped."""
        keeps = self.pts_out is not None and self.pts_out >= pts
        return Marks(pts, self.pts_out if keeps else None)

    def with_out(self, pts: int) -> Marks:
        """Marks the last frame; an in mark after it is dropped."""
        keeps = self.pts_in is not None and self.pts_in <= pts
        return Marks(self.pts_in if keeps else None, pts)

    def closed_at(self, pts: int | None) -> Marks:
        """Takes the playhead for the out mark where only the in mark is set and lies before it."""
        if self.pts_in is None or self.pts_out is not None or pts is None or pts < self.pts_in:
            return self
        return Marks(self.pts_in, pts)

    def ends(self) -> tuple[int, int]:
        """First and last pts.

        Raises:
            PolypTraceError: ``marks-missing``.
        """
        if self.pts_in is None or self.pts_out is None:
            raise PolypTraceError(
                "marks-missing",
                "A clip needs its first and its last frame marked.",
                "Go to the first frame and press I, then to the last and press O.",
            )
        return self.pts_in, self.pts_out


def no_stamps() -> PolypTraceError:
    """The video carries no time stamps, so nothing can be marked in it."""
    return PolypTraceError(
        "time-no-stamps",
        "This video carries no time stamps, so clips and boxes can't be marked in it.",
        "Convert it to an MP4 file, then import that.",
    )
