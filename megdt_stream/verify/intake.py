"""Input against evidence: is every input record forwarded once, as it must be, or refused?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import msgspec

from megdt_stream.verify.contract import Refusal, decide
from megdt_stream.verify.log import IntakeState, Log, Origin, PartitionLog, Record, State
from megdt_stream.verify.names import EVIDENCE, INPUTS, full_name, partition_of
from megdt_stream.verify.overdue import is_readable
from megdt_stream.verify.persons import Piece, read_piece
from megdt_stream.verify.reference import Reference
from megdt_stream.verify.report import Report
from megdt_stream.verify.strict_json import canonical


class Delivery(NamedTuple):
    """Where an input's evidence was found first."""

    partition: int
    offset: int
    value: bytes


class Carried(NamedTuple):
    """A `carried` record, in the log or still in an outbox (`where`)."""

    where: str
    head: str
    persona: str
    seq: int
    piece: Piece


@dataclass(slots=True)
class Deliveries:
    """The evidence log by origin, what pseudonyms carry over, and the offsets of what is no evidence."""

    by_origin: dict[Origin, Delivery] = field(default_factory=dict)
    carried: list[Carried] = field(default_factory=list)
    unreadable: set[tuple[int, int]] = field(default_factory=set)


def read_deliveries(log: Log, reference: Reference, report: Report) -> Deliveries:
    """Index the evidence by origin; take down what is unreadable, misplaced, out of order or redecided."""
    deliveries = Deliveries()
    partitions = log.partitions(EVIDENCE)
    for number, partition in partitions.items():
        if partition.begin > 0:
            report.differ("log_truncated", f"{full_name(EVIDENCE)}/{number}", begin=partition.begin)
        highest: dict[tuple[str, int], int] = {}
        for record in partition.records:
            evidence = read_evidence(record.value, reference)
            if evidence is None:
                deliveries.unreadable.add((number, record.offset))
                report.differ("evidence_unreadable", _place(number, record.offset))
            elif evidence["k"] not in ("tick", "activation"):
                _check_place(evidence, record, number, len(partitions), report)
                if evidence["k"] == "carried":
                    deliveries.carried.append(carried_of(evidence, _place(number, record.offset)))
                    continue
                _deliver(deliveries, highest, evidence, record, number, report)
    return deliveries


def read_evidence(value: bytes | None, reference: Reference) -> dict[str, Any] | None:
    """Read a record of the evidence log; None when it is not one."""
    try:
        evidence: dict[str, Any] = msgspec.json.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not reference.satisfies(EVIDENCE, evidence):
        return None
    if evidence["k"] == "carried" and not all(is_readable(stands) for _, stands in read_piece(evidence).rows if stands):
        return None
    return evidence


def carried_of(evidence: dict[str, Any], where: str) -> Carried:
    """Read a `carried` record."""
    return Carried(where, evidence["trainee"], evidence["persona"], evidence["seq"], read_piece(evidence))


def _place(partition: int, offset: int) -> str:
    return f"{full_name(EVIDENCE)}/{partition}/{offset}"


@cache
def _home(trainee: str, partitions: int) -> int:
    return partition_of(trainee.encode(), partitions)


def _check_place(evidence: dict[str, Any], record: Record, number: int, partitions: int, report: Report) -> None:
    trainee = evidence["trainee"]
    if record.key != trainee.encode():
        report.differ("evidence_key", _place(number, record.offset), trainee=trainee)
    if _home(trainee, partitions) != number:
        report.differ("wrong_partition", _place(number, record.offset), expected=_home(trainee, partitions))


def _deliver(
    deliveries: Deliveries,
    highest: dict[tuple[str, int], int],
    evidence: dict[str, Any],
    record: Record,
    number: int,
    report: Report,
) -> None:
    origin = Origin(*evidence["origin"])
    delivery = Delivery(number, record.offset, record.value or b"")
    first = deliveries.by_origin.setdefault(origin, delivery)
    if first is delivery:
        _check_order(highest, origin, delivery, report)
    elif (first.partition, first.value) != (delivery.partition, delivery.value):
        report.differ("intake_redecided", str(origin), first=_place(*first[:2]), again=_place(*delivery[:2]))


def _check_order(highest: dict[tuple[str, int], int], origin: Origin, delivery: Delivery, report: Report) -> None:
    """A first delivery behind a later one looks like a re-delivery to the mirror, which ignores it."""
    source = origin.topic, origin.partition
    if origin.offset < highest.get(source, -1):
        report.lost += 1
        report.differ("origin_order", str(origin), at=_place(*delivery[:2]), after=highest[source])
    highest[source] = max(origin.offset, highest.get(source, -1))


@dataclass(slots=True)
class Intake:
    """What intake must have done: refusals by origin, and the counts of each input partition."""

    refusals: dict[Origin, str] = field(default_factory=dict)
    counts: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)


def check_intake(log: Log, state: State, deliveries: Deliveries, reference: Reference, report: Report) -> Intake:
    """Decide every input record again and compare with what was delivered."""
    intake = Intake()
    matched: set[Origin] = set()
    for short in INPUTS:
        for number, partition in log.partitions(short).items():
            cursor = state.intake.get((short, number), IntakeState()).offset
            counts = intake.counts.setdefault((short, number), Counter())
            for record in partition.records:
                origin = Origin(short, number, record.offset)
                delivery = deliveries.by_origin.get(origin)
                if delivery:
                    matched.add(origin)
                done = record.offset < cursor
                report.topics[full_name(short)].read += done or record.offset < partition.end
                outcome = _check_record(origin, record, delivery, done, reference, intake, report)
                if done:
                    counts.update(("read", outcome))
    _check_invented(log, deliveries.by_origin.keys() - matched, report)
    return intake


def _check_record(
    origin: Origin,
    record: Record,
    delivery: Delivery | None,
    done: bool,
    reference: Reference,
    intake: Intake,
    report: Report,
) -> str:
    decision = decide(origin, record, reference)
    if isinstance(decision, Refusal):
        intake.refusals[origin] = decision.reason
        if delivery:
            report.differ("refused_delivered", str(origin), reason=decision.reason, at=_place(*delivery[:2]))
        return f"rejected:{decision.reason}"
    if delivery:
        _compare(origin, decision, delivery, report)
    elif done:
        report.lost += 1
        report.differ("lost_input", str(origin), trainee=decision["trainee"])
    return "forwarded"


def _compare(origin: Origin, expected: dict[str, Any], delivery: Delivery, report: Report) -> None:
    found = msgspec.json.decode(delivery.value)
    names = [*expected, *({"ext"} - expected.keys())]
    fields = [name for name in names if not _same(name, expected.get(name), found.get(name))]
    if fields:
        report.differ("evidence_differs", str(origin), at=_place(*delivery[:2]), fields=fields)


def _same(name: str, expected: Any, found: Any) -> bool:
    """Compare a field; a null and an absent one are the same, and not being banked is the rule.

    Extension attributes are of any type, and true is not 1.
    """
    if name == "carried_over":
        return bool(expected) == bool(found)
    if name == "ext":
        return canonical(expected) == canonical(found)
    return bool(expected == found)


def _check_invented(log: Log, unmatched: set[Origin], report: Report) -> None:
    for origin in sorted(unmatched):
        partition = log.partitions(origin.topic).get(origin.partition, PartitionLog())
        if origin.offset >= partition.begin:
            report.differ("invented", str(origin))
