"""Learning without labels: it learns, a kill costs nothing, DMCL goes on from it, refusals are words."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
import torch

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.data.augment import Augmentation
from core.data.manifest import read_manifest, write_manifest
from core.data.splits import patients_of, training_parts
from core.data.tracklets.film import FilmSettings
from core.domain import Box
from core.errors import Cancelled, PolypTraceError
from core.importing import import_videos
from core.inference.bundle import read_bundle
from core.matching.footage import frame_index
from core.models.bundle import load_model
from core.models.layers import ImageEncoder
from core.models.pretrained import read_state
from core.paths import DataDir, resource
from core.progress import CancelToken, Progress
from core.training.config import Start, TrainConfig, check
from core.training.pretraining import PRETRAIN, train_from_tracklets
from core.training.tracklet_card import nothing_learnt
from core.training.tracklet_config import TrackletConfig
from core.training.tracklet_sources import TrackletSources, manifest_parts, plan_pieces
from core.training.tracklets import WEIGHTS, PretrainResult, guessed, pretrain_tracklets

from .test_train_dmcl import KilledError, assert_same

GENTLE = Augmentation(rotation="none", zoom=(1.0, 1.1), photometric_p=0.0, blur_p=0.0, jpeg_p=0.0)
TINY = TrackletConfig(
    tracklets=6,
    steps=4,
    measure_every=2,
    width=16,
    augmentation=GENTLE,
    films=FilmSettings(every_s=1.5, seconds=1.0, pictures=3),
)


@pytest.fixture
def tiny(config: TrainConfig) -> TrainConfig:
    return msgspec.structs.replace(config, tracklets=TINY)


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    """Twenty-four stills, each with stripes and colours of its own."""
    folder = tmp_path / "stills"
    folder.mkdir()
    y, x = np.mgrid[:48, :48]
    for number in range(24):
        rng = np.random.default_rng(number)
        wave = np.sin((x * np.cos(number) + y * np.sin(number)) / (1.5 + number % 4))
        picture = np.clip(rng.integers(70, 200, 3) + 40 * wave[..., None], 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def with_(config: TrainConfig, **changes: Any) -> TrainConfig:
    return msgspec.structs.replace(config, tracklets=msgspec.structs.replace(config.tracklets, **changes))


def learn(folder: Path, config: TrainConfig, sources: TrackletSources, **other: Any) -> PretrainResult:
    return pretrain_tracklets(folder, config, sources, device="cpu", **other)


def killed_at(step: int) -> Any:
    def on_step(event: dict[str, Any]) -> None:
        if event["step"] == step and event["stage"] == "pretrain":
            raise KilledError

    return on_step


def test_the_loss_falls_and_held_out_views_find_each_other(
    stills: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    events: list[dict[str, Any]] = []
    longer = with_(tiny, steps=20, tracklets=8, held_out=0.25, measure_every=20)
    sources = TrackletSources(images=(str(stills),))
    result = learn(tmp_path / "run/pretrain", longer, sources, on_step=events.append)
    losses = [event["loss"] for event in events if event["stage"] == "pretrain"]
    assert len(losses) == 20
    assert np.mean(losses[-6:]) < 0.6 * np.mean(losses[:3])
    assert result.found is not None
    assert result.found > 0.5
    assert result.chance == pytest.approx(1 / 11)
    assert not any("Nothing" in note for note in result.notes)
    assert (result.tracklets, result.crops, result.held, result.films) == (24, 24, 6, 24)
    assert {event["run"] for event in events} == {"run"}
    assert json.loads(json.dumps(events)) == events
    card = (tmp_path / "run/pretrain/card.md").read_text("utf-8")
    assert "24 tracklets (24 crops) of 24 stills" in card
    assert f"{result.found:.3f}" in card


def test_cancelled_killed_and_resumed_ends_with_the_same_weights(
    stills: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    sources = TrackletSources(images=(str(stills),))
    often = with_(tiny, checkpoint_seconds=1e-6)
    whole = learn(tmp_path / "whole/pretrain", often, sources)
    token = CancelToken()

    def stop(step: Progress) -> None:
        if step.done == 5:
            token.cancel()

    with pytest.raises(Cancelled):
        learn(tmp_path / "cut/pretrain", often, sources, progress=stop, cancel=token)
    told: list[Progress] = []
    with pytest.raises(KilledError):
        learn(tmp_path / "cut/pretrain", often, sources, on_step=killed_at(1), progress=told.append)
    assert [step.done for step in told if step.total == 24] == list(range(6, 25))  # none is cut twice
    for step in (2, 3):
        with pytest.raises(KilledError):
            learn(tmp_path / "cut/pretrain", often, sources, on_step=killed_at(step))
    shutil.rmtree(stills)  # the crops lie in the run's folder by now
    again = learn(tmp_path / "cut/pretrain", with_(tiny, steps=9, rate=1.0), TrackletSources())
    assert_same(read_state(Path(whole.weights)), read_state(Path(again.weights)))
    assert (again.loss, again.found) == (whole.loss, whole.found)
    lines = (tmp_path / "cut/pretrain/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]
    left = {path.name for path in (tmp_path / "cut/pretrain").iterdir()}
    assert not left & {"tracklets", "scans", "checkpoint.safetensors"}  # no crops of patients stay behind


def test_videos_and_stills_together(stills: Path, tiny: TrainConfig, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(resource("demo", "videos", "PH4-002-E2.mp4"), films / "one.mp4")
    shutil.copy(films / "one.mp4", films / "copy of it.mp4")
    (films / "broken.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"junk" * 50)
    sources = TrackletSources(videos=(str(films),), images=(str(stills),))
    result = learn(tmp_path / "run/pretrain", with_(tiny, steps=1, cache_bytes=1 << 20), sources)
    assert result.films == 25  # the copy is the same film
    assert result.tracklets > 26
    assert [note for note in result.notes if note.startswith("broken.mp4 was left out")]
    card = (tmp_path / "run/pretrain/card.md").read_text("utf-8")
    assert "1 videos, 24 stills" in card
    assert "broken" not in card


def test_dmcl_begins_with_what_was_learnt_and_a_kill_in_either_part_costs_nothing(
    manifest: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    still = msgspec.structs.replace(
        tiny, steps=2, lr_backbone=1e-9, lr_head=1e-9, start=Start(pretrained="image")
    )
    sources = TrackletSources(manifest=str(manifest))
    learnt, whole = train_from_tracklets(tmp_path / "whole", still, sources, device="cpu")
    assert learnt.tracklets == 12  # the clips of six training lesions in two exams; none to be validated on
    assert whole is not None
    assert_begun_with(learnt, whole.bundle, still)

    def kill(event: dict[str, Any]) -> None:
        if event["stage"] == "train":
            raise KilledError

    for on_step in (killed_at(2), kill):
        with pytest.raises(KilledError):
            train_from_tracklets(tmp_path / "cut", still, sources, device="cpu", on_step=on_step)
    other = msgspec.structs.replace(tiny, seed=9)
    _, cut = train_from_tracklets(tmp_path / "cut", other, TrackletSources(), device="cpu")
    assert cut is not None
    assert cut.model == whole.model


def assert_begun_with(learnt: PretrainResult, bundle: Path, config: TrainConfig) -> None:
    """A run that hardly moves ends with the encoder that was learnt, not with the random one."""
    weights = read_state(Path(learnt.weights))
    net = load_model(bundle).image.resnet.state_dict()
    torch.manual_seed(config.seed)
    untaught = ImageEncoder(config.model).resnet.state_dict()
    name = "layer4.1.conv2.weight"
    assert torch.allclose(net[name], weights[name], atol=1e-4)  # a bundle keeps half precision
    assert not torch.allclose(untaught[name], weights[name], atol=1e-4)
    assert "learnt without labels from 12 tracklets" in read_bundle(bundle).card


def test_without_known_lesions_it_ends_with_the_encoder(
    manifest: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    rows = [msgspec.structs.replace(row, polyp_id=None) for row in read_manifest(manifest).rows]
    nameless = write_manifest(manifest.with_name("nameless.csv"), rows)
    learnt, trained = train_from_tracklets(
        tmp_path / "run", tiny, TrackletSources(manifest=str(nameless)), device="cpu"
    )
    assert trained is None
    assert Path(learnt.weights) == tmp_path / "run" / PRETRAIN / WEIGHTS
    assert not (tmp_path / "run/config.json").exists()


@pytest.mark.parametrize("share", [0.15, 0.4, 0.6])
def test_patients_that_training_validates_on_are_not_learnt_from(
    share: float, manifest: Path, tiny: TrainConfig
) -> None:
    rows = [msgspec.structs.replace(row, split="train") for row in read_manifest(manifest).rows]
    undealt = write_manifest(manifest.with_name("undealt.csv"), rows)
    config = msgspec.structs.replace(tiny, val_share=share, seed=3)
    train, val, _ = training_parts(read_manifest(undealt).rows, 3, share)
    found = manifest_parts(str(undealt), config)
    assert patients_of(found.learnt) == patients_of(train)
    assert patients_of(found.apart) == patients_of(val)
    planned = plan_pieces(
        TrackletSources(manifest=str(undealt)), config, undealt, lambda _: None, CancelToken()
    )
    assert planned.clips == len({row.clip_id for row in train})


def test_videos_that_are_tested_on_are_not_learnt_from(
    manifest: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for name in ("learnt", "tested"):
        shutil.copy(
            resource("demo", "videos", f"PH4-00{1 if name == 'learnt' else 2}-E1.mp4"), films / f"{name}.mp4"
        )
    rows = read_manifest(manifest).rows
    first, last = rows[0], rows[-1]
    rows += [
        msgspec.structs.replace(first, clip_id="v1", path=films / "learnt.mp4", frame=0, box=None),
        msgspec.structs.replace(last, clip_id="v2", path=films / "tested.mp4", frame=0, box=None),
    ]
    assert (first.split, last.split) == ("train", "val")
    both = write_manifest(manifest.with_name("both.csv"), rows)
    sources = TrackletSources(videos=(str(films),), manifest=str(both))
    planned = plan_pieces(sources, tiny, tmp_path / "scans", lambda _: None, CancelToken())
    planned.readers.close()
    assert planned.videos == 1
    assert planned.notes == ["tested.mp4 was left out: the manifest tests on it."]
    (films / "tested.mp4").rename(tmp_path / "tested.mp4")
    shutil.copy(tmp_path / "tested.mp4", films / "under another name.mp4")
    rows[-1] = msgspec.structs.replace(rows[-1], path=tmp_path / "tested.mp4")
    write_manifest(both, rows)
    planned = plan_pieces(sources, tiny, tmp_path / "scans", lambda _: None, CancelToken())
    planned.readers.close()
    assert planned.notes == ["under another name.mp4 was left out: the manifest tests on it."]


def test_a_film_of_the_folder_and_the_catalogue_is_cut_once_with_its_marks(
    manifest: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    film, data = tmp_path / "film.mp4", DataDir(tmp_path / "catalogue")
    shutil.copy(resource("demo", "videos", "PH4-002-E2.mp4"), film)
    with Catalog.open(data) as catalog:
        import_videos(catalog, [film], "P-1", dt.date(2024, 1, 1), author="t")
        (video,) = queries.videos(catalog)
        pts = frame_index(catalog, video).pts
        box = Box(200, 150, 90, 90, int(pts[40]))
        add = partial(operations.add_clip, catalog, 1, video.id, boxes=[box], author="t")
        for end, finding in ((60, None), (61, None), (62, 2)):
            add(int(pts[20]), int(pts[end]), finding_id=finding)
    moved = film.rename(tmp_path / "moved.mp4")  # the catalogue doesn't know where it lies now
    both = TrackletSources(videos=(str(moved),), catalogue=str(data.root))
    planned = plan_pieces(both, tiny, tmp_path / "scans", lambda _: None, CancelToken())
    assert planned.videos == 1
    assert ["mark" in piece.key for piece in planned.pieces].count(True) == 3
    assert len({piece.key for piece in planned.pieces}) == len(planned.pieces)
    marks = [cut for piece in planned.pieces[:3] for cut in piece.cut()]
    planned.readers.close()
    assert all(cut.marked for cut in marks)
    # The first may be the second lesion once more; of the others somebody said that they are one.
    assert [cut.identity for cut in marks] == [None, "lesion 2", "lesion 2"]

    last = read_manifest(manifest).rows[-1]
    assert last.split == "val"
    moved.rename(film)
    row = msgspec.structs.replace(last, clip_id="v", path=film, frame=0, box=None)
    tested = write_manifest(manifest, [*read_manifest(manifest).rows, row])
    apart = TrackletSources(catalogue=str(data.root), manifest=str(tested))
    planned = plan_pieces(apart, tiny, tmp_path / "scans", lambda _: None, CancelToken())
    assert (planned.videos, planned.pieces) == (0, [])
    assert planned.notes == [f"Video {video.id} was left out: the manifest tests on it."]


def test_stills_that_are_tested_on_are_not_learnt_from(
    manifest: Path, stills: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    rows = read_manifest(manifest).rows
    tested = [msgspec.structs.replace(row, split="query") for row in rows if row.patient_id == "p4"]
    apart = {row.path for row in rows if row.split == "val"}
    whole = write_manifest(manifest, [row for row in rows if row.patient_id not in ("p2", "p4")] + tested)
    unused = {row.path for row in rows if row.patient_id == "p2"}
    shutil.copy(min(row.path for row in tested), stills / "copy of a tested one.png")
    sources = TrackletSources(images=(str(manifest.parent), str(stills)), manifest=str(whole))
    planned = plan_pieces(sources, tiny, tmp_path / "scans", lambda _: None, CancelToken())
    keys = {piece.key for piece in planned.pieces}
    assert not keys & {str(path) for path in [*apart, stills / "copy of a tested one.png"]}
    assert {str(path) for path in unused} <= keys  # nobody tests on them
    assert planned.stills == len(rows) - len(apart) + 24
    assert planned.notes == [
        f"Stills that were left out, because the manifest tests on them: {len(apart) + 1}."
    ]


@pytest.mark.parametrize(
    ("sources", "code"),
    [
        (TrackletSources(), "no-unlabelled-data"),
        (TrackletSources(videos=("EMPTY",)), "no-videos"),
        (TrackletSources(videos=("EMPTY/none",)), "folder-missing"),
        (TrackletSources(images=("EMPTY",)), "no-stills"),
        (TrackletSources(catalogue="EMPTY"), "catalogue-missing"),
        (TrackletSources(manifest="EMPTY/none.csv"), "manifest-missing"),
        (TrackletSources(images=("ONE",)), "too-few-tracklets"),
    ],
)
def test_refusals_are_words(
    sources: TrackletSources, code: str, stills: Path, tiny: TrainConfig, tmp_path: Path
) -> None:
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "ONE").mkdir()
    shutil.copy(stills / "1.png", tmp_path / "ONE/1.png")

    def placed(path: str) -> str:
        return str(tmp_path / path)

    there = TrackletSources(
        videos=tuple(map(placed, sources.videos)),
        images=tuple(map(placed, sources.images)),
        catalogue=sources.catalogue and placed(sources.catalogue),
        manifest=sources.manifest and placed(sources.manifest),
    )
    with pytest.raises(PolypTraceError) as caught:
        learn(tmp_path / "run/pretrain", tiny, there)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert not (tmp_path / "run/pretrain/config.json").exists()  # nothing that pretends to be a run


@pytest.mark.parametrize(
    "change",
    [
        {"tracklets": 1},
        {"views": 1},
        {"hard_weight": 0.0},
        {"temperature": 0.0},
        {"steps": 0},
        {"held_out": 0.9},
        {"films": FilmSettings(side=(0.5, 0.2))},
        {"films": FilmSettings(pictures=1)},
        {"films": FilmSettings(every_s=1.0, seconds=1.5)},
        {"films": FilmSettings(every_s=6.0, seconds=2.0)},
    ],
)
def test_settings_that_don_t_fit_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PolypTraceError) as caught:
        check(with_(TrainConfig(), **change))
    assert caught.value.code == "training-settings"


def test_an_encoder_that_sees_all_alike_is_told() -> None:
    assert guessed(24, 2, 60) == pytest.approx(1 / 47)
    assert guessed(24, 4, 6) == pytest.approx(3 / 23)  # so few are held out
    assert guessed(24, 2, 1) is None
    assert nothing_learnt(0.03, 1 / 47)[0].startswith(
        "Nothing seems to have been learnt: of held-out views 3.0%"
    )
    assert nothing_learnt(0.05, 1 / 47) == []
    assert nothing_learnt(None, None) == []
