"""Rules about teachers and bases in a running worker: said once, read back, cleared, quiet about old ticks."""

import asyncio

import orjson
import pytest

from megdt_stream.runtime import group_rules
from megdt_stream.runtime.group_rules import GroupRules, opened
from megdt_stream.seed_files import load_rule

DAY = 86_400_000
NOW = 20_000 * DAY
THIN = {"base": {"ped": {"supervision": {"value": 0.1}}}}
WELL = {"base": {"ped": {"supervision": {"value": 0.9}}}}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(group_rules, "PAUSE_SECONDS", 0.0)


class World:
    """A topic, what documents say, and a worker that may be another one; counts how often documents were read."""

    def __init__(self):
        self.topic, self.documents, self.reads = [], THIN, 0
        self.restart()

    def restart(self):
        async def notices():
            return list(self.topic)

        self.rules = GroupRules(notices, self._read, load_rule().groups)

    def _read(self, now):
        self.reads += 1
        return self.documents

    def tick(self, day, partition=0):
        messages = asyncio.run(self.rules(partition, NOW + day * DAY, 7))
        self.topic += [orjson.loads(one.value) for one in messages]
        return [(orjson.loads(one.value)["type"].split(".")[2], one.key) for one in messages]


def test_what_is_wrong_is_said_once():
    world = World()
    assert world.tick(0) == [("raised", b"ped")]
    assert world.tick(7) == world.tick(14) == []
    assert world.reads == 3


def test_a_look_is_taken_once_a_week():
    world = World()
    world.tick(0)
    for day in range(1, 7):
        assert world.tick(day) == []
    assert world.reads == 1


def test_another_worker_reads_off_the_topic_what_is_open():
    world = World()
    world.tick(0)
    world.restart()
    assert world.tick(7) == []
    world.restart()
    world.documents = WELL
    assert world.tick(35) == [("cleared", b"ped")]
    world.restart()
    world.documents = THIN
    assert world.tick(42) == [("raised", b"ped")]


def test_it_is_cleared_after_its_dwell():
    world = World()
    world.tick(0)
    world.documents = WELL
    assert world.tick(14) == []
    assert world.tick(28) == [("cleared", b"ped")]


def test_a_replay_of_old_ticks_says_nothing():
    world = World()
    world.tick(0)
    world.documents = WELL
    world.tick(28)
    world.documents = THIN
    world.restart()
    assert [world.tick(day) for day in (0, 7, 14, 28)] == [[]] * 4
    assert world.reads == 2


def test_only_one_partition_looks():
    world = World()
    assert world.tick(0, partition=1) == []
    assert world.reads == 0


def test_copies_and_order_of_notices_do_not_matter():
    world = World()
    world.tick(0)
    world.documents = WELL
    world.tick(28)
    found, due = opened([*reversed(world.topic), *world.topic])
    assert (found.open, due) == ({}, NOW + 28 * DAY + 1)
