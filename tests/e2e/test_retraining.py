"""Training on the catalogue by command line: killed, gone on with, promoted by its typed id, rolled back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from core.training.retrain import new_run

from ..core.retraining.conftest import Linked, tiny
from ..core.retraining.conftest import films as films
from ..core.retraining.conftest import linked as linked
from ..core.retraining.conftest import linked_once as linked_once
from .conftest import ROOT, Run, environment

TRAIN = (
    "train", "dmcl", "--from-catalogue", "--set", "steps=5", "--set", "max_seconds=none", "--set",
    "identities=2", "--set", "pictures=2", "--set", "checkpoint_seconds=0.001", "--device", "cpu", "--json",
)  # fmt: skip


def _json(done: Any) -> dict[str, Any]:
    assert done.code == 0, done.out + done.err
    return dict(done.document)


def _killed_in_training(linked: Linked) -> str:
    """Starts a training and kills its process without a warning after two steps; returns the run's name."""
    command = [sys.executable, "-m", "core", *TRAIN, "--data-dir", str(linked.data.root)]
    env = os.environ | environment(linked.data.root) | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            event = json.loads(line)
            if event["stage"] == "train" and event["step"] == 3:
                os.kill(process.pid, signal.SIGKILL)
                return str(event["run"])
    raise AssertionError("the training ended by itself")


def test_from_confirmed_links_to_a_model_in_use_and_back(quick: Run, linked: Linked) -> None:
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("kills a process")
    data, query = linked.data.root, linked.clips["A"][0][1]
    plan = _json(quick(data, *TRAIN, "--dry-run"))
    assert plan["refused"] is None
    assert plan["counts"]["held_back_patients"] == 1
    assert not list(linked.data.runs.glob("dmcl-*"))
    before = _json(quick(data, "match", query, "--device", "cpu", "--json"))
    assert before["model"] == linked.active

    run = _killed_in_training(linked)
    assert not list(linked.data.models.glob("dmcl-*"))
    done = quick(data, "train", "dmcl", "--resume", run, "--device", "cpu", "--json")
    document = _json(done)
    model = document["model"]
    assert (document["run"], document["gate"], document["state"]) == (run, None, "candidate")
    assert document["comparison"]["active_model"] == linked.active
    events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert {event["run"] for event in events} == {run}
    assert next(event["step"] for event in events if event["stage"] == "train") in (3, 4)
    assert all("left_s" in event for event in events)

    def states() -> dict[str, str]:
        return {one["id"]: one["state"] for one in _json(quick(data, "models", "list", "--json"))["models"]}

    assert states()[model] == "candidate"
    wrong = quick(data, "models", "promote", model, "--confirm", model[:-1], "--json")
    assert (wrong.code, wrong.error["code"]) == (1, "promote-confirm")
    assert states()[linked.active] == "active"
    _json(quick(data, "models", "promote", model, "--confirm", model, "--author", "anna", "--json"))
    assert (states()[model], states()[linked.active]) == ("active", "retired")
    _json(quick(data, "index", "--device", "cpu", "--json"))
    after = _json(quick(data, "match", query, "--device", "cpu", "--json"))
    assert after["model"] == model
    assert [one["score"] for one in after["patient"]] != [one["score"] for one in before["patient"]]

    back = _json(quick(data, "models", "rollback", "--author", "anna", "--json"))
    assert (back["model"], back["left"]) == (linked.active, model)
    assert _json(quick(data, "match", query, "--device", "cpu", "--json")) == before
    _json(quick(data, "models", "rollback", "--json"))  # to the starter model, which was there first
    nothing = quick(data, "models", "rollback", "--json")
    assert (nothing.code, nothing.error["code"]) == (1, "rollback-nothing")


def test_what_doesn_t_go_together_is_wrong_usage(quick: Run, linked: Linked) -> None:
    data = linked.data.root
    assert quick(data, "train", "dmcl", "--from-catalogue", "--manifest", "x.csv").code == 2
    assert quick(data, "train", "dmcl", "--dry-run", "--manifest", "x.csv").code == 2
    with linked.open() as catalog:
        run = new_run(catalog, tiny(), author="anna")
    for more in (("--dry-run",), ("--preset", "quick"), ("--set", "steps=2"), ("--config", "x.json")):
        for named in ((), ("--from-catalogue",)):
            assert quick(data, "train", "dmcl", *named, "--resume", run.name, *more).code == 2
    assert not (run / "crops").exists()
    empty = quick(data.parent / "none", "train", "dmcl", "--from-catalogue", "--json")
    assert (empty.code, empty.error["code"]) == (1, "catalogue-missing")
