"""The batch transport on a real broker: what is delivered, from where, and by which right."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Place
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from megdt_stream.errors import CursorOutsideLog, OffsetGap, TopicRecreated
from megdt_stream.local import Stack
from megdt_stream.runtime import transport
from megdt_stream.runtime.claims import Batch, TopicPartition
from megdt_stream.runtime.transport import MAX_RESEEKS, TRANSACTION_RESEEKS
from tests.transport.harness import (
    Cursor,
    Member,
    MemoryLedger,
    fill,
    fill_with_transactions,
    fresh_topic,
    intercept,
    make_member,
    running,
    stock,
    until,
)

pytestmark = pytest.mark.stack
Case = Callable[[str], Coroutine[Any, Any, None]]


@pytest.fixture
def on_kafka(stack: Stack) -> Callable[[Case], None]:
    return lambda case: asyncio.run(case(stack.kafka))


def group() -> str:
    return f"g-{uuid.uuid4().hex[:10]}"


# --- what is delivered -------------------------------------------------------------------------------------


def test_delivers_every_record_once_and_in_order_like_stock_faust(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka), MemoryLedger()
        await fill(kafka, topic, range(600))
        expected = await stock(kafka, topic, 600)
        async with running(make_member(kafka, topic, ledger, group())) as member:
            await until(lambda: ledger.count == 600)
        for partition in (0, 1):
            found = [(r.offset, r.value) for b in member.batches if b.tp.partition == partition for r in b.records]
            assert found == expected[partition]
            assert member.offsets(partition) == list(range(300))
        assert not member.heard.holes
        assert not member.heard.fatals

    on_kafka(case)


def test_batches_of_a_partition_follow_on_each_other(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka), MemoryLedger()
        await fill(kafka, topic, range(400))
        async with running(make_member(kafka, topic, ledger, group(), poll=30)) as member:
            await until(lambda: ledger.count == 400)
        for partition in (0, 1):
            bounds = [(b.base, b.end) for b in member.batches if b.tp.partition == partition]
            assert len(bounds) > 3
            assert [base for base, _ in bounds] == [0, *(end for _, end in bounds[:-1])]

    on_kafka(case)


def test_what_a_fetch_repeats_is_cut_off(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill(kafka, topic, range(200), 1)
        before: list[Any] = []
        repeated: list[int] = []

        def repeat(records: dict[Any, list[Any]]) -> None:
            for tp, some in records.items():
                tail = before[-7:]
                repeated.append(len(tail))
                before.extend(some)
                records[tp] = [*tail, *some]

        member = make_member(kafka, topic, ledger, group(), poll=20)
        async with running(member):
            intercept(member, repeat)
            await until(lambda: ledger.count == 200)
        assert sum(repeated) > 20
        assert member.offsets(0) == list(range(200))
        assert not ledger.refused

    on_kafka(case)


# --- holes -------------------------------------------------------------------------------------------------


def _dropping(first: int, last: int, times: int) -> tuple[Callable[[dict[Any, list[Any]]], None], list[int]]:
    """Drop records first..last from what polls return, so many times."""
    dropped: list[int] = []

    def drop(records: dict[Any, list[Any]]) -> None:
        for tp, some in records.items():
            kept = [record for record in some if not first <= record.offset <= last]
            if len(kept) < len(some) and len(dropped) < times:
                dropped.append(len(some) - len(kept))
                records[tp] = kept

    return drop, dropped


def test_a_hole_is_read_again_and_nothing_is_lost(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill(kafka, topic, range(10), 1)
        async with running(make_member(kafka, topic, ledger, group(), poll=20)) as member:
            await until(lambda: ledger.count == 10)
            drop, dropped = _dropping(100, 105, 2)  # far enough on that the poll under way does not bring it
            intercept(member, drop)
            await fill(kafka, topic, range(10, 200), 1)
            await until(lambda: ledger.count == 200)
        assert dropped
        assert member.heard.holes
        assert {expected for _, expected, _ in member.heard.holes} == {100}
        assert member.offsets(0) == list(range(200))
        assert not member.heard.fatals

    on_kafka(case)


def test_a_hole_that_stays_stops_the_worker(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill(kafka, topic, range(10), 1)
        async with running(make_member(kafka, topic, ledger, group(), poll=20)) as member:
            await until(lambda: ledger.count == 10)
            drop, _ = _dropping(100, 105, 10_000)
            intercept(member, drop)
            await fill(kafka, topic, range(10, 160), 1)
            await until(lambda: bool(member.heard.fatals))
            assert isinstance(member.heard.fatals[0], OffsetGap)
            assert len(member.heard.holes) >= MAX_RESEEKS
        end = ledger.cursors[TopicPartition(topic, 0)].offset
        assert 10 <= end <= 100
        assert member.offsets(0) == list(range(end))

    on_kafka(case)


TRANSACTIONS = ((3, True), (2, False), (4, True))
KEPT = [b"0 kept"] * 3 + [b"2 kept"] * 4


def test_markers_are_stepped_over_where_transactions_are_declared(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill_with_transactions(kafka, topic, TRANSACTIONS)
        async with running(make_member(kafka, topic, ledger, group(), transactional=True)) as member:
            await until(lambda: ledger.count == 7)
        assert [r.value for b in member.batches for r in b.records] == KEPT
        assert not member.heard.fatals
        gaps = [b for b in member.batches if b.records[0].offset > b.base]
        assert len(member.heard.holes) >= TRANSACTION_RESEEKS * len(gaps)

    on_kafka(case)


def test_markers_stop_the_worker_where_none_are_declared(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill_with_transactions(kafka, topic, ((3, True),))
        await fill_with_transactions(kafka, topic, TRANSACTIONS)  # markers inside one poll as well
        async with running(make_member(kafka, topic, ledger, group())) as member:
            await until(lambda: bool(member.heard.fatals))
        assert isinstance(member.heard.fatals[0], OffsetGap)
        assert set(member.offsets(0)) <= {0, 1, 2}

    on_kafka(case)


# --- where work resumes ------------------------------------------------------------------------------------


async def committed(kafka: str, name: str, topic: str) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=name, enable_auto_commit=False)
    await consumer.start()
    try:
        return await consumer.committed(Place(topic, 0))
    finally:
        await consumer.stop()


def test_resumes_at_the_applied_offset_and_not_at_the_groups(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger, name = await fresh_topic(kafka, 1), MemoryLedger(), group()
        await fill(kafka, topic, range(100), 1)
        async with running(make_member(kafka, topic, ledger, name)) as first:
            await until(lambda: ledger.count == 100)
            await until(lambda: first.consumer._committed_offset.get(_tp(topic)) == 100)
        assert await committed(kafka, name, topic) == 100
        ledger.cursors[TopicPartition(topic, 0)].offset = 37  # a store that went back
        ledger.applied.clear()
        async with running(make_member(kafka, topic, ledger, name)) as second:
            await until(lambda: ledger.count == 63)
        assert second.offsets(0) == list(range(37, 100))

    on_kafka(case)


def _tp(topic: str) -> Any:
    from faust.types import TP

    return TP(topic, 0)


def test_the_groups_offset_never_runs_ahead_of_what_is_applied(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger, name = await fresh_topic(kafka, 1), MemoryLedger(), group()
        await fill(kafka, topic, range(100), 1)

        async def only_the_first(member: Member, batch: Batch) -> None:
            if batch.base == 0:
                await member.apply(batch)  # the others are delivered, acknowledged to Faust, and not applied

        member = make_member(kafka, topic, ledger, name, work=only_the_first, poll=20)
        async with running(member):
            await until(lambda: len(member.offsets(0)) == 100)
            end = member.batches[0].end
            assert end < 100
            await until(lambda: member.consumer._committed_offset.get(_tp(topic)) == end)
            for _ in range(5):
                await member.consumer.commit()
        assert await committed(kafka, name, topic) == end

    on_kafka(case)


def test_a_cursor_before_the_logs_start_is_fatal(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill(kafka, topic, range(50), 1)
        ledger.cursors[TopicPartition(topic, 0)] = Cursor(10)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.delete_records({Place(topic, 0): RecordsToDelete(before_offset=30)})
        await admin.close()
        async with running(make_member(kafka, topic, ledger, group())) as member:
            await until(lambda: bool(member.heard.fatals))
        assert isinstance(member.heard.fatals[0], CursorOutsideLog)
        assert not member.batches

    on_kafka(case)


def test_a_cursor_beyond_the_logs_end_is_fatal(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill(kafka, topic, range(50), 1)
        ledger.cursors[TopicPartition(topic, 0)] = Cursor(51)
        async with running(make_member(kafka, topic, ledger, group())) as member:
            await until(lambda: bool(member.heard.fatals))
        assert isinstance(member.heard.fatals[0], CursorOutsideLog)
        assert not member.batches

    on_kafka(case)


def test_a_cursor_of_another_topic_of_the_same_name_is_fatal(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger(topic_id="the one before")
        async with running(make_member(kafka, topic, ledger, group())) as member:
            await until(lambda: bool(member.heard.fatals))
        assert isinstance(member.heard.fatals[0], TopicRecreated)

    on_kafka(case)


# --- by which right ----------------------------------------------------------------------------------------


def test_a_deleted_groups_generation_is_overridden_once_the_broker_confirms_membership(
    on_kafka: Callable[[Case], None],
) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka), MemoryLedger()
        await fill(kafka, topic, range(100))
        for partition in (0, 1):  # a group that was deleted had got this far
            ledger.cursors[TopicPartition(topic, partition)] = Cursor(20, "99.of-a-deleted-group", 99)
        async with running(make_member(kafka, topic, ledger, group())) as member:
            await until(lambda: ledger.count == 60)
        assert sorted(ledger.forced) == [TopicPartition(topic, 0), TopicPartition(topic, 1)]
        assert member.offsets(0) == list(range(20, 50))
        assert not member.heard.refusals

    on_kafka(case)


def test_a_later_generations_partition_is_left_alone_unless_the_broker_confirms_membership(
    on_kafka: Callable[[Case], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_: Any, offsets: Any) -> bool:
        return False

    monkeypatch.setattr(transport.ConsumerThread, "commit", refused)

    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill(kafka, topic, range(50), 1)
        ledger.cursors[TopicPartition(topic, 0)] = Cursor(20, "99.of-a-later-member", 99)
        member = make_member(kafka, topic, ledger, group())
        async with running(member):
            await until(lambda: bool(member.heard.refusals))
            # Silent until the next rebalance: it must not ask again and again.
            for _ in range(3):
                member.consumer._unclaimed.set()
                await until(lambda: not member.consumer._unclaimed.is_set(), 5)
        assert member.heard.refusals == [(TopicPartition(topic, 0), member.heard.refusals[0][1], 99)]
        assert ledger.cursors[TopicPartition(topic, 0)].token == "99.of-a-later-member"
        assert not member.batches

    on_kafka(case)


def test_a_member_that_joins_and_leaves_loses_nothing_and_late_commits_are_refused(
    on_kafka: Callable[[Case], None],
) -> None:
    async def case(kafka: str) -> None:
        topic, ledger, name = await fresh_topic(kafka, 4), MemoryLedger(), group()
        held: list[Batch] = []
        go_on = asyncio.Event()

        async def hold(member: Member, batch: Batch) -> None:
            if ledger.count > 200 and not go_on.is_set():
                held.append(batch)
                await go_on.wait()
            await member.apply(batch)

        await fill(kafka, topic, range(2_000), 4)
        first = make_member(kafka, topic, ledger, name, work=hold, poll=20)
        async with running(first):
            await until(lambda: bool(held))
            second = make_member(kafka, topic, ledger, name, poll=20)
            async with running(second):
                await until(lambda: len(second.heard.claims) >= 2)
                assert not held[0].claim.valid, "a revoked claim is no right any more"
                # Until somebody has taken the partition again, a late commit is in time and not refused.
                await until(lambda: ledger.cursors[held[0].tp].token != held[0].claim.taken.token)
                go_on.set()
                await until(lambda: (held[0].tp, held[0].base, held[0].end) in ledger.refused)
                await fill(kafka, topic, range(2_000, 3_000), 4)
                await until(lambda: second.batches != [])
            await until(lambda: ledger.count >= 3_000, 60)
        assert (held[0].tp, held[0].base, held[0].end) in ledger.refused
        for partition in range(4):
            assert ledger.applied[TopicPartition(topic, partition)] == list(range(750))
        assert not first.heard.fatals
        assert not second.heard.fatals

    on_kafka(case)


def test_a_claim_whose_commit_was_refused_is_taken_again(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka, 1), MemoryLedger()
        await fill(kafka, topic, range(40), 1)
        async with running(make_member(kafka, topic, ledger, group(), poll=10)) as member:
            await until(lambda: ledger.count == 40)
            ledger.cursors[TopicPartition(topic, 0)].token = "somebody else's, for a moment"
            await fill(kafka, topic, range(40, 80), 1)
            await until(lambda: ledger.count == 80)
        assert ledger.refused
        assert "refused" in member.heard.releases
        assert ledger.applied[TopicPartition(topic, 0)] == list(range(80))

    on_kafka(case)


def test_a_ledger_that_is_down_is_asked_again_in_the_background(on_kafka: Callable[[Case], None]) -> None:
    async def case(kafka: str) -> None:
        topic, ledger = await fresh_topic(kafka), MemoryLedger(down=True)
        await fill(kafka, topic, range(100))
        async with running(make_member(kafka, topic, ledger, group())) as member:
            await until(lambda: len(member.heard.outages) >= 2)
            assert not member.batches
            ledger.down = False
            await until(lambda: ledger.count == 100)
        assert member.offsets(0) == list(range(50))
        assert not member.heard.fatals

    on_kafka(case)
