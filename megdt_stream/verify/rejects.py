"""Rejects: is every refused input there, whole, with its reason, and nothing else?"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from megdt_stream.verify.intake import Deliveries
from megdt_stream.verify.log import IntakeState, Log, MirrorState, Origin, Record, State
from megdt_stream.verify.names import INPUTS, REJECTS, full_name, short_name
from megdt_stream.verify.report import Report

_KEY: Final = re.compile(r"(megdt\.[a-z]+\.v1)/(\d+)/(\d+)")


class Reject(NamedTuple):
    """A copy of a reject, on the topic or still in an outbox (`where`)."""

    where: str
    value: bytes
    headers: dict[str, str]

    @property
    def reason(self) -> str:
        """Give the reason it states."""
        return self.headers.get("megdt-reason", "")


def gather_rejects(log: Log, state: State, report: Report) -> dict[Origin, list[Reject]]:
    """Collect every copy by the origin its key names."""
    found: dict[Origin, list[Reject]] = {}
    for where, key, value, headers in _copies(log, state):
        origin = _origin(key)
        if origin is None:
            report.differ("reject_unreadable", where)
        else:
            texts = {name: text.decode("utf-8", "replace") for name, text in headers}
            found.setdefault(origin, []).append(Reject(where, value or b"", texts))
    return found


def _copies(log: Log, state: State) -> Iterator[tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]]:
    for number, partition in log.partitions(REJECTS).items():
        for record in partition.records:
            yield f"{full_name(REJECTS)}/{number}/{record.offset}", record.key, record.value, record.headers
    for number, mirror in state.mirror.items():
        for message in mirror.outbox:
            if message.topic == REJECTS:
                yield f"outbox/{number}", message.key, message.value, message.headers


def _origin(key: bytes | None) -> Origin | None:
    match = _KEY.fullmatch((key or b"").decode("utf-8", "replace"))
    if match is None or short_name(match[1]) not in INPUTS:
        return None
    return Origin(short_name(match[1]), int(match[2]), int(match[3]))


def failed_origins(rejects: dict[Origin, list[Reject]], journalled: frozenset[Origin]) -> frozenset[Origin]:
    """Give what was rejected as `internal_error` and has not been taken in since (a rebuild may have)."""
    failed = {origin for origin, copies in rejects.items() if copies[0].reason == "internal_error"}
    return frozenset(failed - journalled)


@dataclass(frozen=True, slots=True)
class Expectation:
    """The refusals that must be there: by intake, and by the mirror."""

    intake: dict[Origin, str]
    mirror: dict[Origin, str]


def check_rejects(
    log: Log,
    state: State,
    rejects: dict[Origin, list[Reject]],
    expected: Expectation,
    deliveries: Deliveries,
    report: Report,
) -> None:
    """Compare the rejects found with those that must exist."""
    for origin, copies in sorted(rejects.items()):
        stage, reason = _verdict(origin, expected)
        if reason is None:
            _check_unexpected(log, state, origin, copies, deliveries, report)
            continue
        for copy in copies:
            _check_copy(log, origin, copy, stage, reason, deliveries, report)
    _check_missing(log, state, rejects, expected, report)


def _verdict(origin: Origin, expected: Expectation) -> tuple[str, str | None]:
    if origin in expected.intake:
        return "intake", expected.intake[origin]
    return "mirror", expected.mirror.get(origin)


def _check_unexpected(
    log: Log, state: State, origin: Origin, copies: list[Reject], deliveries: Deliveries, report: Report
) -> None:
    """Excuse what cannot be judged: inputs gone from the log, and evidence that is not applied yet."""
    delivery = deliveries.by_origin.get(origin)
    partition = log.partitions(origin.topic).get(origin.partition)
    gone = partition is not None and origin.offset < partition.begin
    applied = state.mirror.get(delivery.partition, MirrorState()).offset if delivery else 0
    ahead = delivery is not None and delivery.offset >= applied
    repaired = copies[0].reason == "internal_error" and delivery is not None
    if not (gone or ahead or repaired):
        report.differ("reject_unexpected", str(origin), at=copies[0].where, reason=copies[0].reason)


def _check_copy(
    log: Log, origin: Origin, copy: Reject, stage: str, reason: str, deliveries: Deliveries, report: Report
) -> None:
    if copy.reason != reason:
        report.differ("reject_reason", str(origin), at=copy.where, expected=reason, found=copy.reason)
    record = log.input_record(origin)
    if record is None:
        return
    headers = _headers(origin, record, stage)
    wrong = [name for name, text in headers.items() if copy.headers.get(name) != text]
    if wrong:
        report.differ("reject_header", str(origin), at=copy.where, headers=wrong)
    if not _value_fits(copy, record, stage, deliveries.by_origin[origin].value if stage == "mirror" else b""):
        report.differ("reject_value", str(origin), at=copy.where, form=copy.headers.get("megdt-form"))


def _headers(origin: Origin, record: Record, stage: str) -> dict[str, str]:
    headers = {
        "megdt-stage": stage,
        "megdt-topic": full_name(origin.topic),
        "megdt-partition": str(origin.partition),
        "megdt-offset": str(origin.offset),
    }
    if stage == "mirror":
        return headers  # evidence carries neither the input's key nor its append time: the mirror cannot know them
    key = b64encode(record.key or b"").decode()
    return headers | {"megdt-timestamp": str(record.appended), "megdt-key": key}


def _value_fits(copy: Reject, record: Record, stage: str, evidence: bytes) -> bool:
    form = copy.headers.get("megdt-form")
    if form == "original":
        return copy.value == (record.value or b"")
    if form == "evidence" and stage == "mirror":
        return bool(_json(copy.value) == msgspec.json.decode(evidence))
    return form == "reference" and stage == "mirror" and copy.value == b""


def _json(value: bytes) -> object:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _check_missing(
    log: Log, state: State, rejects: dict[Origin, list[Reject]], expected: Expectation, report: Report
) -> None:
    if any(partition.begin > 0 for partition in log.partitions(REJECTS).values()):
        return  # retention has removed old rejects: absence says nothing
    done = {
        origin: reason
        for origin, reason in expected.intake.items()
        if origin.offset < state.intake.get(origin[:2], IntakeState()).offset
    }
    for origin, reason in sorted((done | expected.mirror).items()):
        if origin not in rejects:
            report.lost += 1
            report.differ("reject_missing", str(origin), reason=reason)
