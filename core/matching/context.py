"""What a clip stands in: its video, finding, exam, patient, description and lesion, read in few queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.domain import Clip, DescriptionRevision, Exam, Patient, Video
from core.inference.bundle import BundleInfo
from core.text.place import place_of
from core.text.render import model_text, report_text
from core.text.tokenizer import TokenCounter, load_tokenizer

_FITS, _TEXTS = 4, 16_384
"""How many models' tokenizers and how many model texts (about 1 KB each) a process keeps."""


class TextFit(msgspec.Struct, frozen=True, eq=False):
    """What a model text is fitted to: the model's tokenizer and its longest text."""

    tokenizer: TokenCounter
    max_tokens: int

    @classmethod
    def of(cls, bundle: BundleInfo) -> TextFit:
        """What the texts of a bundle's network are fitted to."""
        manifest = bundle.manifest
        return _fit(bundle.tokenizer, manifest.model_id, manifest.reads.max_tokens)

    def text(self, values: Mapping[str, Any]) -> str:
        """The model text of a description's values; one that was made before is remembered.

        A match asks for the text of every clip, and fitting one takes milliseconds.

        Raises:
            PolypTraceError: as :func:`core.text.render.model_text`.
        """
        return _text(msgspec.json.encode(values, order="deterministic"), self)


@lru_cache(_FITS)
def _fit(tokenizer: Path, _model_id: str, max_tokens: int) -> TextFit:
    return TextFit(load_tokenizer(tokenizer), max_tokens)


@lru_cache(_TEXTS)
def _text(values: bytes, fit: TextFit) -> str:
    return model_text(msgspec.json.decode(values), fit.tokenizer, fit.max_tokens)


class ClipContext(msgspec.Struct, frozen=True):
    """A clip with everything that matching needs to know around it.

    ``text`` is its model text; None without a description, or where no fit was given.
    """

    clip: Clip
    video: Video
    exam: Exam
    patient: Patient
    description: DescriptionRevision | None
    lesion: int | None
    text: str | None

    @property
    def report(self) -> str:
        """The description as report sentences; empty without one."""
        return report_text(self.description.values) if self.description else ""

    @property
    def place(self) -> str:
        """Segment, size and Paris class in a few words, for one line of a ranking."""
        return place_of(self.description.values if self.description else {})


def contexts(catalog: Catalog, clips: Iterable[Clip], fit: TextFit | None = None) -> list[ClipContext]:
    """The contexts of clips, in their order; with ``fit`` also their model texts."""
    wanted = list(clips)
    around = queries.around(catalog, wanted)
    described = queries.descriptions(catalog, {clip.finding_id for clip in wanted})
    texts = {finding: fit.text(revision.values) for finding, revision in described.items()} if fit else {}
    return [
        ClipContext(
            clip=clip,
            video=around.videos[clip.video_id],
            exam=around.exams[clip.exam_id],
            patient=around.patients[around.exams[clip.exam_id].patient_id],
            description=described.get(clip.finding_id),
            lesion=around.lesions.get(clip.finding_id),
            text=texts.get(clip.finding_id),
        )
        for clip in wanted
    ]
