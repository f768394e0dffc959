"""A store that is there but does not serve: the worker waits in place, writes nothing by halves, and goes on."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.events import hospital
from tests.faults.system import SESSION_SECONDS, System, eventually

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HANGS_SECONDS = 11.0
"""Longer than a worker waits for one reply, so that replies are lost, and what they answered is asked again."""


def _half_way(system: System, before: int, published: int) -> None:
    eventually(lambda: system.applied() > before + published // 5, otherwise=system.tail)


def test_the_store_has_no_memory_left_for_a_while(system: System) -> None:
    before = system.applied()
    count = system.publish(hospital(seed=31))
    with system.working(max_poll_records=15) as worker:
        _half_way(system, before, count)
        system.store.config_set("maxmemory", 1)
        eventually(lambda: "out of memory" in system.tail() or "OOM" in system.tail(), otherwise=system.tail)
        assert worker.wait_exit(SESSION_SECONDS) is None, "it waits in place"
        stood = system.applied()
        assert stood < before + count, "the store was full before the work was done"
        system.store.config_set("maxmemory", 0)
        system.drained()
        system.judge()
        assert worker.alive


def test_the_store_hangs_for_a_while(system: System) -> None:
    assert system.stack.store is not None
    assert system.stack.store.pid is not None
    before = system.applied()
    count = system.publish(hospital(seed=32))
    with system.working(max_poll_records=15) as worker:
        _half_way(system, before, count)
        os.kill(system.stack.store.pid, signal.SIGSTOP)
        try:
            assert worker.wait_exit(HANGS_SECONDS) is None, "it waits in place"
        finally:
            os.kill(system.stack.store.pid, signal.SIGCONT)
        system.drained()
        system.judge()
        assert worker.alive
