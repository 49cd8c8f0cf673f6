"""The card of a common space: what it learnt from, how, and what it can't do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.counting import count
from core.data.cross_modal.samples import TEST, CrossModal
from core.domain import RESEARCH_BANNER
from core.training.drcl.config import DrclSettings
from core.training.drcl.prior import LearntPrior
from core.training.publish import DATA_HEADING

LIMITS = (
    "It finds what is of a kind; that two samples show the same lesion it can't tell.",
    "It has never been tested in care, and its scores are no probability of disease.",
)


def space_card(
    data: CrossModal, settings: DrclSettings, prior: LearntPrior, metrics: Mapping[str, Any]
) -> str:
    """The card, Markdown."""
    lines = [
        f"# Words and pictures of a kind: {data.title}",
        "",
        f"**{RESEARCH_BANNER}.**",
        "",
        "Encodes samples of several modalities into one space where those of a category lie together (DRCL).",
        "",
        DATA_HEADING,
        "",
        *(
            f"- {part}: {', '.join(f'{count} of {name}' for name, count in own.items())}"
            for part, own in data.sizes.items()
        ),
        f"- {count(len(data.categories), 'category', 'categories')}; "
        f"{'one' if data.single else 'one or several'} a sample.",
        *(f"- {note}" for note in data.notes),
        "",
        "## Settings",
        "",
        f"- Encoders of width {settings.width}, embeddings of {settings.dim}; batches of {settings.batch}; "
        f"at most {count(settings.epochs, 'epoch')}; seed {settings.seed}.",
        f"- {_method_words(data, settings)}",
        f"- {_prior_words(prior)}",
        "",
        "## Figures",
        "",
        *_table(data, metrics),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in LIMITS),
    ]
    return "\n".join(lines) + "\n"


def _method_words(data: CrossModal, settings: DrclSettings) -> str:
    """What tells the variants of the method apart: losses, exponent, augmentation, rates."""
    rates = ", ".join(f"{name} {settings.rate_of(name):g}" for name in data.modalities)
    q = "0.01 · epoch, at most 1" if settings.q is None else f"{settings.q:g}"
    mixed = {"embedding": "of embeddings", "features": "of features", "none": ""}[settings.augmentation]
    mixup = f"mixup {mixed} with γ = {settings.gamma:g}" if mixed else "no mixup"
    return (
        f"Losses: labels × {settings.label_weight:g}, similarity × {settings.alpha:g}, invariance × "
        f"{settings.beta:g}; q = {q}; {mixup}. Rates: {rates}; prior {settings.prior_rate:g}. Features: "
        f"{settings.scaling}. Epoch kept by {settings.best}."
    )


def _prior_words(prior: LearntPrior) -> str:
    if not prior.modality:
        return "Prior: random orthonormal columns."
    return f"Prior: learnt on {prior.modality}, quality score {prior.score:.3f} (epoch {prior.epoch})."


def untested(data: CrossModal) -> str:
    """Why there are no figures on a test part, in a sentence."""
    held = data.parts.get(TEST, {})
    if not held:
        return "No figures: nothing was held back for a test, so how it does on other samples isn't known."
    return (
        f"No figures: of the modalities only {', '.join(held)} was held back for a test, and two are needed."
    )


def _table(data: CrossModal, metrics: Mapping[str, Any]) -> list[str]:
    if "map_all" not in metrics:
        return [untested(data)]
    rows = [
        f"| {way} | {metrics['map_all'][way]:.3f} | {metrics['map_50'][way]:.3f} |"
        for way in metrics["map_all"]
    ]
    return ["| test part | MAP@all | MAP@50 |", "|---|---|---|", *rows]
