"""Training on confirmed links: from a frozen manifest to a candidate beside the model in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from core.catalog.engine import Catalog
from core.inference.bundle import BundleInfo, amend_bundle, read_bundle
from core.inference.device import choose_device
from core.inference.embedder import Embedder
from core.inference.onnx_file import ONNX, RECORD
from core.inference.registry import find_bundle
from core.jobs.record import recorded
from core.matching.model_choice import bundle_of, register_bundle
from core.models.export import ensure_onnx
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.retraining import crops, frozen, plan, runs
from core.retraining.clock import Clock
from core.retraining.dealing import KIND
from core.retraining.figures import FIGURES
from core.training import compare
from core.training.chosen import chosen_settings
from core.training.config import Start, TrainConfig
from core.training.dmcl import TrainResult, train_dmcl
from core.training.pre_flight import QUICK, Wish, frozen_now, training_s
from core.training.publish import ship
from core.training.run_folder import new_run_folder
from core.training.trainer import StepSink, no_steps

TRAINING = "train"
"""The trainer's own word for its steps in progress."""
NO_GATE = "This version has no gate: the figures are yours to judge."
_LOAD, _PUBLISH = "loading the model", "publishing the candidate"


def new_run(catalog: Catalog, wish: Wish = QUICK, *, author: str) -> Path:
    """Freezes what is confirmed now, as the folder of a new run.

    Raises:
        PolypTraceError: ``training-too-little``, or a wish that doesn't fit; nothing was written.
    """
    settings = chosen_settings(*wish, model=str(bundle_of(catalog).folder.absolute()))
    made = frozen_now(catalog, settings, wish[0], author=author)
    counts = made.counts()
    refused = plan.refusal(counts["train_lesions"], counts["left_out_clips"])
    if refused is not None:
        raise refused
    run = new_run_folder(catalog.data_dir.runs)
    frozen.write(run, made)
    return run


def retrain(
    catalog: Catalog,
    run: Path | Wish,
    *,
    device: str = "auto",
    author: str,
    progress: ProgressSink = no_progress,
    on_step: StepSink = no_steps,
    cancel: CancelToken | None = None,
    begun: Callable[[Path], object] = lambda _: None,
) -> dict[str, Any]:
    """Trains what a run has frozen, or goes on with it, and leaves a candidate that isn't in use.

    Whatever stops it, the same call goes on from what is there. The candidate lies among the data folder's
    models and is known to the catalogue, with its figures beside those of the model it came from.

    Args:
        run: the folder of a run; or the wish of a new one, which is frozen only where nobody else trains.
        begun: hears the run's folder before anything is done in it.

    Returns:
        ``{run, model, metrics, comparison, gate, seconds, …}``, the document of ``train``.

    Raises:
        Cancelled: the run can be gone on with.
        PolypTraceError: ``run-elsewhere``, ``training-runs``, ``training-too-little``, ``run-unreadable``,
            ``model-unknown`` and what training refuses.
    """
    if isinstance(run, Path):
        runs.refuse_foreign(catalog.data_dir, run)
        done = runs.result_of(run)
        if done is not None:
            runs.delete_pictures(run)
            return done
    with runs.only_one(catalog.data_dir):
        folder = run if isinstance(run, Path) else new_run(catalog, run, author=author)
        begun(folder)
        what = frozen.read(folder)
        with runs.failure_kept(folder):
            with recorded(catalog, KIND, _detail(folder, what), author=author) as job:
                work = _Work(catalog, folder, what, device, (progress, on_step, cancel or CancelToken()))
                document = work.run_all()
                job.result = {"model": document["model"]}
                register_bundle(catalog, find_bundle(catalog.data_dir, document["model"]), author=author)
            # After the record's end: a run with a result isn't gone on with, so its record must be complete.
            kept = runs.keep_result(folder, document)
        runs.delete_pictures(folder)
        return kept


