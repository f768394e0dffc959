"""What is carried between pseudonyms is the same in Redis as in memory."""

import asyncio
import random

import pytest
import redis.asyncio as aioredis

from megdt_stream.local.redis import EmbeddedRedis
from megdt_stream.runtime import keys
from megdt_stream.runtime.store import Store
from tests.mirror.test_persons import NAMES, PLACE, World, exposure, link, plan

pytestmark = pytest.mark.stack


class Kept(World):
    """The same world on a real store, opened anew in each event loop."""

    def __init__(self, chance, url):
        super().__init__(chance)
        self.url = url

    def settle(self, rounds=1000):
        async def opened():
            store = Store(aioredis.Redis.from_url(self.url), "test")
            try:
                self.ledger = store
                return await self.run(rounds)
            finally:
                await store.close()

        return asyncio.run(opened())


@pytest.fixture
def store_url():
    with EmbeddedRedis() as server:
        yield server.url


def story():
    yield exposure("sk.a", 1, 5)
    yield plan("sk.a", 2)
    yield link("sk.a", "k1.a", 0)
    yield exposure("k1.a", 1, 9, rev=1)
    yield exposure("sk.a", 3, 2)
    yield link("k1.a", "k1.b", 1, event="merged")
    yield exposure("sk.a", 4, 7)
    yield link("k1.a", None, 2, happened=1, event="unmerged")
    yield exposure("k1.b", 5, 1)


def test_redis_holds_what_memory_holds(store_url):
    kept, plain = Kept(random.Random(7), store_url), World(random.Random(8))
    for fact in story():
        for world in (kept, plain):
            world.publish(fact)
            world.settle(rounds=1)
    assert kept.settle()
    assert plain.settle()
    for name in NAMES:
        assert fields(store_url, "t", name) == texts(plain.ledger.view(PLACE[name]).twins.get(name, {}))
    assert fields(store_url, "t", "k1.a")["x|case|P|-|0"] == "18"
    assert fields(store_url, "p", "k1.b")["p|k1.a"].endswith(",false]")


def texts(found):
    return {name: text.decode() for name, text in found.items()}


def fields(url, kind, name):
    async def ask():
        client = aioredis.Redis.from_url(url, decode_responses=True)
        try:
            return await client.hgetall(f"{keys.view(PLACE[name], 'a')}{kind}:{name}")
        finally:
            await client.aclose()

    return asyncio.run(ask())
