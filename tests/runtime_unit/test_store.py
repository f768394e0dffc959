"""The store in a real Redis: the promises of every ledger, and what only a server can do wrong."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager

import pytest
import redis
import redis.asyncio as aioredis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from megdt_stream.errors import TwinCorrupt, Unavailable
from megdt_stream.evidence import record
from megdt_stream.local import EmbeddedRedis
from megdt_stream.mirror import Changes, Needs, Partition, Rows
from megdt_stream.runtime import keys
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.runtime.store import Commit, Pending, Store
from megdt_stream.runtime.stored import join_rows
from tests.governance.test_overdue import DUE, LIMIT, Log
from tests.mirror.logs import EVIDENCE, NUMBER, apply, logs
from tests.runtime_unit.ledger_conformance import INPUT, Conformance, message, on_loop, stepped, taken

pytestmark = pytest.mark.stack

PREFIX = keys.view(NUMBER, "a")
H = record.record_hash("/hospital-a", "0")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as running:
        yield running


@pytest.fixture
def look(server):
    """A plain client for looking at, and damaging, what is stored."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def opened(server, look):
    @asynccontextmanager
    async def fresh():
        store = Store(aioredis.Redis.from_url(server.url), "tests")
        try:
            yield store
        finally:
            await store.close()

    return fresh


class TestStore(Conformance):
    @on_loop
    async def test_scripts_survive_that_the_server_forgets_them(self, store):
        mine = await taken(store)
        partition, needs, changes = stepped(Log().assess(0).values)
        for step in ("commit", "load", "propose", "take"):
            await store.call("SCRIPT", "FLUSH")
            if step == "commit":
                assert await store.commit(EVIDENCE, partition, mine, 0, 1, changes, {}) is Commit.DONE
            elif step == "load":
                twins, rows = await store.load(NUMBER, "a", needs)
                assert twins["k1.a"].fields() == partition.twins["k1.a"].fields()
                assert rows == Rows(changes.rows)
            elif step == "propose":
                other = await taken(store, INPUT)
                assert await store.propose(INPUT, NUMBER, other.token, Pending(0, 1, b"x")) is Commit.DONE
            else:
                assert (await taken(store)).offset == 1


def everything(look):
    """Give all that is stored, byte for byte."""
    return {key: look.dump(key) for key in look.keys("*")}


def run(opened, work):
    async def inside():
        async with opened() as store:
            return await work(store)

    return asyncio.run(inside())


WRONG = {
    "twin": (f"{PREFIX}t:k1.a", "a string"),
    "journal": (f"{PREFIX}j:k1.a:{H[-1]}", "a string"),
    "deadlines": (f"{PREFIX}due", "a string"),
    "seen": (f"{PREFIX}seen", "a string"),
    "counts": (f"{PREFIX}counts", "a string"),
    "counter": (f"{PREFIX}counts", {"rotations:accepted": "many"}),
    "outbox": (keys.outbox(NUMBER), "a string"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_type_stops_a_commit_before_the_first_write(opened, look, what):
    name, value = WRONG[what]
    partition, _, changes = stepped(Log().assess(0).plan(mini_cex=(2, DUE)).tick(LIMIT).values)
    assert changes.messages

    async def work(store):
        mine = await taken(store)
        if isinstance(value, str):
            look.set(name, value)
        else:
            look.hset(name, mapping=value)
        before = everything(look)
        with pytest.raises(TwinCorrupt):
            await store.commit(EVIDENCE, partition, mine, 0, 3, changes, {})
        assert everything(look) == before

    run(opened, work)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (f"{PREFIX}t:k1.a", None, "a string"),
        (f"{PREFIX}j:k1.a:{H[-1]}", None, "a string"),
        (f"{PREFIX}t:k1.a", b"z|unknown", b"1"),
        (f"{PREFIX}t:k1.a", b"k|assessment", b"one"),
        (f"{PREFIX}t:k1.a", b"r|R|00", b"{"),
        (f"{PREFIX}j:k1.a:{H[-1]}", bytes.fromhex(H), b"\xc1"),
    ],
)
def test_what_is_not_ours_is_refused_when_loaded(opened, look, name, field, value):
    look.set(name, value) if field is None else look.hset(name, field, value)

    async def work(store):
        with pytest.raises(TwinCorrupt):
            await store.load(NUMBER, "a", Needs(["k1.a"], [("k1.a", H)]))

    run(opened, work)


