"""The chain from evidence to a warning or a recommendation, read back from the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.governance.advice.recommendation import MADE
from megdt_stream.runtime.advice_log import AdviceLog
from megdt_stream.runtime.log_reader import open_log
from megdt_stream.twin.view import rfc3339

_SHOWN: Final = ("k", "source", "id", "rev", "h", "happened", "available", "instrument", "assessor", "rotation")


async def chain(
    brokers: list[str], options: dict[str, Any], event: Mapping[str, Any], log: AdviceLog
) -> dict[str, Any]:
    """Give the chain of an event: `evidence` in the order of the log, `read_as`, `models`, `chosen`, `decisions`.

    Evidence of a recommendation are the trainee's records that score its competency, before the offset it names; of
    persons with several pseudonyms those under this one. Raises Unavailable.
    """
    data = event["data"]
    trainee, recommended = event["subject"], event["type"] == MADE
    until = data["cause"]["offset"] if recommended else data["cause"]["offset"] + 1
    named = {one["h"] for one in data.get("evidence", [])}
    found: dict[str, dict[str, Any]] = {}
    async with open_log(brokers, options) as reader:
        bounds = await reader.bounds(topics.EVIDENCE.name)
        partition = partition_of(trainee, len(bounds))
        async for records in reader.read(topics.EVIDENCE.name, partition, bounds[partition][0], until):
            for record in records:
                if record.key == trainee.encode():
                    _take(found, record, data.get("competency") if recommended else None, named)
    story = {
        "id": event["id"],
        "type": event["type"],
        "trainee": trainee,
        "time": event["time"],
        "reason": data["reason"],
        "log": {"topic": topics.EVIDENCE.name, "partition": partition, "before_offset": until},
        "evidence": sorted(found.values(), key=lambda one: one["offset"]),
    }
    return story | (_of_recommendation(event, log) if recommended else _of_warning(data)) | _decisions(event, log)


def _take(found: dict[str, dict[str, Any]], record: Any, competency: str | None, named: set[str]) -> None:
    """Keep the latest version of a record that the event rests on."""
    fact = orjson.loads(record.value)
    h = fact.get("h")
    scores = [mark for mark in fact.get("marks") or () if mark[0] == competency]
    earlier = found.get(h)
    if h is None or not (scores or h in named or earlier):
        return
    if earlier is not None and earlier["rev"] >= fact["rev"]:
        return
    if fact["k"] == "retraction" or not (scores or h in named):
        found.pop(h, None)
        return
    found[h] = {name: fact[name] for name in _SHOWN if fact.get(name) is not None} | {"offset": record.offset}
    if scores:
        found[h]["scores"] = [{"raw": raw, "level": level / 1000, "weight": weight} for _, raw, level, weight in scores]


def _of_recommendation(event: Mapping[str, Any], log: AdviceLog) -> dict[str, Any]:
    data = event["data"]
    others = [one["data"] for one in log.advice.values() if one["data"].get("round") == data["round"]]
    return {
        "warnings": [
            {"id": id_, "reason": log.warnings[id_]["data"]["reason"]}
            for id_ in data["warnings"]
            if id_ in log.warnings
        ],
        "read_as": {"competency": data["competency"], "level": data["level"], "outcome_sd": data["outcome_sd"]},
        "models": {
            "severity": data.get("severity") or "none in force: carried as uncertainty (docs/twin.md)",
            "effects": data["effect"],
            "policy": data["policy"],
        },
        "chosen": {
            "intervention": data["intervention"],
            "benefit": data["benefit"],
            "alternatives": data["alternatives"],
            "loss_without": data["loss_without"],
            "propensities": data["propensities"],
            "booked_from": data.get("capacity"),
            "made": "when asked" if data.get("turn") is None else f"by itself, at the turn of {rfc3339(data['turn'])}",
            "round": data["round"],
            "considered_in_round": sum("considered" in one for one in others),
            "recommended_in_round": sum("intervention" in one for one in others),
        },
    }


def _of_warning(data: Mapping[str, Any]) -> dict[str, Any]:
    # Rules state different fields: what a warning says beside these is what it was decided by.
    apart = {"evidence", "cause", "reason", "next_step", "trainee", "rule", "rule_version"}
    return {
        "read_as": {name: value for name, value in data.items() if name not in apart},
        "models": {"rule": data["rule"], "rule_version": data["rule_version"]},
    }


def _decisions(event: Mapping[str, Any], log: AdviceLog) -> dict[str, Any]:
    made = sorted((one for one in log.decisions if one.on == event["id"]), key=lambda one: (one.at, one.offset))
    return {"decisions": [one._asdict() for one in made]}
