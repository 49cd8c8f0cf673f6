"""From confirmed links to a candidate: what trains, what is measured, what a stop costs, who judges."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from core.catalog import operations, queries
from core.catalog.values import JobState, ModelState
from core.data.manifest import read_manifest, write_manifest
from core.data.pictures import read_image
from core.domain import Verdict
from core.errors import Cancelled, PolypTraceError
from core.evaluation.run import evaluate_manifest
from core.inference.device import DeviceChoice
from core.inference.embedder import Embedder
from core.inference.registry import find_bundle
from core.matching import model_choice
from core.matching.footage import open_reader
from core.matching.sampling import sample_clip
from core.paths import DataDir
from core.progress import CancelToken
from core.retraining import frozen, runs
from core.retraining.candidates import Standing, standing
from core.retraining.crops import cut_crops
from core.retraining.plan import plan_of
from core.training.checkpoint import load_tensors
from core.training.chosen import chosen_settings
from core.training.compare import compare
from core.training.pre_flight import frozen_now, pre_flight
from core.training.retrain import _Work, new_run, retrain

from .conftest import Linked, tiny


def _done(linked: Linked, run: Path, **more: Any) -> dict[str, Any]:
    with linked.open() as catalog:
        return retrain(catalog, run, device="cpu", author="anna", **more)


def _new(linked: Linked, steps: int = 3, *changes: str) -> Path:
    with linked.open() as catalog:
        return new_run(catalog, tiny(steps, *changes), author="anna")


class First(msgspec.Struct):
    """A finished run, what came of it, what it told, and a copy of its pictures, which it doesn't keep."""

    linked: Linked
    run: Path
    pictures: Path
    document: dict[str, Any]
    told: list[Any]
    steps: list[dict[str, Any]]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, linked_once: Linked) -> First:
    """Trained once; tests may look at it."""
    root = tmp_path_factory.mktemp("first") / "data"
    shutil.copytree(linked_once.data.root, root)
    linked = msgspec.structs.replace(linked_once, data=DataDir(root))
    run, told, steps = _new(linked), [], []  # type: ignore[var-annotated]
    pictures = root.parent / "pictures"

    def heard(event: dict[str, Any]) -> None:
        steps.append(event)
        if event["stage"] == "publishing the candidate":
            shutil.copytree(run / "crops", pictures / "crops")
            shutil.copy(run / "manifest.csv", pictures)

    document = _done(linked, run, progress=told.append, on_step=heard)
    return First(linked, run, pictures, document, told, steps)


def test_only_confirmed_links_train(linked: Linked) -> None:
    with linked.open() as catalog:
        # B's second lesion comes apart again: nothing of it may be learnt any more.
        event = queries.verdict(catalog, queries.clip(catalog, linked.clips["B"][1][1]).finding_id)
        assert event is not None
        operations.withdraw_verdict(catalog, event.id, author="anna")
    run = _new(linked)
    made = frozen.read(run)
    train = {one.facts.clip.id for one in made.clips if one.split == "train"}
    loose = {*linked.clips["B"][1], linked.alone}
    assert train
    assert not train & loose
    assert len(made.links) == 5  # six were confirmed, one was withdrawn
    assert {link.event for link in made.links}.isdisjoint({event.id})
    finding = {one.facts.clip.finding_id for one in made.clips if one.split == "train"}
    assert finding <= {side for link in made.links for side in (link.finding, link.other)}
    assert all(link.author == "anna" for link in made.links)
    of_patient = {clip: patient for patient, own in linked.clips.items() for pair in own for clip in pair}
    held = {one.facts.clip.id for one in made.clips if one.split != "train"} - {linked.alone}
    assert not {of_patient[clip] for clip in train} & {of_patient[clip] for clip in held - loose}
    with linked.open() as catalog:
        some = next(one.facts for one in made.clips if one.split == "train")
        assert some.clip == queries.clip(catalog, some.clip.id)
        assert some.sha256 == queries.video(catalog, some.clip.video_id).sha256
        assert "polyp" in some.text or "lesion" in some.text


