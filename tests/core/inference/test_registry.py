"""Which models there are."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from core.errors import PolypTraceError
from core.inference import registry
from core.inference.bundle import content_id, read_bundle, sha256_file, write_manifest
from core.inference.registry import active_bundle, details, entry, find_bundle, list_bundles
from core.paths import DataDir


def copy(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target, ignore=shutil.ignore_patterns("model.onnx*")))


@pytest.fixture
def house(small_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    """A shipped starter model and an imported one with another id."""
    shipped = copy(small_bundle, tmp_path / "shipped" / "starter")
    monkeypatch.setattr(registry, "resource", lambda *parts: shipped)
    data_dir = DataDir(tmp_path / "data")
    other = copy(small_bundle, data_dir.models / "other")
    words = other / "tokenizer.json"
    words.write_text(words.read_text("utf-8") + "\n", "utf-8")
    info = read_bundle(shipped)
    files = {**info.manifest.files, "tokenizer.json": sha256_file(words)}
    manifest = msgspec.structs.replace(
        info.manifest,
        files=files,
        metrics={"rank1": 0.25},
        model_id=content_id("dmcl", info.manifest.architecture, info.manifest.preprocessing, files),
    )
    write_manifest(other, manifest)
    return data_dir


def test_the_shipped_model_comes_first_and_is_active(house: DataDir) -> None:
    entries = [entry(bundle) for bundle in list_bundles(house, verify=True)]
    assert [(e["state"], e["shipped"], e["problem"]) for e in entries] == [
        ("active", True, ""),
        ("candidate", False, ""),
    ]
    assert entries[1]["metrics"] == {"rank1": 0.25}
    assert active_bundle(house).folder.name == "starter"
    assert find_bundle(house).manifest.model_id == entries[0]["id"]
    chosen = [entry(bundle, {"dmcl": entries[1]["id"]})["state"] for bundle in list_bundles(house)]
    assert chosen == ["candidate", "active"]
    assert active_bundle(house, entries[1]["id"]).folder.name == "other"


def test_a_model_is_found_by_id_beginning_and_folder(house: DataDir) -> None:
    shipped, other = list_bundles(house)
    assert find_bundle(house, "starter").folder == shipped.folder  # as `models list` calls it
    for name in (other.id, other.id[:10], str(other.folder)):
        assert find_bundle(house, name).folder == other.folder
    for name in ("dmcl-", "nothing"):
        with pytest.raises(PolypTraceError) as refused:
            find_bundle(house, name)
        assert refused.value.code == "model-unknown"


def test_a_copy_of_the_same_model_appears_once(house: DataDir) -> None:
    copy(list_bundles(house)[0].folder, house.models / "twin")
    assert len(list_bundles(house)) == 2


def test_spoilt_bundles_are_listed_with_their_problem(house: DataDir) -> None:
    (house.models / "half").mkdir()
    (house.models / ".other-writing").mkdir()
    (house.models / "other" / "card.md").unlink()
    entries = {e["id"]: e for e in map(entry, list_bundles(house))}
    assert entries["half"]["state"] == entries["other"]["state"] == "refused"
    assert "manifest.json is missing" in entries["half"]["problem"]
    assert "card.md is missing" in entries["other"]["problem"]
    assert len(entries) == 3


def test_show_tells_everything(house: DataDir) -> None:
    shown = details(find_bundle(house))
    assert shown["card"].startswith("# Small untrained model")
    assert shown["manifest"]["architecture"]["width"] == 64
    assert shown["bytes"] > 20_000_000
    assert msgspec.json.encode(shown)


def test_without_any_model_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: str) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(registry, "resource", missing)
    data_dir = DataDir(tmp_path)
    assert list_bundles(data_dir) == []
    with pytest.raises(PolypTraceError) as refused:
        active_bundle(data_dir)
    assert refused.value.code == "model-missing"
