"""Which lesion box belongs to which frame of the clip that is shown."""

from __future__ import annotations

from core.domain import Box, Clip


class Boxes:
    """The boxes of a clip, and those drawn since, until the clip is shown anew with what was saved."""

    def __init__(self) -> None:
        self._clip: Clip | None = None
        self._saved: dict[int, Box] = {}
        self._whole: Box | None = None
        self._drawn: dict[int, Box | None] = {}

    def show(self, clip: Clip | None) -> None:
        """Takes the boxes of a clip as they were saved; what was drawn since is no longer shown."""
        self._clip = clip
        boxes = clip.boxes if clip is not None else ()
        self._saved = {box.pts: box for box in boxes if box.pts is not None}
        self._whole = next((box for box in boxes if box.pts is None), None)
        self._drawn.clear()

    def put(self, pts: int, box: Box | None) -> None:
        """A box was drawn on the frame with this pts, or cleared."""
        self._drawn[pts] = box

    @property
    def marked(self) -> dict[int, Box]:
        """The frames that have a box, by pts."""
        both = sorted({**self._saved, **self._drawn}.items(), key=lambda entry: entry[0])
        return {pts: box for pts, box in both if box is not None}

    def on(self, pts: int | None) -> Box | None:
        """The box of this frame, or None."""
        return self.marked.get(pts) if pts is not None else None

    def near(self, pts: int | None) -> Box | None:
        """The box of the marked frame nearest in time, or the one that holds for the whole clip.

        None outside of the clip, where a box of it would say nothing.
        """
        clip, marked = self._clip, self.marked
        if pts is None or (clip is not None and not clip.pts_in <= pts <= clip.pts_out):
            return None
        if not marked:
            return self._whole
        return marked[min(marked, key=lambda other: abs(other - pts))]