def test_a_candidate_with_its_figures_beside_the_model_in_use(first: First) -> None:
    linked, run, document, told, steps = first.linked, first.run, first.document, first.told, first.steps
    assert document["state"] == "candidate"
    assert document["gate"] is None
    assert document["reasons"]["gate"]
    assert {step["run"] for step in steps} == {run.name}
    assert all(step.left_s is not None for step in told)
    assert [step.done for step in told if step.stage == "learning"] == [1, 2, 3]
    with linked.open() as catalog:
        states = {one.model_id: one.state for one in queries.model_versions(catalog)}
        assert states[document["model"]] is ModelState.CANDIDATE
        assert states[linked.active] is ModelState.ACTIVE
        (job,) = [one for one in queries.jobs(catalog) if one.kind == "train"]
        assert (job.state, job.detail["model"]) == (JobState.DONE, document["model"])
    compared = document["comparison"]
    assert (compared["fair"], compared["patients"], compared["queries"]) == (True, 1, 2)
    assert not (run / "crops").exists()  # of the patients nothing stays that isn't needed
    assert not (run / "manifest.csv").exists()
    manifest = first.pictures / "manifest.csv"
    for side, model in (("candidate", document["model"]), ("active", linked.active)):
        embedder = Embedder.open(find_bundle(linked.data, model).folder, "cpu", threads=1)
        again = evaluate_manifest(manifest, embedder, baselines=())
        assert compared[side]["within_rank1"] == again.figures.within_patient.rank1
        assert compared[side]["mAP"] == again.figures.clip.mean_average_precision
    assert not compared["intervals"]["candidate"]  # one patient can't be drawn anew
    card = find_bundle(linked.data, document["model"]).card
    assert linked.active in card
    assert compared["words"][0] in card
    assert _done(linked, run) == document  # asked for again
    rows = read_manifest(manifest).rows
    parts = {split: {row.patient_id for row in rows if row.split == split} for split in ("train", "query")}
    assert not parts["train"] & parts["query"]


def test_what_trains_is_what_matching_would_see(first: First) -> None:
    linked, run = first.linked, first.run
    one = next(one.facts for one in frozen.read(run).clips if one.split == "train")
    cut = read_manifest(first.pictures / "manifest.csv").rows
    rows = [row for row in cut if row.clip_id == str(one.clip.id)]
    with linked.open() as catalog:
        video = queries.video(catalog, one.clip.video_id)
        with open_reader(catalog, video) as reader:
            sample = sample_clip(reader, one.clip, video.region, text=video.text_boxes)
    assert len(rows) == len(sample.crops)
    for row, crop in zip(rows, sample.crops, strict=True):
        assert row.box is None
        assert np.array_equal(read_image(row.path), crop)


def _stopped_at(linked: Linked, run: Path, stage: str, step: int | None = None) -> None:
    """Trains until an event and cancels there."""
    token = CancelToken()

    def stop(event: dict[str, Any]) -> None:
        if event["stage"] == stage and step in (None, event.get("step")):
            token.cancel()

    with pytest.raises(Cancelled):
        _done(linked, run, on_step=stop, cancel=token)


def test_a_stop_costs_nothing_and_later_links_change_nothing(linked: Linked) -> None:
    whole, cut = _new(linked, 4), _new(linked, 4)
    _stopped_at(linked, whole, "publishing the candidate")
    _stopped_at(linked, cut, "cutting out the lesions")
    with linked.open() as catalog:  # meanwhile the user goes on
        clip = linked.clips["A"][0][1]
        operations.give_verdict(catalog, Verdict.NOT_A_LESION, clip_id=clip, author="anna")
    _stopped_at(linked, cut, "train", 2)
    found = runs.unfinished(linked.data)
    assert found is not None
    assert (found.run, found.step, found.steps) == (cut.name, 2, 4)
    _stopped_at(linked, cut, "publishing the candidate")
    ours, theirs = (load_tensors(run / "best.safetensors") for run in (cut, whole))
    assert ours[1] == theirs[1] == {"step": 4}
    assert all(torch.equal(ours[0][name], theirs[0][name]) for name in ours[0])
    with linked.open() as catalog:
        states = [job.state for job in queries.jobs(catalog) if job.kind == "train"]
    assert states == [JobState.CANCELLED] * 4


