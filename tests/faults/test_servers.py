"""The store and the broker fail under a working worker; it waits, goes on, or leaves to recover."""

from __future__ import annotations

from collections import Counter

import pytest

from megdt_stream.evidence import topics
from megdt_stream.runtime import admin, keys
from tests.faults.events import conflict, hospital
from tests.faults.system import PARTITIONS, SESSION_SECONDS, System, eventually

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def _half_way(system: System, before: int, published: int) -> None:
    eventually(lambda: system.applied() > before + published // 5, otherwise=system.tail)


def test_the_store_is_killed_and_comes_back(system: System) -> None:
    assert system.stack.store is not None
    before = system.applied()
    count = system.publish(hospital(seed=21))
    with system.working(max_poll_records=15) as worker:
        _half_way(system, before, count)
        system.stack.store.kill()
        assert worker.wait_exit(3 * SESSION_SECONDS) is None, "it waits in place"
        system.stack.store.start()
        system.stack.store.wait_ready()
        system.drained()
        system.judge()
        assert worker.alive


def test_the_broker_is_killed_and_comes_back(system: System) -> None:
    assert system.stack.broker is not None
    before = system.applied()
    count = system.publish(hospital(seed=22))
    worker = system.worker(max_poll_records=15)
    eventually(lambda: worker.pid in system.owners(), otherwise=system.tail)
    _half_way(system, before, count)
    system.stack.broker.kill()
    assert worker.wait_exit(SESSION_SECONDS) is None, "it waits in place"
    system.stack.broker.start()
    system.stack.broker.wait_ready()
    system.drained()
    system.judge()
    assert worker.alive
    assert system.end(worker) == 0, system.tail()


def test_a_store_that_lost_everything_is_filled_again_and_nobody_is_alerted_twice(system: System) -> None:
    system.publish([*hospital(seed=23), *conflict("k1.lost")])
    worker = system.worker()
    system.drained()
    system.judge()
    alerts = Counter(system.alerts())
    rejects = Counter(record.key for record in system.read("megdt.rejects.v1"))
    assert alerts, "without alerts this shows nothing"

    system.store.flushall()
    system.publish(hospital(seed=24, trainees=4, days=60))
    assert worker.wait_exit(60) == 75, system.tail()
    with system.working():
        system.drained()
        report = system.judge()
    assert report["twins"] > 16
    after = Counter(system.alerts())
    assert {name: after[name] for name in alerts} == alerts
    again = Counter(record.key for record in system.read("megdt.rejects.v1"))
    assert {key: again[key] for key in rejects} == rejects


def test_a_store_emptied_while_no_worker_ran_is_filled_from_the_log(system: System) -> None:
    with system.working():
        system.drained()
    read_before = system.judge()["read"]
    alerts = Counter(system.alerts())
    system.store.flushall()
    with system.working():
        system.drained()
        report = system.judge()
    assert report["read"] == read_before
    assert Counter(system.alerts()) == alerts


def test_a_worker_that_dies_on_finding_the_store_empty_leaves_no_cursor_that_counts(system: System) -> None:
    """It takes partitions before it notices; cursors made so must not make intake decide all of them again."""
    with system.working():
        system.drained()
    rejects = Counter(record.key for record in system.read("megdt.rejects.v1"))
    ids = admin.topic_ids(system.stack.kafka, [topic.name for topic in topics.INPUTS])
    system.store.flushall()
    for topic in topics.INPUTS:
        for partition in range(PARTITIONS):
            made = {"offset": 0, "generation": 1, "token": "1.gone", "topic_id": ids[topic.name], "view": "a"}
            system.store.hset(keys.own(topic.name, partition), mapping=made)
    with system.working():
        system.drained()
        system.judge()
    assert Counter(record.key for record in system.read("megdt.rejects.v1")) == rejects
