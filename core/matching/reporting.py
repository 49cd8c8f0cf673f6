"""A match as an HTML page: fills :mod:`core.report` with what the ranking says and the crops it is about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.catalog import queries
from core.catalog.engine import Catalog
from core.counting import count
from core.domain import DescriptionRevision
from core.errors import PolypTraceError
from core.matching.footage import open_reader
from core.matching.sampling import best_crop
from core.matching.values import Candidate, CropSource, Evidence, MatchResult
from core.report.match_report import (
    Answer,
    DemoScore,
    Explanation,
    MatchPage,
    Picture,
    Query,
    RankedRow,
    write_match_page,
)

THUMBNAIL_PX = 160
_JPEG_QUALITY = 85


def write_match_report(
    catalog: Catalog,
    result: MatchResult,
    path: Path,
    explained: dict[str, Any] | None = None,
    demo: DemoScore | None = None,
) -> Path:
    """Writes a match as one self-contained HTML file.

    Args:
        explained: the document of :func:`core.matching.explaining.explain_clips` for the query and one of
            its candidates, whose overlays are put into the page.
        demo: the score over all queries of the demo.

    Raises:
        PolypTraceError: ``report-unwritable``.
    """
    page = MatchPage(
        query=_query(catalog, result),
        model=result.model.id,
        device=result.device.name,
        device_reason=result.device.reason,
        earlier=_rows(catalog, result, result.patient),
        answer=Answer(result.no_match.is_no_match, result.no_match.reason),
        made=dt.datetime.now().astimezone(),
        catalogue=None if result.catalogue is None else _rows(catalog, result, result.catalogue),
        explanation=None if explained is None else _explanation(explained),
        warnings=result.warnings,
        demo=demo,
    )
    return write_match_page(page, path)


def _query(catalog: Catalog, result: MatchResult) -> Query:
    asked = result.query
    return Query(
        clip=asked.clip,
        patient=asked.patient,
        exam_date=asked.exam_date,
        place=asked.place,
        report=asked.report,
        evidence=_evidence(asked.evidence),
        picture=_crop(catalog, asked.clip, f"Clip {asked.clip}, the one asked about"),
    )


def _evidence(evidence: Evidence) -> str:
    if evidence.source is CropSource.NONE:
        return "the description alone"
    words = f"{count(evidence.crops, 'frame')}, cut to the {evidence.source}"
    return words + (", and the description" if evidence.text else "")


def _rows(catalog: Catalog, result: MatchResult, candidates: Sequence[Candidate]) -> tuple[RankedRow, ...]:
    described = queries.descriptions(catalog, {one.finding for one in candidates})
    rows = []
    for place, one in enumerate(candidates, start=1):
        rank = place if one.possible else None
        rows.append(_row(catalog, result, one, rank, described.get(one.finding)))
    return tuple(rows)


def _row(
    catalog: Catalog,
    result: MatchResult,
    one: Candidate,
    rank: int | None,
    description: DescriptionRevision | None,
) -> RankedRow:
    values = description.values if description else {}
    return RankedRow(
        rank=rank,
        clip=one.clip,
        exam_date=one.exam_date,
        segment=str(values.get("segment", "")),
        size=f"{values['size_mm']} mm" if "size_mm" in values else "",
        paris=str(values.get("paris", "")),
        score=one.score,
        probability=one.probability,
        band=one.band,
        note=one.note,
        lesion=one.lesion,
        source=one.source.value,
        patient=one.patient,
        same_patient=one.patient == result.query.patient,
        picture=_crop(catalog, one.clip, f"Clip {one.clip}: {one.place}"),
    )


def _crop(catalog: Catalog, clip_id: int, alt: str) -> Picture | None:
    """The clip's best crop as a small JPEG; None when its video can't be read, which the row says already."""
    clip = queries.clip(catalog, clip_id)
    video = queries.video(catalog, clip.video_id)
    try:
        with open_reader(catalog, video) as reader:
            crop = best_crop(reader, clip, video.region, video.text_boxes)
    except PolypTraceError:
        return None
    scale = THUMBNAIL_PX / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    bgr = np.ascontiguousarray(small[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return Picture(data.tobytes(), alt)


def _explanation(explained: dict[str, Any]) -> Explanation:
    query, candidate = explained["query"], explained["candidate"]
    return Explanation(
        query=Picture(Path(query["path"]).read_bytes(), f"Clip {query['clip']} under the model's map"),
        candidate=Picture(
            Path(candidate["path"]).read_bytes(), f"Clip {candidate['clip']} under the model's map"
        ),
        query_strength=f"{query['strength']:.2g} ({query['words']})",
        candidate_strength=f"{candidate['strength']:.2g} ({candidate['words']})",
        candidate_clip=candidate["clip"],
        similarity=explained["similarity"],
    )