def test_a_missing_video_is_named_and_left_out(linked: Linked, tmp_path: Path) -> None:
    lost = linked.clips["C"][0][1]
    with linked.open() as catalog:
        video = queries.clip(catalog, lost).video_id
        before = queries.video(catalog, video)
        operations.relocate_video(catalog, video, str(tmp_path / "gone.mp4"), author="anna")
        plan = pre_flight(catalog, tiny(), device="cpu")
    assert lost in {one.clip for one in plan.left_out}
    assert any(f"of video {video}: its video isn't" in words and str(lost) in words for words in plan.words)
    assert "gone.mp4" not in str(plan.as_dict())
    assert plan.refused is not None  # B's and C's second exams are on that video: two lesions are left
    assert "two more lesions" in plan.refused["hint"]
    assert plan.seconds is None
    assert not any("takes" in words for words in plan.words)
    with pytest.raises(PolypTraceError) as caught:
        _new(linked)
    assert caught.value.code == "training-too-little"
    assert not list(linked.data.runs.glob("dmcl-*"))
    with linked.open() as catalog:
        operations.relocate_video(catalog, video, before.path, author="anna")
        whole = pre_flight(catalog, tiny(), device="cpu")
        settings = chosen_settings(*tiny(), model=str(model_choice.bundle_of(catalog).folder))
        unmeasured = plan_of(
            frozen_now(catalog, settings, "quick", author=""), DeviceChoice("cuda", "it is there"), None
        )
    assert whole.refused is None
    assert whole.seconds is not None
    assert any("It takes" in words for words in whole.words)
    assert unmeasured.seconds is None
    assert any("isn't known yet" in words for words in unmeasured.words)


def test_the_next_run_judges_on_patients_that_the_model_never_saw(first: First) -> None:
    model = first.document["model"]
    model_choice.promote(first.linked.data, model, model, author="anna")
    one, other = frozen.read(first.run), frozen.read(_new(first.linked, 3, "seed=3"))
    model_choice.roll_back(first.linked.data, author="anna")
    assert other.start == model
    assert other.patients.held_back == one.patients.held_back
    assert set(other.patients.held_back).isdisjoint(one.patients.train)


def test_nobody_held_back_claims_nothing(linked: Linked) -> None:
    with linked.open() as catalog:
        for patient in ("B",):
            for pair in linked.clips[patient]:
                event = queries.verdict(catalog, queries.clip(catalog, pair[1]).finding_id)
                assert event is not None
                operations.withdraw_verdict(catalog, event.id, author="anna")
    document = _done(linked, _new(linked))
    compared = document["comparison"]
    assert not compared["fair"]
    assert "they say nothing" in compared["words"][0]
    assert document["metrics"] == dict.fromkeys(document["metrics"])
    assert document["data"]["held_back_patients"] == 0
    assert "No patient could be held back" in compared["words"][0]


def test_one_training_at_a_time(linked: Linked) -> None:
    run = _new(linked)
    for asked in (run, tiny()):
        with runs.only_one(linked.data), linked.open() as catalog, pytest.raises(PolypTraceError) as caught:
            retrain(catalog, asked, device="cpu", author="anna")
        assert caught.value.code == "training-runs"
    assert list(linked.data.runs.glob("dmcl-*")) == [run]  # nothing hides the run that is gone on with


def test_a_lost_model_can_be_gone_back_from(linked: Linked) -> None:
    with linked.open() as catalog:
        assert standing(catalog).active == linked.active
        before = standing(catalog).before
        shutil.rmtree(linked.data.models / "small")
        assert standing(catalog) == Standing(linked.active, before, ())
    assert before is not None
    assert model_choice.roll_back(linked.data, author="anna")[0].manifest.model_id == before


