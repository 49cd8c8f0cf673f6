"""How well words find clips and reports, on findings whose truth is known, beside plain ways to do it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from core.counting import count
from core.evaluation.bootstrap import mean_interval
from core.evaluation.items import normalised
from core.evaluation.metrics import average_precision, figures_of, hit_ranks
from core.search.categories import DECIDING
from core.search.coded import Codes
from core.search.features import Floats, Words
from core.search.vectors import ClipVectors, WordSpace

WORDS_TO_CLIP = "one or two words -> clip"
TEXT_TO_CLIP, CLIP_TO_REPORT, REPORT_TO_CLIP = "text -> clip", "clip -> report", "report -> clip"
OURS, SPACE, CODES = "common space and codes", "common space alone", "codes alone"
PICTURES_ALONE, FUZZY = "common space, pictures alone", "string matching (rapidfuzz)"
RAW, RAW_PICTURES = "raw text encoder, descriptions", "raw text encoder, pictures"

Scores = NDArray[np.floating[Any]]
Figures = dict[str, Any]
"""``mAP``, ``mAP_interval`` (low and high, 95 %, by bootstrap over patients), ``hit_1``, ``hit_5``,
``hit_10``, ``queries``, and the same as ``own_patient_…``; None where nobody could be asked."""


class SearchItem(msgspec.Struct, frozen=True):
    """A finding of an exam as a clip with its description, and as somebody's report of it.

    Args:
        patient, lesion, exam: whose, which and when, by the truth.
        words, text: of its description, which the model reads as ``text``.
        frames: (K, d) embeddings of its pictures alone.
        report: of the same finding, by somebody else.
        said: codes that the report says.
    """

    patient: str
    lesion: str
    exam: int
    words: Words
    text: str
    frames: Floats
    report: str
    said: Codes


def search_figures(
    space: WordSpace, items: Sequence[SearchItem], raw: Callable[[Sequence[str]], Floats]
) -> dict[str, dict[str, Figures]]:
    """Figures by question and way.

    ``one or two words -> clip``: each code, and each pair of deciding ones, that some clip's description says
    finds the clips whose descriptions say so. ``text -> clip``: words find clips of the kind that they say
    (segment, Paris class and size bin, as far as they say them). ``clip -> report``: a clip finds the report
    of its own lesion from other exams; its own exam's report is left out; and the way back.
    ``own_patient_…`` look among the patient's own alone.

    Args:
        items: with pictures each.
        raw: texts → (N, d) embeddings of the text encoder alone, L2 rows, in the space of ``frames``.
    """
    clips = _clips(space, items)
    ways = _ways(space, items, clips, raw)
    kind, same, own, elsewhere = _truth(items)
    everything = np.ones_like(kind)
    patients = [one.patient for one in items]
    found: dict[str, dict[str, Figures]] = {
        WORDS_TO_CLIP: _short(space, items, clips),
        TEXT_TO_CLIP: {},
        CLIP_TO_REPORT: {},
        REPORT_TO_CLIP: {},
    }
    compared = ways | _mixes(space.reports_of([Words.of_text(one.report) for one in items]), clips, space.dim)
    for name, typed in ways.items():
        found[TEXT_TO_CLIP][name] = _asked(typed, kind, everything, patients)
        scores = compared[name]
        for question, mine, yes in (
            (REPORT_TO_CLIP, scores, same),
            (CLIP_TO_REPORT, scores.T, same.T),
        ):
            among_own = _asked(mine, yes, elsewhere & own, patients)
            figures = _asked(mine, yes, elsewhere, patients)
            found[question][name] = figures | {
                f"own_patient_{key}": value for key, value in among_own.items()
            }
    return found


def _short(space: WordSpace, items: Sequence[SearchItem], clips: ClipVectors) -> dict[str, Figures]:
    """Figures of what is typed most: a word or two. There is no interval: the queries are nobody's."""
    said = [one.words.codes for one in items]
    asked: set[tuple[tuple[str, str], ...]] = {
        ((key, code),) for codes in said for key in codes for code in codes[key]
    }
    for one, other in itertools.combinations(DECIDING, 2):
        asked |= {
            ((one, a), (other, b)) for codes in said for a in codes.get(one, ()) for b in codes.get(other, ())
        }
    wanted = sorted(asked)
    right = np.array(
        [[all(code in codes.get(key, ()) for key, code in query) for codes in said] for query in wanted]
    )
    queries = space.queries_of([Words({key: (code,) for key, code in query}) for query in wanted])
    return {
        name: _asked(scores, right, np.ones_like(right), [""] * len(wanted))
        for name, scores in _mixes(queries, clips, space.dim).items()
    }


