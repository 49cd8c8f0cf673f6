"""A worker that hangs, dies, babbles or stays silent: the host says so in words and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import PolypTraceError
from core.jobs.host import (
    JobCancelled,
    JobDone,
    JobFailed,
    JobProgress,
    WorkerHost,
    WorkerLog,
    WorkerStalled,
    WorkerStarted,
)

from .conftest import WORKER, Hosting, is_gone, wait_until

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


def test_a_request_its_progress_and_its_result(hosting: Hosting) -> None:
    host, ear = hosting()
    assert (host.running, host.busy) == (False, False)
    first, second = host.submit("echo", {"value": 1, "steps": 3}), host.submit("echo", {"value": "ä"})
    assert host.busy
    assert ear.wait(JobDone, second).value["value"] == "ä"
    assert ear.wait(JobDone, first).value["value"] == 1
    steps = [event.progress for event in ear.of(JobProgress)]
    assert (steps[0].done, steps[-1].done, steps[-1].total, steps[-1].note) == (1, 3, 3, "of all")
    assert [type(event) for event in (ear.events[0], ear.events[-1])] == [WorkerStarted, JobDone]
    assert (host.running, host.busy) == (True, False)


def test_a_refusal_keeps_its_words(hosting: Hosting) -> None:
    host, ear = hosting()
    error = ear.wait(JobFailed, host.submit("refuse", {})).error
    assert error.as_dict() == {"code": "test-refused", "message": "It can't be done.", "hint": "Do without."}
    assert ear.wait(JobFailed, host.submit("nonsense", {})).error.code == "request-unknown"
    assert isinstance(ear.end_of(host.submit("echo", {})), JobDone)


def test_a_fault_is_a_sentence_and_its_trace_goes_to_the_log(hosting: Hosting) -> None:
    host, ear = hosting()
    error = ear.wait(JobFailed, host.submit("fault", {})).error
    assert error.code == "internal"
    assert "RuntimeError at" in error.message
    assert "Traceback" not in error.message
    trace = ear.wait(WorkerLog).text
    assert "in fault" in trace
    assert "Miller" not in trace + error.message
    assert ear.wait(JobFailed, host.submit("unsayable", {})).error.code == "internal"


def test_what_a_library_prints_spoils_nothing(hosting: Hosting) -> None:
    host, ear = hosting()
    assert ear.wait(JobDone, host.submit("chatter", {})).value == {"input": ""}
    assert ear.of(WorkerLog) == []


def test_a_polite_worker_is_cancelled_and_lives_on(hosting: Hosting) -> None:
    host, ear = hosting(grace_s=60)
    running, waiting, last = (host.submit(name, {}) for name in ("polite", "echo", "echo"))
    ear.wait(JobProgress, running)
    host.cancel(waiting)
    ear.wait(JobCancelled, waiting)  # at once: the other one still runs
    host.cancel(running)
    assert isinstance(ear.end_of(running), JobCancelled)
    assert ear.wait(JobDone, last).value["pid"] == ear.wait(WorkerStarted).pid
    host.cancel(last)  # too late, and nobody minds
    assert isinstance(ear.end_of(host.submit("echo", {})), JobDone)
    assert len(ear.of(JobCancelled)) == 2


def test_a_deaf_worker_is_killed_and_the_others_are_asked_again(hosting: Hosting) -> None:
    host, ear = hosting(grace_s=0.2)
    deaf, also, other = (host.submit(name, {"value": 7}) for name in ("deaf", "polite", "echo"))
    ear.wait(JobProgress, deaf)
    host.cancel(deaf)
    host.cancel(also)
    assert isinstance(ear.end_of(deaf), JobCancelled)
    assert isinstance(ear.end_of(also), JobCancelled)
    assert ear.wait(JobDone, other).value["value"] == 7
    first, second = (event.pid for event in ear.of(WorkerStarted))
    assert first != second
    assert ear.of(JobFailed) == []


@needs_proc
def test_what_was_cancelled_is_not_asked_again(hosting: Hosting) -> None:
    host, ear = hosting(grace_s=2)
    deaf, echo = host.submit("deaf", {}), host.submit("echo", {})
    ear.wait(JobProgress, deaf)
    os.kill(ear.wait(WorkerStarted).pid, signal.SIGSTOP)
    host.cancel(deaf)
    time.sleep(1.5)  # the grace of the second one ends well after the first one's
    host.cancel(echo)
    assert isinstance(ear.end_of(deaf), JobCancelled)
    assert isinstance(ear.end_of(echo), JobCancelled)
    assert not host.running


def test_before_the_hello_a_cancel_needs_no_worker(hosting: Hosting) -> None:
    host, ear = hosting("import time; time.sleep(600)")
    number = host.submit("echo", {})
    host.cancel(number)
    assert isinstance(ear.end_of(number), JobCancelled)


@pytest.mark.parametrize("code", [3, 0])
def test_a_crash_fails_each_request_once_and_the_next_one_starts_again(hosting: Hosting, code: int) -> None:
    host, ear = hosting()
    numbers = [host.submit(name, {"code": code}) for name in ("crash", "echo", "echo")]
    errors = [ear.wait(JobFailed, number).error for number in numbers]
    assert {error.code for error in errors} == {"worker-died"}
    assert f"code {code}" in errors[0].message
    assert "a last word" in ear.wait(WorkerLog).text
    wait_until(lambda: not host.busy)
    assert not host.running
    assert isinstance(ear.end_of(host.submit("echo", {})), JobDone)
    assert len(ear.of(JobFailed)) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_killed_worker_may_have_lacked_memory(hosting: Hosting) -> None:
    host, ear = hosting()
    number, other = host.submit("deaf", {}), host.submit("echo", {})
    ear.wait(JobProgress, number)
    os.kill(ear.wait(WorkerStarted).pid, signal.SIGKILL)
    assert "perhaps because memory" in ear.wait(JobFailed, number).error.message
    assert ear.wait(JobFailed, other).error.code == "worker-died"
    number = host.submit("deaf", {})
    ear.wait(JobProgress, number)
    os.kill(ear.of(WorkerStarted)[-1].pid, signal.SIGSEGV)
    assert "SIGSEGV" in ear.wait(JobFailed, number).error.message


def test_no_hello_in_time(hosting: Hosting) -> None:
    host, ear = hosting("import time; time.sleep(600)", hello_s=0.3)
    numbers = [host.submit("echo", {}) for _ in range(2)]
    for number in numbers:
        error = ear.wait(JobFailed, number).error
        assert error.code == "worker-silent"
        assert "0.3 seconds" in error.message
    assert not host.running


def test_another_version_or_kind(hosting: Hosting) -> None:
    hello = 'import sys, time; print(\'{"type": "hello", "version": %d, "kind": "%s", "pid": 1}\', '
    hello += "flush=True); time.sleep(600)"
    for version, kind in ((99, "test"), (1, "other")):
        host, ear = hosting(hello % (version, kind))
        assert ear.wait(JobFailed, host.submit("echo", {})).error.code == "worker-version"
        assert not host.running


def test_a_program_that_is_not_there(hosting: Hosting) -> None:
    host, ear = hosting(["/no/such/program"])
    assert ear.wait(JobFailed, host.submit("echo", {})).error.code == "worker-not-started"
    host, ear = hosting([sys.executable, "-m", "core.no_such_worker"])
    assert ear.wait(JobFailed, host.submit("echo", {})).error.code == "worker-died"
    assert "No module named" in ear.wait(WorkerLog).text


def test_garbage_on_stdout_goes_to_the_log(hosting: Hosting) -> None:
    garbage = "import os\nfor line in (b'loading...', b'{\"id\": 1}', b'\\xff\\xfe', b'[' * 5000, b''):\n"
    garbage += "    os.write(1, line + b'\\n')\n"
    host, ear = hosting(garbage + WORKER)
    assert isinstance(ear.end_of(host.submit("echo", {})), JobDone)
    lines = [event.text for event in ear.of(WorkerLog)]
    assert len(lines) == 5
    assert "loading..." in lines[0]


@pytest.mark.parametrize("how", ["python", "device", "torch"])
def test_out_of_memory_is_said_and_the_memory_given_back(hosting: Hosting, how: str) -> None:
    host, ear = hosting()
    number, other = host.submit("memory", {"how": how}), host.submit("echo", {})
    error = ear.wait(JobFailed, number).error
    assert error.code == "out-of-memory"
    assert error.message.endswith(".")
    assert isinstance(ear.end_of(other), JobDone)
    first, second = (event.pid for event in ear.of(WorkerStarted))
    assert first != second


def test_silence_is_noticed_again_and_again(hosting: Hosting) -> None:
    host, ear = hosting(stall_s=0.2)
    number = host.submit("deaf", {})
    wait_until(lambda: len(ear.of(WorkerStalled)) >= 2)
    one, two = ear.of(WorkerStalled)[:2]
    assert one.id == two.id == number
    assert 0.2 <= one.seconds < two.seconds
    host.submit("echo", {})  # asking for more is no sign of life
    wait_until(lambda: len(ear.of(WorkerStalled)) >= 3)
    assert ear.of(WorkerStalled)[2].seconds > two.seconds


@needs_proc
def test_close_leaves_nothing(hosting: Hosting) -> None:
    for name in ("polite", "deaf", "echo"):
        host, ear = hosting(grace_s=0.5)
        number = host.submit(name, {})
        ear.wait(JobDone if name == "echo" else JobProgress, number)
        host.close()
        host.close()
        assert is_gone(ear.wait(WorkerStarted).pid)
        assert isinstance(ear.end_of(number), JobDone if name == "echo" else JobCancelled)
        assert (host.running, host.busy) == (False, False)
        with pytest.raises(PolypTraceError) as refused:
            host.submit("echo", {})
        assert refused.value.code == "worker-closed"


@needs_proc
def test_close_ends_a_worker_that_does_not_read(hosting: Hosting) -> None:
    host, ear = hosting(grace_s=0.3)
    number = host.submit("deaf", {})
    ear.wait(JobProgress, number)
    pid = ear.wait(WorkerStarted).pid
    os.kill(pid, signal.SIGSTOP)
    host.submit("echo", {"value": "x" * 1_000_000})  # more than the pipe holds
    host.close()
    assert is_gone(pid)
    assert len(ear.of(JobCancelled)) == 2


@needs_proc
def test_a_killed_worker_takes_its_children_along(hosting: Hosting) -> None:
    host, ear = hosting(grace_s=0.2)
    pid = ear.wait(JobDone, host.submit("child", {})).value["pid"]
    number = host.submit("deaf", {})
    ear.wait(JobProgress, number)
    host.cancel(number)
    ear.wait(JobCancelled, number)
    wait_until(lambda: is_gone(pid))


def test_a_name_that_is_no_text_is_refused_in_words(hosting: Hosting) -> None:
    host, ear = hosting()
    assert ear.wait(JobFailed, host.submit("echo", {"path": "a\udcff.mp4"})).error.code == "request-invalid"
    assert isinstance(ear.end_of(host.submit("echo", {})), JobDone)


def test_a_listener_that_fails_stops_nothing(hosting: Hosting) -> None:
    host, ear = hosting()
    tell = ear.__call__

    def failing(event: object) -> None:
        tell(event)  # type: ignore[arg-type]
        raise ZeroDivisionError

    host._on_event = failing
    assert isinstance(ear.end_of(host.submit("echo", {})), JobDone)
    assert isinstance(ear.end_of(host.submit("echo", {})), JobDone)


_PARENT = """
import os, signal, sys, threading
from core.jobs.host import JobProgress, WorkerHost, WorkerStarted
def hear(event):
    if isinstance(event, WorkerStarted):
        print(event.pid, flush=True)
    if isinstance(event, JobProgress):
        os.kill(os.getpid(), signal.SIGKILL)
WorkerHost([sys.executable, "-c", sys.argv[1]], "test", hear).submit(sys.argv[2], {"steps": 1})
threading.Event().wait(60)
"""


@needs_proc
@pytest.mark.parametrize("busy_with", ["polite", "deaf", "echo"])
def test_a_worker_ends_with_its_program(busy_with: str) -> None:
    command = [sys.executable, "-c", _PARENT, WORKER, busy_with]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    wait_until(lambda: is_gone(pid))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_the_interrupt_key_is_the_programs_affair(hosting: Hosting) -> None:
    host, ear = hosting()
    pid = ear.wait(JobDone, host.submit("echo", {})).value["pid"]
    os.kill(pid, signal.SIGINT)
    assert ear.wait(JobDone, host.submit("echo", {})).value["pid"] == pid


def test_a_host_without_a_request_starts_nothing() -> None:
    host = WorkerHost(["/no/such/program"], "test", lambda _: None)
    host.cancel(1)
    host.close()
