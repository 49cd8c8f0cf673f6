"""Several openings of one catalogue, in this process and in others: none may take the log from another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.paths import DataDir

ROOT = Path(__file__).resolve().parents[3]
READ = (
    "import sys; from pathlib import Path\n"
    "from core.catalog import queries; from core.catalog.engine import Catalog\n"
    "from core.paths import DataDir\n"
    "with Catalog.open(DataDir(Path(sys.argv[1]))) as catalog:\n"
    "    print(*[patient.code for patient in queries.patients(catalog)])"
)


def read_elsewhere(folder: DataDir) -> list[str]:
    """The patients' codes, read by another process that opens and closes the catalogue."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder.root)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(sys.platform == "win32", reason="locks of a process, not of a handle, are POSIX's")
def test_opening_it_again_here_does_not_drop_this_processs_locks(data_dir: DataDir) -> None:
    log = data_dir.catalogue.with_name(data_dir.catalogue.name + "-wal")
    with Catalog.open(data_dir) as catalog:
        operations.add_patient(catalog, "P-1", author="t")
        before = log.stat().st_ino
        with Catalog.open(data_dir) as again:
            assert len(queries.patients(again)) == 1
        # Without our lock that process would be the last one, and take the log away under us.
        assert read_elsewhere(data_dir) == ["P-1"]
        assert log.stat().st_ino == before
        operations.add_patient(catalog, "P-2", author="t")
        assert read_elsewhere(data_dir) == ["P-1", "P-2"]
        assert catalog.problems() == []


@pytest.mark.parametrize("content", [b"x", b"No catalogue.", b"x" * 511, b"x" * 512, b"x" * 5000])
def test_a_foreign_file_of_any_size_is_left_alone(data_dir: DataDir, content: bytes) -> None:
    from core.errors import PolypTraceError

    data_dir.root.mkdir(parents=True)
    data_dir.catalogue.write_bytes(content)
    with pytest.raises(PolypTraceError) as refused:
        Catalog.open(data_dir)
    assert refused.value.code == "catalogue-foreign"
    assert data_dir.catalogue.read_bytes() == content
