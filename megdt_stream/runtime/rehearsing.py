"""A rehearsal in processes of its own, so that an event loop beside it goes on.

Each rehearsal starts its processes and ends them: a result never depends on an earlier one, and cancelling leaves
nothing behind.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from megdt_stream.scenario.measures import Told
from megdt_stream.scenario.rehearsal import Rehearsal, block, blocks, finish

BESIDE_EVENTS: Final = 19
"""How nice the processes are beside an event loop: events come first where cores are short."""

_LOOK_SECONDS: Final = 0.1
_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_Blocks = dict[int, list[Told]]

_here: Rehearsal | None = None
"""What a process of the pool works on, sent once when it starts."""


def yield_to_events() -> None:
    """Put a service that rehearses behind an event loop: what it reads and lays out, and the processes that it starts,
    from their first line on. Threads that run already are left as they are.
    """
    os.nice(BESIDE_EVENTS)


class Cancelled(Exception):
    """The rehearsal was given up before its end."""


def rehearse(
    rehearsal: Rehearsal,
    processes: int = 2,
    *,
    nice: int = 0,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    memory: Callable[[dict[int, float]], None] | None = None,
) -> dict[str, Any]:
    """Run a rehearsal in a pool of processes and give its result, the same as in one.

    With `nice` at `BESIDE_EVENTS` a core is left to the event loop, where there are several, and the processes get
    only what time nobody else wants.

    `progress` is told blocks done and in all, `cancelled` asked ten times a second. `memory` is told the peak size of
    each process (MiB) in the end. Blocks, so call it from a thread of an event loop. Raises Cancelled.
    """
    todo = blocks(rehearsal.draws)
    started = multiprocessing.get_context("spawn")
    workers = max(1, min(processes, len(todo), _cores() - 1 if nice >= BESIDE_EVENTS else processes))
    pool = ProcessPoolExecutor(workers, mp_context=started, initializer=_start, initargs=(rehearsal, nice))
    try:
        with _one_thread_each():
            found, peaks = _collect(pool, todo, progress, cancelled)
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()
    if memory is not None:
        memory(peaks)
    return finish(rehearsal, [found[number] for number in range(len(todo))])


def _collect(
    pool: ProcessPoolExecutor,
    todo: list[range],
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> tuple[_Blocks, dict[int, float]]:
    waiting: dict[Future[tuple[list[Told], int, float]], int] = {
        pool.submit(_block, draws): number for number, draws in enumerate(todo)
    }
    found: _Blocks = {}
    peaks: dict[int, float] = {}
    while waiting:
        if cancelled is not None and cancelled():
            raise Cancelled
        done, _ = wait(waiting, _LOOK_SECONDS if cancelled is not None else None, FIRST_COMPLETED)
        for future in done:
            number = waiting.pop(future)
            found[number], process, peak = future.result()
            peaks[process] = max(peak, peaks.get(process, 0.0))
            if progress is not None:
                progress(len(found), len(todo))
    return found, peaks


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start meanwhile use one thread for linear algebra: as many as there are cores would fight."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ |= dict.fromkeys(_THREADS, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(rehearsal: Rehearsal, nice: int) -> None:
    global _here  # noqa: PLW0603 - a process of a pool has no other place that outlives a task
    os.nice(nice)
    if nice >= BESIDE_EVENTS and hasattr(os, "SCHED_IDLE"):
        # Nice 19 still gets its turns, which an event has to wait for; this yields as soon as anybody wakes.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _here = rehearsal


def _block(draws: range) -> tuple[list[Told], int, float]:
    if _here is None:
        raise RuntimeError("the process was not started by this module")
    return block(_here, draws), os.getpid(), _peak_mb()


def _peak_mb() -> float:
    """Give the largest resident size this process had (MiB), as Linux tells it: getrusage begins at the parent's."""
    status = Path("/proc/self/status")
    lines = status.read_text("ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
