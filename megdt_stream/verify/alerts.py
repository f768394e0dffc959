"""Alerts: does every decision have its notice, with the right content, and no notice lack a decision?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from megdt_stream.verify.log import Log, State
from megdt_stream.verify.names import ALERTS, EVIDENCE, full_name
from megdt_stream.verify.overdue import Expected, Notice
from megdt_stream.verify.reference import RULE, Reference
from megdt_stream.verify.report import Report
from megdt_stream.verify.reviews import Said
from megdt_stream.verify.times import DAY_MS, read_time

_OPERATIONS: Final = "megdt.operations."
_ENTITIES: Final = "/megdt/entities"
_LINKED: Final = "linked"
_ROUNDED: Final = 0.0006
"""A probability is stated to three digits."""


class _Copy(NamedTuple):
    where: str
    key: bytes | None
    value: bytes

    @property
    def event(self) -> dict[str, Any]:
        """Read the event again: a hundred thousand of them parsed take half a gigabyte."""
        event: dict[str, Any] = msgspec.json.decode(self.value)
        return event


@dataclass(slots=True)
class _Alerts:
    first: dict[str, _Copy]
    published: set[str]


def check_alerts(
    log: Log, state: State, notices: Mapping[str, Notice | Said], reference: Reference, report: Report
) -> None:
    """Compare the alerts on the topic and in the outboxes with the decisions."""
    found = _gather(log, state, reference, report)
    report.alerts = len(notices)
    for name, notice in notices.items():
        if name not in found.first:
            report.missing_alerts += 1
            report.differ("alert_missing", _place(notice), id=name, trainee=notice.trainee, what=notice.what)
        else:
            report.pending_alerts += name not in found.published
            _check_content(found.first[name], notice, reference, report)
    for name in found.first.keys() - notices.keys():
        _check_unexpected(log, state, found.first[name], report)


def _place(notice: Notice | Said) -> str:
    return f"{full_name(EVIDENCE)}/{notice.cause.partition}/{notice.cause.offset}"


def _gather(log: Log, state: State, reference: Reference, report: Report) -> _Alerts:
    alerts = _Alerts({}, set())
    for where, key, value, published in _copies(log, state):
        event = _decode(value)
        if _is_of_others(event):
            report.other_alerts += published
            continue
        if not reference.satisfies(ALERTS, event):
            report.differ("alert_unreadable", where)
            continue
        copy = _Copy(where, key, value or b"")
        first = alerts.first.setdefault(event["id"], copy)
        if (first.key, first.value) != (copy.key, copy.value):
            report.differ("alert_copies_differ", where, id=event["id"], first=first.where)
        if published:
            alerts.published.add(event["id"])
    return alerts


def _copies(log: Log, state: State) -> Iterator[tuple[str, bytes | None, bytes | None, bool]]:
    for number, partition in log.partitions(ALERTS).items():
        for record in partition.records:
            yield f"{full_name(ALERTS)}/{number}/{record.offset}", record.key, record.value, True
    for number, mirror in state.mirror.items():
        for message in mirror.outbox:
            if message.topic == ALERTS:
                yield f"outbox/{number}", message.key, message.value, False


def _decode(value: bytes | None) -> Any:
    try:
        return msgspec.json.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_of_others(event: Any) -> bool:
    """Say whether an alert is about the running of the system, advice, or a group: no decision of the mirror's."""
    if not isinstance(event, dict):
        return False
    kind = event.get("type")
    return event.get("source") == _ENTITIES or (
        isinstance(kind, str) and kind.startswith((_OPERATIONS, "megdt.recommendation."))
    )