def _clips(space: WordSpace, items: Sequence[SearchItem]) -> ClipVectors:
    stored = np.stack([space.of_clip(one.frames, one.words) for one in items])
    return ClipVectors.of(np.arange(len(items)), stored, space.dim)


def _ways(
    space: WordSpace,
    items: Sequence[SearchItem],
    clips: ClipVectors,
    raw: Callable[[Sequence[str]], Floats],
) -> dict[str, Scores]:
    """Way → (reports, clips) scores, higher is better; reports as they are searched for."""
    told = [Words.of_text(one.report) for one in items]
    places = space.of_texts(told)
    reports, texts = [one.report for one in items], [one.text for one in items]
    typed, read = raw(reports), raw(texts)
    pictures = np.stack([one.frames.mean(0) for one in items])
    lower = str.casefold
    return _mixes(space.queries_of(told), clips, space.dim) | {
        PICTURES_ALONE: places @ clips.halves[:, 0].T,
        FUZZY: process.cdist(reports, texts, scorer=fuzz.token_set_ratio, processor=lower),
        RAW: typed @ read.T,
        RAW_PICTURES: typed @ normalised(pictures).T,
    }


def _mixes(asked: Floats, clips: ClipVectors, dim: int) -> dict[str, Scores]:
    """Ours, and each of its two parts alone."""
    parts = {OURS: slice(None), SPACE: slice(dim), CODES: slice(dim, None)}
    return {name: asked[:, part] @ clips.mixed[:, part].T for name, part in parts.items()}


def _truth(items: Sequence[SearchItem]) -> tuple[NDArray[np.bool_], ...]:
    """(reports, clips): of the kind that is said; the same lesion; the same patient; another exam."""
    kind = [[_is_said(one.said, other.words.codes) for other in items] for one in items]
    patient, lesion = (np.array([getattr(one, key) for one in items]) for key in ("patient", "lesion"))
    exam = np.array([one.exam for one in items])
    own = patient[:, None] == patient[None]
    same = own & (lesion[:, None] == lesion[None])
    return np.array(kind), same, own, ~(own & (exam[:, None] == exam[None]))


def _is_said(said: Codes, codes: Codes) -> bool:
    told = [key for key in DECIDING if key in said]
    return bool(told) and all(codes.get(key) == said[key] for key in told)


def _asked(
    scores: Scores, right: NDArray[np.bool_], allowed: NDArray[np.bool_], patients: Sequence[str]
) -> Figures:
    """Figures of every query (row, of one of the patients) that has a true match among what is allowed."""
    ranks = [
        hit_ranks(np.where(may, row, -np.inf), np.flatnonzero(yes & may))
        for row, yes, may in zip(scores, right, allowed, strict=True)
    ]
    figures = figures_of(ranks)
    asked = [at for at, own in enumerate(ranks) if len(own)]
    precisions = np.array([average_precision(ranks[at]) for at in asked])
    return {
        "mAP": figures.mean_average_precision,
        "mAP_interval": mean_interval(precisions, [patients[at] for at in asked]),
        "hit_1": figures.rank1,
        "hit_5": figures.rank5,
        "hit_10": figures.rank10,
        "queries": float(len(asked)),
    }


def tables(figures: Mapping[str, Mapping[str, Figures]]) -> list[str]:
    """The figures as Markdown lines, mAP with its 95 % interval."""
    lines: list[str] = []
    for question, ways in figures.items():
        keys = ["mAP", "hit_1", "hit_5", "hit_10"]
        inside = any("own_patient_mAP" in one for one in ways.values())
        keys += ["own_patient_mAP", "own_patient_hit_1"] if inside else []
        queries = next(iter(ways.values()))["queries"] or 0
        heads = [key.replace("_", " ") for key in keys]
        lines += [
            f"| {question}, {count(round(queries), 'query', 'queries')} | {' | '.join(heads)} |",
            "|---|" + "---|" * len(keys),
        ]
        lines += [
            f"| {way} | {' | '.join(_cell(one.get(key), one.get(f'{key}_interval')) for key in keys)} |"
            for way, one in ways.items()
        ]
        lines.append("")
    return lines


def _cell(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")
