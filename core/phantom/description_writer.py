"""Writes one exam's description of a lesion, as an endoscopist would who never saw the other exams.

Every description is drawn from the true anatomy with the observer errors of :mod:`core.phantom.observer`;
nothing is copied from an earlier one, so that equal texts of query and gallery are chance, not a leak.
"""

from __future__ import annotations

from typing import Any

from core.phantom import observer
from core.phantom.anatomy import is_serrated
from core.phantom.colon import segment_span, shape_of
from core.phantom.plan import REMOVED, PlannedExam
from core.phantom.processor import PROCESSORS
from core.phantom.scene import PhantomColon, PhantomLesion
from core.phantom.seeding import Rng, pick, stream

Values = dict[str, Any]

_FLAT = ("IIa", "IIb", "IIc", "IIa+Is", "IIa+IIc", "IIc+IIa")
_REMARKS = (
    "Seen after washing.", "Seen on withdrawal.", "Best seen from the anal side.", "Partly covered by mucus.",
    "Difficult to keep in view.", "Edges well demarcated.", "Edges hard to tell.",
    "Vessels around it are cut off.",
    "Folds do not converge.", "Bowel preparation good here.", "Some residual fluid beside it.",
    "Found on the second look at this segment.",
)  # fmt: skip


def exam_words(exam: PlannedExam, index: int, observer: int = 0) -> Values:
    """What one of an exam's observers writes about its lesion ``index``: the same for pictures and films."""
    lesion, optics = exam.colon.lesions[index], exam.optics
    return describe(
        lesion,
        exam.colon,
        removed=exam.fates[index] == REMOVED,
        narrow_band=PROCESSORS[exam.processor].narrow_band if optics.narrow_band else None,
        number=index + 1,
        rng=stream(exam.seed, "observer", lesion.key, observer),
    )


def describe(
    lesion: PhantomLesion,
    colon: PhantomColon,
    *,
    removed: bool,
    narrow_band: str | None,
    number: int,
    rng: Rng,
) -> Values:
    """One description, all fields that finalising needs and some of the others.

    Args:
        lesion: the true anatomy.
        colon: whose fold pattern tells whether the lesion sits on a fold.
        removed: whether this exam removes the lesion.
        narrow_band: the processor's word for the narrow-band light in use, None for white light.
        number: of the lesion within the exam, from 1 (also the specimen pot's).
        rng: this observer's own stream.

    Returns:
        Values by vocabulary key (see ``core.text``), plain and JSON-able.
    """
    scar = lesion.state in ("scar", "recurrence at scar")
    values = _place(lesion, colon, rng) | (_scar_shape(lesion, rng) if scar else _shape(lesion, rng))
    values |= _appearance(lesion, narrow_band, rng)
    if scar and not removed:
        values["action"] = pick(rng, {"left in situ": 0.55, "biopsy only": 0.45})
    else:
        values |= _treatment(values, lesion, removed, number, rng)
    if rng.random() < 0.3:
        values["free_text"] = _REMARKS[int(rng.integers(len(_REMARKS)))]
    return values


def _place(lesion: PhantomLesion, colon: PhantomColon, rng: Rng) -> Values:
    segment = observer.judged_segment(rng, colon.length_mm, lesion.station_mm)
    distal = segment in ("rectum", "rectosigmoid", "sigmoid")
    values: Values = {"segment": segment}
    if segment in ("sigmoid", "transverse", "ascending", "descending", "rectum") and rng.random() < 0.3:
        values["sub_segment"] = _third(lesion, colon, segment, rng)
    if rng.random() < (0.6 if segment == "rectum" else 0.3):
        values["wall"] = observer.judged_wall(rng, lesion.angle)
    if rng.random() < (0.75 if distal else 0.45):
        values["dist_av_cm"] = observer.judged_distance(rng, lesion.station_mm)
    if segment != "rectum" and rng.random() < 0.5:
        truth = shape_of(colon.seed, colon.length_mm).fold_relation(lesion.station_mm, lesion.angle)
        others = [word for word in ("on fold", "between folds", "behind fold") if word != truth]
        values["fold"] = truth if rng.random() < 0.8 else others[int(rng.integers(2))]
    return values


def _third(lesion: PhantomLesion, colon: PhantomColon, segment: str, rng: Rng) -> str:
    """Proximal, mid or distal third of the segment that the observer believes in, by the felt position."""
    begin, end = segment_span(colon.length_mm, segment)
    felt = (lesion.station_mm - begin) / (end - begin) + float(rng.normal(0, 0.2))
    return "distal" if felt < 1 / 3 else "mid" if felt < 2 / 3 else "proximal"


