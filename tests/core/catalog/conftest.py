"""A fresh catalogue, and a small case: one patient, three exams, one video, two findings an exam."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.catalog import operations
from core.catalog.engine import Catalog
from core.domain import Video
from core.paths import DataDir

AUTHOR = "tester"


def make_video(name: str = "one") -> Video:
    """A video's facts as the import pass gives them; ``name`` stands for the content."""
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return Video(0, sha256, f"/videos/{name}.mp4", 1000, 40.0, 560, 480, "h264", (1, 25))


class Case:
    """Ids of what the case holds: ``exams[k]`` has ``clips[k]`` of ``findings[k]``."""

    def __init__(self, catalog: Catalog, exams: int = 3, findings: int = 2, code: str = "P-1") -> None:
        self.catalog = catalog
        self.exams: list[int] = []
        self.clips: list[list[int]] = []
        self.findings: list[list[int]] = []
        for year in range(exams):
            date = dt.date(2020 + year, 5, 1)
            done = operations.import_video(
                catalog, make_video(), patient_code=code, exam_date=date, author=AUTHOR
            )
            self.video = done.subject
            assert self.video is not None
            (exam,) = done.exams
            self.exams.append(exam)
            made = [
                operations.add_clip(catalog, exam, self.video, 100 * n, 100 * n + 50, author=AUTHOR)
                for n in range(findings)
            ]
            self.clips.append([change.created.clips[0] for change in made])
            self.findings.append([change.created.findings[0] for change in made])


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue's file just made: migrating once is enough."""
    made = DataDir(tmp_path_factory.mktemp("empty"))
    Catalog.open(made).close()
    return made.catalogue


@pytest.fixture
def catalog(data_dir: DataDir, empty: Path) -> Iterator[Catalog]:
    data_dir.root.mkdir()
    shutil.copy(empty, data_dir.catalogue)
    with Catalog.open(data_dir) as opened:
        yield opened


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> tuple[Path, Case]:
    """The file of a small case, made once, and its ids."""
    made = DataDir(tmp_path_factory.mktemp("filled"))
    shutil.copy(empty, made.catalogue)
    with Catalog.open(made) as catalog:
        case = Case(catalog)
    return made.catalogue, case


@pytest.fixture
def case(catalog: Catalog, filled: tuple[Path, Case]) -> Case:
    path, made = filled
    catalog.close()
    shutil.copy(path, catalog.data_dir.catalogue)
    # The pool opens the new file: closing folded the log of the old one and dropped all connections.
    ready = copy.copy(made)
    ready.catalog = catalog
    return ready


@pytest.fixture
def make_case() -> type[Case]:
    return Case


@pytest.fixture(name="make_video")
def make_video_fixture() -> Callable[[str], Video]:
    return make_video


@pytest.fixture
def dump() -> Callable[[Catalog], dict[str, list[tuple[Any, ...]]]]:
    return dump_tables


def dump_tables(catalog: Catalog) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored, table by table."""
    with catalog.read() as connection:
        names = (
            connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        )
        return {
            name: [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}" ORDER BY 1, 2')]
            for name in names
            if name not in ("alembic_version", "sqlite_sequence")
        }
