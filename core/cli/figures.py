"""An evaluation's figures as a table on the screen and as a report in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.interrupt import cancel_by_interrupt
from core.cli.output import Output
from core.evaluation.report.words import way_words

if TYPE_CHECKING:  # what draws would cost every other command its time
    from core.evaluation.result import Evaluation
    from core.inference.embedder import Embedder

_CATALOGUE = ("mAP", "rank1", "rank5", "rank10")


def keep_report(
    out: Path | None,
    result: Evaluation,
    document: dict[str, Any],
    loaded: Embedder,
    name: str,
    output: Output,
) -> dict[str, Any]:
    """Writes the report of a model into a folder.

    Args:
        out: the folder; None for no report.
        name: of the data.

    Returns:
        ``{report, figures}`` with paths; empty without a folder.

    Raises:
        PolypTraceError: ``report-unwritable``, or a picture can't be read.
        Cancelled: the user cancelled; the folder is as it was.
    """
    if out is None:
        return {}
    from core.evaluation.calibration import rule_from
    from core.evaluation.report.writing import evaluation_page, write_report
    from core.explain.pair import open_model
    from core.explain.side_by_side import SideBySide

    facts = [("Model", loaded.model_id), ("Computed on", str(loaded.device)), ("Data", name)]
    rule = rule_from(loaded.manifest.no_match) if result.protocol == "own-text" else None
    explainer = SideBySide(open_model(loaded.info.folder, loaded.device.name))
    with output.progress() as progress, cancel_by_interrupt() as cancel:
        page = evaluation_page(
            result,
            facts,
            document["warnings"],
            rule,
            explainer,
            document.get("published", ()),
            progress=progress,
            cancel=cancel,
        )
    return _written(write_report(out, page, output.as_text(document)), output)


def keep_features(out: Path | None, document: dict[str, Any], path: Path, output: Output) -> dict[str, Any]:
    """The same for ready features; the figures across modalities are a document without a page."""
    if out is None:
        return {}
    from core.evaluation.report.of_features import features_page
    from core.evaluation.report.writing import write_report

    page = features_page(document, path.name)
    return _written(write_report(out, page, output.as_text(document)), output)


def _written(paths: dict[str, Any], output: Output) -> dict[str, Any]:
    output.say(f"Report: {paths['report']}")
    return paths


def show_figures(output: Output, document: dict[str, Any]) -> None:
    """The figures as a table: the model first, then each baseline."""
    if "map_all" in document:
        show_across(output, document)
        output.banner()
        return
    if "clip" not in document:
        output.table("Features", _CATALOGUE, [[_cell(document.get(name)) for name in _CATALOGUE]])
        return
    ways = {"model": document, **document["baselines"]}
    rows = []
    for way, figures in ways.items():
        clip, within = figures.get("clip") or {}, figures.get("within_patient") or {}
        rows.append([way_words(way), *(_cell(clip.get(name)) for name in _CATALOGUE)])
        rows[-1] += [_cell(within.get(name)) for name in ("rank1", "chance", "no_match_auroc")]
    rows += [
        [f"{one['method']} (published)", *(_cell(one.get(name)) for name in _CATALOGUE), "–", "–", "–"]
        for one in document.get("published", ())
    ]
    columns = ("", *_CATALOGUE, "patient rank1", "chance", "no-match AUROC")
    output.table("Clips, whole catalogue; then within the patient", columns, rows)
    _show_intervals(output, document)
    output.say(f"{document['model']} on {document['device']}: {document['device_reason']}", style="dim")
    output.banner()


def show_across(output: Output, document: Mapping[str, Any]) -> None:
    """MAP@all and MAP@50 by direction, with peers and published figures."""
    ways = list(document["map_all"])
    rows: list[list[object]] = [
        [way, document["map_all"][way], document["map_50"][way], document["queries"][way]] for way in ways
    ]
    rows.append(["average", document["average"], float(sum(document["map_50"].values()) / len(ways)), ""])
    output.table("Across modalities", ("", "MAP@all", "MAP@50", "queries"), rows)
    peer = (document.get("baselines") or {}).get("cca")
    if peer:
        from core.evaluation.peers import cca_words

        rows = [[way, peer["map_all"][way], peer["map_50"][way]] for way in peer["map_all"]]
        output.table(f"Canonical correlation: {cca_words(peer)}", ("", "MAP@all", "MAP@50"), rows)
    for method, figures in document.get("published", {}).items():
        told = ", ".join(f"{way} {value:.3f}" for way, value in figures.items())
        output.say(f"published: {method}: {told}", style="dim")


def _show_intervals(output: Output, document: dict[str, Any]) -> None:
    """The model's headline figures with their intervals, one a line."""
    clip, within = document["clip"], document["within_patient"]
    lines = [
        ("mAP", clip["mAP"], clip["intervals"].get("mAP")),
        ("Rank-1", clip["rank1"], clip["intervals"].get("rank1")),
        ("Rank-1 within the patient", within["rank1"], within["intervals"].get("rank1")),
        ("known or new: AUROC", within["no_match_auroc"], within["intervals"].get("no_match_auroc")),
        ("FNIR at FPIR 5 %", within["fnir_at_fpir5"], within["intervals"].get("fnir_at_fpir5")),
        ("calibration error", within["ece"], within["intervals"].get("ece")),
    ]
    rows = [
        [name, _cell(value), "–" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"]
        for name, value, ends in lines
        if value is not None
    ]
    if rows:
        output.table("The model, with 95 % intervals over patients", ("", "figure", "interval"), rows)


def _cell(value: Any) -> object:
    return value if isinstance(value, int | float) else "–"
