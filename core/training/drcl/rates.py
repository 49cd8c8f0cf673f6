"""Learning rates of DRCL, chosen on validation: each modality by itself, since none knows of the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from core.data.cross_modal.samples import TEST, CrossModal
from core.progress import CancelToken
from core.training.drcl.config import DrclSettings
from core.training.drcl.run import train_drcl
from core.training.trainer import StepSink

RATES = (6e-6, 3e-5, 1e-4, 3e-4, 1e-3, 5e-3)


def try_rates(
    data: CrossModal,
    settings: DrclSettings,
    rates: Sequence[float],
    device: str,
    on_event: StepSink,
    cancel: CancelToken,
) -> dict[str, Any]:
    """Varies one modality's rate at a time, the others as they are, and takes the best for it; one round.

    What is compared is MAP@all on the validation part, averaged over the directions; the test part isn't
    looked at.

    Returns:
        ``{rates: {modality: rate}, validation, tried: [{rates, validation}, …]}``.
    """
    seen = msgspec.structs.replace(data, parts={k: v for k, v in data.parts.items() if k != TEST})
    tried: list[dict[str, Any]] = []

    def validated(chosen: dict[str, float]) -> float:
        known = next((one["validation"] for one in tried if one["rates"] == chosen), None)
        if known is not None:
            return float(known)
        with TemporaryDirectory() as scratch:
            one = msgspec.structs.replace(settings, rates=chosen)
            done = train_drcl(seen, Path(scratch) / "run", one, device, on_event, cancel=cancel)
        tried.append({"rates": chosen, "validation": done.metrics["validation"]["average"]})
        on_event({"stage": "rates", **tried[-1]})
        return float(tried[-1]["validation"])

    best = {name: settings.rate_of(name) for name in data.modalities}
    for name in data.modalities:
        scores = {rate: validated({**best, name: rate}) for rate in sorted({*rates, best[name]})}
        best = {**best, name: max(scores, key=lambda rate: scores[rate])}
    return {"rates": best, "validation": validated(best), "tried": tried}
