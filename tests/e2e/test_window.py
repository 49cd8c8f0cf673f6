"""The real window on a screen of its own, used by mouse and keyboard; the catalogue says what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chapters import counted, strokes, tell
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
    report = tell(window)
    record_property("story", f"a follow-up exam with two findings: {strokes(counted(window.steps))}")
    record_property(
        "stalls",
        f"the UI thread in the story: longest event {report['longest_cpu_ms']} ms of CPU, "
        f"{report['over_50_ms_cpu']} of {report['events']} over 50 ms; "
        f"99 % within {report['wall_p99_ms']} ms by the clock",
    )


def test_the_program_ends_with_its_screen(tmp_path: Path, workspace: Any) -> None:
    (tmp_path / "screen").mkdir()
    shutil.copytree(workspace.data, tmp_path / "data")
    screen = Screen(tmp_path / "screen")
    opened = Window(screen, tmp_path / "data", tmp_path / "home")
    try:
        opened.thing("Patients, exams, videos and clips")
        screen.close()
        assert opened.process.wait(60) != 0, "it didn't end as a user would end it"
    finally:
        opened.kill()
        screen.close()


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
    window.thing("1 patient found")
    window.keys("F2")
    clip = f"Clip {workspace.undescribed} "
    wait_for(lambda: clip in window.field()[1] or window.keys("Down"), "the clip in the library")
    window.thing("0 of 7 needed")
    window.keys("ctrl+d", "s")
    wait_for(told, "the autosave")
    window.keys("F8")
    window.type("sig")
    window.kill()
    assert told().values["state"] == "scar"
