"""Notices on the alert topic: what a warning says, in words and in fields (docs/records.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from megdt_stream.evidence.record import digest
from megdt_stream.evidence.times import rfc3339
from megdt_stream.governance import overdue
from megdt_stream.governance.overdue import DAY_MS, Finding, OverdueRule

_encode: Final = msgspec.json.Encoder().encode


class Cause(NamedTuple):
    """The evidence record or tick that made a rule speak."""

    partition: int
    offset: int


class Notice(NamedTuple):
    """A notice ready for the topic."""

    id: str
    value: bytes


_RECOVERY: Final = {
    "arrived": ("the expected assessment has arrived", "应完成的考核已补交"),
    "no-longer-expected": ("it is no longer expected", "该考核已不再需要"),
    "linked": ("it is watched under the person this pseudonym belongs to", "已并入该学员的主档案继续跟踪"),
    "due-date-moved": ("its due date was moved", "截止日期已调整"),
}


MIRROR: Final = "/megdt/mirror"
"""The source of notices that the mirror writes."""

NOTHING_TO_DO: Final[Mapping[str, str]] = {"en": "Nothing: the warning is closed.", "zh": "无需处理：预警已解除。"}
"""The next step of a notice that ends a warning."""


def envelope(id_: str, source: str, transition: str, subject: str, now: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap what a warning says as a CloudEvent; `now` is the domain time of the decision (ms)."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": f"megdt.warning.{transition}.v1",
        "subject": subject,
        "time": rfc3339(now, "milliseconds"),
        "datacontenttype": "application/json",
        "data": data,
    }


def warning(
    rule: OverdueRule, trainee: str, finding: Finding, now: int, cause: Cause, evidence: list[dict[str, str]]
) -> Notice:
    """Write the notice of a transition at domain time `now` (ms)."""
    transition = finding.transition or ""
    id_ = notice_id(rule, trainee, finding, cause)
    opened_at, opened_by, due, count = finding.opened or (now, id_, *_due_and_count(finding))
    if finding.transition == "opened":
        due, count = _due_and_count(finding)
    data = {
        "rule": overdue.NAME,
        "rule_version": rule.version,
        "severity": rule.severity,
        "owner": rule.owner,
        "trainee": trainee,
        "rotation": finding.rotation,
        "base": finding.state.base if finding.state else None,
        "item": finding.key,
        "due": due,
        "expected": count,
        "arrived": finding.arrived,
        "days_overdue": max(0, (now - due) // DAY_MS),
        "since": opened_at,
        "opened_by": opened_by,
        "reason": _reason(finding, count, due, now),
        "evidence": evidence,
        "cause": {"partition": cause.partition, "offset": cause.offset},
        "next_step": rule.next_step if finding.transition == "opened" else NOTHING_TO_DO,
    }
    return Notice(id_, _encode(envelope(id_, MIRROR, transition, trainee, now, data)))


def notice_id(rule: OverdueRule, trainee: str, finding: Finding, cause: Cause) -> str:
    """Name a notice by its cause: the same log gives the same id, two causes never share one."""
    parts = (
        overdue.NAME,
        str(rule.version),
        trainee,
        finding.rotation,
        finding.key,
        finding.transition or "",
        str(cause.partition),
        str(cause.offset),
    )
    return digest("\0".join(parts).encode())


def _due_and_count(finding: Finding) -> tuple[int, int]:
    expected = finding.expected
    return (expected[2], expected[1]) if expected else (0, 0)


def _reason(finding: Finding, count: int, due: int, now: int) -> dict[str, Any]:
    if finding.transition == "opened":
        days = (now - due) // DAY_MS
        day = rfc3339(due)[:10]
        return {
            "code": "overdue",
            "en": f"{finding.key}: {finding.arrived} of {count} arrived, due {day}, {days} days overdue",
            "zh": f"{finding.key}：应完成 {count} 次，已收到 {finding.arrived} 次，截止 {day}，已逾期 {days} 天",
        }
    en, zh = _RECOVERY[finding.why]
    return {"code": finding.why, "en": f"{finding.key}: {en}", "zh": f"{finding.key}：{zh}"}
