"""What every ledger does, whatever it is made of: subclass `Conformance` and give it an `opened` fixture.

`opened` is a function without arguments whose result is an asynchronous context manager that gives an empty ledger.
"""

import asyncio

import pytest

from megdt_stream import mirror
from megdt_stream.errors import TopicRecreated, TwinFormat
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Tick
from megdt_stream.mirror import Changes, Message, Needs, Partition, Rows
from megdt_stream.runtime.store import Commit, Pending, Refused, Taken
from megdt_stream.twin import state
from megdt_stream.twin.state import Twin
from tests.governance.test_overdue import DUE, LIMIT, Log
from tests.mirror.logs import EVIDENCE, NUMBER, RULE, apply

INPUT = topics.ASSESSMENTS.name


def on_loop(test):
    """Turn an asynchronous test of a ledger into one that pytest runs."""

    def run(self, opened):
        async def with_ledger():
            async with opened() as ledger:
                await test(self, ledger)

        asyncio.run(with_ledger())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def taken(ledger, topic=EVIDENCE, generation=1, log=(0, 9), topic_id="id", over=""):
    """Take partition NUMBER and insist on getting it."""
    mine = await ledger.take(topic, NUMBER, generation, log, topic_id, over)
    assert isinstance(mine, Taken)
    return mine


def message(offset, index, value=None, key="k1.a"):
    value = f"{offset}.{index}".encode() if value is None else value
    return Message(offset, index, topics.ALERTS.name, key.encode(), value, (("megdt-reason", b"\xff\x00"),))


def stepped(values, base=0, partition=None):
    """Fold values into a partition whose twins are all new."""
    partition = partition or Partition(NUMBER)
    batch = mirror.read(enumerate(values, base))
    needs = mirror.needs(partition, batch)
    partition.twins.update((trainee, Twin()) for trainee in needs.trainees)
    return partition, needs, mirror.step(partition, batch, Rows(), RULE)


