"""The models that wait for a decision, for people who decide: figures, and what could be gone back to."""

from __future__ import annotations

from typing import Any

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.values import ModelState
from core.counting import count
from core.domain import DMCL
from core.errors import PolypTraceError
from core.inference.registry import active_bundle, list_bundles


class Candidate(msgspec.Struct, frozen=True):
    """A model that was trained here and isn't in use.

    ``comparison`` is what :class:`core.training.compare.Comparison` told; None for a model that learnt from a
    manifest. ``learnt`` are sentences on what it learnt from.
    """

    id: str
    name: str
    comparison: dict[str, Any] | None
    learnt: tuple[str, ...]


class Standing(msgspec.Struct, frozen=True):
    """Id of the model in use and of the one before, which can be gone back to; candidates, newest first.

    ``active`` is empty where the catalogue names none and no starter model is there.
    """

    active: str
    before: str | None
    candidates: tuple[Candidate, ...]


def standing(catalog: Catalog) -> Standing:
    """What there is to decide, also where the model in use is lost: then most of all it is gone back from."""
    active = _active(catalog)
    known = {model.model_id: model for model in queries.model_versions(catalog)}
    found = []
    for bundle in list_bundles(catalog.data_dir):
        version = known.get(bundle.id)
        waits = version is None or version.state is ModelState.CANDIDATE
        recognises = bundle.info is not None and bundle.info.manifest.kind == DMCL
        if bundle.info is not None and recognises and not bundle.shipped and bundle.id != active and waits:
            added = version.added_at.timestamp() if version else 0.0
            found.append(
                (added, _candidate(bundle.id, bundle.info.manifest.name, bundle.info.manifest.metrics))
            )
    newest = sorted(found, key=lambda pair: -pair[0])
    return Standing(active, queries.model_before(catalog), tuple(one for _, one in newest))


def _active(catalog: Catalog) -> str:
    """The id on record, whether or not its bundle can be read."""
    named = queries.active_model(catalog)
    if named is not None:
        return named.model_id
    try:
        return active_bundle(catalog.data_dir).manifest.model_id
    except PolypTraceError:
        return ""


def _candidate(model: str, name: str, metrics: dict[str, Any]) -> Candidate:
    compared, learnt = metrics.get("comparison"), metrics.get("trained_on")
    words = []
    if isinstance(learnt, dict):
        lesions, patients = (int(learnt.get(f"train_{what}s") or 0) for what in ("lesion", "patient"))
        words.append(
            f"It learnt from {count(lesions, 'lesion')} of {count(patients, 'patient')}, "
            f"starting from {learnt.get('start')}."
        )
        words += [str(note) for note in learnt.get("notes", ())]
    return Candidate(model, name, compared if isinstance(compared, dict) else None, tuple(words))
