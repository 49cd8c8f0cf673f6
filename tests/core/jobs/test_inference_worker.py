"""The real inference worker on a small catalogue: embed, keep, match, explain; it never writes there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.catalog import operations, queries
from core.domain import Verdict
from core.errors import PolypTraceError
from core.inference.embedder import Embedder
from core.jobs.host import JobCancelled, JobDone, JobFailed, JobProgress
from core.jobs.reading import ReadingCatalog
from core.matching.deciding import decide, note_shown
from core.matching.indexing import stored_vectors
from core.matching.keeping import keep_vectors
from core.matching.ranking import match_clip
from core.matching.values import match_from
from core.paths import DataDir

from ..matching.conftest import CAECUM, Filed, lose_video
from .conftest import Ear, Hosting

COMMAND = [sys.executable, "-m", "core.jobs.inference_worker"]


class Asking:
    """The window's side of it."""

    def __init__(self, hosting: Hosting, filed: Filed, bundle: Path) -> None:
        self.host, self.ear = hosting(COMMAND, "inference")
        self._common = {"data_dir": str(filed.catalog.data_dir.root), "model": str(bundle), "device": "cpu"}

    def __call__(self, name: str, **params: Any) -> Any:
        ended = self.ear.end_of(self.send(name, **params))
        assert isinstance(ended, JobDone), ended
        return ended.value

    def refused(self, name: str, **params: Any) -> PolypTraceError:
        error: PolypTraceError = self.ear.wait(JobFailed, self.send(name, **params)).error
        return error

    def send(self, name: str, **params: Any) -> int:
        return self.host.submit(name, self._common | params)


@pytest.fixture
def asking(hosting: Hosting, filed: Filed, small_bundle: Path) -> Asking:
    return Asking(hosting, filed, small_bundle)


def _audit(filed: Filed) -> int:
    return len(queries.audit_events(filed.catalog))


def _loads(ear: Ear) -> int:
    return sum(event.progress.stage == "loading the model" for event in ear.of(JobProgress))


def test_the_main_job(asking: Asking, filed: Filed, embedder: Embedder, tmp_path: Path) -> None:
    catalog, before = filed.catalog, _audit(filed)
    opened = asking("open")
    assert opened == {
        "model": embedder.model_id,
        "dim": embedder.dim,
        "device": "cpu",
        "reason": "asked for",
    }
    made = asking("embed", clips=[filed.one, filed.two, filed.query])
    assert [row["clip"] for row in made["rows"]] == [filed.one, filed.two, filed.query]
    assert (made["current"], made["failed"], made["device"]) == (0, [], "cpu")
    assert (_audit(filed), catalog.counts()["models"], catalog.counts()["vectors"]) == (before, 0, 0)

    changes = keep_vectors(catalog, made)
    assert changes.vectors == (filed.one, filed.two, filed.query)
    assert changes.models == changes.created.models == (embedder.model_id,)
    assert not list(catalog.data_dir.cache.glob("vectors-*"))
    vectors = stored_vectors(catalog, embedder, [filed.one])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    kept = _audit(filed)
    rest = asking("embed", clips=None)
    assert ([row["clip"] for row in rest["rows"]], rest["current"]) == ([filed.other], 3)
    keep_vectors(catalog, rest)
    nothing = asking("embed")
    assert (nothing["rows"], nothing["vectors"], nothing["current"]) == ([], None, 4)
    assert keep_vectors(catalog, nothing).nothing

    result = match_from(asking("match", clip=filed.query, everywhere=True, top=2))
    assert result == match_clip(catalog, embedder, filed.query, everywhere=True, top=2)
    explained = asking("explain", clip=filed.query, other=filed.one, out=str(tmp_path / "out"))
    for side in ("query", "candidate"):
        crop, heat = (cv2.imread(explained[side][what], cv2.IMREAD_UNCHANGED) for what in ("crop", "map"))
        assert crop.ndim == 3
        assert heat.shape == (*crop.shape[:2], 4)
        hottest = int(heat[..., 3].max())
        assert hottest > 200 if explained[side]["clear"] else hottest == 0
        assert Path(explained[side]["path"]).is_file()
    assert _loads(asking.ear) == 2  # its beginning and its end, once
    assert _audit(filed) == kept + 1  # what was kept above, and nothing by the worker

    note_shown(catalog, result, author="test")
    decide(catalog, Verdict.SAME, filed.query, other=result.patient[0].clip, author="test")
    again = match_from(asking("match", clip=filed.query))
    assert again.catalogue is None
    assert again.patient[0].note == "linked: same lesion"


def test_what_fails_is_listed_and_stops_nothing(asking: Asking, filed: Filed) -> None:
    lose_video(filed.catalog, filed.two)
    made = asking("embed")
    assert [one["clip"] for one in made["failed"]] == [filed.two]
    keep_vectors(filed.catalog, made)
    last = match_from(asking("match", clip=filed.query, failed=made["failed"])).patient[-1]
    assert (last.clip, last.score) == (filed.two, None)
    assert last.reason == made["failed"][0]["reason"]
    assert asking.refused("match", clip=filed.query).code == "clip-not-indexed"
    assert asking.refused("match", clip=filed.two, failed=made["failed"]).code == "match-no-embedding"


def test_refusals_are_sentences(asking: Asking, filed: Filed, tmp_path: Path) -> None:
    assert asking.refused("match", clip=filed.query).code == "model-unknown"
    assert asking.refused("match", clip="seven").code == "request-invalid"
    assert asking.refused("match", clip=999).code == "clip-unknown"
    assert asking.refused("open", device="abacus").code == "device-unknown"
    assert asking.refused("open", model="no such model").code == "model-unknown"
    assert asking.refused("embed", data_dir=str(tmp_path / "none")).code == "catalogue-missing"
    assert not (tmp_path / "none").exists()
    assert asking("open", data_dir=str(tmp_path / "none"))["device"] == "cpu"
    assert asking("open")["model"]
    # Begun and done for the first match and for each data folder; only begun for the device that isn't there.
    assert _loads(asking.ear) == 2 + 2 + 2 + 1


def test_embedding_can_be_cancelled(asking: Asking, filed: Filed) -> None:
    asking("open")
    running, waiting = asking.send("embed"), asking.send("embed")
    asking.host.cancel(waiting)
    asking.host.cancel(running)
    assert isinstance(asking.ear.end_of(waiting), JobCancelled)
    assert isinstance(asking.ear.end_of(running), JobCancelled)
    assert asking("embed")["current"] == 0


def test_a_changed_clip_is_stale_again(asking: Asking, filed: Filed) -> None:
    made = asking("embed")
    finding = queries.clip(filed.catalog, filed.one).finding_id
    operations.describe(filed.catalog, finding, CAECUM, author="test")
    keep_vectors(filed.catalog, made)
    assert [row["clip"] for row in asking("embed")["rows"]] == [filed.one]


def test_a_workers_catalogue_cannot_be_written(filed: Filed, tmp_path: Path) -> None:
    with ReadingCatalog.open(filed.catalog.data_dir) as catalog:
        assert len(queries.clips(catalog)) == 4
        with pytest.raises(PolypTraceError) as refused:
            operations.undo(catalog, author="test")
        assert refused.value.code == "catalogue-reading"
    with pytest.raises(PolypTraceError) as refused:
        ReadingCatalog.open(DataDir(tmp_path / "none"))
    assert refused.value.code == "catalogue-missing"
