"""The starter model's card: data, settings, figures as they are, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.inference.bundle import BundleInfo
from core.training.config import read_config
from core.training.masked_language import MlmResult, summary
from core.training.publish import DATA_HEADING, LIMITS, CardFacts, card

WORDS = {
    "model": "picture and text",
    "image_only": "picture alone",
    "text_only": "text alone",
    "shuffled_text": "picture with another lesion's text",
    "location_only": "baseline: segment and size as recorded",
    "colour_histogram": "baseline: colour histogram",
}
_ACROSS = {
    "mAP": "mAP",
    "rank1": "Rank-1",
    "rank5": "Rank-5",
    "within_rank1": "A: Rank-1 within the patient",
    "no_match_auroc": "A: known or new, AUROC",
    "wrong_patient": "C: a stranger ranks first",
}
_WITHOUT_TEXT = {
    "frame_mAP": "frames: mAP",
    "frame_rank1": "frames: Rank-1",
    "mAP": "clips: mAP",
    "rank1": "clips: Rank-1",
}
PHANTOM_LIMITS = (
    "It has learnt from rendered pictures and invented descriptions alone; how it does on real polyps within "
    "one exam is measured on a few only, and between real exams not at all.",
    "It was made so that the software can be tried out; train on data of your own before you study anything.",
    *LIMITS,
)


def starter_card(
    info: BundleInfo,
    run: Path,
    text: MlmResult | None,
    figures: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str],
    parent: BundleInfo | None = None,
) -> str:
    """The card.

    Args:
        info: the bundle.
        run: the training run's folder.
        text: of the text encoder's pre-training; None where a model was gone on from.
        figures: as :func:`core.training.starter_figures.measure` returns them.
        parent: the model that was gone on from; what it had learnt from is told too.
    """
    data = msgspec.json.decode((run / "data.json").read_bytes())
    splits = data["splits"]
    facts = CardFacts(
        name="PolypTrace starter model",
        data=[
            f"{splits['train_pictures']} rendered crops of {splits['train_lesions']} lesions of "
            f"{splits['train_patients']} invented patients (the phantom); no picture of a real patient.",
            f"Held back: {splits['val_lesions']} lesions of {splits['val_patients']} such patients whom no "
            "version learns from; the checkpoint and the threshold were chosen on them.",
            *([] if text is None else [f"Text encoder: {summary(text)}."]),
            *([] if parent is None else _before(parent)),
        ],
        config=read_config(run / "config.json"),
        tables=[line for name, own in figures.items() for line in figure_lines(name, own)],
        limits=PHANTOM_LIMITS,
        notes=[*notes, _rule(info)],
    )
    return card(facts)


def _before(parent: BundleInfo) -> list[str]:
    """What the parent had learnt from, from its own card."""
    told = parent.card.partition(DATA_HEADING)[2].partition("\n## ")[0]
    lines = [line.removeprefix("- ") for line in told.splitlines() if line.startswith("- ")]
    before = parent.manifest.model_id
    return [
        f"It went on from the weights of the version before, {before}.",
        *(f"{before}: {x}" for x in lines),
    ]


def _rule(info: BundleInfo) -> str:
    rule = info.manifest.no_match
    if rule is None:
        return "No threshold for “no good match” could be learnt."
    return (
        f"“No good match” below a cosine of {rule.threshold:.3f}, learnt from {rule.queries} queries of "
        "the held-back patients, each with and without its lesion in the gallery; the probability of a match "
        f"from their {rule.pairs} pairs with earlier lesions of the same patient."
    )


def with_check(
    old: str, info: BundleInfo, figures: Mapping[str, Mapping[str, Any]], held: Sequence[str]
) -> str:
    """A card with figures, rule and a word on held-back patients in place of those it had.

    Args:
        old: the card; what isn't named stays.
        info: the bundle, with its new rule.
        figures: by the heading that they stand under.
        held: lines of the data section in place of the one that begins with “Held back”.
    """
    lines, skipping = [], False
    for line in old.splitlines():
        if line.startswith("#"):
            heading = line.removeprefix("### ").casefold()
            named = [name for name in figures if name.casefold() == heading]
            skipping = bool(named)
            for name in named:
                lines += figure_lines(name, figures[name])
        if skipping:
            continue
        if line.startswith("- Held back: "):
            lines += [f"- {one}" for one in held]
        elif line.startswith("- “No good match” below"):
            lines.append(f"- {_rule(info)}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def figure_lines(name: str, figures: Mapping[str, Any]) -> list[str]:
    """One table: ways down, figures with their 95 % intervals across."""
    return [
        f"### {name[0].upper()}{name[1:]}",
        "",
        *([figures["note"], ""] if figures.get("note") else []),
        *(_described(figures) if figures["text_read"] else _pictures_alone(figures)),
        "",
    ]


def _described(figures: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{figures['queries']} query clips (last exams) of {figures['patients']} patients against "
        f"{figures['gallery']} clips of earlier exams; 95 % intervals over patients. Rank-1 within the "
        f"patient by chance: {_shown(figures['chance'])}.",
        "",
        *_table(figures, _ACROSS, WORDS),
    ]
    return [*lines, "", _no_match_line(figures)] if figures["new"] else lines


def _pictures_alone(figures: Mapping[str, Any]) -> list[str]:
    """Data without texts: the model sees pictures, and there is one baseline."""
    words = {"model": "this model", "colour_histogram": WORDS["colour_histogram"]}
    return [
        f"{figures['queries']} polyps, later frames of a sequence against earlier ones of the same exam; "
        "pictures without text; 95 % intervals over polyps. Not a second exam.",
        "",
        *_table(figures, _WITHOUT_TEXT, words),
    ]


def _table(figures: Mapping[str, Any], across: Mapping[str, str], down: Mapping[str, str]) -> list[str]:
    rows = []
    for way, words in down.items():
        own = figures[way] or {}
        cells = [_shown(own.get(key), own.get("intervals", {}).get(key)) for key in across]
        rows.append(f"| {words} | {' | '.join(cells)} |")
    return [f"| compared by | {' | '.join(across.values())} |", "|---" * (len(across) + 1) + "|", *rows]


def _no_match_line(figures: Mapping[str, Any]) -> str:
    new, known = figures["new"], figures["known"]
    right, wrong = figures["no_match_recognised"], figures["no_match_missed"]
    intervals = figures["intervals"]
    if right is None or wrong is None:
        return "The model has no threshold for “no good match”."
    return (
        f"“No good match” was said of {round(right * new)} of {new} new lesions, and wrongly of "
        f"{round(wrong * known)} of {known} known ones. "
        f"FNIR at FPIR 5 %: {_shown(figures['fnir_at_fpir5'], intervals.get('fnir_at_fpir5'))}. "
        f"Calibration error of the probability: {_shown(figures['ece'], intervals.get('ece'))}."
    )


def _shown(value: float | None, interval: Sequence[float] | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval[0]:.2f}–{interval[1]:.2f})"
