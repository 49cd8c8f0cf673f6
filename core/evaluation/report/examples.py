"""Examples from an evaluation: queries with the first of their rankings, and pairs to explain.

Which ones is a rule, not a choice: of each kind the first in the order of the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from core.data.manifest import Row, load_crop
from core.evaluation.calibration import NoMatch
from core.evaluation.comparison import Comparison
from core.evaluation.query_text import is_reranked
from core.evaluation.report.words import identity_word
from core.evaluation.result import Evidence
from core.report.panels import Candidate, RankedQuery, Shown

Picture = npt.NDArray[np.uint8]

FIRST = 5
EACH = 3
"""Examples of each kind: right at rank 1, wrong at rank 1, lesion not in the gallery."""
_PIXELS, _QUALITY = 264, 88
KINDS = ("right", "wrong", "new")


class Example(msgspec.Struct, frozen=True):
    """One query: gallery places by rank as far as they count, and how it went.

    Attributes:
        at: place of the query among the clips.
        kind: one of :data:`KINDS`.
        order: gallery places, best first.
        scores: of these places.
        rank: of the first true match; None where there is none.
        own: best score among the patient's earlier clips, which "no good match" is about; None without any.
    """

    at: int
    kind: str
    order: list[int]
    scores: list[float]
    rank: int | None
    own: float | None = None


class Pictures:
    """The middle frame of each clip as its crop, read when asked for."""

    def __init__(self, evidence: Evidence, full_frame: bool) -> None:
        self._full_frame = full_frame
        self._rows: dict[str, list[Row]] = {}
        for row in [*evidence.query, *evidence.gallery]:
            self._rows.setdefault(row.clip_id, []).append(row)

    def row(self, clip: str) -> Row:
        """The frame that stands for a clip."""
        own = self._rows[clip]
        return own[len(own) // 2]

    def crop(self, clip: str) -> Picture:
        """(h, w, 3) uint8 RGB."""
        return np.asarray(load_crop(self.row(clip), self._full_frame), dtype=np.uint8)

    def shown(self, clip: str, *lines: str) -> Shown:
        """The crop for a panel, with lines below it."""
        return Shown(jpeg(self.crop(clip)), lines)


def jpeg(crop: Picture) -> bytes:
    """(h, w, 3) uint8 RGB → a JPEG that fits into a square, with its own proportions."""
    scale = _PIXELS / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(np.ascontiguousarray(crop[..., ::-1]), size, interpolation=how)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def examples(compared: Comparison) -> list[Example]:
    """The first queries of each kind, in the order of the manifest; fewer where there are fewer."""
    found: dict[str, list[Example]] = {kind: [] for kind in KINDS}
    earlier = compared.earlier()
    for start, block in compared.blocks():
        for at, scores in enumerate(block, start):
            if compared.query.identities[at] is None:
                continue
            scores[compared.left_out[at]] = -np.inf
            one = _example(compared, at, scores)
            if one is not None and len(found[one.kind]) < EACH:
                own = [float(scores[place]) for place in earlier[at]]
                found[one.kind].append(msgspec.structs.replace(one, own=max(own, default=None)))
        if all(len(some) == EACH for some in found.values()):
            break
    return [one for some in found.values() for one in some]


def _example(compared: Comparison, at: int, scores: npt.NDArray[np.floating]) -> Example | None:
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    if not len(order):
        return None
    own = compared.query.identities[at]
    right = [place for place, other in enumerate(order.tolist()) if compared.gallery.identities[other] == own]
    rank = right[0] + 1 if right else None
    kind = "new" if rank is None else "right" if rank == 1 else "wrong"
    first = order[:FIRST].tolist()
    return Example(at, kind, first, [float(scores[place]) for place in first], rank)


def ranked_query(one: Example, compared: Comparison, pictures: Pictures, rule: NoMatch | None) -> RankedQuery:
    """An example as the panel shows it."""
    query, gallery = compared.query, compared.gallery
    clip = query.clips[one.at]
    candidates = [
        Candidate(
            pictures.shown(gallery.clips[place], _said(score), _whose(compared, one.at, place)),
            gallery.identities[place] == query.identities[one.at],
        )
        for place, score in zip(one.order, one.scores, strict=True)
    ]
    row = pictures.row(clip)
    asked = pictures.shown(clip, clip, f"patient {row.patient_id}")
    return RankedQuery(asked, row.text, _verdict(one, compared, rule), candidates)


def _said(score: float) -> str:
    return f"score {score:.3f}" if is_reranked(score) else "not re-ranked"


def _whose(compared: Comparison, at: int, place: int) -> str:
    ours, theirs = compared.query.patients[at], compared.gallery.patients[place]
    if compared.gallery.identities[place] == compared.query.identities[at]:
        return f"same {identity_word(compared.ranking)}"
    if not compared.ranking.patients:
        return "another person"
    return "same patient, other lesion" if ours == theirs else "another patient"


def _verdict(one: Example, compared: Comparison, rule: NoMatch | None) -> str:
    if one.kind == "right":
        return "Right: the true match stands first."
    if one.kind == "wrong":
        return f"Wrong: the first true match stands at rank {one.rank}."
    who = identity_word(compared.ranking)
    said = f"No match: the gallery doesn't hold this {who}."
    if rule is None or one.own is None:
        return said
    answered, sign = ("Says", "<") if rule.is_no_match(one.own) else ("Doesn't say", "≥")
    beside = f"the patient's own best {one.own:.3f} {sign} {rule.threshold:.3f}"
    return f"{said} {answered} “no good match”: {beside}."


def pairs_to_explain(shown: Sequence[Example], compared: Comparison, most: int = 4) -> list[tuple[str, str]]:
    """Query clip and true match of the first examples that have one among their first candidates."""
    pairs = []
    for one in shown:
        own = compared.query.identities[one.at]
        right = [place for place in one.order if compared.gallery.identities[place] == own]
        if right:
            pairs.append((compared.query.clips[one.at], compared.gallery.clips[right[0]]))
    return pairs[:most]
