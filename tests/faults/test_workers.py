"""Workers are told to end, stopped past their session, joined by others and left alone again."""

from __future__ import annotations

import threading
import time

import pytest

from megdt_stream.chaos import fleet
from tests.faults.events import hospital
from tests.faults.system import SESSION_SECONDS, System, eventually

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_sigterm_in_the_middle_drains_and_commits_nothing_that_is_not_applied(system: System) -> None:
    before = system.applied()
    count = system.publish(hospital(seed=31))
    worker = system.worker(max_poll_records=10)
    eventually(lambda: system.applied() > before + count // 10, otherwise=system.tail)
    begun = time.monotonic()
    code = system.end(worker)
    took = time.monotonic() - begun
    assert code == 0, system.tail()
    assert took < 25
    left = before + count - system.applied()
    assert left > 0, "it was to be in the middle"
    cursors = system.cursors()
    ahead = {place: offset for place, offset in system.group_offsets().items() if offset > cursors[place]}
    assert not ahead
    with system.working():
        system.drained()
        system.judge()


def test_a_worker_stopped_past_its_session_does_no_harm_when_it_goes_on(system: System) -> None:
    before = system.applied()
    count = system.publish(hospital(seed=32))
    with system.working(max_poll_records=5) as sleeper, system.working(max_poll_records=5):
        eventually(lambda: system.applied() > before + count // 10, otherwise=system.tail)
        sleeper.freeze()
        # While it sleeps the other one takes all and finishes.
        eventually(lambda: system.applied() == before + count, otherwise=system.tail)
        sleeper.thaw()
        system.publish(hospital(seed=33, trainees=4, days=60))
        system.drained()
        system.judge()
        assert sleeper.alive


def test_a_worker_that_joins_and_leaves_again_and_again_loses_nothing(system: System) -> None:
    events = hospital(seed=34)
    failures: list[BaseException] = []

    def publish() -> None:
        try:
            for at in range(0, len(events), 200):
                system.publish(events[at : at + 200])
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            failures.append(error)

    publishing = threading.Thread(target=publish)
    with system.working(max_poll_records=10):
        publishing.start()
        for _ in range(3):
            with system.working(max_poll_records=10) as guest:
                assert guest.wait_exit(SESSION_SECONDS) is None, "it works along"
        publishing.join()
        assert not failures
        system.drained()
        system.judge()


def test_a_defect_inside_faust_ends_the_worker_instead_of_leaving_it_deaf(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "_COMMAND", ("-c", _WITH_A_DEFECT))
    assert system.worker().wait_exit(40) == 70, system.tail()
    monkeypatch.undo()
    with system.working():
        system.drained()
        system.judge()


_WITH_A_DEFECT = """
import sys
from megdt_stream.runtime import transport
from megdt_stream.runtime.app import run_worker
from megdt_stream.runtime.settings import load

async def defect(*_):
    raise TypeError("a defect")

transport.Consumer._take_all = defect
sys.exit(run_worker(load(("kafka", "redis"))))
"""
