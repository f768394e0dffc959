"""A synthetic hospital folded in memory: its twins with their links, as the store would give them."""

import asyncio
from typing import NamedTuple

from megdt_stream import mirror
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.record import Tick
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.runtime.mirror_stage import load_rows
from megdt_stream.runtime.query import Stored
from megdt_stream.seed_files import load_library, load_rule
from megdt_stream.synth import HospitalPlan, Truth, generate
from megdt_stream.twin.state import Twin
from tests.mirror.logs import read_back

NUMBER = 0
EVIDENCE = topics.EVIDENCE.name


class Folded(NamedTuple):
    """The twins of all pseudonyms, the truth that they come from, and the moment at which the stream ends (ms)."""

    stored: list[Stored]
    truth: Truth
    now: int


def folded(plan: HospitalPlan) -> Folded:
    """Fold a hospital's stream up to its end."""
    hospital = generate(plan)
    ledger = MemoryLedger()
    asyncio.run(fold_into(ledger, hospital))
    view = ledger.view(NUMBER)
    twins = read_back(view)
    names = sorted({*twins, *view.persons})
    stored = [
        Stored(
            name,
            Twin.from_fields(
                (field.encode(), text)
                for fields in (twins.get(name, {}), view.persons.get(name, {}))
                for field, text in fields.items()
            ),
            plan.closes,
        )
        for name in names
    ]
    return Folded(stored, hospital.truth, plan.closes)


def _evidence(hospital):
    reference = load_library().reference
    for offset, event in enumerate(hospital.events):
        topic = next(topic for topic in topics.INPUTS if topic.short == event.topic)
        decision = decide(event.value, topic, (event.topic, NUMBER, offset), event.available, reference, event.headers)
        if isinstance(decision, Accepted):
            yield decision.value


async def fold_into(ledger, hospital):
    """Apply a hospital's evidence, and what pseudonyms carry over to each other until nothing is left to carry."""
    rule, closes = load_rule(), hospital.plan.closes
    values = [*_evidence(hospital), record.encode(Tick(closes, closes))]
    taken = await ledger.take(EVIDENCE, NUMBER, 1, (0, 0), "id")
    partition = await ledger.partition(NUMBER, taken)
    base, sent = 0, 0
    while values:
        batch = mirror.read(enumerate(values, base))
        rows = await load_rows(ledger, partition, taken.view, batch)
        changes = mirror.step(partition, batch, rows, rule)
        end = base + len(batch)
        verdict = await ledger.commit(
            EVIDENCE, partition, taken, base, end, changes, dict.fromkeys(range(base, end), 9)
        )
        assert verdict.stands
        messages = [out.message for out in await ledger.outgoing(NUMBER, 1_000_000)]
        values = [message.value for message in messages[sent:] if message.topic == EVIDENCE]
        base, sent = end, len(messages)