def _shape(lesion: PhantomLesion, rng: Rng) -> Values:
    method = pick(rng, {"eye": 0.76, "open forceps": 0.12, "snare": 0.12})
    size = observer.judged_size(rng, lesion.size_mm, method)
    paris = observer.judged_paris(rng, lesion.paris)
    values: Values = {"state": "polyp", "size_mm": size, "size_method": method, "paris": paris}
    if size >= 10 and rng.random() < 0.4:
        values["size_2_mm"] = min(size, observer.judged_size(rng, lesion.size_2_mm, method))
    if size >= 10:
        kind = _spread(lesion, size, rng) if paris in _FLAT else "none"
        values |= {"state": "LST" if kind != "none" else "polyp", "lst": kind}
    if paris in ("Ip", "Isp"):
        word, length = observer.judged_stalk(rng, lesion, paris)
        values["stalk"] = word
        if length is not None:
            values["stalk_mm"] = length
    return values


def _scar_shape(lesion: PhantomLesion, rng: Rng) -> Values:
    """A scar, or one that a lesion has come back at; one recurrence in five is missed (our choice)."""
    recurrent = lesion.state == "recurrence at scar" and rng.random() < 0.8
    size = observer.judged_size(rng, lesion.size_mm, "eye")
    values: Values = {"state": "scar", "size_mm": size, "size_method": "eye", "paris": "n/a"}
    return values | ({"state": "recurrence at scar"} if recurrent else {})


def _spread(lesion: PhantomLesion, size: int, rng: Rng) -> str:
    """LST type; a large flat lesion without lateral spread is sometimes called an LST all the same."""
    kind = observer.judged_lst(rng, lesion.lst)
    return "NG-FE" if kind == "none" and size >= 15 and rng.random() < 0.3 else kind


def _appearance(lesion: PhantomLesion, narrow_band: str | None, rng: Rng) -> Values:
    values: Values = {"imaging": narrow_band or "white light", "magnified": False}
    if narrow_band is None and rng.random() < 0.78:
        values["colour"] = observer.judged_colour(rng, lesion.colour)
    if narrow_band is not None and rng.random() < 0.5:
        values["colour"] = "pale" if is_serrated(lesion) else "brown"
    if rng.random() < 0.75:
        values["surface"] = observer.judged_surface(rng, lesion.surface)
    if narrow_band is None:
        return values
    if lesion.state == "scar":
        return values | {"nice": "not assessed"}
    nice = observer.judged_nice(rng, is_serrated(lesion), lesion.size_mm)
    values["nice"] = nice
    if rng.random() < 0.2:
        values["magnified"] = True
        values["jnet"] = {"1": "1", "2": "2A" if rng.random() < 0.85 else "2B", "3": "3"}.get(
            nice, "not assessed"
        )
    return values


def _treatment(values: Values, lesion: PhantomLesion, removed: bool, number: int, rng: Rng) -> Values:
    size, serrated = int(values["size_mm"]), is_serrated(lesion)
    thought = {"SSL" if size >= 8 else "hyperplastic": 0.8, "adenoma": 0.2} if serrated else {
        "adenoma": 0.88, "hyperplastic": 0.12}  # fmt: skip
    result: Values = {
        "optical_dx": pick(rng, thought),
        "optical_confidence": "high" if rng.random() < 0.65 else "low",
    }
    if not removed:
        referred = 0.4 if size >= 20 else 0.05
        kept = pick(rng, {"left in situ": 0.5, "biopsy only": 0.35, "referred endoscopy": referred})
        return result | {"action": kept}
    action = _resection(size, values, rng)
    piecemeal = action in ("EMR", "cold EMR", "underwater EMR") and size >= 20 and rng.random() < 0.8
    result |= {"action": action, "en_bloc": "piecemeal" if piecemeal else "en bloc"}
    if piecemeal:
        result["pieces"] = int(rng.integers(2, 3 + size // 8))
    if action in ("EMR", "cold EMR", "ESD"):
        result["lifting"] = "yes" if rng.random() < 0.9 else "partial"
    result["complete"] = "yes" if rng.random() < 0.94 else "uncertain"
    retrieved = bool(rng.random() < 0.94)
    result["retrieved"] = "yes" if retrieved else "no"
    if retrieved:
        result |= {"pot_no": number, "histology": "pending"}
    return result


def _resection(size: int, values: Values, rng: Rng) -> str:
    """Usual choice by size and shape (practice; ESGE 2017 and 2024 advise cold snare below 10 mm)."""
    if values["paris"] == "Ip":
        return "hot snare"
    if size <= 3:
        return pick(rng, {"cold forceps": 0.4, "cold snare": 0.6})
    if size < 10:
        return pick(rng, {"cold snare": 0.92, "hot snare": 0.08})
    if size < 20:
        return pick(rng, {"EMR": 0.45, "hot snare": 0.3, "cold EMR": 0.25})
    return pick(rng, {"EMR": 0.72, "ESD": 0.18, "underwater EMR": 0.1})
