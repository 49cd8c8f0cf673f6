"""The models that wait for a decision, for people who decide: figures, and what could be gone back to."""

from __future__ import annotations

from typing import Any

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.values import ModelState
from core.inference.registry import list_bundles
from core.matching.model_choice import bundle_of


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
    """Id of the model in use and of the one before, which can be gone back to; candidates, newest first."""

    active: str
    before: str | None
    candidates: tuple[Candidate, ...]


def standing(catalog: Catalog) -> Standing:
    """What there is to decide.

    Raises:
        PolypTraceError: as :func:`core.matching.model_choice.bundle_of`.
    """
    active = bundle_of(catalog).manifest.model_id
    known = {model.model_id: model for model in queries.model_versions(catalog)}
    found = []
    for bundle in list_bundles(catalog.data_dir):
        version = known.get(bundle.id)
        waits = version is None or version.state is ModelState.CANDIDATE
        if bundle.info is not None and not bundle.shipped and bundle.id != active and waits:
            added = version.added_at.timestamp() if version else 0.0
            found.append(
                (added, _candidate(bundle.id, bundle.info.manifest.name, bundle.info.manifest.metrics))
            )
    newest = sorted(found, key=lambda pair: -pair[0])
    return Standing(active, queries.model_before(catalog), tuple(one for _, one in newest))


def _candidate(model: str, name: str, metrics: dict[str, Any]) -> Candidate:
    compared, learnt = metrics.get("comparison"), metrics.get("trained_on")
    words = []
    if isinstance(learnt, dict):
        words.append(
            f"It learnt from {learnt.get('train_lesions')} lesions of {learnt.get('train_patients')} "
            f"patients, starting from {learnt.get('start')}."
        )
        words += [str(note) for note in learnt.get("notes", ())]
    return Candidate(model, name, compared if isinstance(compared, dict) else None, tuple(words))
