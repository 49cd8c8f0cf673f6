"""The house rules that no type checker sees."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "torchvision", "transformers")
MIB = 1024 * 1024


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]


def modules_of(package: str) -> list[str]:
    files = sorted((ROOT / package).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def torch_free_modules() -> list[str]:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rooms = tuple(next(c for c in contract if c["name"] == "the torch-free half of core")["source_modules"])
    inference = [name for name in modules_of("core") if name.startswith("core.inference")]
    return [n for n in modules_of("core") if any(n == r or n.startswith(r + ".") for r in rooms)] + inference


def loaded_after_importing(modules: list[str]) -> set[str]:
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *modules], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in done.stdout.split()}


def test_core_never_loads_qt() -> None:
    assert not loaded_after_importing(modules_of("core")) & {"PySide6", "pyqtgraph", "shiboken6"}


def test_the_torch_free_half_loads_no_torch() -> None:
    modules = torch_free_modules()
    assert len(modules) > 30
    assert not loaded_after_importing(modules) & set(HEAVY)


def test_the_command_line_starts_without_torch() -> None:
    assert not loaded_after_importing(["core.cli"]) & set(HEAVY)


def test_the_guard_would_see_torch() -> None:
    assert "torch" in loaded_after_importing(["core.models.dmcl"])


def test_the_window_never_loads_torch() -> None:
    assert not loaded_after_importing(modules_of("desktop")) & set(HEAVY)


def test_packaging_is_no_package() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()
    import packaging

    assert packaging.__file__ is not None
    assert ROOT / "packaging" not in Path(packaging.__file__).parents


def test_only_the_headless_opencv_is_locked_and_installed() -> None:
    locked = (ROOT / "requirements.lock").read_text()
    assert "opencv-python-headless==" in locked
    assert "\nopencv-python==" not in locked
    assert "\nopencv-contrib-python==" not in locked
    installed = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
    assert installed & {"opencv-python", "opencv-contrib-python"} == set()


def test_opencv_and_qt_live_in_one_process() -> None:
    pytest.importorskip("PySide6")
    code = (
        "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\nimport cv2\n"
        "from PySide6.QtGui import QGuiApplication\n"
        "app = QGuiApplication([])\n"
        "print(cv2.__version__, app.platformName())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "offscreen" in done.stdout


def test_no_other_distribution_provides_our_packages() -> None:
    owners = importlib.metadata.packages_distributions()
    for package in ("core", "desktop"):
        assert set(owners.get(package, ["polyptrace"])) == {"polyptrace"}


def test_the_lock_has_hashes_and_no_addresses() -> None:
    locked = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in locked
    assert "://" not in locked
    assert "--index-url" not in locked
    assert "--find-links" not in locked


def test_tracked_files_stay_small() -> None:
    sizes = {path: path.stat().st_size for path in tracked() if path.is_file()}
    assert sum(sizes.values()) < 55 * MIB
    assert not [path for path in sizes if path.suffix in {".onnx", ".pt", ".pth", ".pkl", ".ckpt"}]


def test_tests_hold_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_no_print_in_the_core_beside_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "T20", "core", "desktop"],
        cwd=ROOT,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout.decode()


LATER = ("numpy", "sqlalchemy", "av", "cv2", "pyqtgraph", "onnxruntime", "tokenizers", "scipy")
"""What the window loads after its first paint, in its threads and workers."""


def test_the_window_s_modules_are_light() -> None:
    loaded = loaded_after_importing([*modules_of("desktop"), "desktop.app", "desktop.main_window"])
    assert "PySide6" in loaded
    assert not loaded & {*HEAVY, *LATER}


def test_qt_leaves_none_alone() -> None:
    """PySide6 6.12.0 lost a reference with every call on Python 3.11, until the interpreter died."""
    code = (
        "import sys; from PySide6.QtCore import QObject; o = QObject(); a = sys.getrefcount(None)\n"
        "for _ in range(1000): o.setObjectName('x')\n"
        "sys.exit(abs(sys.getrefcount(None) - a) > 100)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