def _check_content(copy: _Copy, notice: Notice | Said, reference: Reference, report: Report) -> None:
    event = copy.event
    if isinstance(notice, Said):
        wrong = _wrong_of_review(copy, event, notice)
        if wrong:
            report.differ("alert_differs", copy.where, id=notice.id, fields=wrong)
        return
    data = event["data"]
    wrong = _wrong_fields(event, _event_fields(notice)) + _wrong_fields(data, _data_fields(notice, reference))
    if copy.key != notice.trainee.encode():
        wrong.append("key")
    if _milliseconds(event["time"]) != notice.cause.now:
        wrong.append("time")
    if Expected(data["expected"], data["due"]) not in notice.terms:
        wrong.append("expected, due")
    if data["days_overdue"] != (notice.cause.now - data["due"]) // DAY_MS:
        wrong.append("days_overdue")
    if (data["reason"]["code"] == _LINKED) != notice.linked:
        wrong.append("reason")
    if not _rests_on(notice, {entry["h"] for entry in data["evidence"]}):
        wrong.append("evidence")
    if wrong:
        report.differ("alert_differs", copy.where, id=notice.id, fields=wrong)


def _wrong_of_review(copy: _Copy, event: dict[str, Any], said: Said) -> list[str]:
    data = event["data"]
    interval = None if said.interval is None else [bound / 1000 for bound in said.interval]
    told = {
        "rule": said.terms.name,
        **{name: said.terms[name] for name in ("severity", "owner", "horizon_days", "title")},
        "rule_version": said.terms["version"],
        "precision": said.terms.table.get("precision"),
        "trainee": said.trainee,
        "base": said.base,
        "since": said.since,
        "opened_by": said.opened_by,
        "figures": dict(said.figures),
        "interval": interval,
        "fields": list(said.fields),
        "evidence": [{"h": h} for h in said.records],
        "cause": {"partition": said.cause.partition, "offset": said.cause.offset},
    }
    about = {"type": f"megdt.warning.{said.what}.v1", "subject": said.trainee}
    wrong = _wrong_fields(event, about) + _wrong_fields(data, told)
    if copy.key != said.trainee.encode():
        wrong.append("key")
    if _milliseconds(event["time"]) != said.cause.now:
        wrong.append("time")
    if data["reason"]["code"] != said.code:
        wrong.append("reason")
    if not _as_likely(data.get("probability"), said.chance):
        wrong.append("probability")
    return wrong


def _as_likely(stated: float | None, chance: float | None) -> bool:
    if stated is None or chance is None:
        return stated is chance
    return abs(stated - chance) <= _ROUNDED


def _wrong_fields(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [name for name, value in expected.items() if found.get(name) != value]


def _event_fields(notice: Notice) -> dict[str, Any]:
    return {"type": f"megdt.warning.{notice.what}.v1", "subject": notice.trainee}


def _data_fields(notice: Notice, reference: Reference) -> dict[str, Any]:
    return {
        "rule": RULE,
        "rule_version": reference.rule.version,
        "severity": reference.rule.severity,
        "owner": reference.rule.owner,
        "trainee": notice.trainee,
        "rotation": notice.rotation,
        "base": notice.base,
        "item": notice.key,
        "arrived": notice.arrived,
        "since": notice.since,
        "opened_by": notice.opened_by,
        "cause": {"partition": notice.cause.partition, "offset": notice.cause.offset},
    }


def _milliseconds(text: str) -> int | None:
    try:
        return read_time(text)
    except ValueError:
        return None


def _rests_on(notice: Notice, stated: set[str]) -> bool:
    """Say whether the stated evidence is the rotation's slots, and at most the record that decided."""
    return notice.slots <= stated and stated - notice.slots <= notice.cause.ids


def _check_unexpected(log: Log, state: State, copy: _Copy, report: Report) -> None:
    """Excuse what was decided while the check was reading, at records that the store had not applied."""
    event = copy.event
    cause = event["data"]["cause"]
    partition = log.partitions(EVIDENCE).get(cause["partition"])
    mirror = state.mirror.get(cause["partition"])
    applied = mirror.offset if mirror else 0
    if partition and cause["offset"] >= applied and partition.at(cause["offset"]) is not None:
        return
    report.unexpected_alerts += 1
    report.differ("alert_unexpected", copy.where, id=event["id"], subject=event["subject"])
