"""The scan of a real store finds what memory holds, links among it."""

import asyncio

import pytest
import redis.asyncio as aioredis

from megdt_stream.local.redis import EmbeddedRedis
from megdt_stream.runtime.entities import Assumed, gather, list_entities, read_entity, read_from
from megdt_stream.runtime.query import Query
from megdt_stream.runtime.roster import list_trainees, parse, rows
from megdt_stream.runtime.severities import ratings, severities
from megdt_stream.runtime.store import Store
from megdt_stream.seed_files import load_estimation, load_library, load_norms
from megdt_stream.synth import HospitalPlan, generate
from tests.entities.hospital import fold_into, folded

pytestmark = pytest.mark.stack
PLAN = HospitalPlan(seed=2, trainees=22, base_size=(11, 11), days=120, annual_assessment_day=90)


@pytest.fixture(scope="module")
def query():
    async def fill(url):
        store = Store(aioredis.Redis.from_url(url), "test")
        try:
            await fold_into(store, generate(PLAN))
        finally:
            await store.close()

    with EmbeddedRedis() as server:
        asyncio.run(fill(server.url))
        with Query(server.url) as opened:
            yield opened


@pytest.fixture(scope="module")
def memory():
    return folded(PLAN).stored


def test_every_pseudonym_is_found_once_with_its_links(query, memory):
    found = {one.trainee: one for one in query.subjects()}
    assert sorted(found) == [one.trainee for one in memory]
    assert all(found[one.trainee].twin.fields() == one.twin.fields() for one in memory)
    assert {n: one.twin.head for n, one in found.items()} == {one.trainee: one.twin.head for one in memory}
    assert any(one.twin.head for one in memory)


def test_entities_are_those_of_memory(query, memory):
    scan = gather(memory)
    assumed = Assumed(load_estimation(), load_norms(), load_library().outcomes)
    known = severities(ratings(memory), scan.persons, "read-2024-12-30T00:00:00Z")
    for kind in ("base", "faculty", "process", "resource"):
        first = list_entities(query, kind)[0]
        assert read_entity(query, kind, first, assumed) == read_from(
            scan, kind, first, assumed._replace(severities=known)
        )
    unlearnt = read_entity(query, "faculty", list_entities(query, "faculty")[0], assumed, learn=False)
    assert unlearnt["properties"]["severity"]["unknown"] == "not-estimated"
    assert read_entity(query, "faculty", "syn.nobody", assumed) is None
    with pytest.raises(ValueError, match="no kind"):
        read_entity(query, "ward", "x", assumed)


def test_trainees_are_listed_by_base_and_expression(query, memory):
    estimation, norms = load_estimation(), load_norms()
    everyone = sorted(rows(memory, estimation, norms), key=lambda row: row.trainee)
    assert list_trainees(query, estimation, norms) == everyone
    base = everyone[0].base
    (clause,) = parse("warnings>0")
    chosen = [row for row in everyone if row.base == base and clause.holds(row)]
    assert list_trainees(query, estimation, norms, base=base, where="warnings>0") == chosen
    assert 0 < len(chosen) < len(everyone)
