"""Runs phantom jobs on several processes with one progress and one cancel."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import cv2
import msgspec

from core.errors import Cancelled, PolypTraceError
from core.progress import CancelToken, Progress, ProgressSink

Job = TypeVar("Job")
Result = TypeVar("Result")
Tick = Callable[[], None]
"""Called once a step by a job; raises :class:`Cancelled` when the user has cancelled."""


class _Failure(msgspec.Struct, frozen=True):
    """An error on its way back from a worker, where exceptions with several arguments don't survive."""

    code: str
    message: str
    hint: str


_steps: Any = None
_stop: Any = None


def run(
    work: Callable[[Job, Tick], Result],
    jobs: Sequence[Job],
    *,
    stage: str,
    steps: int,
    workers: int | None,
    progress: ProgressSink,
    cancel: CancelToken,
) -> list[Result]:
    """Does all jobs and returns their results in the order of ``jobs``.

    Args:
        work: a module-level function ``(job, tick) -> result``.
        stage, steps: name and expected number of ticks, for the progress.
        workers: processes; 1 = this one; None = one a core, at most one a job.

    Raises:
        Cancelled: the user cancelled; all workers have stopped.
        PolypTraceError: of the first job that failed, or ``phantom-worker`` when a process died.
    """
    count = min(workers or os.cpu_count() or 1, len(jobs))
    if count <= 1:
        return _here(work, jobs, stage, steps, progress, cancel)
    context = mp.get_context("spawn")  # forked children would share the parent's threads and locks
    done, stop = context.Value("q", 0), context.Event()
    with ProcessPoolExecutor(count, mp_context=context, initializer=_prepare, initargs=(done, stop)) as pool:
        with _interrupts_ignored():  # the children inherit it: Ctrl+C is the parent's to handle
            futures = [pool.submit(_guarded, work, job) for job in jobs]
        try:
            _watch(futures, done, stop, Progress(stage, 0, steps), progress, cancel)
            results = [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise PolypTraceError(
                "phantom-worker",
                "A worker process ended unexpectedly.",
                "Check the free memory; use fewer workers.",
            ) from error
        finally:
            stop.set()
            for future in futures:
                future.cancel()
    return [_unwrapped(result) for result in results]


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _here(
    work: Callable[[Job, Tick], Result],
    jobs: Sequence[Job],
    stage: str,
    steps: int,
    progress: ProgressSink,
    cancel: CancelToken,
) -> list[Result]:
    done = 0

    def tick() -> None:
        nonlocal done
        cancel.raise_if_cancelled()
        done += 1
        progress(Progress(stage, min(done, steps), steps))

    return [work(job, tick) for job in jobs]


def _watch(
    futures: list[Future[Any]],
    done: Any,
    stop: Any,
    start: Progress,
    progress: ProgressSink,
    cancel: CancelToken,
) -> None:
    """Reports and looks for a cancel until every job is done, or one has failed."""
    waiting = set(futures)
    total = start.total or 0
    while waiting:
        finished, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
        progress(Progress(start.stage, min(int(done.value), total), total))
        cancel.raise_if_cancelled()
        if any(future.exception() or isinstance(future.result(), _Failure) for future in finished):
            stop.set()
            for future in waiting:
                future.cancel()
            _raise_first(finished)
    progress(Progress(start.stage, total, total))


def _raise_first(finished: set[Future[Any]]) -> None:
    for future in finished:
        error = future.exception()
        if error is not None:
            raise error
        _unwrapped(future.result())


def _prepare(done: Any, stop: Any) -> None:
    global _steps, _stop
    _steps, _stop = done, stop
    cv2.setNumThreads(1)  # the processes already fill the cores
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone, even when that was killed."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _guarded(work: Callable[[Job, Tick], Result], job: Job) -> Result | _Failure:
    try:
        return work(job, _tick)
    except PolypTraceError as error:
        return _Failure(error.code, error.message, error.hint)


def _tick() -> None:
    if _stop.is_set():
        raise Cancelled
    with _steps.get_lock():
        _steps.value += 1


def _unwrapped(result: Result | _Failure) -> Result:
    if isinstance(result, _Failure):
        raise PolypTraceError(result.code, result.message, result.hint)
    return result
