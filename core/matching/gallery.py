"""Which clips a clip is compared with. Loads no model, so the window may ask too."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.domain import Clip
from core.errors import PolypTraceError


class Gallery(msgspec.Struct, frozen=True):
    """A query and what it is compared with.

    ``earlier``: the described clips of the patient's earlier exams; ``others``: all clips outside the query's
    exam, None unless asked for.
    """

    query: Clip
    earlier: Sequence[Clip]
    others: Sequence[Clip] | None = None

    @property
    def clips(self) -> list[Clip]:
        """Every clip whose vector is needed, once, the query first."""
        return list({clip.id: clip for clip in (self.query, *self.earlier, *(self.others or ()))}.values())


def gallery_of(catalog: Catalog, clip_id: int, everywhere: bool = False) -> Gallery:
    """What a clip is compared with.

    Args:
        everywhere: also all clips outside its exam.

    Raises:
        PolypTraceError: ``clip-unknown``; ``match-not-described`` while the clip's finding has no
            description (decide first, then look).
    """
    query = queries.clip(catalog, clip_id)
    refuse_undescribed(catalog, query)
    earlier = queries.clips_before_exam(catalog, query.exam_id)
    described = queries.descriptions(catalog, {clip.finding_id for clip in earlier})
    return Gallery(
        query,
        [clip for clip in earlier if clip.finding_id in described],
        queries.clips_outside_exam(catalog, query.exam_id) if everywhere else None,
    )


def refuse_undescribed(catalog: Catalog, query: Clip) -> None:
    """Raises:
    PolypTraceError: ``match-not-described``: decide first, then look (clinical rules, section 1).
    """
    if queries.description(catalog, query.finding_id) is None:
        raise PolypTraceError(
            "match-not-described",
            f"Clip {query.id} isn't described yet, so its matches aren't shown: decide first, then look.",
            f"Describe it, a draft is enough: polyptrace describe {query.id} --set segment=… --set size_mm=…",
        )