class _Work:
    """One run from its frozen manifest to its candidate."""

    def __init__(
        self,
        catalog: Catalog,
        run: Path,
        what: frozen.Frozen,
        device: str,
        ears: tuple[ProgressSink, StepSink, CancelToken],
    ) -> None:
        self._catalog, self._run, self._what, self._device = catalog, run, what, device
        self._config = msgspec.convert(what.config, TrainConfig)
        self._start = find_bundle(catalog.data_dir, what.start)
        progress, self._on_step, self._cancel = ears
        clips = len(what.clips)
        self._clock = Clock(
            {
                crops.STAGE: 0.5 * clips,
                _LOAD: 5.0,
                TRAINING: training_s(
                    self._config,
                    self._start,
                    what.counts()["train_lesions"],
                    choose_device(device).name,
                ),
                _PUBLISH: 5.0,
                compare.STAGE: 0.05 * clips + 5.0,
            }
        )
        self._progress = self._clock.telling(self._tell(progress))

    def run_all(self) -> dict[str, Any]:
        manifest, left = crops.cut_crops(self._catalog, self._run, self._what, self._progress, self._cancel)
        self._progress(Progress(_LOAD, 0, 1))
        trained = self._train(manifest)
        self._progress(Progress(_PUBLISH, 0, 1))
        compared, info = self._judge(manifest, trained)
        kept, _ = ship(info, self._catalog.data_dir.models / trained.model)
        _hand_on_onnx(trained.bundle, kept.folder)
        return self._document(trained, compared, kept, plan.left_out_words(left))

    def _train(self, manifest: Path) -> TrainResult:
        # Where the model lies now: the data folder may have been moved since.
        start = Start(model=str(self._start.folder.absolute()))
        return train_dmcl(
            manifest,
            self._run,
            msgspec.structs.replace(self._config, start=start),
            self._device,
            self._progress,
            self._heard,
            self._cancel,
            learnt_on="held-back patients of this catalogue",
            source="the catalogue's confirmed links",
        )

    def _heard(self, event: dict[str, Any]) -> None:
        """Passes a step on; from it the clock learns when time will end the run."""
        if event.get("stage") == TRAINING and self._config.max_seconds is not None:
            self._clock.limit(self._config.max_seconds - float(event["seconds"]))
        self._on_step(event)

    def _tell(self, progress: ProgressSink) -> ProgressSink:
        """Other stages than training, whose every step is told anyway, are steps for a program too."""

        def sink(step: Progress) -> None:
            if step.stage == TRAINING:
                words = f"step {step.done} of {step.total}"
                step = msgspec.structs.replace(step, stage="learning", note=words)
            else:
                self._on_step({"run": self._run.name, **msgspec.to_builtins(step)})
            progress(step)

        return sink

    def _judge(self, manifest: Path, trained: TrainResult) -> tuple[compare.Comparison, BundleInfo]:
        self._cancel.raise_if_cancelled()
        cache = self._catalog.data_dir.cache
        ensure_onnx(trained.bundle, cache)  # torch is loaded here already; the embedder would start a process
        candidate = Embedder.open(trained.bundle, self._device, cache)
        active = Embedder.open(self._start.folder, self._device, cache)
        held_back = len(self._what.patients.held_back)
        compared = compare.compare(
            manifest, candidate, active, self._progress, self._cancel, held_back=held_back
        )
        rule = read_bundle(trained.bundle).manifest.no_match
        if rule is None:  # no patients to validate on: those held back are asked after they were measured on
            rule = compare.held_back_rule(manifest, candidate, self._cancel)
        metrics = {
            **read_bundle(trained.bundle).manifest.metrics,
            "comparison": compared.as_dict(),
            "trained_on": {
                "run": self._run.name,
                "start": self._what.start,
                "notes": [note for note in trained.notes if note],
                **self._what.counts(),
            },
        }
        card = _card(read_bundle(trained.bundle).card, compared)
        return compared, amend_bundle(trained.bundle, metrics, rule, card)

    def _document(
        self, trained: TrainResult, compared: compare.Comparison, kept: BundleInfo, left: list[str]
    ) -> dict[str, Any]:
        notes = [note for note in trained.notes if note]
        if kept.manifest.no_match is None:
            notes.append("The candidate has no threshold for “no good match”: nobody to learn it on.")
        return {
            "run": self._run.name,
            "model": trained.model,
            "state": "candidate",
            "start": self._what.start,
            "metrics": compared.candidate if compared.fair else dict.fromkeys(compared.candidate),
            "comparison": compared.as_dict(),
            "gate": None,
            "reasons": {"gate": NO_GATE},
            "data": self._what.counts(),
            "manifest": str(self._run / frozen.FILE),
            "manifest_sha256": frozen.digest(self._run),
            "left_out": left,
            "seconds": round(trained.seconds, 1),
            "bundle": str(kept.folder),
            "notes": notes,
            "device": trained.device.name,
            "device_reason": trained.device.reason,
        }


def _hand_on_onnx(run_bundle: Path, kept: Path) -> None:
    """The ONNX file goes with the candidate: making it anew would delay its first use."""
    for name in (ONNX, RECORD):
        if (run_bundle / name).is_file():
            (run_bundle / name).replace(kept / name)


def _detail(run: Path, what: frozen.Frozen) -> dict[str, Any]:
    """For the catalogue's record: who was learnt from is asked when a later run deals patients out."""
    return {
        "run": run.name,
        "preset": what.preset,
        "start": what.start,
        "manifest_sha256": frozen.digest(run),
        "train_patients": list(what.patients.train),
        "held_back_patients": list(what.patients.held_back),
    }


def _card(card: str, compared: compare.Comparison) -> str:
    """The card with the comparison as a section of its own."""
    lines = ["", "## Beside the model that was in use", "", *compared.words, ""]
    if compared.on is not None:
        lines += [
            f"Measured on {compared.patients} {compared.on}; the other is {compared.active_model}.",
            "",
            "| figure | this model | the other |",
            "|---|---|---|",
            *(
                f"| {words} | {_shown(compared.candidate[key])} | {_shown(compared.active[key])} |"
                for key, words in FIGURES.items()
            ),
        ]
    return card.rstrip("\n") + "\n" + "\n".join(lines).rstrip("\n") + "\n"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
