"""The real window on a screen of its own, driven by mouse and keyboard; the catalogue says what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from chapters import Story, counted
from hands import MISSING, Screen, Window, wait_for

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A virtual screen."""
    shown = Screen(tmp_path_factory.mktemp("screen"))
    yield shown
    shown.close()


@pytest.fixture
def window(screen: Screen, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Window]:
    """The window on an empty data folder, or on a copy of the one that the test is given."""
    data = tmp_path / "data"
    if given := getattr(request, "param", None):
        shutil.copytree(request.getfixturevalue(given).data, data)
    opened = Window(screen, data, tmp_path / "home")
    yield opened
    if opened.process.poll() is None:
        opened.kill()


@pytest.mark.slow
def test_the_whole_story(window: Window, record_property: Any) -> None:
    story = Story(window)
    clip = story.first_exam()
    _, new = story.follow_up(clip)
    story.undo_and_redo(new)
    assert "libtorch" not in Path(f"/proc/{window.process.pid}/maps").read_text()
    with window.step("close"):
        assert window.close() == 0
    assert "Traceback" not in window.log.read_text()
    report = window.stalls()
    for name in ("longest_cpu_ms", "over_50_ms_cpu", "wall_p99_ms"):
        record_property(name, report[name])
    record_property("follow-up", astuple(counted(window.steps)))


@pytest.mark.parametrize("window", ["workspace"], indirect=True)
def test_a_kill_while_typing_loses_nothing_older_than_the_autosave(window: Window, workspace: Any) -> None:
    from core.catalog import queries
    from core.catalog.engine import Catalog
    from core.paths import DataDir

    def told() -> Any:
        with Catalog.open(DataDir(window.data)) as catalog:
            return queries.description(catalog, queries.clip(catalog, workspace.undescribed).finding_id)

    window.thing("Patients, exams, videos and clips")
    window.keys("ctrl+f")
    window.type("exam 1")
    window.keys("F2")
    wait_for(lambda: "not described" in window.field()[1] or window.keys("Down"), "the clip in the library")
    window.thing("0 of 7 needed")
    window.keys("ctrl+d", "s")
    wait_for(told, "the autosave")
    window.keys("F8")
    window.type("sig")
    window.kill()
    assert told().values["state"] == "scar"
