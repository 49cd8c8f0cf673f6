"""What learning without labels brings: source by source, on validation polyps, never on test ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from core.data.manifest import Row, read_manifest, write_manifest
from core.data.tracklets.film import FilmSettings
from core.domain import Box
from core.errors import PolypTraceError
from core.paths import resource
from core.training.ablation_recipe import AblationRecipe
from core.training.config import TrainConfig
from core.training.pretrain_figures import SEQUENCES, FiguresRecipe, measure_pretraining
from core.training.pretrain_parts import folder_mark, training_sequences, validation_polyps
from core.training.pretrain_runs import AS_LEARNT, CLIPS, HISTOGRAM, NOTHING, PHANTOM, TRAINED
from core.training.tracklet_config import TrackletConfig

from .test_train_dmcl import KilledError

PARTS = {"train": 6, "val": 2, "test": 2}


@pytest.fixture
def clinicdb(tmp_path: Path) -> Path:
    """Ten sequences as the real folder has them; the test polyps' pictures are not there."""
    folder = tmp_path / "clinicdb"
    folder.mkdir()
    split, everyone, shifted = [], [], []
    parts = [part for part, count in PARTS.items() for _ in range(count)]
    for polyp, part in enumerate(parts):
        name = f"clinic{polyp:02d}"
        for number in range(4):
            exam = 1 + number // 2
            path = folder / f"{polyp}-{number}.png"
            if part != "test":
                picture = np.random.default_rng(polyp).integers(60, 200, 3) + np.zeros((40, 40, 3)) + number
                cv2.imwrite(str(path), picture)
            row = Row(f"{name}-e{exam}", path, None, name, name, exam, "train", "", Box(4, 4, 30, 30))
            asked = msgspec.structs.replace(row, split="query" if exam == 2 else "gallery")
            everyone.append(asked)
            shifted.append(asked)
            split.append(asked if part == "test" else msgspec.structs.replace(row, split=part))
    write_manifest(folder / "reid_split.csv", split)
    write_manifest(folder / "reid_all_test.csv", everyone)
    write_manifest(folder / "reid_all_test_shift.csv", shifted)
    return folder


def test_only_validation_polyps_are_measured_on_and_only_training_ones_learnt_from(
    clinicdb: Path, tmp_path: Path
) -> None:
    for file in validation_polyps(clinicdb, tmp_path).values():
        rows = read_manifest(file).rows
        assert {row.patient_id for row in rows} == {"clinic06", "clinic07"}
        assert {row.split for row in rows} == {"query", "gallery"}
    rows = read_manifest(training_sequences(clinicdb, tmp_path)).rows
    assert {row.patient_id for row in rows} == {f"clinic{n:02d}" for n in range(6)}
    assert {row.clip_id for row in rows} == {row.patient_id for row in rows}
    assert {row.identity for row in rows} == {None}
    (clinicdb / "reid_split.csv").unlink()
    with pytest.raises(PolypTraceError) as caught:
        validation_polyps(clinicdb, tmp_path)
    assert caught.value.code == "real-data-missing"


