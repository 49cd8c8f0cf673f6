"""Settings by name: every one can be changed, with its type, and a slip is answered with the nearest name."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from tokenizers import Tokenizer

from core.errors import PolypTraceError
from core.paths import resource
from core.training.chosen import chosen_settings
from core.training.config import Start, TrainConfig, check
from core.training.overrides import as_text, setting_types, with_assignments, with_file
from core.training.presets import PRESETS, preset
from core.training.start import check_start, folder_tokenizer

PLAIN = TrainConfig()


def refusal(*assignments: str) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as caught:
        with_assignments(PLAIN, assignments)
    return caught.value


def test_every_setting_can_be_named_and_keeps_its_value() -> None:
    plain = msgspec.to_builtins(PLAIN)
    for name in setting_types(TrainConfig):
        value = plain
        for part in name.split("."):
            value = value[part]
        written = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
        assert with_assignments(PLAIN, [f"{name}={written}"]) == PLAIN, name


@pytest.mark.parametrize(
    ("assignment", "found"),
    [
        ("loss.miner=semi-hard", lambda c: c.loss.miner == "semi-hard"),
        ("loss.margin=0.3", lambda c: c.loss.margin == 0.3),
        ("loss.margin=none", lambda c: c.loss.margin is None),
        ("loss.neck=true", lambda c: c.loss.neck is True),
        ("augmentation.zoom=0.8,1.1", lambda c: c.augmentation.zoom == (0.8, 1.1)),
        ("augmentation.zoom=[0.8, 1.1]", lambda c: c.augmentation.zoom == (0.8, 1.1)),
        ("model.text.hidden=96", lambda c: c.model.text.hidden == 96),
        ("model.backbone=resnet34", lambda c: c.model.backbone == "resnet34"),
        ("start.pretrained=none", lambda c: c.start.pretrained == "none"),
        ("start.model=none", lambda c: c.start.model is None),
        ("text_protocol=query-text", lambda c: c.text_protocol == "query-text"),
        ("steps=12", lambda c: c.steps == 12),
        ("lr_head=1e-3", lambda c: c.lr_head == 1e-3),
    ],
)
def test_values_are_read_with_their_type(assignment: str, found: object) -> None:
    assert found(with_assignments(PLAIN, [assignment]))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("assignment", "code", "hint"),
    [
        ("loss.minr=batch-hard", "unknown-setting", "loss.miner"),
        ("miner=batch-hard", "unknown-setting", "loss.miner"),
        ("loss=triplet", "unknown-setting", "loss.metric"),
        ("zzzz=1", "unknown-setting", "--print-settings"),
        ("loss.miner=batch-hrd", "setting-invalid", "batch-hard"),
        ("identities=many", "setting-invalid", "whole number"),
        ("identities=1.5", "setting-invalid", "whole number"),
        ("loss.neck=perhaps", "setting-invalid", "true or false"),
        ("augmentation.zoom=1", "setting-invalid", "two numbers"),
        ("steps", "setting-invalid", "steps="),
    ],
)
def test_a_slip_is_answered_in_words(assignment: str, code: str, hint: str) -> None:
    error = refusal(assignment)
    assert error.code == code
    assert hint in error.hint


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"loss": {"miner": "semi-hard"}, "augmentation": {"zoom": [1, 1.2]}}))
    changed = with_file(PLAIN, file)
    assert (changed.loss.miner, changed.augmentation.zoom) == ("semi-hard", (1.0, 1.2))
    assert msgspec.structs.replace(changed, loss=PLAIN.loss, augmentation=PLAIN.augmentation) == PLAIN
    file.write_text(as_text(preset("paper")))
    assert with_file(PLAIN, file) == preset("paper")
    for content, code in (
        ("{", "settings-unreadable"),
        ("[1]", "settings-unreadable"),
        ('{"loss": {"minr": 1}}', "unknown-setting"),
        ('{"loss": 3}', "unknown-setting"),
        ('{"steps": "12"}', "setting-invalid"),
    ):
        file.write_text(content)
        with pytest.raises(PolypTraceError) as caught:
            with_file(PLAIN, file)
        assert caught.value.code == code


def test_the_paper_s_presets() -> None:
    paper = preset("paper")
    assert (paper.model.backbone, paper.model.image_size, paper.model.width) == ("resnet50", 224, 768)
    assert (paper.model.depth, paper.model.head_size) == (4, 32)
    assert (paper.identities, paper.pictures, paper.optimiser, paper.epochs) == (16, 4, "adam", 180)
    assert (paper.decay_backbone, paper.decay_head) == (1e-5, 1e-7)
    assert (paper.loss.metric, paper.loss.miner, paper.loss.margin) == ("triplet", "batch-hard", None)
    assert paper.model.text.layers == 12
    rows = [preset(f"table3-{row}") for row in ("none", "text", "image", "both")]
    assert [row.start.pretrained for row in rows] == ["none", "text", "image", "both"]
    # Nothing but the first weights differs.
    assert len({msgspec.json.encode(msgspec.structs.replace(row, start=Start())) for row in rows}) == 1
    ablation = preset("ablation")
    assert ablation.model.image_size == 128
    assert (ablation.max_seconds or 0) <= 1200


@pytest.mark.parametrize(
    ("start", "code", "said"),
    [
        (Start(pretrained="image"), "start-incomplete", "--image-weights"),
        (Start(pretrained="text", image_weights="w.pth"), "start-contradicts", "--image-weights"),
        (Start(pretrained="text"), "start-incomplete", "--text-folder"),
        (Start(pretrained="both", image_weights="w.pth"), "start-incomplete", "--text-folder"),
        (Start(pretrained="none", text_folder="bert"), "start-contradicts", "--text-folder"),
        (Start(model="a", image_weights="w.pth"), "start-contradicts", "--start"),
    ],
)
def test_a_row_of_table_3_needs_its_weights_and_no_others(start: Start, code: str, said: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        check_start(start)
    assert caught.value.code == code
    assert said in caught.value.hint
    check_start(Start(pretrained="none"))
    check_start(Start(pretrained="both", image_weights="w.pth", text_folder="bert"))


def test_wishes_come_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"steps": 5, "identities": 4}')
    found = chosen_settings("compact", file, ["steps=7"], image_weights="w.pth")
    assert (found.steps, found.identities, found.start.image_weights) == (7, 4, "w.pth")
    with pytest.raises(PolypTraceError) as caught:
        chosen_settings("table3-image")
    assert caught.value.code == "start-incomplete"
    with pytest.raises(PolypTraceError) as caught:
        chosen_settings("compact", None, ["identities=1"])
    assert caught.value.code == "training-settings"
    with pytest.raises(PolypTraceError) as caught:
        chosen_settings("qick")
    assert "Did you mean quick?" in caught.value.hint


def test_a_trained_network_keeps_its_shape() -> None:
    known = json.loads(resource("models", "starter", "manifest.json").read_text())["architecture"]
    found = chosen_settings("quick", None, ["model.text_frozen=true"])
    assert (found.model.image_size, found.model.text_frozen) == (known["image_size"], True)
    with pytest.raises(PolypTraceError) as caught:
        chosen_settings("quick", None, ["model.depth=2"])
    assert caught.value.code == "model-fixed"
    assert chosen_settings("quick", None, ["model.depth=2", "start.starter=false"]).model.depth == 2


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_sound(name: str) -> None:
    check(preset(name))


def test_a_bert_folder_s_tokenizer_may_be_a_vocabulary(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "polyp", "##s"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    made = folder_tokenizer(tmp_path)
    assert isinstance(made, Tokenizer)
    assert made.encode("Red polyps").tokens == ["[CLS]", "red", "polyp", "##s", "[SEP]"]
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert "[UNK]" in folder_tokenizer(tmp_path).encode("Red").tokens
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(PolypTraceError) as caught:
        folder_tokenizer(tmp_path)
    assert caught.value.code == "bert-folder"


@pytest.mark.parametrize("setting", ["model.head_size=0", "model.text.heads=0", "model.head_size=-8"])
def test_no_heads_are_refused_in_words(setting: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        chosen_settings("compact", None, [setting])
    assert caught.value.code == "model-config"
    assert "at least 1" in caught.value.message


def test_the_paper_s_pictures_are_shifted_as_far_as_the_reference_crops() -> None:
    changes = preset("paper").augmentation
    assert changes.shift * 224 == pytest.approx(10)
    assert changes.zoom[1] <= 1.1
