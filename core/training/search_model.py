"""Makes the search model that is shipped in ``resources/models/search``, with one command.

``python -m core.training.search_model [--out DIR] [--work-dir DIR] [--kind fields|class] [--set NAME=VALUE]``

Pictures of the benchmark's patients and of others are rendered and embedded by the shipped starter model;
their descriptions, and reports that others wrote of the same lesions, are drawn from the same plan; DRCL
learns a common space of them, which is measured on the benchmark's test patients beside plain ways to search
and published with its card. What is finished stays in the work folder. One JSON object a line on stderr says
how far it is; the result comes as one JSON document on stdout.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.data.cross_modal.samples import TEST, TRAIN, VAL
from core.data.manifest import load_crop, read_manifest
from core.inference.bundle import amend_bundle, read_bundle
from core.inference.embedder import Embedder
from core.inference.space import SpaceReader
from core.phantom.benchmark import BenchmarkPatient, BenchmarkSpec, load_spec, plan_benchmark
from core.phantom.search_items import ReportedFinding, reported_findings
from core.progress import CancelToken, Progress, ProgressSink
from core.search.categories import KINDS, Kind
from core.search.codes import codes_of
from core.search.features import Floats, Words
from core.search.figures import SearchItem, search_figures, tables
from core.search.samples import Findings, SearchData, Seen, Told, search_data
from core.search.vectors import WordSpace
from core.text.render import model_text
from core.training.ablation_recipe import OTHERS, benchmark_crops, other_crops, others
from core.training.command import EventLog, claim, run_command
from core.training.drcl.config import DrclSettings
from core.training.drcl.presets import preset
from core.training.drcl.run import train_drcl
from core.training.overrides import with_assignments
from core.training.publish import ship
from core.training.trainer import StepSink, no_steps

LIMIT_BYTES = 5_000_000
OUT, WORK = Path("resources/models/search"), Path("build/search")
STARTER = Path("resources/models/starter")
_BATCH = 64
_Key = tuple[str, str, int]


class SearchRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides the space.

    Args:
        settings: of DRCL.
        kind: what makes a category.
        patients: who are learnt from beside the benchmark's training patients.
        reports: of each finding.
        pictures_of: id of the model that embeds the pictures.
        manifests: hashes of the benchmark's pictures and of the others'.
    """

    settings: DrclSettings
    kind: Kind = "fields"
    patients: int = 80
    reports: int = 4
    pictures_of: str = ""
    manifests: tuple[str, str] = ("", "")


