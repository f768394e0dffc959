"""When trainees tell entities in a running worker: in the wake of ticks, and after any batch that waits."""

import asyncio

import pytest

from megdt_stream.evidence.record import Tick
from megdt_stream.mirror import Record
from megdt_stream.runtime import contributor
from megdt_stream.runtime.claims import Claim, TopicPartition
from megdt_stream.runtime.contributor import TRAINEES_A_TICK, Contributor
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.twin.state import Twin
from tests.mirror.logs import EVIDENCE

HOUR = 3_600_000
PLENTY = TRAINEES_A_TICK + 20
TICKED = [Record(0, b"", Tick(HOUR, HOUR))]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(contributor, "_REST", 0)
    monkeypatch.setattr(contributor, "_GLANCE_SECONDS", 0)


class Quiet:
    def store_failed(self, error):
        raise error


class Counting(MemoryLedger):
    """Counts in how many partitions trainees tell at once."""

    def __init__(self):
        super().__init__()
        self.telling = self.most = 0

    async def load_sent(self, number, view, trainees):
        self.telling += bool(trainees)
        self.most = max(self.most, self.telling)
        await asyncio.sleep(0)
        self.telling -= bool(trainees)
        return await super().load_sent(number, view, trainees)


class World:
    """A worker with partitions of touched trainees, and how many records of each are left to read."""

    def __init__(self, partitions=1, left=0):
        self.ledger, self.partitions, self.claims = Counting(), partitions, []
        self.wanted = lambda _: False
        self.contributor = Contributor(self.ledger, self, Quiet(), lambda _: left, self._asked)

    def _asked(self, claim):
        return self.wanted(claim)

    def hand_over(self, number, messages):
        pass

    async def claim(self, number):
        taken = await self.ledger.take(EVIDENCE, number, 1, (0, 0), "id")
        partition = await self.ledger.partition(number, taken)
        for n in range(PLENTY):
            partition.twins[f"k1.t{n}"] = Twin()
            partition.touched[f"k1.t{n}"] = None
        return Claim(TopicPartition(EVIDENCE, number), 1, taken, 0, 0, state=partition)

    def tick(self, records=TICKED):
        async def all_at_once():
            if not self.claims:
                self.claims += [await self.claim(number) for number in range(self.partitions)]
            await asyncio.gather(*(self.contributor.after(claim, 0, records) for claim in self.claims))
            return [PLENTY - len(claim.state.touched) for claim in self.claims]

        return asyncio.run(all_at_once())


def test_a_tick_lets_so_many_tell():
    world = World()
    assert world.tick() == [TRAINEES_A_TICK]
    assert world.tick() == [PLENTY]


def test_no_tick_no_telling():
    assert World().tick([Record(0, b"", None)]) == [0]


def test_a_replay_tells_nothing_on_the_way():
    assert World(left=1_000).tick() == [0]


def test_a_batch_that_waits_goes_first_and_the_rest_tell_after_it():
    world = World()
    world.wanted = lambda _: True
    some = world.tick()[0]
    assert 0 < some < 5
    world.wanted = lambda _: False
    assert world.tick([Record(0, b"", None)]) == [TRAINEES_A_TICK]


def test_partitions_tell_by_turns_and_all_do():
    world = World(partitions=3)
    assert world.tick() == [TRAINEES_A_TICK] * 3
    assert world.ledger.most == 1


def test_a_lost_partition_tells_no_more():
    world = World()
    world.wanted = lambda claim: setattr(claim, "valid", False)
    assert 0 < world.tick()[0] < 5
