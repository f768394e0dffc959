"""End a worker that stopped working without dying.

Consumers of Faust can go silently deaf: the process lives, the group keeps its partitions with it, and
nothing moves. So a thread compares what is to be done with what was done; and since it is a thread, it sees a
blocked event loop as well.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TextIO

from megdt_stream.errors import MegdtError, Stalled
from megdt_stream.runtime import logs
from megdt_stream.runtime.logs import Code

_log = logs.get("watchdog")


@dataclass(frozen=True, slots=True)
class Progress:
    """What the worker has done and has to do, at one moment.

    `applied`: records applied since the start, on all topics; any change is movement. `backlog`: records
    waiting on the partitions held here. `dependencies_up`: Kafka and Redis answer, and no rebalance is under
    way; otherwise standing still is right. `beat`: when the event loop last turned, monotonic seconds.
    """

    applied: int
    backlog: int
    dependencies_up: bool
    beat: float


class Verdict(StrEnum):
    """What to make of a progress report."""

    FINE = "fine"
    BLOCKED = "blocked"
    STALLED = "stalled"


class StallDetector:
    """Judge progress reports; a pure state machine, fed with the monotonic time.

    STALLED: for `stall_seconds` there was backlog, the dependencies were up and nothing was applied, or the
    event loop did not turn at all. BLOCKED: the loop has not turned for `blocked_seconds`. When the reports
    themselves pause for longer than `pause_seconds` the whole process was suspended, which is nobody's stall:
    all periods start anew.
    """

    def __init__(self, stall_seconds: float, *, blocked_seconds: float = 10.0, pause_seconds: float = 10.0) -> None:
        self._stall = stall_seconds
        self._blocked = min(blocked_seconds, stall_seconds)
        self._pause = pause_seconds
        self._applied: int | None = None
        self._seen = float("-inf")
        self._still_since = float("-inf")
        self._awake_since = float("-inf")

    def observe(self, now: float, progress: Progress) -> Verdict:
        """Take a report made at `now` (monotonic seconds, never decreasing) and give the verdict."""
        if now - self._seen > self._pause:
            self._awake_since = self._still_since = now
        self._seen = now
        if progress.applied != self._applied or not progress.backlog or not progress.dependencies_up:
            self._still_since = now
        self._applied = progress.applied
        return self._verdict(now - self._still_since, now - max(progress.beat, self._awake_since))

    def _verdict(self, still: float, silent: float) -> Verdict:
        if max(still, silent) >= self._stall:
            return Verdict.STALLED
        return Verdict.BLOCKED if silent >= self._blocked else Verdict.FINE


_INTERVAL: Final = 1.0


class Watchdog:
    """Watch the worker from a thread: log stacks when its loop is blocked, end a process that stalled.

    `progress` is called from the thread and must only read plain attributes. The process leaves through
    `leave` (os._exit: nothing that may hang runs any more) with the exit code of Stalled. What was committed
    is safe in the store, what was not will be delivered again.
    """

    def __init__(
        self,
        progress: Callable[[], Progress],
        detector: StallDetector,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        interval: float = _INTERVAL,
        stacks: TextIO | None = None,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self._progress = progress
        self._detector = detector
        self._loop = loop
        self._interval = interval
        # The original stream: Faust puts an object without a file descriptor into sys.stderr.
        self._stacks = stacks or sys.__stderr__ or sys.stderr
        self._leave = leave
        self._stop = threading.Event()
        self._told = False
        self._thread = threading.Thread(target=self._watch, name="megdt-watchdog", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; returns when the thread has ended."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                if self._check():
                    return
            except Exception:
                # A watchdog that died unseen is the silence it is there to prevent.
                _log.critical(Code.FAILED, exc_info=True)
                self._leave(MegdtError.exit_code)
                raise

    def _check(self) -> bool:
        """Look once; True when the process was told to leave."""
        progress = self._progress()
        verdict = self._detector.observe(time.monotonic(), progress)
        if verdict is Verdict.STALLED:
            self._end(progress)
            return True
        self._tell(verdict)
        return False

    def _tell(self, verdict: Verdict) -> None:
        """Report a blocked loop once, when it begins."""
        if verdict is Verdict.BLOCKED and not self._told:
            _log.warning(Code.LOOP_BLOCKED)
            self._dump()
        self._told = verdict is Verdict.BLOCKED

    def _end(self, progress: Progress) -> None:
        age = round(time.monotonic() - progress.beat, 1)
        _log.critical(Code.STALLED, applied=progress.applied, backlog=progress.backlog, seconds=age)
        self._dump()
        self._leave(Stalled.exit_code)

    def _dump(self) -> None:
        """Write the stacks of all threads and, where the loop is known, of its tasks."""
        faulthandler.dump_traceback(file=self._stacks, all_threads=True)
        for task in _tasks(self._loop):
            task.print_stack(limit=8, file=self._stacks)
        self._stacks.flush()


def _tasks(loop: asyncio.AbstractEventLoop | None) -> list[asyncio.Task[object]]:
    if loop is None:
        return []
    try:
        return list(asyncio.all_tasks(loop))
    except RuntimeError:  # the set changed while it was read from here, so the loop is not the one that hangs
        return []