def test_a_commit_touches_one_slot_and_the_documented_keys(opened, look):
    log = Log().plan(mini_cex=(1, DUE), dops=(1, LIMIT)).assess(0).assess(0, rev=1).tick(LIMIT)

    async def work(store):
        await apply(store, log.values, [2])
        other = await taken(store, INPUT)
        await store.propose(INPUT, NUMBER, other.token, Pending(0, 3, b"x"))
        await store.settle(INPUT, NUMBER, other.token, 0, 3, 9, {"read": 3, "rejected:empty": 1})
        await store.propose(INPUT, NUMBER, other.token, Pending(3, 4, b"y"))

    run(opened, work)
    found = {key.decode(): look.type(key).decode() for key in look.keys("*")}
    assert {redis.crc.key_slot(name.encode()) for name in found} == {
        redis.crc.key_slot(keys.tag(NUMBER)[1:-1].encode())
    }
    shards = {f"{PREFIX}j:k1.a:{record.record_hash('/hospital-a', name)[-1]}": "hash" for name in ("plan", "0")}
    tag = keys.tag(NUMBER)
    assert found == shards | {
        f"megdt:{tag}:own:{EVIDENCE}": "hash",
        f"megdt:{tag}:own:{INPUT}": "hash",
        f"megdt:{tag}:pending:{INPUT}": "hash",
        f"megdt:{tag}:counts:{INPUT}": "hash",
        f"{PREFIX}t:k1.a": "hash",
        f"{PREFIX}n:k1.a": "hash",
        f"{PREFIX}z:k1.a": "hash",
        f"{PREFIX}touched": "set",
        f"{PREFIX}due": "zset",
        f"{PREFIX}seen": "hash",
        f"{PREFIX}counts": "hash",
    }
    assert look.hgetall(f"{PREFIX}seen") == {b"rotations:0": b"2"}
    assert look.hgetall(f"{PREFIX}counts") == {b"rotations:accepted": b"3"}
    assert look.hgetall(f"megdt:{tag}:counts:{INPUT}") == {b"read": b"3", b"rejected:empty": b"1"}
    assert look.zrange(f"{PREFIX}due", 0, -1, withscores=True) == [("k1.a|内科|dops".encode(), LIMIT + LIMIT - DUE)]
    assert set(look.hgetall(f"megdt:{tag}:own:{EVIDENCE}")) >= {
        b"generation",
        b"token",
        b"offset",
        b"owner",
        b"topic_id",
        b"view",
        b"now",
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs, st.lists(st.integers(0, 24), max_size=6))
def test_redis_holds_what_memory_holds(opened, look, values, cuts):
    look.flushdb()
    memory = MemoryLedger()

    async def work(store):
        await apply(store, values, cuts, "everything")
        await apply(memory, values, cuts, "everything")
        view = memory.view(NUMBER)
        twins = {key.decode().split(":t:")[1]: look.hgetall(key) for key in look.keys(f"{PREFIX}t:*")}
        assert twins == {
            trainee: {field.encode(): text for field, text in fields.items()} for trainee, fields in view.twins.items()
        }
        rows = {
            (key.decode().split(":")[-2], h.hex()): row
            for key in look.keys(f"{PREFIX}j:*")
            for h, row in join_rows(look.hgetall(key)).items()
        }
        assert rows == view.rows
        for letter, kept in (("n", view.words), ("z", view.archives)):
            found = {
                key.decode().split(f":{letter}:")[1]: look.hgetall(key) for key in look.keys(f"{PREFIX}{letter}:*")
            }
            assert found == {
                trainee: {field.encode(): value for field, value in fields.items()} for trainee, fields in kept.items()
            }
        due = look.zrange(f"{PREFIX}due", 0, -1, withscores=True)
        assert {member.decode(): int(score) for member, score in due} == view.due
        counts = {name.decode(): int(n) for name, n in look.hgetall(f"{PREFIX}counts").items() if int(n)}
        assert counts == {name: n for name, n in view.counts.items() if n}
        assert await store.outgoing(NUMBER, 999) == await memory.outgoing(NUMBER, 999)
        assert await store.cursor(EVIDENCE, NUMBER) == await memory.cursor(EVIDENCE, NUMBER)

    run(opened, work)


def test_a_server_that_is_full_is_asked_again_later_and_holds_no_half(opened, look):
    partition, _, changes = stepped(Log().assess(0).values)

    async def work(store):
        mine = await taken(store)
        before = everything(look)
        look.config_set("maxmemory", 1)
        try:
            with pytest.raises(Unavailable):
                await store.commit(EVIDENCE, partition, mine, 0, 1, changes, {})
        finally:
            look.config_set("maxmemory", 0)
        assert everything(look) == before
        assert await store.commit(EVIDENCE, partition, mine, 0, 1, changes, {}) is Commit.DONE

    run(opened, work)


def test_a_server_that_is_away_is_unavailable():
    async def work():
        client = aioredis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
        store = Store(client, "tests")
        try:
            with pytest.raises(Unavailable):
                await store.take(EVIDENCE, NUMBER, 1, (0, 1), "id")
            with pytest.raises(Unavailable):
                await store.outbox_size(NUMBER)
        finally:
            await store.close()

    asyncio.run(work())


def test_a_message_may_hold_any_bytes(opened, look):
    value, key = bytes(range(256)), "k1.a|张"

    async def work(store):
        mine = await taken(store)
        changes = Changes(0, messages=[message(5, 0, value, key)])
        await store.commit(EVIDENCE, Partition(NUMBER), mine, 0, 6, changes, {5: 77})
        (out,) = await store.outgoing(NUMBER, 1)
        assert (out.message, out.caused) == (changes.messages[0], 77)

    run(opened, work)
