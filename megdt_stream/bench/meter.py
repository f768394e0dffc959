"""Clocks of a run: wall time, processor time of the whole process, and peak memory."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, NamedTuple


class Instant(NamedTuple):
    """A moment: wall clock and processor time of all threads of this process (s)."""

    wall: float
    cpu: float


def now() -> Instant:
    """Read both clocks."""
    times = os.times()
    return Instant(time.perf_counter(), times.user + times.system)


def peak_mb() -> float:
    """Give the largest resident size this process had, in MiB.

    `ru_maxrss` of a child starts at what its parent had when it forked, so Linux's own figure of this program is
    preferred.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


class Span:
    """Measures from the first delivered record until `total` are applied. A closed `gate` holds deliveries back."""

    def __init__(self, total: int) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.finished = asyncio.Event()
        self.restart(total)

    def restart(self, total: int) -> None:
        """Measure the next `total` records."""
        self._total = total
        self._begun: Instant | None = None
        self._ended: Instant | None = None
        self._done = 0
        self.finished.clear()

    def begin(self) -> None:
        """Start the clocks, at the first call."""
        if self._begun is None:
            self._begun = now()

    def applied(self, _partition: int, _end: int, n: int) -> None:
        """Count applied records."""
        self._done += n
        if self._done >= self._total and self._ended is None:
            self._ended = now()
            self.finished.set()

    def figures(self) -> dict[str, Any]:
        """Give events, rate, wall and processor time per event, peak memory. Raises ValueError before the end."""
        return _figures(self._begun, self._ended, self._done)


def _figures(begun: Instant | None, ended: Instant | None, n: int) -> dict[str, Any]:
    if begun is None or ended is None or not n:
        raise ValueError("the run was too short to be measured; take more events")
    wall, cpu = ended.wall - begun.wall, ended.cpu - begun.cpu
    return {
        "events": n,
        "seconds": round(wall, 3),
        "events_per_s": round(n / wall, 1),
        "wall_us_per_event": round(wall / n * 1e6, 2),
        "cpu_us_per_event": round(cpu / n * 1e6, 2),
        "peak_mb": round(peak_mb(), 1),
    }
