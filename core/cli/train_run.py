"""Begins or goes on with what ``train`` was asked for."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.layouts import chosen_layout, source_words, tested_fold, training_manifest
from core.cli.options import named
from core.cli.output import Output
from core.cli.pretraining import say_learnt, unlabelled_sources
from core.cli.retraining import train_from_catalogue
from core.cli.train_wish import TrainWish, check_wish, from_catalogue, known_run
from core.cli.train_words import go_on_hint, say_done, step_sink
from core.counting import count
from core.errors import Cancelled
from core.inference.bundle import read_bundle
from core.matching.model_choice import bundle_in_use
from core.paths import DataDir
from core.progress import CancelToken, ProgressSink

if TYPE_CHECKING:  # torch takes seconds to load
    from core.data.layouts.data_set import DataSet
    from core.training.config import TrainConfig
    from core.training.devices import Devices
    from core.training.dmcl import TrainResult
    from core.training.tracklet_sources import TrackletSources
    from core.training.tracklets import PretrainResult


def begin_training(output: Output, folder: DataDir, method: str, wish: TrainWish, author: str) -> None:
    """Trains what was wished for, and says what became of it.

    Args:
        method: the first part of a new run's name.
        author: who does it, for the log of the catalogue.

    Raises:
        typer.BadParameter: options that can't go together.
        PolypTraceError: what is wrong with data, settings or weights.
        Cancelled: a checkpoint is left.
    """
    known = known_run(folder, wish.resume)
    check_wish(wish, known)
    if from_catalogue(wish, known):
        settings = (wish.preset or "quick", wish.config, wish.changes)
        train_from_catalogue(
            output, folder, settings, known, device=wish.device, author=author, dry_run=wish.dry_run
        )
        return
    _Training(output, folder, method, wish).begin(known)


class _Training:
    """A training by manifest, data set or unlabelled sources."""

    def __init__(self, output: Output, folder: DataDir, method: str, wish: TrainWish) -> None:
        self._output, self._folder, self._method, self._wish = output, folder, method, wish
        self._processes = wish.processes

    def begin(self, known: Path | None) -> None:
        wish, output = self._wish, self._output
        unlabelled = self._unlabelled()
        settings = self._settings()
        if wish.print_settings:
            from core.training.overrides import as_text

            typer.echo(as_text(settings))
            return
        fold = tested_fold(wish.layout, wish.fold)
        data = chosen_layout(output, wish.layout, wish.root, wish.texts, fold)
        from core.training.pretraining import holds_pretraining
        from core.training.run_folder import new_run_folder

        run = known or new_run_folder(self._folder.runs, self._method)
        self._processes = self._as_begun(run)
        goes_on = holds_pretraining(run) and not (run / "config.json").exists()
        try:
            if unlabelled is not None or goes_on:
                learnt, done = self._learn(run, settings, unlabelled)
            else:
                learnt, done = self._train(run, settings, data)
        except Cancelled as cancelled:
            raise Cancelled(go_on_hint(run, self._folder, processes=self._processes)) from cancelled
        if learnt is not None:
            say_learnt(output, run.name, learnt, alone=done is None)
        if done is not None:
            say_done(output, run.name, done, learnt, self._kept(done))
            self._say_next(done.model)

    def _as_begun(self, run: Path) -> int:
        """As many processes as the run began with, unless another number is asked for: with another one it
        would end in other weights."""
        from core.training.run_folder import begun_with

        asked, begun = self._wish.processes, begun_with(run)
        if begun is None or asked == begun:
            return asked
        if asked == 1:
            return begun
        were = count(begun, "process", "processes")
        self._output.warn(f"The run began with {were}: with {asked} it ends in other weights.")
        return asked

    def _say_next(self, model: str) -> None:
        """How a published data set is asked with what was learnt from it."""
        wish = self._wish
        if wish.layout is not None:
            fold = "" if wish.fold is None else f" --fold {wish.fold}"
            asked = f"polyptrace evaluate --layout {wish.layout} {shlex.quote(str(wish.root))}{fold}"
            self._output.say(f"Its figures beside the papers': {asked} --model {model}{named(self._folder)}")

    def _unlabelled(self) -> TrackletSources | None:
        wish = self._wish
        if not wish.pretrain:
            return None
        catalogue = self._folder if wish.catalogue else None
        return unlabelled_sources(wish.videos, wish.images, catalogue, wish.manifest)

    def _settings(self) -> TrainConfig:
        from core.training.chosen import chosen_settings
        from core.training.pretraining import TRACKLETS

        wish = self._wish
        return chosen_settings(
            wish.preset or ("compact" if wish.pretrain else "quick"),
            wish.config,
            wish.changes,
            model=str(bundle_in_use(self._folder, wish.start).folder) if wish.start else None,
            image_weights=TRACKLETS if wish.pretrain else wish.image_weights,
            text_folder=wish.text_folder,
            complete=not wish.print_settings,
        )

    def _learn(
        self, run: Path, settings: TrainConfig, unlabelled: TrackletSources | None
    ) -> tuple[PretrainResult | None, TrainResult | None]:
        """Without labels first; then from the labels, where there are some."""
        from core.training.pretraining import learn_first, train_from_tracklets
        from core.training.processes import launched
        from core.training.tracklet_sources import TrackletSources

        wish, output = self._wish, self._output
        first = (run, settings, unlabelled or TrackletSources(), wish.image_weights, wish.device)
        processes = self._processes
        if processes > 1 and not launched():
            # Alone: it may take longer than the others would wait.
            with output.progress() as progress, cancel_by_interrupt() as cancel:
                _, following = learn_first(*first, progress, step_sink(output), cancel)
            processes = processes if following else 1
        with self._devices(processes) as (devices, progress, cancel):
            if not devices.main:
                return _assist(devices)
            return train_from_tracklets(*first, progress, step_sink(output), cancel, devices=devices)

    def _train(
        self, run: Path, settings: TrainConfig, data: DataSet | None
    ) -> tuple[PretrainResult | None, TrainResult | None]:
        from core.training.dmcl import train_dmcl

        wish = self._wish
        with self._devices(self._processes) as (devices, progress, cancel):
            if not devices.main:
                return _assist(devices)
            with training_manifest(data, wish.manifest, run) as rows:
                done = train_dmcl(
                    rows,
                    run,
                    settings,
                    wish.device,
                    progress,
                    step_sink(self._output),
                    cancel,
                    devices=devices,
                    source=source_words(data),
                )
            return None, done

    @contextmanager
    def _devices(self, processes: int) -> Iterator[tuple[Devices, ProgressSink, CancelToken]]:
        """This process as one of ``processes``, with a bar and Ctrl+C."""
        from core.training.devices import join
        from core.training.processes import several

        with (
            several(processes, sys.argv[1:]),
            self._output.progress() as progress,
            cancel_by_interrupt() as cancel,
        ):
            yield join(self._wish.device), progress, cancel

    def _kept(self, done: TrainResult) -> Path:
        """Puts the candidate beside the other models, where it can be chosen, without derived files."""
        from core.training.publish import ship

        kept, _ = ship(read_bundle(done.bundle), self._folder.models / done.model)
        return kept.folder


def _assist(devices: Devices) -> tuple[None, None]:
    """What the other processes do: the first one speaks for them."""
    from core.training.dmcl import assist_training

    assist_training(devices)
    return None, None
