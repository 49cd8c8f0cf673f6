"""The embedded demo: rendered exams of invented patients, filed like real ones, and the main job on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.demo_data import read_demo
from core.domain import Box, Verdict
from core.errors import PolypTraceError
from core.importing import import_videos
from core.inference.embedder import Embedder
from core.matching.explaining import explain_clips
from core.matching.indexing import index_clips
from core.matching.ranking import match_clip
from core.matching.values import MatchResult
from core.paths import resource
from core.phantom.truth import ClipTruth, ExamTruth
from core.progress import CancelToken, Progress, ProgressSink, no_progress

AUTHOR = "demo"
TOP = 10


class DemoClip(msgspec.Struct, frozen=True):
    """A clip of the demo with its truth, which only the scoring looks at."""

    clip: int
    finding: int
    truth: ClipTruth


class DemoQuery(msgspec.Struct, frozen=True):
    """One follow-up clip: its match and whether the true lesion is first; None where it has no match."""

    result: MatchResult
    has_match: bool
    correct: bool | None
    correct_in_patient: bool | None


class DemoRun(msgspec.Struct, frozen=True):
    """The main job on every follow-up clip, with the overlays of the first query by id."""

    queries: tuple[DemoQuery, ...]
    overlays: tuple[str, ...]
    explanation: dict[str, Any]

    @property
    def first(self) -> DemoQuery:
        """The first query by id."""
        return self.queries[0]

    @property
    def with_match(self) -> tuple[DemoQuery, ...]:
        """Queries whose lesion an earlier exam shows."""
        return tuple(query for query in self.queries if query.has_match)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``demo``, but for the report."""
        ranking = self.first.result.catalogue or ()
        new = [query for query in self.queries if not query.has_match]
        said_new = [query for query in new if query.result.no_match.is_no_match]
        return {
            "queries": len(self.queries),
            "queries_with_match": len(self.with_match),
            "rank1": _share([bool(query.correct) for query in self.with_match]),
            "rank1_patient": _share([bool(query.correct_in_patient) for query in self.with_match]),
            "new_lesions": len(new),
            "new_lesions_without_good_match": len(said_new),
            "query": self.first.result.query.clip,
            "ranking": [{"clip": one.clip, "lesion": one.lesion, "score": one.score} for one in ranking],
            "correct": bool(self.first.correct),
            "overlays": list(self.overlays),
            "model": self.first.result.model.id,
            "device": self.first.result.device.name,
            "device_reason": self.first.result.device.reason,
        }


def _share(right: list[bool]) -> float | None:
    return sum(right) / len(right) if right else None


def demo_exams() -> tuple[Path, list[ExamTruth]]:
    """The shipped demo: its folder and its exams.

    Raises:
        PolypTraceError: ``demo-missing``.
    """
    try:
        folder = resource("demo")
        return folder, read_demo(folder)
    except FileNotFoundError as error:
        raise PolypTraceError(
            "demo-missing",
            "The demo exams aren't part of this installation.",
            "Install PolypTrace again, or render them: python -m core.demo_data resources/demo",
        ) from error


def fill_catalogue(
    catalog: Catalog, progress: ProgressSink = no_progress, cancel: CancelToken | None = None
) -> list[DemoClip]:
    """Files the demo's exams through the same import, marking and describing as real ones; again at no cost.

    What the user changed in the demo stays: descriptions and verdicts are only put where there are none.

    Raises:
        PolypTraceError: ``demo-missing``, or the import refuses a file.
        Cancelled: what was filed so far stays.
    """
    folder, exams = demo_exams()
    filed: list[DemoClip] = []
    for at, exam in enumerate(exams, start=1):
        filed += _file_exam(catalog, folder, exam, cancel)
        progress(Progress("filing the demo exams", at, len(exams)))
    _link_earlier(catalog, filed)
    return filed


def run_demo(
    catalog: Catalog,
    embedder: Embedder,
    out: Path,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> DemoRun:
    """Fills the catalogue and runs the main job on every follow-up clip.

    Args:
        out: folder of the overlays.

    Raises:
        PolypTraceError: as :func:`fill_catalogue` and the main job.
        Cancelled: what was finished stays.
    """
    filed = fill_catalogue(catalog, progress, cancel)
    index_clips(catalog, embedder, progress=progress, cancel=cancel)
    identity = {one.clip: one.truth.polyp_id for one in filed}
    asked = sorted((one for one in filed if one.truth.split == "query"), key=lambda one: one.clip)
    done = []
    for at, one in enumerate(asked, start=1):
        result = match_clip(catalog, embedder, one.clip, everywhere=True, top=TOP, cancel=cancel)
        done.append(judge(one, result, identity))
        progress(Progress("matching follow-up clips", at, len(asked)))
    first = done[0].result
    best = (first.catalogue or first.patient)[0].clip
    explained = explain_clips(
        catalog, embedder.info, first.query.clip, best, out, device=embedder.device.name, cancel=cancel
    )
    overlays = (str(explained["query"]["path"]), str(explained["candidate"]["path"]))
    return DemoRun(tuple(done), overlays, explained)


def _file_exam(catalog: Catalog, folder: Path, exam: ExamTruth, cancel: CancelToken | None) -> list[DemoClip]:
    files = [folder / exam.video]
    summary = import_videos(catalog, files, exam.patient_id, exam.date, author=AUTHOR, cancel=cancel)
    video = summary.videos[0]
    if summary.exam is None or video.id is None:
        raise PolypTraceError(
            "demo-refused", f"A demo exam could not be read: {video.reason}", video.hint or ""
        )
    return [_file_clip(catalog, summary.exam, video.id, clip) for clip in exam.clips]


def _file_clip(catalog: Catalog, exam_id: int, video_id: int, truth: ClipTruth) -> DemoClip:
    boxes = [Box(*frame.box, pts=frame.pts) for frame in truth.frames]
    known = [
        clip
        for clip in queries.clips(catalog, exam_id=exam_id, video_id=video_id)
        if (clip.pts_in, clip.pts_out) == (truth.pts_in, truth.pts_out)
    ]
    if known:
        clip = known[0]
    else:
        times = (truth.pts_in, truth.pts_out)
        changes = operations.add_clip(catalog, exam_id, video_id, *times, boxes=boxes, author=AUTHOR)
        clip = queries.clip(catalog, changes.subject or 0)
    if not queries.revisions(catalog, clip.finding_id):
        operations.describe(catalog, clip.finding_id, truth.description, author=AUTHOR, source="imported")
    return DemoClip(clip.id, clip.finding_id, truth)


def _link_earlier(catalog: Catalog, filed: list[DemoClip]) -> None:
    """Earlier exams are linked among themselves, as a clinic's would be; follow-up clips stay open."""
    first_of: dict[str, DemoClip] = {}
    for one in filed:
        if one.truth.split != "gallery":
            continue
        first = first_of.setdefault(one.truth.polyp_id, one)
        if first is not one and queries.verdict(catalog, one.finding) is None:
            operations.give_verdict(
                catalog, Verdict.SAME, clip_id=one.clip, with_clip_id=first.clip, author=AUTHOR
            )


def judge(one: DemoClip, result: MatchResult, identity: dict[int, str]) -> DemoQuery:
    """Compares the first of each ranking with the truth; clips that the user added count as wrong answers."""

    def right(candidates: tuple[Any, ...]) -> bool:
        return bool(candidates) and identity.get(candidates[0].clip) == one.truth.polyp_id

    if not one.truth.has_match:
        return DemoQuery(result, False, None, None)
    return DemoQuery(result, True, right(result.catalogue or ()), right(result.patient))
