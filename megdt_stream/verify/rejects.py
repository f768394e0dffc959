"""Rejects: is every refused input there, whole, with its reason, and nothing else?"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from megdt_stream.verify.envelope import MAX_HEADER_BYTES, Refused, headers_size, is_binary, read_event
from megdt_stream.verify.identifiers import identifiers, is_redaction, names_somebody
from megdt_stream.verify.intake import Deliveries
from megdt_stream.verify.log import IntakeState, Log, MirrorState, Origin, Record, State
from megdt_stream.verify.names import INPUTS, REJECTS, full_name, short_name
from megdt_stream.verify.report import Report
from megdt_stream.verify.strict_json import parse

_PERSONAL: Final = "direct_identifier"
_INPUT: Final = "megdt-input-"
_MAX_VALUE: Final = 4 * 1024 * 1024
_MAX_KEY: Final = 2_000
_MAX_HEADERS: Final = 256
_MAX_SOURCE: Final = 128
_POINTER: Final = re.compile(r"(?:/(?:[^/~]|~[01])*)*")
_KEY: Final = re.compile(r"(megdt\.[a-z]+\.v1)/(\d+)/(\d+)")


class Reject(NamedTuple):
    """A copy of a reject, on the topic or still in an outbox (`where`). `input_headers`: the input's own, in order."""

    where: str
    value: bytes
    headers: dict[str, str]
    input_headers: tuple[tuple[str, bytes], ...]

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
            texts = {n: text.decode("utf-8", "replace") for n, text in headers if not n.startswith(_INPUT)}
            own = tuple((n.removeprefix(_INPUT), text) for n, text in headers if n.startswith(_INPUT))
            found.setdefault(origin, []).append(Reject(where, value or b"", texts, own))
    return found


def _copies(log: Log, state: State) -> Iterator[tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]]:
    for number, partition in log.partitions(REJECTS).items():
        for record in partition.records:
            yield f"{full_name(REJECTS)}/{number}/{record.offset}", record.key, record.value, tuple(record.stated)
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
    evidence = deliveries.by_origin[origin].value if stage == "mirror" else None
    must = _headers(origin, record, reason, evidence)
    if evidence is not None and copy.headers.get("megdt-form") == "reference":
        del must["megdt-timestamp"]  # of the version that took this one's place, whichever that was
    wrong = _wrong_headers(copy, must)
    if copy.headers.get("megdt-source") not in _sources(record, evidence):
        wrong.append("megdt-source")
    if copy.input_headers != _input_headers(record, reason, stage):
        wrong.append(_INPUT)
    if wrong:
        report.differ("reject_header", str(origin), at=copy.where, headers=wrong)
    if not _value_fits(copy, record, reason, evidence):
        report.differ("reject_value", str(origin), at=copy.where, form=copy.headers.get("megdt-form"))
    if reason == _PERSONAL and _leaks(copy, record):
        report.differ("reject_leak", str(origin), at=copy.where)


def _headers(origin: Origin, record: Record, reason: str, evidence: bytes | None) -> dict[str, str]:
    """Give the headers that must be; of the mirror's, what the evidence says: it knows no more."""
    place = {
        "megdt-stage": "intake" if evidence is None else "mirror",
        "megdt-topic": full_name(origin.topic),
        "megdt-partition": str(origin.partition),
        "megdt-offset": str(origin.offset),
    }
    if evidence is not None:
        return place | {"megdt-timestamp": str(msgspec.json.decode(evidence)["available"]), "megdt-key": ""}
    key = b"" if reason == _PERSONAL else (record.key or b"")[:_MAX_KEY]
    place |= {"megdt-timestamp": str(record.appended), "megdt-key": b64encode(key).decode()}
    if reason == _PERSONAL or _is_huge(record):
        place["megdt-sha256"] = sha256(record.value or b"").hexdigest()
    return place


def _is_huge(record: Record) -> bool:
    return len(record.value or b"") > _MAX_VALUE


def _sources(record: Record, evidence: bytes | None) -> set[str]:
    """Give what may be stated as the source; of an event that cannot be read, a header may still tell it."""
    if evidence is not None:
        return {_public(msgspec.json.decode(evidence)["source"])}
    try:
        return {_public(read_event(record).get("source"))}
    except Refused:
        return {""} | {
            _public(value.decode("utf-8", "replace")) for name, value in record.stated if name == "ce_source"
        }


def _public(source: Any) -> str:
    return source[:_MAX_SOURCE] if isinstance(source, str) and not names_somebody({"source": source}) else ""


def _wrong_headers(copy: Reject, expected: dict[str, str]) -> list[str]:
    wrong = [name for name, text in expected.items() if copy.headers.get(name) != text]
    if "megdt-detail" not in copy.headers:
        wrong.append("megdt-detail")
    if _POINTER.fullmatch(copy.headers.get("megdt-path", "absent")) is None:
        wrong.append("megdt-path")
    return wrong


def _input_headers(record: Record, reason: str, stage: str) -> tuple[tuple[str, bytes], ...]:
    if stage == "mirror" or reason == _PERSONAL:
        return ()
    if headers_size(record) > MAX_HEADER_BYTES or len(record.headers) > _MAX_HEADERS:
        return ()
    return tuple((name, value or b"") for name, value in record.headers)


def _value_fits(copy: Reject, record: Record, reason: str, evidence: bytes | None) -> bool:
    form = copy.headers.get("megdt-form")
    if evidence is not None:
        if form == "evidence":
            return bool(_json(copy.value) == msgspec.json.decode(evidence))
        return form == "reference" and copy.value == b""
    if reason == _PERSONAL:
        return form == "redacted" and _is_redacted(copy.value, record)
    if _is_huge(record):
        return form == "reference" and copy.value == b""
    return form == "original" and copy.value == (record.value or b"")


def _is_redacted(value: bytes, record: Record) -> bool:
    """Say whether a value is the input's JSON without its direct identifiers.

    In binary mode, where the identifier may be in a header: either that of the value or the event as a whole.
    """
    event = read_event(record)
    if not is_binary(record):
        return is_redaction(parse(record.value or b""), _json(value))
    if is_redaction(event, _json(value)):
        return True
    return is_redaction(event["data"], _json(value), frozenset()) if "data" in event else value == b""


def _leaks(copy: Reject, record: Record) -> bool:
    """Say whether a header still has what the value must not have."""
    return any(text in header for text in identifiers(read_event(record)) for header in copy.headers.values())


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
