"""A worker dies at every named point of its work; what the next one makes of it must be exact."""

from __future__ import annotations

import signal

import pytest

from megdt_stream.runtime import failpoints
from tests.faults.events import conflict, hospital, parts
from tests.faults.system import System, eventually

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# How many passes to let through first, where the very first one would be of little interest.
_MIRROR = {"K0": 3, "K1": 2, "K2": 5, "K3": 3, "K4": 4, "K5": 1, "K6": 1, "K7": 6}
_INTAKE = {"I1": 2, "I2": 3, "I3": 2, "I4": 3}
_ENTITIES = {"C1": 2, "E1": 2, "E2": 2}
PASSES = {**_MIRROR, **_INTAKE, **_ENTITIES}


def test_every_fail_point_but_revocation_is_tried_here() -> None:
    assert set(failpoints.NAMES) - set(PASSES) == {"K8"}


def test_a_worker_dies_at_each_fail_point_and_nothing_is_lost_or_doubled(system: System) -> None:
    slices = parts(hospital(seed=11), len(PASSES))
    for (name, passes), events in zip(PASSES.items(), slices, strict=True):
        system.publish([*events, *conflict(f"k1.at{name}")])
        worker = system.worker(failpoints=f"{name}:{passes}")
        code = worker.wait_exit(40)
        assert code == -signal.SIGKILL, f"{name} was not reached (exit code {code})\n{system.tail()}"
        system.judge(at_rest=False)  # what is there is right, although work is cut off
    with system.working():
        system.drained()
        report = system.judge()
    assert report["read"] >= sum(map(len, slices))


def test_a_worker_dies_while_its_partitions_are_revoked(system: System) -> None:
    system.publish(hospital(seed=12))
    first = system.worker(failpoints="K8:1")
    # Only what it holds can be revoked from it: a second worker that joins in the same round would take none away.
    eventually(lambda: first.pid in system.owners(), otherwise=system.tail)
    with system.working():
        code = first.wait_exit(40)
        assert code == -signal.SIGKILL, f"K8 was not reached (exit code {code})\n{system.tail()}"
        system.drained()
        system.judge()
