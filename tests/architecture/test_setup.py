"""The set-up script on machines that lack something."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "bootstrap.py"


@pytest.fixture
def bootstrap() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_names_the_packages_where_it_may_not_install(
    bootstrap: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "administrator", lambda: None)
    assert bootstrap.install_packages(["python3.11-venv"]) == "sudo apt-get install python3.11-venv"


def test_a_python_without_venv_ends_in_a_sentence(
    bootstrap: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crippled = tmp_path / "python3"
    crippled.write_text('#!/bin/sh\nif [ "$1" = "-c" ]; then echo 3.11; exit 0; fi\nexit 1\n')
    crippled.chmod(0o755)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / "venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "administrator", lambda: None)
    with pytest.raises(SystemExit, match=r"sudo apt-get install python3\.11-venv"):
        bootstrap.make_environment(str(crippled))


def test_finds_missing_libraries(bootstrap: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "QT_LIBRARIES", {"libc.so.6": "libc6", "libnot-there.so.9": "not-there"})
    assert bootstrap.missing_libraries() == ["not-there"]


def test_a_second_run_installs_nothing(
    bootstrap: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stamp = tmp_path / "stamp"
    monkeypatch.setattr(bootstrap, "STAMP", stamp)
    commands: list[tuple[object, ...]] = []

    def record(*command: object, quiet: bool = True) -> types.SimpleNamespace:
        commands.append(command)
        return types.SimpleNamespace(returncode=0, stdout="")

    monkeypatch.setattr(bootstrap, "run", record)
    bootstrap.install_dependencies()
    assert len(commands) == 2
    bootstrap.install_dependencies()
    assert len(commands) == 2
