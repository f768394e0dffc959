"""Before a step: decoding a batch, and saying what the store must be asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Activation, Carried, Evidence, Identity, Retraction, Tick
from megdt_stream.mirror.state import HeldKey, Needs, Partition, Record, RowKey, Rows

_IDENTITIES: Final = topics.IDENTITIES.short


def read(records: Iterable[tuple[int, bytes | None]]) -> list[Record]:
    """Decode a batch; what does not decode is kept and rejected by the step."""
    decode = record.decode
    batch = []
    for offset, value in records:
        try:
            fact: Evidence | None = decode(value or b"")
        except (ValueError, RecursionError):
            fact = None
        batch.append(Record(offset, value or b"", fact))
    return batch


def needs(partition: Partition, batch: Sequence[Record]) -> Needs:
    """Say which twins and journal rows a batch needs from the store."""
    trainees: dict[str, None] = {}
    rows: dict[RowKey, None] = {}
    whole: dict[str, None] = {}
    seen, twins = partition.seen, partition.twins
    latest = 0
    for entry in batch:
        fact = entry.fact
        if isinstance(fact, Tick):
            latest = max(latest, fact.at)
            continue
        if fact is None or isinstance(fact, Activation):
            continue
        trainee = fact.trainee
        if isinstance(fact, Carried):
            for carried in fact.rows:
                rows[trainee, carried.h] = None
            if fact.state != "some":
                whole[trainee] = None
        else:
            topic, number, offset = fact.origin
            if offset <= seen.get((topic, number), -1):
                continue
            rows[trainee, fact.h] = None
            if topic == _IDENTITIES and isinstance(fact, (Identity, Retraction)):
                whole[trainee] = None
        if trainee not in twins:
            trainees[trainee] = None
    if latest and (earliest := partition.deadlines.earliest) is not None and earliest <= latest:
        for member in partition.deadlines.reached(latest):
            trainee = member.split("|", 1)[0]
            if trainee not in twins:
                trainees[trainee] = None
    return Needs(list(trainees), list(rows), tuple(whole))


def needs_whole(needed: Needs, rows: Rows) -> tuple[str, ...]:
    """Say who else is needed whole, now that the rows are known: whose link a batch may replace by something else."""
    links = (key[0] for key, row in rows.own.items() if any(slot[:2] == "i|" for v in row for slot in v.slots))
    return tuple(trainee for trainee in dict.fromkeys(links) if trainee not in needed.whole)


def needs_carried(partition: Partition, needed: Needs) -> list[HeldKey]:
    """Say which carried rows a batch needs, once the twins of `needed` are in the partition."""
    twins = partition.twins
    return [
        (trainee, h, persona)
        for trainee, h in needed.rows
        for persona in twins[trainee].personas or ()
        if trainee not in needed.whole
    ]
