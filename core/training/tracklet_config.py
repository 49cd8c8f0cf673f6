"""The settings of learning without labels: part of a run's configuration, under the name ``tracklets``."""

from __future__ import annotations

import msgspec

from core.data.augment import Augmentation
from core.data.tracklets.film import FilmSettings
from core.errors import PolypTraceError

VIEWS = Augmentation(
    zoom=(0.85, 1.7),
    shift=0.12,
    stretch=0.2,
    photometric_p=0.9,
    gain=(0.6, 1.5),
    gamma=(0.6, 1.6),
    saturation=(0.3, 1.6),
    hue_deg=15.0,
)
"""Stronger than in training with labels: neighbouring frames share light and colours, and a network that may
tell them by these alone learns nothing else."""


class TrackletConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Contrastive learning from unlabelled clips: views of one tracklet against everything else.

    Backbone, picture size, seed and mixed precision are the run's own.

    Args:
        tracklets, views: of a batch.
        neighbours: hard negatives drawn with a tracklet: others of its film, near in time (Intrator 2023).
        near_s: how near, in seconds.
        unsure_s: tracklets of one film that follow each other within so many seconds may show the same place
            and are no negatives of each other (Parolari 2025 softens these pairs). It reaches at least into
            the next window.
        hard_weight: how many ordinary negatives a hard one counts for.
        temperature: of the cosine scores.
        width: of the projection that the loss sees (Chen 2020); it is dropped afterwards.
        steps: batches.
        max_seconds: as for the training itself.
        rate, decay, warmup, clip_norm: of AdamW.
        augmentation: makes the views.
        films: how videos are cut.
        clip_pictures: most pictures of a manifest's clip.
        held_out: share of the tracklets, whole films where there are enough, that are only measured on.
        measure_every: steps between two measurements.
        cache_bytes: of disk space for crops while it runs; more tracklets than fit are thinned evenly.
        checkpoint_seconds: longest stretch of work that a kill can cost.
    """

    tracklets: int = 32
    views: int = 2
    neighbours: int = 3
    near_s: float = 30.0
    unsure_s: float = 3.5
    hard_weight: float = 2.0
    temperature: float = 0.1
    width: int = 128
    steps: int = 1500
    max_seconds: float | None = None
    rate: float = 3e-4
    decay: float = 0.02
    warmup: float = 0.05
    clip_norm: float = 5.0
    augmentation: Augmentation = VIEWS
    films: FilmSettings = FilmSettings()
    clip_pictures: int = 12
    held_out: float = 0.1
    measure_every: int = 250
    cache_bytes: int = 2 << 30
    checkpoint_seconds: float = 120.0


def check_tracklets(config: TrackletConfig) -> None:
    """Raises:
    PolypTraceError: ``training-settings`` when the settings contradict each other.
    """
    films = config.films
    problems = [
        (config.tracklets < 2, "a batch needs at least two tracklets"),
        (config.views < 2, "a tracklet needs at least two views"),
        (config.neighbours < 0 or config.hard_weight <= 0, "hard negatives count for more than 0"),
        (min(config.near_s, config.unsure_s) < 0, "near_s and unsure_s aren't below 0"),
        (config.temperature <= 0 or config.rate <= 0, "temperature and rate are above 0"),
        (config.steps < 1 or config.measure_every < 1, "steps and measure_every are at least 1"),
        (config.max_seconds is not None and config.max_seconds <= 0, "max_seconds is above 0"),
        (not 0 <= config.warmup < 1, "warmup is a share below 1"),
        (not 0 <= config.held_out <= 0.5, "held_out is a share of at most a half"),
        (min(films.every_s, films.seconds) <= 0, "windows are longer than 0 s and begin more than 0 s apart"),
        (films.every_s < films.seconds, "windows don't overlap: every_s is at least seconds"),
        (
            config.unsure_s <= films.every_s - films.seconds,
            "unsure_s reaches into the next window: it is more than every_s − seconds",
        ),
        (films.regions < 1 or films.pictures < 2, "a window gives at least one place and two pictures"),
        (not 0 < films.side[0] <= films.side[1] <= 1, "the side of a place is a share of the picture's"),
        (config.clip_pictures < 1 or config.width < 1, "clip_pictures and width are at least 1"),
    ]
    for wrong, sentence in problems:
        if wrong:
            raise PolypTraceError(
                "training-settings", f"These settings of learning without labels don't fit: {sentence}."
            )