class Conformance:
    """The calls of `megdt_stream.runtime.store.Store`, one promise a test."""

    # --- what entities are told, and models in force ---

    @on_loop
    async def test_touched_trainees_what_they_told_and_models_in_force_survive(self, ledger):
        mine = await taken(ledger)
        partition = Partition(NUMBER)
        changes = Changes(0, touched=["k1.b", "k1.a"], active={"severity": (7, "s 1"), "risk": (-1, "r")})
        assert await ledger.commit(EVIDENCE, partition, mine, 0, 1, changes, {}) is Commit.DONE
        told = {"k1.a": {"base/内科": b"12345678", "process/内科|-": b"\x00\xff345678"}, "k1.c": {}}
        changes = Changes(0, contributed=told, touched=["k1.d"])
        assert await ledger.commit(EVIDENCE, partition, mine, 1, 1, changes, {}) is Commit.DONE
        found = await ledger.partition(NUMBER, mine)
        assert list(found.touched) == ["k1.b", "k1.d"]
        assert found.active == {"severity": (7, "s 1"), "risk": (-1, "r")}
        assert await ledger.load_sent(NUMBER, mine.view, ["k1.a", "k1.b"]) == {"k1.a": told["k1.a"], "k1.b": {}}
        changes = Changes(0, contributed={"k1.a": {"base/内科": None}})
        assert await ledger.commit(EVIDENCE, partition, mine, 1, 1, changes, {}) is Commit.DONE
        left = await ledger.load_sent(NUMBER, mine.view, ["k1.a"])
        assert left == {"k1.a": {"process/内科|-": b"\x00\xff345678"}}

    # --- taking ---

    @on_loop
    async def test_the_first_take_starts_where_the_log_does(self, ledger):
        mine = await taken(ledger, log=(17, 42))
        assert (mine.offset, mine.created, mine.view, mine.now, mine.replay_until) == (17, True, "a", 0, 42)
        again = await taken(ledger, log=(0, 99))
        assert (again.offset, again.created, again.replay_until) == (17, False, 42)

    @on_loop
    async def test_every_take_has_a_token_of_its_own(self, ledger):
        tokens = {(await taken(ledger, generation=1)).token for _ in range(5)}
        assert len(tokens) == 5

    @on_loop
    async def test_an_earlier_generation_is_refused(self, ledger):
        await taken(ledger, generation=10)
        for generation in (9, 2, 0):
            assert await ledger.take(EVIDENCE, NUMBER, generation, (0, 9), "id") == Refused(10, 0)
        assert (await taken(ledger, generation=11)).offset == 0

    @on_loop
    async def test_a_refused_take_changes_nothing(self, ledger):
        mine = await taken(ledger, generation=5)
        await ledger.take(EVIDENCE, NUMBER, 4, (3, 9), "id")
        partition, _, changes = stepped([])
        assert await ledger.commit(EVIDENCE, partition, mine, 0, 1, changes, {}) is Commit.DONE

    @on_loop
    async def test_exactly_the_generation_that_was_seen_may_be_overridden(self, ledger):
        await taken(ledger, generation=10)
        assert isinstance(await ledger.take(EVIDENCE, NUMBER, 1, (0, 9), "id", "9"), Refused)
        assert (await taken(ledger, generation=1, over="10")).offset == 0
        assert await ledger.take(EVIDENCE, NUMBER, 0, (0, 9), "id") == Refused(1, 0)

    @on_loop
    async def test_a_topic_that_was_made_again_is_recognised(self, ledger):
        await taken(ledger, generation=3)
        for over in ("", "3"):
            with pytest.raises(TopicRecreated, match="other"):
                await ledger.take(EVIDENCE, NUMBER, 9, (0, 9), "other", over)

    @on_loop
    async def test_twins_of_another_format_are_left_alone(self, ledger):
        mine = await taken(ledger, generation=3)
        for other, age in ((state.FORMAT + 1, "older"), (state.FORMAT - 1, "newer")):
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(state, "FORMAT", other)
                with pytest.raises(TwinFormat, match=age):
                    await ledger.take(EVIDENCE, NUMBER, 9, (0, 9), "id")
                await ledger.take(INPUT, NUMBER, 9, (0, 9), "another")
        partition, _, changes = stepped([])
        assert await ledger.commit(EVIDENCE, partition, mine, 0, 1, changes, {}) is Commit.DONE, "nothing was taken"

    @on_loop
    async def test_a_rebuild_makes_twins_of_its_own_format(self, ledger):
        mine = await taken(ledger, generation=3)
        partition, _, changes = stepped([record.encode(Tick(50, 0))])
        await ledger.commit(EVIDENCE, partition, mine, 0, 1, changes, {})
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(state, "FORMAT", state.FORMAT + 1)
            assert await ledger.switch(EVIDENCE, NUMBER, "a", "b", 1, 50)
            assert (await taken(ledger, generation=3)).view == "b"
        with pytest.raises(TwinFormat, match="newer"):
            await taken(ledger, generation=4)

    @on_loop
    async def test_partitions_and_topics_are_kept_apart(self, ledger):
        await taken(ledger, generation=9, log=(5, 9))
        other = await ledger.take(EVIDENCE, NUMBER + 1, 1, (7, 9), "id")
        third = await ledger.take(INPUT, NUMBER, 1, (8, 9), "another")
        assert (other.offset, third.offset) == (7, 8)

    # --- committing ---

    @on_loop
    async def test_a_commit_moves_the_cursor_once(self, ledger):
        mine = await taken(ledger)
        partition, _, changes = stepped([record.encode(Tick(50, 0))])

        async def commit(base, end, right=mine):
            return await ledger.commit(EVIDENCE, partition, right, base, end, changes, {})

        assert await commit(0, 1) is Commit.DONE
        assert await commit(0, 1) is Commit.DONE_BEFORE
        assert await commit(0, 2) is Commit.OTHER_OFFSET
        assert await commit(2, 3) is Commit.OTHER_OFFSET
        assert await ledger.cursor(EVIDENCE, NUMBER) == (1, -1)
        later = await taken(ledger)
        assert (later.offset, later.now) == (1, 50)
        assert await commit(1, 2) is Commit.OTHER_TOKEN
        assert await commit(0, 1) is Commit.OTHER_TOKEN
        assert await commit(1, 2, later) is Commit.DONE

    @on_loop
    async def test_what_was_never_taken_takes_no_commit(self, ledger):
        stranger = Taken("1.x", 0, False, "a", 0)
        partition, _, changes = stepped([])
        assert await ledger.commit(EVIDENCE, partition, stranger, 0, 1, changes, {}) is Commit.OTHER_TOKEN
        assert await ledger.propose(INPUT, NUMBER, "1.x", Pending(0, 1, b"")) is Commit.OTHER_TOKEN
        assert await ledger.settle(INPUT, NUMBER, "1.x", 0, 1, 5, {}) is Commit.OTHER_TOKEN

    @on_loop
    async def test_a_refused_commit_writes_nothing(self, ledger):
        old = await taken(ledger)
        new = await taken(ledger)
        values = Log().plan(mini_cex=(1, DUE)).assess(0, key="dops").tick(LIMIT).values
        partition, needs, changes = stepped(values)
        assert changes.messages
        assert await ledger.commit(EVIDENCE, partition, old, 0, 3, changes, {}) is Commit.OTHER_TOKEN
        assert await ledger.commit(EVIDENCE, partition, new, 1, 4, changes, {}) is Commit.OTHER_OFFSET
        await self._is_empty(ledger, new, needs)

    async def _is_empty(self, ledger, mine, needs):
        twins, rows = await ledger.load(NUMBER, "a", needs)
        assert [dict(twin.fields()) for twin in twins.values()] == [{}] * len(needs.trainees)
        assert rows == Rows()
        stored = await ledger.partition(NUMBER, mine)
        assert (stored.seen, stored.deadlines.reached(10**15), stored.now) == ({}, [], 0)
        assert await ledger.outgoing(NUMBER, 10) == []
        assert (await ledger.cursor(EVIDENCE, NUMBER))[0] == 0

    @on_loop
    async def test_what_was_committed_is_loaded(self, ledger):
        log = Log().plan(mini_cex=(1, DUE), dops=(1, DUE + 5)).assess(0, key="出科考核").tick(LIMIT).assess(1)
        partition, needs, changes = stepped(log.values)
        mine = await taken(ledger)
        assert await ledger.commit(EVIDENCE, partition, mine, 0, 4, changes, {}) is Commit.DONE
        twins, rows = await ledger.load(NUMBER, "a", needs)
        assert {trainee: twin.fields() for trainee, twin in twins.items()} == {
            trainee: twin.fields() for trainee, twin in partition.twins.items()
        }
        assert rows == Rows(changes.rows)
        stored = await ledger.partition(NUMBER, await taken(ledger))
        assert (stored.number, stored.now, stored.seen) == (NUMBER, LIMIT, partition.seen)
        assert stored.deadlines.reached(10**15) == partition.deadlines.reached(10**15) == ["k1.a|内科|dops"]

    @on_loop
    async def test_the_unknown_is_empty(self, ledger):
        twins, rows = await ledger.load(NUMBER, "a", Needs(["k1.x", "k1.y"], [("k1.x", "00" * 8), ("k1.x", "0f" * 8)]))
        assert [dict(twin.fields()) for twin in (twins["k1.x"], twins["k1.y"])] == [{}, {}]
        assert rows == Rows()
        assert await ledger.load(NUMBER, "a", Needs([], [])) == ({}, Rows())

    @on_loop
    async def test_what_is_gone_is_gone(self, ledger):
        log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT).retract("plan")
        outcomes, partition = await apply(ledger, log.values, cuts=[1, 2], forget="everything")
        assert outcomes["rotations", "applied"] == 2
        twins, rows = await ledger.load(NUMBER, "a", Needs(["k1.a"], []))
        assert (dict(twins["k1.a"].fields()), rows) == ({}, Rows())
        assert partition.deadlines.reached(10**15) == []

    @on_loop
    async def test_a_large_batch_fits(self, ledger):
        partition, trainee = Partition(NUMBER), "k1.a"
        twin = partition.twins[trainee] = Twin()
        twin.sums = {f"x|case|P{n}|-|0": (n,) for n in range(1, 9_001)}
        changes = Changes(0, fields={trainee: set(twin.sums)})
        changes.deadlines = {f"k1.a|R|{n}": n for n in range(9_000)}
        changes.messages = [message(n, 0) for n in range(4_500)]
        mine = await taken(ledger)
        assert await ledger.commit(EVIDENCE, partition, mine, 0, 1, changes, {}) is Commit.DONE
        twins, _ = await ledger.load(NUMBER, "a", Needs([trainee], []))
        assert twins[trainee].sums == twin.sums
        assert len((await ledger.partition(NUMBER, mine)).deadlines.reached(10**15)) == 9_000
        assert await ledger.outbox_size(NUMBER) == 4_500
        twin.sums = {}
        changes.deadlines = dict.fromkeys(changes.deadlines)
        assert await ledger.commit(EVIDENCE, partition, mine, 1, 2, changes, {}) is Commit.DONE
        twins, _ = await ledger.load(NUMBER, "a", Needs([trainee], []))
        assert twins[trainee].sums == {}

    # --- intake ---

    @on_loop
    async def test_a_proposal_waits_until_it_is_settled(self, ledger):
        mine = await taken(ledger, INPUT)
        batch = Pending(0, 5, b"\x00\xff\r\n" + "张".encode())
        assert await ledger.pending(INPUT, NUMBER) is None
        assert await ledger.propose(INPUT, NUMBER, mine.token, batch) is Commit.DONE
        heir = await taken(ledger, INPUT, generation=2)
        assert (heir.offset, await ledger.pending(INPUT, NUMBER)) == (0, batch)
        assert await ledger.settle(INPUT, NUMBER, mine.token, 0, 5, 7, {"read": 5}) is Commit.OTHER_TOKEN
        assert await ledger.settle(INPUT, NUMBER, heir.token, 0, 5, 7, {"read": 5}) is Commit.DONE
        assert await ledger.pending(INPUT, NUMBER) is None
        assert await ledger.cursor(INPUT, NUMBER) == (5, 7)
        assert await ledger.settle(INPUT, NUMBER, heir.token, 0, 5, 9, {"read": 5}) is Commit.DONE_BEFORE
        assert await ledger.settle(INPUT, NUMBER, heir.token, 0, 6, 9, {}) is Commit.OTHER_OFFSET
        assert await ledger.cursor(INPUT, NUMBER) == (5, 7)

    @on_loop
    async def test_a_proposal_out_of_place_is_refused(self, ledger):
        mine = await taken(ledger, INPUT)
        assert await ledger.propose(INPUT, NUMBER, mine.token, Pending(3, 5, b"x")) is Commit.OTHER_OFFSET
        assert await ledger.propose(INPUT, NUMBER, "other", Pending(0, 5, b"x")) is Commit.OTHER_TOKEN
        assert await ledger.pending(INPUT, NUMBER) is None

    @on_loop
    async def test_the_watermark_never_goes_back(self, ledger):
        mine = await taken(ledger, INPUT)
        found = []
        for n, watermark in enumerate((-1, 50, 30, -1, 60)):
            await ledger.settle(INPUT, NUMBER, mine.token, n, n + 1, watermark, {})
            found.append((await ledger.cursor(INPUT, NUMBER))[1])
        assert found == [-1, 50, 50, 50, 60]

    @on_loop
    async def test_a_lost_cursor_is_restored_and_a_kept_one_is_not(self, ledger):
        assert await ledger.cursor(INPUT, NUMBER) == (-1, -1)
        assert await ledger.restore(INPUT, NUMBER, "id", 40, 77, {"read": 40, "forwarded": 39})
        assert await ledger.cursor(INPUT, NUMBER) == (40, 77)
        mine = await taken(ledger, INPUT, log=(0, 99))
        assert (mine.offset, mine.created) == (40, False)
        assert not await ledger.restore(INPUT, NUMBER, "id", 1, 1, {})
        assert await ledger.cursor(INPUT, NUMBER) == (40, 77)

    @on_loop
    async def test_a_cursor_that_was_made_and_never_used_is_restored_and_its_holder_fenced(self, ledger):
        mine = await taken(ledger, INPUT, log=(0, 99))
        assert mine.created
        assert await ledger.restore(INPUT, NUMBER, "id", 40, 77, {"read": 40})
        assert await ledger.cursor(INPUT, NUMBER) == (40, 77)
        assert await ledger.propose(INPUT, NUMBER, mine.token, Pending(40, 41, b"x")) is Commit.OTHER_TOKEN

    @on_loop
    async def test_a_cursor_with_a_proposal_is_in_use(self, ledger):
        mine = await taken(ledger, INPUT, log=(0, 99))
        await ledger.propose(INPUT, NUMBER, mine.token, Pending(0, 3, b"x"))
        assert not await ledger.restore(INPUT, NUMBER, "id", 40, 77, {"read": 40})
        assert await ledger.cursor(INPUT, NUMBER) == (0, -1)

    # --- outbox ---

    @on_loop
    async def test_messages_leave_in_the_order_of_their_causes(self, ledger):
        partition, changes = Partition(NUMBER), Changes(0)
        places = [(2, 0), (10, 1), (10, 0), (100, 0), (10, 10), (10, 2), (3, 0)]
        changes.messages = [message(offset, index, f"{offset}.{index}".encode()) for offset, index in places]
        mine = await taken(ledger)
        await ledger.commit(EVIDENCE, partition, mine, 0, 101, changes, {offset: 1000 + offset for offset, _ in places})
        found = await ledger.outgoing(NUMBER, 100)
        assert [(out.message.offset, out.message.index) for out in found] == sorted(places)
        assert [out.message for out in found] == sorted(changes.messages, key=lambda m: (m.offset, m.index))
        assert [out.caused for out in found] == [1000 + offset for offset, _ in sorted(places)]
        assert [out.message.offset for out in await ledger.outgoing(NUMBER, 2)] == [2, 3]
        assert await ledger.outbox_size(NUMBER) == 7

    @on_loop
    async def test_only_what_was_named_is_cleared(self, ledger):
        mine = await taken(ledger)
        changes = Changes(0, messages=[message(1, 0), message(2, 0), message(3, 0)])
        await ledger.commit(EVIDENCE, Partition(NUMBER), mine, 0, 4, changes, {})
        first, second, third = [out.member for out in await ledger.outgoing(NUMBER, 9)]
        await ledger.clear(NUMBER, [second])
        # A zombie that clears again, or what is not there, takes nothing else with it.
        await ledger.clear(NUMBER, [second, b"unknown"])
        assert [out.member for out in await ledger.outgoing(NUMBER, 9)] == [first, third]
        await ledger.clear(NUMBER, [first, third])
        assert await ledger.outbox_size(NUMBER) == 0

    # --- rebuild ---

    @on_loop
    async def test_a_switch_needs_the_same_place_and_takes_the_token(self, ledger):
        mine = await taken(ledger)
        partition, needs, changes = stepped(Log().assess(0).tick(50).values)
        await ledger.commit(EVIDENCE, partition, mine, 0, 2, changes, {})
        for old, offset, now in (("b", 2, 50), ("a", 1, 50), ("a", 2, 49)):
            assert not await ledger.switch(EVIDENCE, NUMBER, old, "c", offset, now)
        assert await ledger.switch(EVIDENCE, NUMBER, "a", "b", 2, 50)
        assert await ledger.commit(EVIDENCE, partition, mine, 2, 3, changes, {}) is Commit.OTHER_TOKEN
        later = await taken(ledger)
        assert (later.view, later.offset) == ("b", 2)
        twins, rows = await ledger.load(NUMBER, later.view, needs)
        assert (dict(twins["k1.a"].fields()), rows) == ({}, Rows())
