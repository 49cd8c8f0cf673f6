"""Takes pictures of every view and state: ``python tests/screenshots/take.py build/screenshots``.

The real window with its real workers on copies of a demo catalogue (``--data-dir``) and of an awkward one
made for this, without a screen, once at 100 % and once at 200 %. One PNG a state, ``view-state@SCALE.png``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCALES = (1, 2)
_MATERIAL = -1
"""Stands for a scale: only what all of them need is made."""
_SCREEN = "screen.json"
_SCREEN_OF_A_DESK = """{"screens": [{"name": "desk", "x": 0, "y": 0, "width": 3840, "height": 2400,
"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1.0}]}"""
"""Without it, lists and dialogs would be squeezed into 800 × 800 pixels."""


def main() -> int:
    """Starts one process for each scale: Qt reads it once."""
    options = _parser().parse_args()
    if options.scale:
        return _take(options)
    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("*.png"):
        if not options.only:
            old.unlink()
    with tempfile.TemporaryDirectory(prefix="polyptrace-material-") as name:
        (Path(name) / _SCREEN).write_text(_SCREEN_OF_A_DESK)
        failed = _run(_MATERIAL, name)
        for scale in () if failed else SCALES:
            failed |= _run(scale, name)
    print(f"{len(list(options.out.glob('*.png')))} pictures in {options.out}")
    return failed


def _run(scale: int, folder: str) -> int:
    """This program once more, in a process of its own."""
    words = [sys.executable, str(Path(__file__)), *sys.argv[1:], "--material", folder, "--scale", str(scale)]
    return subprocess.run(words, env=_env(scale, folder), check=False).returncode


def _env(scale: int, folder: str) -> dict[str, str]:
    """Without a screen, and with settings of its own: the layout is remembered."""
    return os.environ | {
        "QT_QPA_PLATFORM": f"offscreen:configfile={folder}/{_SCREEN}",
        "QT_SCALE_FACTOR": str(max(scale, 1)),
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": f"{folder}/settings {scale}",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", type=Path, default=ROOT / "build" / "demo", help="a demo catalogue")
    parser.add_argument("--only", nargs="*", help="scenes by name; other pictures stay as they are")
    parser.add_argument("--material", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--scale", type=int, default=0, help=argparse.SUPPRESS)
    return parser


def _take(options: argparse.Namespace) -> int:
    """All scenes at one scale; one that fails is named and doesn't stop the others."""
    from material import Material, make

    if options.scale == _MATERIAL:
        make(options.material / "m")
        return 0
    import scenes_form
    import scenes_matches
    import scenes_player
    import scenes_reports
    import scenes_search
    import scenes_start
    import scenes_training
    import scenes_work
    from camera import Stage
    from PySide6.QtCore import qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    from desktop.theme import style

    qInstallMessageHandler(_complain)
    app = QApplication(sys.argv[:1])
    style.apply(app)
    stage = Stage(app, options.out, options.scale, options.data_dir, Material(options.material / "m"))
    failed = 0
    for room in (
        scenes_start,
        scenes_player,
        scenes_search,
        scenes_reports,
        scenes_form,
        scenes_matches,
        scenes_work,
        scenes_training,
    ):
        for scene in room.SCENES:
            if not options.only or scene.__name__ in options.only:
                try:
                    scene(stage)
                except Exception:  # noqa: BLE001 - the other pictures are still wanted
                    failed = 1
                    print(f"{room.__name__}.{scene.__name__} at {100 * options.scale} %:", file=sys.stderr)
                    traceback.print_exc()
    stage.close()
    return failed


def _complain(_kind: object, _where: object, words: str) -> None:
    if "plugin does not support" not in words:  # what only a real screen can do
        print(words, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