def test_every_source_is_measured_alike_and_what_is_done_is_kept(
    manifest: Path, config: TrainConfig, clinicdb: Path, tmp_path: Path
) -> None:
    films, work = tmp_path / "films", tmp_path / "work"
    films.mkdir()
    shutil.copy(resource("demo", "videos", "PH4-002-E2.mp4"), films)
    tracklets = TrackletConfig(
        tracklets=4, steps=1, width=16, films=FilmSettings(every_s=2.0, seconds=0.6, pictures=2)
    )
    recipe = FiguresRecipe(
        training=msgspec.structs.replace(config, identities=2, steps=1, tracklets=tracklets)
    )
    given: dict[str, Any] = {"clinicdb": clinicdb, "manifest": manifest, "videos": films, "device": "cpu"}

    def kill(event: dict[str, Any]) -> None:
        if event.get("run") == f"{CLIPS}, seed 0" and event["stage"] == "train":
            raise KilledError

    with pytest.raises(KilledError):
        measure_pretraining(work, recipe, on_event=kill, **given)
    assert list(json.loads((work / "figures.json").read_text())["sources"]) == [
        NOTHING,
        CLIPS,
        SEQUENCES,
    ]
    kept = (work / "seed-0/nothing/figures.json").stat().st_mtime_ns
    found = measure_pretraining(work, recipe, **given)["sources"]
    assert (work / "seed-0/nothing/figures.json").stat().st_mtime_ns == kept
    real = "real polyps, as it is"
    for source in (NOTHING, CLIPS, SEQUENCES):
        figures = found[source]["0"]["figures"]
        assert set(figures) == {AS_LEARNT, TRAINED} | ({HISTOGRAM} if source == NOTHING else set())
        for way in figures.values():
            assert set(way) == {PHANTOM, real, "real polyps, other processor"}
            assert 0 <= way[real]["frame_mAP"]["value"] <= 1
    assert found[NOTHING]["0"]["learnt"] is None
    assert found[SEQUENCES]["0"]["learnt"]["tracklets"] == 6
    # Flat colours: the histogram knows every polyp again.
    assert found[NOTHING]["0"]["figures"][HISTOGRAM][real]["frame_mAP"]["value"] == 1
    page = (work / "figures.md").read_text("utf-8")
    assert page.count("| ClinicDB sequences |") == 6
    assert f"was chosen on the part “{PHANTOM}” too" in page
    assert f"## {PHANTOM[0].upper()}{PHANTOM[1:]}" in page
    other = tmp_path / "other films"
    shutil.copytree(films, other)
    assert folder_mark(other) == folder_mark(films)
    shutil.copy(next(films.iterdir()), other / "one more.mp4")
    with pytest.raises(PolypTraceError) as caught:
        measure_pretraining(work, recipe, **given | {"videos": other})
    assert caught.value.code == "figures-other-recipe"
    taken = measure_pretraining(
        tmp_path / "taken",
        recipe,
        table=as_table(work, recipe, tmp_path / "table"),
        **given | {"clinicdb": None},
    )["sources"]
    taken, found = (json.loads(json.dumps(one)) for one in (taken, found))
    for source in (NOTHING, CLIPS):
        for way in (AS_LEARNT, TRAINED):
            known = found[source]["0"]["figures"][way][PHANTOM]
            assert taken[source]["0"]["figures"][way][PHANTOM] == known
    assert not (tmp_path / "taken/seed-0/nothing/dmcl").exists(), "nothing was trained anew"


def as_table(work: Path, recipe: FiguresRecipe, table: Path) -> Path:
    """The runs of these figures laid out as those of Table 3."""
    kept = msgspec.json.decode((work / "recipe.json").read_bytes(), type=FiguresRecipe)
    same = {"training": kept.training, "patients": kept.patients, "manifest_sha256": kept.manifest_sha256}
    table.mkdir()
    (table / "recipe.json").write_bytes(msgspec.json.encode(AblationRecipe(**same)))
    for own, row in (
        ("nothing/dmcl", "none"),
        ("phantom/dmcl", "image"),
        ("phantom/pretrain", "image-encoder"),
    ):
        shutil.copytree(work / "seed-0" / own, table / "seed-0" / row)
        (table / "seed-0" / row / "figures.json").write_text("{}")
    return table


@pytest.mark.parametrize("held", [None, "{}", '{"manifest_sha256": "another"}'])
def test_a_table_of_other_runs_is_refused(
    held: str | None, manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    table = tmp_path / "table"
    table.mkdir()
    if held is not None:
        (table / "recipe.json").write_text(held)
    with pytest.raises(PolypTraceError) as caught:
        measure_pretraining(
            tmp_path / "work", FiguresRecipe(training=config), manifest=manifest, videos=tmp_path, table=table
        )
    assert caught.value.code == "figures-other-table"