def test_a_run_has_a_result_only_once_its_record_is_complete(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise SystemExit

    run = _new(linked)
    monkeypatch.setattr(_Work, "run_all", lambda _: {"model": linked.active})
    with monkeypatch.context() as patch:
        patch.setattr(operations, "finish_job", killed)
        with pytest.raises(SystemExit):
            _done(linked, run)
    assert runs.result_of(run) is None
    _done(linked, run)
    with linked.open() as catalog:
        states = [job.state for job in queries.jobs(catalog) if job.kind == "train"]
    assert JobState.DONE in states
    assert runs.result_of(run) is not None


def test_settings_of_a_run_are_frozen_with_it(linked: Linked) -> None:
    made = frozen.read(_new(linked, 7))
    assert made.config["steps"] == 7
    assert msgspec.json.decode(msgspec.json.encode(made), type=frozen.Frozen) == made


def test_a_run_of_another_catalogue_is_refused(linked: Linked, tmp_path: Path) -> None:
    run = _new(linked)
    shutil.copytree(linked.data.root, tmp_path / "other")
    other = msgspec.structs.replace(linked, data=DataDir(tmp_path / "other"))
    with pytest.raises(PolypTraceError) as caught:
        _done(other, run)
    assert caught.value.code == "run-elsewhere"
    assert not (run / "crops").exists()


def test_a_clip_of_another_file_or_without_a_video_is_left_out(linked: Linked) -> None:
    run = _new(linked)
    made = frozen.read(run)
    changed, gone = [one.facts.clip.id for one in made.clips if one.split != "train"][:2]

    def as_if(one: Any) -> Any:
        facts = one.facts
        if facts.clip.id == changed:
            facts = msgspec.structs.replace(facts, sha256="0" * 64)
        if facts.clip.id == gone:
            clip = msgspec.structs.replace(facts.clip, video_id=9999)
            facts = msgspec.structs.replace(facts, clip=clip)
        return msgspec.structs.replace(one, facts=facts)

    with linked.open() as catalog:
        what = msgspec.structs.replace(made, clips=tuple(map(as_if, made.clips)))
        rows, left = cut_crops(catalog, run, what)
    assert {one.clip for one in left} == {changed, gone}
    kept = {int(row.clip_id) for row in read_manifest(rows).rows}
    assert kept == {one.facts.clip.id for one in made.clips} - {changed, gone}


def test_a_run_that_failed_says_why_and_can_be_given_up(linked: Linked, tmp_path: Path) -> None:
    run = _new(linked)
    lost = linked.clips["C"][0][1]
    with linked.open() as catalog:
        video = queries.clip(catalog, lost).video_id
        operations.relocate_video(catalog, video, str(tmp_path / "gone.mp4"), author="anna")
    with pytest.raises(PolypTraceError) as caught:
        _done(linked, run)
    assert caught.value.code == "training-too-little"
    assert not (run / "manifest.csv").exists()  # found again, the videos are read after all
    found = runs.unfinished(linked.data)
    assert found is not None
    assert caught.value.message in found.failure
    runs.give_up(linked.data, run.name)
    assert runs.unfinished(linked.data) is None
    assert not (run / "crops").exists()


def test_held_back_patients_that_cannot_be_read_are_not_none(linked: Linked, tmp_path: Path) -> None:
    run = _new(linked)
    with linked.open() as catalog:
        rows, _ = cut_crops(catalog, run, frozen.read(run))
    kept = [row for row in read_manifest(rows).rows if row.split == "train"]
    write_manifest(tmp_path / "train.csv", kept)
    embedder = Embedder.open(find_bundle(linked.data, linked.active).folder, "cpu", threads=1)
    made = compare(tmp_path / "train.csv", embedder, embedder, held_back=1)
    assert not made.fair
    assert "held-back patients' videos can't be read" in made.words[0]
