"""The worker that holds a model: ``python -m core.jobs.inference_worker``. Never writes the catalogue.

Every request names data folder, model (None = the one in use) and device. The model is loaded with the first
request that needs it and kept until another one is asked for. torch loads only on CUDA or to explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.values import ClipVector
from core.domain import Clip
from core.inference.bundle import BundleInfo
from core.inference.embedder import Embedder
from core.jobs.reading import ReadingCatalog
from core.jobs.serve import Handler, serve
from core.matching.explaining import explain_clips
from core.matching.gallery import gallery_of
from core.matching.indexing import STAGE, embed_each, find_stale
from core.matching.keeping import EmbedAnswer, hand_over
from core.matching.model_choice import bundle_in_use, bundle_of
from core.matching.ranking import rank_stored
from core.matching.values import Failure
from core.paths import DataDir
from core.progress import CancelToken, Progress, ProgressSink
from core.search.choice import open_space, picture_model
from core.search.indexing import prepare_for_others

if TYPE_CHECKING:
    from core.explain.pair import ExplainModel

KIND = "inference"
_LOADING = "loading the model"


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What every request names."""

    data_dir: str
    model: str | None = None
    device: str = "auto"

    @property
    def folder(self) -> DataDir:
        return DataDir(Path(self.data_dir))


class _Embed(_Asked, frozen=True, kw_only=True):
    clips: list[int] | None = None


class _Match(_Asked, frozen=True, kw_only=True):
    clip: int
    everywhere: bool = False
    top: int = 10
    failed: tuple[Failure, ...] = ()


class _Explain(_Asked, frozen=True, kw_only=True):
    clip: int
    other: int
    out: str


class Inference:
    """The worker's state: the loaded model, and the same one for explaining."""

    def __init__(self) -> None:
        self._embedder: tuple[tuple[str, ...], Embedder] | None = None
        self._explainer: tuple[tuple[str, ...], ExplainModel] | None = None

    @property
    def handlers(self) -> dict[str, Handler]:
        """What the worker answers."""
        return {
            "open": self.open,
            "embed": self.embed,
            "match": self.match,
            "explain": self.explain,
            "prepare": self.prepare,
        }

    def open(self, params: dict[str, Any], progress: ProgressSink, _: CancelToken) -> dict[str, Any]:
        """``open`` {data_dir, model, device} → {model, dim, device, reason}; needs no catalogue."""
        asked = msgspec.convert(params, _Asked)
        if asked.folder.catalogue.exists():
            with ReadingCatalog.open(asked.folder) as catalog:
                bundle = bundle_of(catalog, asked.model)
        else:
            bundle = bundle_in_use(asked.folder, asked.model)
        embedder = self._loaded(asked, bundle, progress)
        return {"model": embedder.model_id, "dim": embedder.dim, **_device(embedder)}

    def embed(self, params: dict[str, Any], progress: ProgressSink, cancel: CancelToken) -> dict[str, Any]:
        """``embed`` {data_dir, clips or null for all, model, device} → what is missing or stale, embedded.

        The answer is that of :class:`core.matching.keeping.EmbedAnswer` with ``device`` and ``reason``; it is
        for :func:`core.matching.keeping.keep_vectors`.
        """
        asked = msgspec.convert(params, _Embed)
        with ReadingCatalog.open(asked.folder) as catalog:
            embedder = self._loaded(asked, bundle_of(catalog, asked.model), progress)
            answer = _embed(catalog, embedder, _chosen(catalog, asked.clips), progress, cancel)
        return answer.as_dict() | _device(embedder)

    def match(self, params: dict[str, Any], progress: ProgressSink, _: CancelToken) -> dict[str, Any]:
        """``match`` {data_dir, clip, everywhere, top, failed, model, device} → the document of ``match``.

        What :func:`core.matching.gallery.gallery_of` names has to be embedded and kept before, but for
        ``failed``, which is as ``embed`` told it.
        """
        asked = msgspec.convert(params, _Match)
        with ReadingCatalog.open(asked.folder) as catalog:
            embedder = self._loaded(asked, bundle_of(catalog, asked.model), progress)
            gallery = gallery_of(catalog, asked.clip, asked.everywhere)
            return rank_stored(catalog, embedder, gallery, asked.failed, top=asked.top).as_dict()

    def explain(self, params: dict[str, Any], progress: ProgressSink, cancel: CancelToken) -> dict[str, Any]:
        """``explain`` {data_dir, clip, other, out, model, device} → the document of ``explain``.

        Each side also has ``crop``, ``map`` and ``clear``, see :class:`core.explain.overlay.LayerFiles`.
        """
        asked = msgspec.convert(params, _Explain)
        with ReadingCatalog.open(asked.folder) as catalog:
            return explain_clips(
                catalog,
                bundle_of(catalog, asked.model),
                asked.clip,
                asked.other,
                Path(asked.out),
                device=asked.device,
                layers=True,
                opener=self._explaining,
                progress=progress,
                cancel=cancel,
            )

    def prepare(self, params: dict[str, Any], progress: ProgressSink, cancel: CancelToken) -> dict[str, Any]:
        """``prepare`` {data_dir, device} → the clips that search lacks or that changed, in its common space.

        The answer is that of ``embed``, for the same function.
        """
        asked = msgspec.convert(params, _Asked)
        with ReadingCatalog.open(asked.folder) as catalog:
            space = open_space(catalog)
            embedder = self._loaded(asked, picture_model(asked.folder, space), progress)
            answer = prepare_for_others(catalog, space, embedder, progress, cancel)
        return answer.as_dict() | _device(embedder)

    def _loaded(self, asked: _Asked, bundle: BundleInfo, progress: ProgressSink) -> Embedder:
        key = (asked.data_dir, str(bundle.folder), bundle.manifest.model_id, asked.device)
        if self._embedder is None or self._embedder[0] != key:
            self._embedder = None  # gone before the next one comes: two may be more than the memory holds
            progress(Progress(_LOADING, 0, 1))
            self._embedder = (key, Embedder.open(bundle.folder, asked.device, asked.folder.cache))
            progress(Progress(_LOADING, 1, 1))
        return self._embedder[1]

    def _explaining(self, folder: Path, device: str) -> ExplainModel:
        from core.explain.pair import open_model
        from core.inference.bundle import read_bundle

        key = (str(folder), read_bundle(folder).manifest.model_id, device)
        if self._explainer is None or self._explainer[0] != key:
            self._explainer = None
            self._explainer = (key, open_model(folder, device))
        return self._explainer[1]


def _chosen(catalog: Catalog, ids: Sequence[int] | None) -> list[Clip]:
    """The clips that were asked for; those that were removed meanwhile are left out."""
    wanted = None if ids is None else set(ids)
    return [clip for clip in queries.clips(catalog) if wanted is None or clip.id in wanted]


def _embed(
    catalog: Catalog, embedder: Embedder, clips: Sequence[Clip], progress: ProgressSink, cancel: CancelToken
) -> EmbedAnswer:
    stale, current = find_stale(catalog, embedder.info, clips)
    made: list[ClipVector] = []
    failed: list[Failure] = []
    for done, one in enumerate(embed_each(catalog, embedder, stale, cancel), start=1):
        if isinstance(one, Failure):
            failed.append(one)
        else:
            made.append(one)
        progress(Progress(STAGE, done, len(stale)))
    return hand_over(catalog.data_dir, embedder.info, made, failed, current)


def _device(embedder: Embedder) -> dict[str, str]:
    return {"device": embedder.device.name, "reason": embedder.device.reason}


if __name__ == "__main__":
    serve(KIND, Inference().handlers)
