"""The real program, run as a user runs it, in a data folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

ZYGOTE = """
import contextlib, json, os, sys, traceback
import core.cli
import core.explain.pair, onnxruntime, tokenizers

spoken = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
with contextlib.suppress(SystemExit):
    sys.argv = ["polyptrace", "models", "list", "--json"]
    core.cli.main()  # whatever the first run loads is loaded now
sys.stdout.flush()
os.dup2(spoken, 1)
print("ready", flush=True)

for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if not child:
        for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, job["out"], 577), (2, job["err"], 577)):
            os.dup2(os.open(name, flags, 0o600), number)
        os.environ.update(job["env"])
        os.chdir(job["cwd"])
        sys.argv = ["polyptrace", *job["argv"]]
        code = 0
        try:
            core.cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 99
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """What one run of the program left behind."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"{self.argv} printed {len(lines)} lines:\n{self.out}\n{self.err}"
        read = json.loads(self.out, parse_constant=pytest.fail)
        assert isinstance(read, dict)
        return read

    @property
    def error(self) -> dict[str, str]:
        """The ``error`` object of that document."""
        found = self.document["error"]
        assert set(found) == {"code", "message", "hint"}
        return dict(found)


Run = Callable[..., Done]


def environment(data_dir: Path) -> dict[str, str]:
    """A home and a data folder of their own, and one thread: runs beside each other don't get in the way."""
    return {
        "POLYPTRACE_DATA_DIR": str(data_dir),
        "HOME": str(data_dir.parent),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "200",
        "PYTHONUTF8": "1",
    }


def run_program(
    data_dir: Path, *argv: object, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Done:
    """``python -m core …`` as a process of its own."""
    words = tuple(map(str, argv))
    done = subprocess.run(
        [sys.executable, "-m", "core", *words],
        cwd=cwd,
        env=os.environ | environment(data_dir) | {"PYTHONPATH": str(ROOT)} | dict(env or {}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return Done(words, done.returncode, done.stdout, done.stderr)


class Zygote:
    """The same program, forked from a process that has imported it already: seconds less for every run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", ZYGOTE],
            cwd=ROOT,
            env=os.environ | environment(folder / "data"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def run(self, data_dir: Path, *argv: object) -> Done:
        """One run with the given data folder; waits for its end."""
        words = tuple(map(str, argv))
        out, err = self._folder / "out", self._folder / "err"
        job = {
            "argv": words,
            "env": environment(data_dir),
            "cwd": str(ROOT),
            "out": str(out),
            "err": str(err),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Done(words, int(self._answer()), out.read_text("utf-8"), err.read_text("utf-8"))

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that the program is forked from has died"
        return line.strip()

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what the window's story measured: figures to look at, none of which a test fails by."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def program() -> Run:
    """Runs the program as a process of its own: ``program(data_dir, "doctor", "--json")``."""
    return run_program


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs the program without its start-up time where the system can fork."""
    if not hasattr(os, "fork"):
        yield run_program
        return
    zygote = Zygote(tmp_path_factory.mktemp("zygote"))
    yield zygote.run
    zygote.close()


def write_video(path: Path, frames: int = 30, seed: int = 0, width: int = 160, height: int = 120) -> Path:
    """A short H.264 video at 25 frames a second: a pink wall with texture that moves, and a spot on it."""
    import av
    import cv2

    rng = np.random.default_rng(seed)
    wall = cv2.resize(rng.integers(90, 220, (12, 40)).astype(np.uint8), (width * 2, height))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            part = wall[:, number * 2 : number * 2 + width].astype(np.float32)
            picture = np.stack([part, part * 0.55, part * 0.5], axis=-1).astype(np.uint8)
            cv2.circle(picture, (60 + number, 60), 18, (200, 60 + 40 * seed, 70), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@dataclass(frozen=True)
class Workspace:
    """One patient with two exams of one video each; the earlier clip and one follow-up clip are described."""

    data: Path
    files: Path
    model: Path
    video: Path
    exam: int
    earlier: int
    clip: int
    undescribed: int
    video_id: int


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, quick: Run, small_bundle: Path) -> Workspace:
    """Made by the program itself, command by command."""
    files, data = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("home") / "data"

    def made(*argv: object) -> dict[str, Any]:
        done = quick(data, *argv, "--json")
        assert done.code == 0, f"{argv}: {done.out}{done.err}"
        return done.document

    exams, videos = [], []
    for number, day in enumerate(("2023-04-05", "2024-06-07")):
        video = write_video(files / f"exam {number}.mp4", seed=number)
        document = made("import", video, "--patient", "P-001", "--exam-date", day)
        exams.append(document["exam"])
        videos.append((video, document["videos"][0]["id"]))

    def clip(exam: int, times: tuple[str, str], **fields: str) -> int:
        video = videos[exams.index(exam)][1]
        added = made(
            "clip",
            "add",
            exam,
            "--video",
            video,
            "--from",
            times[0],
            "--to",
            times[1],
            "--box",
            "40,40,60,50",
        )
        if fields:
            made("describe", added["clip"], *[f"--set={key}={value}" for key, value in fields.items()])
        return int(added["clip"])

    return Workspace(
        data=data,
        files=files,
        model=small_bundle,
        video=videos[1][0],
        video_id=videos[1][1],
        exam=exams[1],
        earlier=clip(exams[0], ("0", "0.5"), segment="sigmoid", size_mm="8", paris="Is"),
        clip=clip(exams[1], ("0.1", "0.6"), segment="sigmoid", size_mm="10", paris="Is"),
        undescribed=clip(exams[1], ("0.7s", "0:01.0")),
    )


@pytest.fixture(scope="module")
def demo(quick: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A data folder that the demo has filled, and what the demo said."""
    data = tmp_path_factory.mktemp("demo") / "data"
    done = quick(data, "demo", "--json")
    assert done.code == 0, done.err
    return data, done.document
