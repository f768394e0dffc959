"""Reading what was advised and decided: recommendations and warnings on the alerts topic, decisions in the evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from megdt_stream.evidence import topics
from megdt_stream.governance.advice.ledger import Decided, Ledger, fold
from megdt_stream.governance.advice.recommendation import MADE, WITHHELD
from megdt_stream.governance.audit import Chains, Claim, Place
from megdt_stream.governance.effects.journal import Considered
from megdt_stream.runtime.log_reader import open_log

_ADVICE: Final = "megdt.recommendation."
_WARNING: Final = "megdt.warning."
_DECISIONS: Final = (b'"decision"', b'"retraction"')
"""Either of these stands in a record of the audit; most evidence is passed over without being parsed."""

Progress = Callable[[int, int], None]


@dataclass
class AdviceLog:
    """What the log says: events of the advisor by id, warnings by id, decisions, and the chains over them.

    `unequal` are ids that came with two different contents.
    """

    advice: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: dict[str, dict[str, Any]] = field(default_factory=dict)
    decisions: list[Decided] = field(default_factory=list)
    chains: Chains = field(default_factory=Chains)
    unequal: list[str] = field(default_factory=list)

    def ledger(self) -> Ledger:
        """Give what became of each recommendation."""
        return fold(self.advice.values(), self.decisions)

    def considered(self) -> list[Considered]:
        """Give every trainee of every round, with what was offered and whether it was carried out."""
        entries = self.ledger().entries
        found = []
        for event in self.advice.values():
            if event["type"] not in (MADE, WITHHELD):
                continue
            data = event["data"]
            entry = entries.get(event["id"])
            taken = entry is not None and any(one.action == "implemented" for one in entry.decisions)
            at = data["considered"]
            found.append(Considered(data, at, data.get("intervention"), taken, data.get("weeks", 0)))
        return found


async def read(
    brokers: list[str], options: dict[str, Any], *, claims: tuple[Claim, ...] = (), progress: Progress | None = None
) -> AdviceLog:
    """Read both topics to their present ends. Raises Unavailable, TopicMissing."""
    found = AdviceLog(chains=Chains(claims))
    versions: dict[str, tuple[int, Decided | None]] = {}
    async with open_log(brokers, options) as reader:
        async for records in reader.read_all(topics.ALERTS.name, progress):
            for record in records:
                _alert(found, record)
        async for records in reader.read_all(topics.EVIDENCE.name, progress):
            for record in records:
                _evidence(found, versions, record)
    found.decisions = [decided for _, decided in versions.values() if decided is not None]
    return found


def _alert(found: AdviceLog, record: Any) -> None:
    value = record.value or b""
    try:
        event = orjson.loads(value)
        kind, id_ = event["type"], event["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return
    if kind.startswith(_ADVICE):
        found.chains.add(Place(topics.ALERTS.name, record.partition), record.offset, record.key or b"", value)
        first = found.advice.setdefault(id_, event)
        if first != event:
            found.unequal.append(id_)
    elif kind.startswith(_WARNING):
        found.warnings.setdefault(id_, event)


def _evidence(found: AdviceLog, versions: dict[str, tuple[int, Decided | None]], record: Any) -> None:
    value = record.value or b""
    if not any(mark in value for mark in _DECISIONS):
        return
    fact = orjson.loads(value)
    if fact.get("k") not in ("decision", "retraction"):
        return
    found.chains.add(Place(topics.EVIDENCE.name, record.partition), record.offset, record.key or b"", value)
    known = versions.get(fact["h"])
    if known is not None and known[0] >= fact["rev"]:
        return
    decided = None
    if fact["k"] == "decision":
        decided = Decided(
            fact["on"],
            fact["action"],
            fact["by"],
            fact.get("reason"),
            fact["happened"],
            fact["h"],
            record.partition,
            record.offset,
            fact["recorded"] if fact["recorded"] != fact["happened"] else None,
        )
    versions[fact["h"]] = (fact["rev"], decided)