def make_search_model(
    out: Path,
    work: Path,
    recipe: SearchRecipe,
    *,
    starter: Path = STARTER,
    spec: BenchmarkSpec | None = None,
    device: str = "auto",
    workers: int | None = None,
    on_event: StepSink = no_steps,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Runs all stages that aren't finished yet.

    Args:
        out: the bundle's folder; replaced at the very end.
        work: what is made on the way.
        starter: the bundle that embeds the pictures.
        spec: None = the published benchmark.

    Returns:
        ``{run, model, metrics, seconds, bytes, bundle}``.

    Raises:
        PolypTraceError: ``search-other-recipe``, or what a stage refuses.
        Cancelled: what is finished stays.
    """
    token, log = cancel or CancelToken(), EventLog("search model", on_event)
    spec = spec or load_spec()
    crops = benchmark_crops(work, spec, workers, log.progress, token)
    more = other_crops(work, spec, recipe.patients, workers, log.progress, token)
    recipe = msgspec.structs.replace(
        recipe,
        pictures_of=read_bundle(starter).manifest.model_id,
        manifests=(read_manifest(crops).sha256(), read_manifest(more).sha256()),
    )
    claim(work, recipe, "search-other-recipe")
    embedder = Embedder.open(starter, device, work / "cache")
    seen = _embedded(embedder, crops, work / "benchmark.npz", log.progress, token)
    seen |= _embedded(embedder, more, work / "others.npz", log.progress, token)
    planned = plan_benchmark(spec, spec.seed)
    planned += plan_benchmark(others(spec, recipe.patients), spec.seed + OTHERS)
    found = list(reported_findings(planned, recipe.reports))
    made = search_data(_parts(found, seen), recipe.kind, recipe.settings.seed, name="phantom")
    done = train_drcl(
        made.data,
        work / "space",
        recipe.settings,
        device,
        on_step=on_event,
        progress=log.progress,
        cancel=token,
        inputs=made.inputs(recipe.pictures_of),
    )
    space = WordSpace(SpaceReader.open(done.bundle))
    items = _items(found, seen)

    def raw(texts: Sequence[str]) -> Floats:
        return embedder.embed_pairs([None] * len(texts), texts)

    figures = search_figures(space, items, raw)
    info = _described(done.bundle, made, figures, planned)
    shipped, size = ship(info, out, LIMIT_BYTES)
    return {
        "run": done.run.name,
        "model": shipped.manifest.model_id,
        "metrics": shipped.manifest.metrics,
        "seconds": round(done.seconds, 1),
        "bytes": size,
        "bundle": str(shipped.folder),
    }


def _embedded(
    embedder: Embedder, manifest: Path, kept: Path, progress: ProgressSink, cancel: CancelToken
) -> dict[_Key, Floats]:
    """Patient, lesion and exam → (K, d) embeddings of the pictures alone, kept in a file."""
    rows = read_manifest(manifest).rows
    if not kept.exists():
        parts = []
        for start in range(0, len(rows), _BATCH):
            pictures = [load_crop(row) for row in rows[start : start + _BATCH]]
            parts.append(embedder.embed_pairs(pictures, [None] * len(pictures), cancel))
            progress(Progress("embedding pictures", start + len(pictures), len(rows)))
        np.savez(kept, vectors=np.concatenate(parts))
    with np.load(kept) as file:
        vectors = file["vectors"]
    places: dict[_Key, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault((row.patient_id, row.polyp_id or "", row.exam), []).append(place)
    return {key: vectors[own] for key, own in places.items()}


def _parts(found: Sequence[ReportedFinding], seen: dict[_Key, Floats]) -> dict[str, Findings]:
    """What is learnt from and what chooses; one report a finding is enough to choose by."""
    parts = {}
    for part in (TRAIN, VAL):
        own = [one for one in found if one.part == part]
        described = [
            Seen(Words.of_description(one.described), seen[key])
            for one in own
            if (key := (one.patient, one.lesion, one.exam)) in seen
        ]
        reports = [one.reports if part == TRAIN else one.reports[:1] for one in own]
        told = [Told(Words.of_text(r.text), codes_of(r.said)) for several in reports for r in several]
        parts[part] = Findings(described, told)
    return parts


def _items(found: Sequence[ReportedFinding], seen: dict[_Key, Floats]) -> list[SearchItem]:
    return [
        SearchItem(
            patient=one.patient,
            lesion=one.lesion,
            exam=one.exam,
            words=Words.of_description(one.described),
            text=model_text(one.described),
            frames=seen[one.patient, one.lesion, one.exam],
            report=one.reports[0].text,
            said=codes_of(one.reports[0].said),
        )
        for one in found
        if one.part == TEST and (one.patient, one.lesion, one.exam) in seen
    ]


def _described(
    bundle: Path, made: SearchData, figures: dict[str, Any], planned: Sequence[BenchmarkPatient]
) -> Any:
    """The bundle with its figures in manifest and card."""
    info = read_bundle(bundle)
    tested = sum(one.part == TEST for one in planned)
    heading = "## Search on invented patients"
    lines = [
        heading,
        "",
        f"The benchmark's {tested} invented test patients. The reports are composed by the phantom's own "
        "writer of them, as somebody else would type what they saw; no person wrote them. Beside it: string "
        "matching of report and description, and the text encoder of the lesion model.",
        "",
        *tables(figures),
    ]
    card = info.card.split(heading)[0].rstrip("\n") + "\n\n" + "\n".join(lines)
    return amend_bundle(bundle, metrics={**info.manifest.metrics, "search": figures}, card=card)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m core.training.search_model``; 0, or 1 after an error or a cancel."""
    options = _parser().parse_args(arguments)
    settings = with_assignments(preset("search"), options.changes)

    def work(on_event: StepSink, cancel: CancelToken) -> dict[str, Any]:
        return make_search_model(
            options.out,
            options.work_dir,
            SearchRecipe(settings=settings, kind=options.kind, patients=options.patients),
            starter=options.starter,
            device=options.device,
            workers=options.workers,
            on_event=on_event,
            cancel=cancel,
        )

    return run_command(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core.training.search_model", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--out", type=Path, default=OUT, help="the bundle (%(default)s)")
    parser.add_argument("--work-dir", type=Path, default=WORK, help="kept between starts (%(default)s)")
    parser.add_argument("--starter", type=Path, default=STARTER, help="embeds the pictures (%(default)s)")
    parser.add_argument("--kind", choices=KINDS[:2], default="fields", help="of the categories (%(default)s)")
    parser.add_argument("--patients", type=int, default=80, help="besides the benchmark's (%(default)s)")
    parser.add_argument(
        "--set", action="append", default=[], dest="changes", metavar="NAME=VALUE", help="as `train --set`"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    parser.add_argument("--workers", type=int, default=None, help="rendering processes (one a core)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
