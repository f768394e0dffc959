"""The weekly rules in a running worker: said once, read back, cleared, quiet about old ticks."""

import asyncio

import orjson

from megdt_stream.governance.groups.signals import Signals
from megdt_stream.governance.groups.trainees import Trainees
from megdt_stream.runtime import group_rules
from megdt_stream.runtime.group_rules import GroupRules, LookFailed
from megdt_stream.runtime.looking import Known, Looked, judged, opened
from megdt_stream.seed_files import load_estimation, load_rule, load_targets
from megdt_stream.twin.view import Norms

DAY = 86_400_000
NOW = 20_000 * DAY
THIN = {"base": {"ped": {"supervision": {"value": 0.1}}}}
WELL = {"base": {"ped": {"supervision": {"value": 0.9}}}}
TERMS = load_rule().groups
NORMS = Norms(load_targets(), {})


class World:
    """A topic, what documents say, and a worker that may be another one; counts how often it looked."""

    def __init__(self):
        self.topic, self.documents, self.reads, self.broken = [], THIN, 0, False
        self.restart()

    def restart(self):
        self.rules = GroupRules(self._look, 0.0)

    async def _look(self, now):
        if self.broken:
            raise LookFailed(1)
        standing, due = opened(self.topic)
        if now < due:
            return Looked([], due)
        self.reads += 1
        nobody = Trainees(TERMS, load_estimation(), NORMS, None, now)
        return Looked(list(judged(standing, Known(self.documents, Signals(), nobody), TERMS, now)), due)

    def tick(self, day, partition=0):
        self.rules._again = 0.0
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


def test_a_look_that_fails_is_taken_again_at_the_next_tick():
    world = World()
    world.broken = True
    assert world.tick(0) == []
    world.broken = False
    assert world.tick(1) == [("raised", b"ped")]


def test_a_long_look_is_told_at_a_later_tick(monkeypatch):
    monkeypatch.setattr(group_rules, "_WAIT_SECONDS", 0.0)

    async def play():
        rules = GroupRules(look, 0.0)
        first = await rules(0, NOW, 7)
        ready.set()
        await rules._running
        return first, await rules(0, NOW + DAY, 8)

    async def look(now):
        await ready.wait()
        return Looked([{"subject": "ped", "time": now}], 0)

    ready = asyncio.Event()
    first, later = asyncio.run(play())
    assert (first, len(later)) == ((), 1)
