"""Sets up a checkout: virtual environment, locked dependencies, system libraries, derived files.

Runs on a bare Python 3.11+ with the standard library alone, on Linux and Windows; repeating it costs nothing.

    python3 packaging/bootstrap.py            what `make setup` does
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
STAMP = VENV / "polyptrace-setup.sha256"
OLDEST = (3, 11)
NEEDED_GB = 11
"""What the environment and the downloads beside it take at their highest, with a little to spare."""

# What Qt's xcb and offscreen platforms load at run time, and Debian's and Ubuntu's packages that hold it.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}

# What the window's end-to-end tests need: a screen, and hands.
TEST_TOOLS = {"Xvfb": "xvfb", "xdotool": "xdotool"}


def say(text: str) -> None:
    """One line of progress on stdout."""
    print(f"setup: {text}", flush=True)


def stop(text: str) -> None:
    """Ends the set-up with one sentence that says what to do."""
    sys.exit(f"setup: {text}")


def run(*command: str | Path, quiet: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a command and keeps its output for the error message."""
    output = subprocess.PIPE if quiet else None
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        text=True,
        stdout=output,
        stderr=subprocess.STDOUT if quiet else None,
    )


def suitable_python() -> str:
    """The running Python when it is new enough, else a newer one on the path."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in (13, 12, 11):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    stop("Python 3.11 or newer is needed; on Debian 12 or Ubuntu 24.04: apt-get install python3")
    raise AssertionError


def administrator() -> list[str] | None:
    """The prefix that runs a command as administrator without asking, or None where that isn't allowed."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and run("sudo", "-n", "true").returncode == 0:
        return ["sudo", "-n"]
    return None


_lists_are_fresh = False


def install_packages(packages: list[str]) -> str:
    """Installs Debian packages when allowed. Returns "" or the command that the user must run."""
    global _lists_are_fresh
    wanted = f"sudo apt-get install {' '.join(packages)}"
    prefix = administrator()
    if prefix is None:
        return wanted
    if not _lists_are_fresh:
        run(*prefix, "apt-get", "update", "-q")
        _lists_are_fresh = True
    arguments = (
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
    )
    return "" if run(*prefix, *arguments, *packages).returncode == 0 else wanted


def make_environment(python: str) -> None:
    """Makes ``.venv`` with pip in it; installs Debian's ``venv`` package where it is missing."""
    if PYTHON.exists() and run(PYTHON, "-m", "pip", "--version").returncode == 0:
        return
    say("making the virtual environment .venv")
    made = run(python, "-m", "venv", "--clear", VENV)
    if made.returncode:
        version = run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
        missing = install_packages([f"python{version}-venv"])
        if missing:
            stop(f"Python's venv module is incomplete here. Please run: {missing}, then repeat this command.")
        made = run(python, "-m", "venv", "--clear", VENV)
    if made.returncode:
        stop(f"the virtual environment could not be made:\n{made.stdout}")


def fingerprint() -> str:
    """Changes when anything that the environment is made from changes."""
    digest = hashlib.sha256(str(PYTHON).encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def install_dependencies() -> None:
    """Installs the locked dependencies (hashes required) and the project itself, editable."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < NEEDED_GB:
        stop(f"{NEEDED_GB} GB of free disk space are needed for the dependencies, {free_gb:.1f} GB are free.")
    say("installing the locked dependencies (about 6.5 GB with PyTorch for CUDA; a few minutes)")
    pip = (
        PYTHON,
        "-m",
        "pip",
        "install",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--no-input",
        "-q",
    )
    for command in (
        (*pip, "--require-hashes", "-r", "requirements.lock"),
        (*pip, "--no-deps", "--no-build-isolation", "-e", "."),
    ):
        done = run(*command)
        if done.returncode:
            stop(f"pip failed:\n{done.stdout}")
    STAMP.write_text(wanted)


def missing_libraries() -> list[str]:
    """Packages of the Qt libraries that this system lacks."""
    packages = []
    for soname, package in QT_LIBRARIES.items():
        try:
            ctypes.CDLL(soname)
        except OSError:
            packages.append(package)
    return packages


def install_libraries() -> None:
    """Installs what Qt needs from the system, or names it: the command line works without."""
    if not sys.platform.startswith("linux"):
        return
    packages = missing_libraries()
    if not packages:
        return
    say(f"installing the system libraries that Qt needs: {' '.join(packages)}")
    missing = install_packages(packages)
    if missing:
        say(f"the window will need system libraries that could not be installed here. Please run: {missing}")


def install_test_tools() -> None:
    """Installs what drives the window in tests, where that is allowed; without it those tests are skipped."""
    packages = [package for program, package in TEST_TOOLS.items() if not shutil.which(program)]
    if not sys.platform.startswith("linux") or not packages:
        return
    missing = install_packages(packages)
    if missing:
        say(f"the window's end-to-end tests will be skipped. To run them: {missing}")


def derive_files() -> None:
    """Derives the ONNX file of the shipped model and checks it against the weights."""
    folder = ROOT / "resources" / "models" / "starter"
    done = run(PYTHON, "-m", "core.models.export", folder)
    if done.returncode:
        stop(f"the ONNX file of the starter model could not be derived:\n{done.stdout}")


def main() -> None:
    """Every step in order; each does nothing when it was done before."""
    python = suitable_python()
    make_environment(python)
    install_dependencies()
    install_libraries()
    install_test_tools()
    derive_files()
    say("ready")


if __name__ == "__main__":
    main()
