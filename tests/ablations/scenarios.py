"""Situations that the protocol exists for, each told once and without chance. Run one as

    python -m tests.ablations.scenarios REDIS_URL NAME...

which prints the checker's verdict on each as a line of JSON. The store behind the URL is emptied.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from megdt_stream.errors import Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.reference import Reference
from megdt_stream.runtime import keys
from megdt_stream.seed_files import load_reference
from tests.ablations.world import DAY, EVIDENCE, NOW, Died, Worker, World

Scenario = Callable[[World], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}
ASSESSMENTS, OUTCOMES, ROTATIONS = topics.ASSESSMENTS.name, topics.OUTCOMES.name, topics.ROTATIONS.name


def scenario(call: Scenario) -> Scenario:
    SCENARIOS[call.__name__] = call
    return call


# --- what happens in them ----------------------------------------------------------------------------------


def _event(number: int, kind: str, data: dict[str, Any], trainee: str = "k1.a", **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "source": "/ablations",
        "id": f"E-{number}",
        "type": f"megdt.{kind}.v1",
        "subject": trainee,
        "time": "2025-01-10T08:00:00+08:00",
        "data": data,
    } | attributes


def outcomes(first: int, count: int) -> list[dict[str, Any]]:
    """Outcomes of two trainees in turn: every batch touches both twins and the same sums."""
    data = {"outcome": "annual", "result": "通过", "value": 80}
    return [_event(n, "outcome.recorded", data, f"k1.{'ab'[n % 2]}") for n in range(first, first + count)]


def assessment(number: int, value: float) -> dict[str, Any]:
    scores = [{"competency": "patient-care", "value": value}]
    return _event(number, "assessment.recorded", {"instrument": "mini-cex", "scale": "mini-cex@1", "scores": scores})


def plan(number: int) -> dict[str, Any]:
    """A rotation that expects an assessment which never comes: overdue at the next tick."""
    expects = [{"instrument": "mini-cex", "due": "2025-01-05T00:00:00Z"}]
    dates = {"starts": "2025-01-01T00:00:00Z", "ends": "2025-01-31T00:00:00Z"}
    data = {"rotation": f"R-{number}", "base": "B1", **dates, "expects": expects}
    return _event(number, "rotation.planned", data, f"k1.r{number}")


async def evidence_of(world: World, count: int) -> None:
    """Publish outcomes and let intake make evidence of them."""
    world.publish(outcomes(0, count))
    await Worker(world).finish(OUTCOMES, 1)


async def dying(work: Awaitable[None]) -> None:
    try:
        await work
    except Died:
        return
    raise AssertionError("the worker was to die here")


# --- the mirror --------------------------------------------------------------------------------------------


@scenario
async def a_rebuild_switches_the_view_under_a_working_worker(world: World) -> None:
    await evidence_of(world, 9)
    worker = Worker(world)
    claim = await worker.take(EVIDENCE)
    await worker.apply(claim, 6)
    # What a rebuild leaves behind: the same twins in a second view, which is live now, under another token.
    for key in [key async for key in world.client.scan_iter(match=f"{keys.view(0, 'a')}*")]:
        await world.client.copy(key, key.replace(keys.view(0, "a").encode(), keys.view(0, "b").encode()))
    assert await worker.store.switch(EVIDENCE, 0, "a", "b", 6, 0)
    await worker.apply(claim, 3)


@scenario
async def the_store_goes_back_under_a_working_worker(world: World) -> None:
    await evidence_of(world, 12)
    worker = Worker(world)
    claim = await worker.take(EVIDENCE)
    await worker.apply(claim, 4)
    before = {key: await world.client.dump(key) for key in await world.client.keys("megdt:*")}
    await worker.apply(claim, 3)
    await world.client.flushdb()
    for key, value in before.items():
        await world.client.restore(key, 0, value)
    await worker.apply(claim, 3)


@scenario
async def a_partition_goes_to_another_worker_and_comes_back(world: World) -> None:
    await evidence_of(world, 12)
    first, second = Worker(world), Worker(world)
    await first.apply(await first.take(EVIDENCE, 1), 4)
    await second.apply(await second.take(EVIDENCE, 2), 4)
    await first.apply(await first.take(EVIDENCE, 3), 4)


@scenario
async def a_reply_is_lost_and_the_commit_sent_again(world: World) -> None:
    await evidence_of(world, 6)
    worker = Worker(world)
    claim = await worker.take(EVIDENCE)
    run, lost = worker.store._run, []

    async def silent(name: str, *rest: Any) -> Any:
        reply = await run(name, *rest)
        if name == "commit" and not lost:
            lost.append(reply)
            raise Unavailable("Redis: the reply is lost")
        return reply

    worker.store._run = silent  # type: ignore[method-assign]
    await worker.apply(claim, 6)
    assert lost
    assert claim.valid, "a commit that was done before is no refusal"


@scenario
async def a_worker_dies_between_commit_and_relay(world: World) -> None:
    world.publish([plan(1), plan(2)], ROTATIONS)
    await Worker(world).finish(ROTATIONS, 1)
    world.tick(NOW - DAY)
    worker = Worker(world)
    await worker.apply(await worker.take(EVIDENCE))
    worker.producer.dies_after = 1
    await dying(worker.relay.flush())


@scenario
async def a_relay_wakes_up_after_the_next_owner_went_on(world: World) -> None:
    world.publish([plan(1), plan(2), plan(3), plan(4)], ROTATIONS)
    await Worker(world).finish(ROTATIONS, 1)
    ticked = world.log.topics[EVIDENCE]
    early, late = ticked[:2], ticked[2:]
    world.log.topics[EVIDENCE] = list(early)
    world.tick(NOW - 2 * DAY)
    for entry in late:
        world.log.append(EVIDENCE, entry.key, entry.value)
    zombie, owner = Worker(world), Worker(world)
    await zombie.apply(await zombie.take(EVIDENCE, 1), 3)

    async def meanwhile() -> None:
        claim = await owner.take(EVIDENCE, 2)
        await owner.relay.flush()
        await owner.apply(claim)  # opens two more warnings, which wait in the outbox

    zombie.producer.meanwhile = meanwhile
    await zombie.relay.flush()


# --- intake ------------------------------------------------------------------------------------------------


@scenario
async def intake_dies_while_it_produces(world: World) -> None:
    world.publish(outcomes(0, 5))
    worker = Worker(world)
    worker.producer.dies_after = 2
    await dying(worker.apply(await worker.take(OUTCOMES)))


@scenario
async def intake_dies_after_producing_and_before_settling(world: World) -> None:
    world.publish(outcomes(0, 5))
    worker = Worker(world)
    worker.producer.dies_after = 5
    await dying(worker.apply(await worker.take(OUTCOMES)))


@scenario
async def intake_dies_and_the_next_one_has_other_seeds(world: World) -> None:
    world.publish([assessment(n, 8) for n in range(3)], ASSESSMENTS)
    worker = Worker(world)
    worker.producer.dies_after = 1
    await dying(worker.apply(await worker.take(ASSESSMENTS)))
    shipped = load_reference()
    scales = dict(shipped.scales)
    scales["mini-cex@1"] = scales["mini-cex@1"].model_copy(update={"max": 5.0})
    stricter = Worker(world, Reference(scales, shipped.frameworks))
    await stricter.apply(await stricter.take(ASSESSMENTS, 2))


@scenario
async def the_same_event_is_published_twice(world: World) -> None:
    world.publish([*outcomes(0, 3), *outcomes(0, 3)])


async def told(url: str, name: str) -> dict[str, Any]:
    """Play a scenario on an empty store, let a fresh worker finish, and ask the checker."""
    world = World(url)
    try:
        await world.client.flushdb()
        await SCENARIOS[name](world)
        await world.settle()
        verdict = world.judged()
    except Exception as error:  # noqa: BLE001 - a break may also show as a crash; it is said, not hidden
        verdict = {"ok": False, "crashed": repr(error)}
    finally:
        await world.close()
    return {"scenario": name} | {key: verdict[key] for key in ("ok", "kinds", "backlog", "crashed") if key in verdict}


async def main(url: str, names: list[str]) -> None:
    for name in names or SCENARIOS:
        sys.stdout.write(json.dumps(await told(url, name)) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
