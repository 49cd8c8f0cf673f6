"""Patients, their exams, videos and clips as a tree; plain values, read in one go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel

from desktop.session import Selection

if TYPE_CHECKING:
    from core.catalog.engine import Catalog
    from core.domain import Clip
    from core.matching.context import ClipContext

KIND, SELECTION = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2


class Kind(StrEnum):
    """What a row of the tree is."""

    PATIENT = "patient"
    EXAM = "exam"
    VIDEO = "video"
    CLIP = "clip"


class Node(msgspec.Struct, frozen=True):
    """One row of the library. ``key`` is the same as long as it is the same thing."""

    kind: Kind
    key: tuple[str, int, int]
    text: str
    detail: str
    selection: Selection
    below: tuple[Node, ...] = ()


def load_library(catalog: Catalog) -> tuple[Node, ...]:
    """All patients with what belongs to them, by code and date. For the reading thread."""
    from core.catalog import queries
    from core.matching.context import contexts

    told = {one.clip.id: one for one in contexts(catalog, queries.clips(catalog))}
    verdicts = _verdicts(catalog)
    exams = defaultdict(list)
    for exam in queries.exams(catalog):
        exams[exam.patient_id].append(exam)
    clips = defaultdict(list)
    for one in told.values():
        clips[one.exam.id, one.video.id].append(one)
    nodes = []
    for patient in queries.patients(catalog):
        below = []
        for exam in exams[patient.id]:
            videos = []
            for video in queries.videos(catalog, exam.id):
                base = Selection(patient.id, exam.id, video.id)
                rows = tuple(_clip_node(one, base, verdicts) for one in clips[exam.id, video.id])
                name, length = PurePath(video.path).name, _clock(video.duration_s)
                videos.append(Node(Kind.VIDEO, ("video", exam.id, video.id), name, length, base, rows))
            detail = _count(sum(len(video.below) for video in videos), "clip")
            chosen = Selection(patient.id, exam.id)
            below.append(
                Node(Kind.EXAM, ("exam", exam.id, 0), f"Exam {exam.date}", detail, chosen, tuple(videos))
            )
        key, detail = ("patient", patient.id, 0), _count(len(below), "exam")
        nodes.append(Node(Kind.PATIENT, key, patient.code, detail, Selection(patient.id), tuple(below)))
    return tuple(nodes)


def _verdicts(catalog: Catalog) -> dict[int, str]:
    """The verdict that stands on each finding, in words."""
    from core.catalog import identity, queries

    standing = identity.standing(queries.link_events(catalog))
    findings = {event.finding_id for event in (*standing.pairs.values(), *standing.alone.values())}
    told = {finding: standing.verdict_of(finding) for finding in findings}
    return {finding: event.verdict.value for finding, event in told.items() if event is not None}


def _clip_node(one: ClipContext, base: Selection, verdicts: dict[int, str]) -> Node:
    clip = one.clip
    verdict = verdicts.get(clip.finding_id)
    detail = one.place + (f" · {verdict}" if verdict else "")
    chosen = msgspec.structs.replace(base, clip=clip.id)
    return Node(Kind.CLIP, ("clip", clip.id, 0), f"Clip {clip.id} · {_times(clip, one)}", detail, chosen)


def _times(clip: Clip, one: ClipContext) -> str:
    ticks, per = one.video.time_base
    length = (clip.pts_out - clip.pts_in) * ticks / per
    return f"{length:.1f} s"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:04.1f}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


class LibraryModel(QStandardItemModel):
    """The tree. :meth:`show_nodes` keeps the items of what stays, so that nothing collapses or jumps."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setHorizontalHeaderLabels(["Library"])
        self._items: dict[tuple[str, int, int], QStandardItem] = {}

    def show_nodes(self, nodes: tuple[Node, ...]) -> None:
        """Brings the tree into the state of ``nodes``."""
        keep = {node.key for node in _walk(nodes)}
        self._fill(self.invisibleRootItem(), nodes)
        for key in self._items.keys() - keep:
            del self._items[key]

    def item_of(self, key: tuple[str, int, int]) -> QStandardItem | None:
        """The item of a row."""
        return self._items.get(key)

    def _fill(self, parent: QStandardItem, nodes: tuple[Node, ...]) -> None:
        wanted = [node.key for node in nodes]
        for row in reversed(range(parent.rowCount())):
            if self._key(parent.child(row)) not in wanted:
                parent.removeRow(row)
        for row, node in enumerate(nodes):
            there = parent.child(row)
            if there is None or self._key(there) != node.key:
                there = self._take(parent, node.key) or QStandardItem()
                parent.insertRow(row, there)
            self._items[node.key] = there
            _write(there, node)
            self._fill(there, node.below)

    def _take(self, parent: QStandardItem, key: tuple[str, int, int]) -> QStandardItem | None:
        for row in range(parent.rowCount()):
            if self._key(parent.child(row)) == key:
                return parent.takeRow(row)[0]
        return None

    @staticmethod
    def _key(item: QStandardItem) -> object:
        return item.data(SELECTION)[1] if item.data(SELECTION) else None


def _write(item: QStandardItem, node: Node) -> None:
    text = f"{node.text}\n{node.detail}" if node.kind is Kind.CLIP else f"{node.text}  ·  {node.detail}"
    if item.text() != text:
        item.setText(text)
        item.setData(f"{node.kind}: {node.text}, {node.detail}", Qt.ItemDataRole.AccessibleTextRole)
        item.setToolTip(node.detail)
    item.setEditable(False)
    item.setData(node.kind.value, KIND)
    item.setData((node.selection, node.key), SELECTION)


def _walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(node.below)
