"""What entities are told: equal in the end whatever the order, the batches and the moments of telling."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream import mirror
from megdt_stream.evidence import record
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import Enrolment
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.runtime.mirror_stage import load_rows
from megdt_stream.runtime.relay import _partition
from megdt_stream.twin.entities import image
from megdt_stream.twin.entities.state import Entity
from megdt_stream.verify.entities import expected_parts
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.reference import load_reference
from tests.mirror.logs import EVIDENCE, NUMBER, RULE, logs


async def _tell(ledger, partition, taken, end):
    turn = list(partition.touched)
    sent = await ledger.load_sent(NUMBER, taken.view, turn)
    changes = mirror.contribute(partition, turn, sent, end)
    assert (await ledger.commit(EVIDENCE, partition, taken, end, end, changes, {})).stands
    return changes.messages


async def _told(values, cuts, telling, forget):
    """Apply a log in batches, tell after some of them and at the end; give the messages and the twins."""
    ledger, messages = MemoryLedger(), []
    taken = await ledger.take(EVIDENCE, NUMBER, 1, (0, len(values)), "id")
    partition = await ledger.partition(NUMBER, taken)
    ends = sorted({cut for cut in cuts if 0 < cut < len(values)} | {len(values)})
    for base, end in zip([0, *ends], ends, strict=False):
        batch = mirror.read(enumerate(values[base:end], base))
        rows = await load_rows(ledger, partition, taken.view, batch)
        changes = mirror.step(partition, batch, rows, RULE)
        assert (await ledger.commit(EVIDENCE, partition, taken, base, end, changes, {})).stands
        if forget:
            twins = partition.twins
            partition = await ledger.partition(NUMBER, taken)
            partition.twins = twins
        if base in telling:
            messages += await _tell(ledger, partition, taken, end)
    if partition.touched:
        messages += await _tell(ledger, partition, taken, len(values))
    assert not partition.touched
    assert not ledger.view(NUMBER).touched
    return messages, partition.twins


def _standing(messages):
    given = [image.read(one.key, one.value) for one in messages]
    assert None not in given
    found = {place: image.restored(value)[1] for place, value in image.latest(given).items()}
    return {place: part for place, part in found.items() if part}


def _expected(twins):
    return {
        (entity, trainee): part
        for trainee, twin in twins.items()
        for entity, part in image.images(trainee, twin).items()
    }


@settings(max_examples=40)
@given(logs, st.lists(st.integers(0, 24)), st.sets(st.integers(0, 24)), st.booleans(), st.randoms())
def test_the_end_is_what_the_twins_contribute(values, cuts, telling, forget, random):
    messages, twins = asyncio.run(_told(values, cuts, telling, forget))
    shuffled = messages + messages[: len(messages) // 2]
    random.shuffle(shuffled)
    assert _standing(shuffled) == _expected(twins)


@settings(max_examples=40)
@given(logs, st.sets(st.integers(0, 24)))
def test_the_checker_expects_the_same(values, telling):
    messages, _ = asyncio.run(_told(values, range(24), telling, forget=False))
    checker = Mirror(NUMBER, load_reference().rule)
    for offset, value in enumerate(values):
        try:
            evidence = json.loads(value)
            if isinstance(evidence, dict) and "trainee" in evidence:
                checker.apply(offset, evidence)
        except (ValueError, KeyError, RecursionError):
            continue
    ours = {(f"{e.kind}/{e.id}", who): {**p.sums, **p.slots} for (e, who), p in _standing(messages).items()}
    assert {tuple(place): part for place, part in expected_parts([checker]).items()} == ours


def _enrolled(n, base):
    stated = {"trainee": "k1.a", "source": "/s", "id": f"E-{n}", "rev": 0, "h": f"{n:016x}", "d": f"{n:016x}"}
    when = {"happened": n, "recorded": n, "available": n, "origin": ("identities", 0, n)}
    return record.encode(Enrolment(**stated, **when, stage="postgraduate", base=base, programme=None, cohort=None))


def test_who_leaves_a_base_is_withdrawn_there():
    messages, _ = asyncio.run(_told([_enrolled(0, "B"), _enrolled(1, "C")], [1], {0}, forget=True))
    names = [one.key.decode() for one in messages]
    assert names == ["base/B|k1.a", "base/C|k1.a", "base/B|k1.a"]
    assert {entity.id for entity, _ in _standing(messages)} == {"C"}


def test_a_rebuild_wins_over_a_worker_at_the_same_offset_and_loses_to_the_next():
    place = image.Given(Entity("base", "B"), "k1.a", image.Image(2 * 7 + mirror.LIVE, {"x": (9,)}))
    rebuilt = place._replace(image=image.Image(2 * 7 + mirror.REBUILT, {"x": (1,)}))
    later = place._replace(image=image.Image(2 * 8 + mirror.LIVE, {"x": (5,)}))
    (value,) = image.latest([rebuilt, place]).values()
    assert image.restored(value)[1].sums == {"x": (1,)}
    (value,) = image.latest([rebuilt, later, place]).values()
    assert image.restored(value)[1].sums == {"x": (5,)}


def test_all_images_of_an_entity_lie_in_one_partition_and_a_tick_in_its_own():
    entity = Entity("process", "内科-01|CICU")
    places = {_partition("megdt.contributions.v1", image.key_of(entity, f"k1.{n}"), 8) for n in range(20)}
    assert places == {partition_of("process/内科-01|CICU", 8)}
    assert _partition("megdt.contributions.v1", image.tick_key(5), 8) == 5
    assert image.read_tick(b"tick|5", image.write_tick(77)) == 77
    assert image.read(b"tick|5", image.write_tick(77)) is None
