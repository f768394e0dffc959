"""Warnings about groups over time: the same hysteresis, dwell and one-at-a-time as for trainees, and their notices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.record import digest
from megdt_stream.governance.groups.contract import CLEAR, WARNS, Group, Terms
from megdt_stream.governance.notice import NOTHING_TO_DO, envelope

SOURCE: Final = "/megdt/entities"
"""The source of notices about groups."""


class Open(NamedTuple):
    """An open warning: since when (ms), and the id of the notice that raised it."""

    since: int
    id: str


@dataclass(slots=True)
class Standing:
    """What is open, by (rule, kind, id)."""

    open: dict[tuple[str, str, str], Open] = field(default_factory=dict)

    def about(self, rule: str) -> frozenset[str]:
        """Name those about whom a rule's warning is open."""
        return frozenset(id_ for name, _, id_ in self.open if name == rule)

    def look(self, rule: str, terms: Terms, found: Iterable[Group], now: int) -> list[dict[str, Any]]:
        """Take what a rule finds at a moment (ms); give the notices (CloudEvents) of what changed."""
        said = []
        for one in found:
            key = rule, one.kind, one.id
            stands = self.open.get(key)
            if stands is None and one.grade == WARNS:
                event = notice(rule, terms, one, "raised", now, None)
                self.open[key] = Open(now, event["id"])
                said.append(event)
            elif stands is not None and one.grade == CLEAR and now >= stands.since + terms.dwell_ms:
                said.append(notice(rule, terms, one, "cleared", now, stands))
                del self.open[key]
        return said


def notice(rule: str, terms: Terms, found: Group, transition: str, now: int, stands: Open | None) -> dict[str, Any]:
    """Write a notice (docs/records.md, section 4); equal findings at equal moments give equal ones."""
    parts = (rule, str(terms.version), found.kind, found.id, transition, str(now))
    id_ = digest("\0".join(parts).encode())
    trainee = found.id if found.kind == "trainee" else None
    data: dict[str, Any] = {
        "rule": rule,
        "rule_version": terms.version,
        "severity": terms.severity,
        "owner": terms.owner,
        "trainee": trainee,
        "entity": None if trainee else {"kind": found.kind, "id": found.id},
        "base": found.id if found.kind == "base" else found.base,
        "horizon_days": terms.horizon_days,
        "title": terms.title,
        "since": now if stands is None else stands.since,
        "opened_by": id_ if stands is None else stands.id,
        "reason": _reason(terms, found, transition),
        "figures": dict(found.figures),
        "probability": found.probability,
        "interval": None if found.interval is None else list(found.interval),
        "names": list(found.names),
        "evidence": [],
        "precision": terms.precision,
        "model": None if found.model is None else dict(found.model),
        "cause": None,
        "next_step": terms.next_step if transition == "raised" else NOTHING_TO_DO,
    }
    return envelope(id_, SOURCE, transition, found.id, now, data)


def _reason(terms: Terms, found: Group, transition: str) -> dict[str, str]:
    if transition == "raised":
        return terms.reason(found.code, found.figures)
    title = terms.title
    return {
        "code": "clear",
        "en": f"{title['en']}: what it was raised for is no longer so",
        "zh": f"{title['zh']}：触发预警的情况已不存在",
    }
