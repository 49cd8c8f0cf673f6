"""What a catalogue has to learn a common space from: its described findings, with and without pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.values import LegacyState
from core.counting import count
from core.data.cross_modal.samples import TEST, TRAIN, VAL
from core.data.splits import split_patients
from core.errors import PolypTraceError
from core.inference.embedder import Embedder
from core.matching.context import ClipContext, contexts
from core.matching.indexing import sampled
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.search.categories import Kind
from core.search.codes import codes_of
from core.search.features import Floats, Words
from core.search.reports import reported
from core.search.samples import KEPT, THINNED, Findings, Seen, Told
from core.text.render import report_text

SHARES = {TRAIN: 0.7, VAL: 0.15, TEST: 0.15}
FEWEST_PATIENTS = 6
"""With fewer of them nobody is held back for a test."""
STAGE = "embedding pictures"


class Gathered(msgspec.Struct, frozen=True):
    """Findings of a catalogue by part.

    Args:
        parts: train, and by patient val and test where there are enough.
        notes: sentences on what was left out.
    """

    parts: dict[str, Findings]
    notes: tuple[str, ...]


def gather(
    catalog: Catalog,
    embedder: Embedder,
    kind: Kind = "fields",
    seed: int = 0,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Gathered:
    """Every described finding: its description, the report made of it, and its clips' pictures; and the
    accepted findings of legacy reports by the words that name them.

    A clip whose pictures can't be read counts by its words alone.

    Args:
        embedder: of the model whose embeddings the space shall read.
        kind: with ``lesion`` nobody is held back, since a lesion is one patient's.

    Raises:
        PolypTraceError: ``search-too-few`` where less than two patients have described findings;
            ``out-of-memory``.
        Cancelled: between two frames.
    """
    around = [one for one in contexts(catalog, queries.clips(catalog)) if one.description]
    patients = {one.patient.code for one in around}
    if len(patients) < 2:
        raise PolypTraceError(
            "search-too-few",
            "There are too few described findings to learn what is of a kind.",
            "Describe the clips of at least two patients first.",
        )
    frames, notes = _frames(catalog, embedder, around, progress, cancel)
    rng = np.random.default_rng(seed)
    dealt = _dealt(around, kind, seed)
    parts = {name: _findings(own, frames, rng) for name, own in dealt.items()}
    notes = (*notes, *_why_all(patients, kind, dealt))
    old = _legacy(catalog, {one.patient.code.casefold(): name for name, own in dealt.items() for one in own})
    told = {name: Findings(one.seen, [*one.told, *old.get(name, ())]) for name, one in parts.items()}
    return Gathered(told, notes)


def _legacy(catalog: Catalog, parts: Mapping[str, str]) -> dict[str, list[Told]]:
    """What legacy reports say of accepted findings, by part; whose patient is in none is learnt from."""
    lesions = queries.lesion_of_findings(catalog)
    found: dict[str, list[Told]] = {}
    for one in reported(catalog, queries.legacy_reports(catalog)):
        if one.read.state is LegacyState.ACCEPTED and one.read.finding is not None and one.read.words:
            lesion = lesions.get(one.read.finding)
            words = Words.of_text(one.read.words)  # as any text is read; what is right is in the codes
            told = Told(words, codes_of(one.values), None if lesion is None else str(lesion.id))
            found.setdefault(parts.get(one.report.patient.casefold(), TRAIN), []).append(told)
    return found


def _dealt(around: list[ClipContext], kind: Kind, seed: int) -> dict[str, list[ClipContext]]:
    patients = sorted({one.patient.code for one in around})
    if kind == "lesion" or len(patients) < FEWEST_PATIENTS:
        return {TRAIN: around}
    dealt = split_patients(patients, SHARES, seed)
    return {name: [one for one in around if one.patient.code in set(own)] for name, own in dealt.items()}


def _why_all(patients: set[str], kind: Kind, dealt: Mapping[str, object]) -> list[str]:
    """Why nobody is held back, in a sentence; none where somebody is."""
    if TEST in dealt:
        return []
    if kind == "lesion":
        return ["Nobody is held back for validation or a test: a lesion is one patient's."]
    have = count(len(patients), "patient has", "patients have")
    return [
        f"Nobody is held back for validation or a test: {have} described findings, and it takes "
        f"{FEWEST_PATIENTS}."
    ]


def _frames(
    catalog: Catalog,
    embedder: Embedder,
    around: list[ClipContext],
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> tuple[dict[int, Floats], tuple[str, ...]]:
    """Clip → (K, d) embeddings of its pictures alone; and whose couldn't be read."""
    found: dict[int, Floats] = {}
    lost = 0
    for done, (one, sample) in enumerate(sampled(catalog, around, cancel), start=1):
        if isinstance(sample, PolypTraceError):
            lost += 1
        else:
            found[one.clip.id] = embedder.embed_pairs(sample.crops, [None] * len(sample.crops), cancel)
        progress(Progress(STAGE, done, len(around)))
    return found, ((f"The pictures of {count(lost, 'clip')} couldn't be read.",) if lost else ())


def _findings(
    around: Iterable[ClipContext], frames: Mapping[int, Floats], rng: np.random.Generator
) -> Findings:
    by_finding: dict[int, list[ClipContext]] = {}
    for one in around:
        by_finding.setdefault(one.clip.finding_id, []).append(one)
    seen, told = [], []
    for clips in by_finding.values():
        values = clips[0].description.values if clips[0].description else {}
        lesion = None if clips[0].lesion is None else str(clips[0].lesion)
        pictures = [frames[one.clip.id] for one in clips if one.clip.id in frames]
        stacked = np.concatenate(pictures) if pictures else np.zeros((0, 0), dtype=np.float32)
        seen.append(Seen(Words.of_description(values), stacked, lesion))
        told += [
            Told(Words.of_text(report_text(one)), codes_of(one), lesion)
            for one in (values, *(_shorter(values, rng) for _ in range(THINNED)))
        ]
    return Findings(seen, told)


def _shorter(values: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """About half of the fields: what people type is shorter than a report."""
    return {key: value for key, value in values.items() if rng.random() < KEPT}
