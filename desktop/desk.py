"""Keeps player, form and matches on the clip that is chosen, and turns what is done there into writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QObject, Signal

from core.domain import Box, Clip, DescriptionRevision, PixelBox, Video
from core.errors import PolypTraceError
from desktop.background import Failed
from desktop.session import Selection, Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from desktop.player.player import Player
    from desktop.views.description.form import DescriptionForm

NO_CLIP = "Choose a clip to describe its finding."


class Facts(msgspec.Struct, frozen=True):
    """What the catalogue says of a selection, and what undo and redo would do."""

    selection: Selection
    video: Video | None = None
    present: bool = True
    clips: tuple[Clip, ...] = ()
    clip: Clip | None = None
    revision: DescriptionRevision | None = None
    undo: str | None = None
    redo: str | None = None


def load_facts(catalog: Catalog, selection: Selection) -> Facts:
    """Reads them; ids that are gone (an undone clip) count as not chosen. For the reading thread."""
    from core.catalog import queries

    clips = [] if selection.exam is None else queries.clips(catalog, exam_id=selection.exam)
    clip = next((one for one in clips if one.id == selection.clip), None)
    videos = {one.id: one for one in queries.videos(catalog, selection.exam)} if selection.exam else {}
    video = videos.get(selection.video or (clip.video_id if clip else -1))
    return Facts(
        selection=selection,
        video=video,
        present=video is None or Path(video.path).exists(),
        clips=tuple(one for one in clips if video is not None and one.video_id == video.id),
        clip=clip,
        revision=queries.description(catalog, clip.finding_id) if clip else None,
        undo=queries.undo_label(catalog),
        redo=queries.redo_label(catalog),
    )


class Desk(QObject):
    """``facts_changed``: the chosen clip, its description or what undo would do is another now."""

    facts_changed = Signal(object)
    clip_added = Signal(object)

    def __init__(
        self, session: Session, player: Player, form: DescriptionForm, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._player, self._form = session, player, form
        self.facts = Facts(Selection())
        self._written: dict[int, int] = {}
        """By finding: the newest revision that was written here. Only the writing thread touches it."""
        session.leaving.connect(self._leaving)
        session.opened.connect(self._opened)
        session.chosen.connect(self._chosen)
        session.changed.connect(lambda _: self.refresh())
        form.save_wanted.connect(lambda values: self._save(values, final=False))
        form.finalise_wanted.connect(lambda values: self._save(values, final=True))
        form.clear(NO_CLIP)
        player.clip_wanted.connect(self._add_clip)
        player.box_drawn.connect(self._put_box)
        player.box_cleared.connect(self._remove_box)
        player.text_added.connect(lambda box: self._correct_text(add=box))
        player.text_removed.connect(lambda box: self._correct_text(remove=box))

    def _leaving(self) -> None:
        """What could be saved was saved before the window asked for another catalogue."""
        self._form.discard(NO_CLIP)
        self._player.close_video()
        self.facts = Facts(Selection())
        self.facts_changed.emit(self.facts)

    def _opened(self) -> None:
        self._written = {}
        self.refresh()

    def refresh(self) -> None:
        """Reads again what is chosen."""
        wanted = self._session.selection
        self._session.read(lambda catalog: load_facts(catalog, wanted), self._show)

    def trim(self) -> None:
        """Gives the chosen clip the player's marks as its ends."""
        clip, (first, last) = self.facts.clip, self._player.marks
        if clip is None:
            return
        start = clip.pts_in if first is None else first
        end = clip.pts_out if last is None else last
        self._write(lambda catalog, ops, author: ops.trim_clip(catalog, clip.id, start, end, author=author))

    def remove_clip(self) -> None:
        """Takes the chosen clip away; undo brings it back."""
        clip = self.facts.clip
        if clip is not None:
            self._write(lambda catalog, ops, author: ops.remove_clip(catalog, clip.id, author=author))

    def undo(self) -> None:
        """Takes the last step back; what is typed and not saved yet is saved before."""
        self._form.flush()
        self._write(lambda catalog, ops, author: ops.undo(catalog, author=author))

    def redo(self) -> None:
        """Does the step again that was undone last."""
        self._form.flush()
        self._write(lambda catalog, ops, author: ops.redo(catalog, author=author))

    def _chosen(self, _selection: Selection) -> None:
        self._form.flush()  # belongs to the finding before
        self.refresh()

    def _show(self, facts: Facts) -> None:
        if facts.selection != self._session.selection:
            return  # something else was chosen meanwhile
        before, self.facts = self.facts, facts
        self._show_video(before, facts)
        self._show_record(facts)
        self.facts_changed.emit(facts)

    def _show_video(self, before: Facts, facts: Facts) -> None:
        folder = self._session.folder
        if facts.video is None or folder is None:
            self._player.close_video()
            return
        video, known = facts.video, before.video
        elsewhere = known is None or (known.id, known.path) != (video.id, video.path)
        if elsewhere or (facts.present and not before.present):
            self._player.open_video(Path(video.path), video.sha256, folder.root, video.region)
        self._player.show_text_boxes(facts.video.text_boxes)
        self._player.show_clips(facts.clips)
        if facts.clip != before.clip:
            self._player.show_clip(facts.clip)

    def _show_record(self, facts: Facts) -> None:
        if facts.clip is None:
            self._form.clear(NO_CLIP)
            return
        revision = facts.revision
        values, draft, number = (
            (revision.values, revision.draft, revision.number) if revision else ({}, True, 0)
        )
        self._form.show_record(values, draft=draft, number=number, record=facts.clip.finding_id)

    def _save(self, values: dict[str, Any], *, final: bool) -> None:
        finding, author = self._form.record, self._session.author
        assert isinstance(finding, int)
        shown, known = self._form.number, self._written

        def work(catalog: Catalog) -> tuple[CatalogChanges, int]:
            from core.catalog import operations, queries

            # What was written here since the form was filled isn't somebody else's.
            base = max(shown, known.get(finding, 0))
            changes = operations.describe(
                catalog, finding, values, author=author, draft=not final, autosave=not final, base=base
            )
            revision = queries.description(catalog, finding)
            known[finding] = revision.number if revision else 0
            return changes, known[finding]

        def saved(result: tuple[CatalogChanges, int]) -> None:
            self._form.saved(result[1])

        def failed(error: PolypTraceError) -> None:
            self._session.report(error)
            self._form.failed(error)
            self.refresh()  # somebody else's words, where there are such

        self._session.write(work, saved, failed)

    def _add_clip(self, start: int, end: int) -> None:
        exam, video = self._session.selection.exam, self.facts.video
        if exam is None or video is None:
            return
        self._write(
            lambda catalog, ops, author: ops.add_clip(catalog, exam, video.id, start, end, author=author),
            lambda changes: self.clip_added.emit(
                msgspec.structs.replace(self._session.selection, video=video.id, clip=changes.subject)
            ),
        )

    def _put_box(self, box: Box) -> None:
        clip = self.facts.clip
        if clip is None or box.pts is None or not clip.pts_in <= box.pts <= clip.pts_out:
            self._session.report(
                PolypTraceError(
                    "box-outside",
                    "A lesion box belongs to a frame of the chosen clip.",
                    "Choose the clip, or mark in (I) and out (O) and add one (Enter).",
                )
            )
            self._player.show_clip(clip)
            return
        self._write(
            lambda catalog, ops, author: ops.mark_boxes(catalog, clip.id, put=[box], author=author),
            failed=self._not_marked,
        )

    def _not_marked(self, error: PolypTraceError) -> None:
        self._session.report(error)
        self._player.show_clip(self.facts.clip)  # the box that couldn't be saved goes away

    def _remove_box(self, pts: int | None) -> None:
        clip = self.facts.clip
        if clip is not None:
            self._write(
                lambda catalog, ops, author: ops.mark_boxes(catalog, clip.id, remove=[pts], author=author)
            )

    def _correct_text(self, add: PixelBox | None = None, remove: PixelBox | None = None) -> None:
        video = self.facts.video
        if video is None:
            return

        def correct(catalog: Catalog, ops: Any, author: str) -> CatalogChanges:
            from core.catalog import queries

            # From what is saved now: two quick corrections must not undo each other.
            known = queries.video(catalog, video.id).text_boxes
            boxes = [box for box in (*known, add) if box is not None and box != remove]
            changes: CatalogChanges = ops.set_text_boxes(catalog, video.id, boxes, author=author)
            return changes

        self._write(correct, failed=lambda error: self._not_corrected(error, video))

    def _not_corrected(self, error: PolypTraceError, video: Video) -> None:
        self._session.report(error)
        self._player.show_text_boxes(video.text_boxes)

    def _write(self, operation: Any, then: Any = None, failed: Failed | None = None) -> None:
        author, known = self._session.author, self._written

        def work(catalog: Catalog) -> CatalogChanges:
            from core.catalog import operations, queries

            changes: CatalogChanges = operation(catalog, operations, author)
            for finding in (
                changes.findings if changes.created.revisions else ()
            ):  # undo and redo describe, too
                revision = queries.description(catalog, finding)
                known[finding] = revision.number if revision else 0
            return changes

        self._session.write(work, then, failed)
