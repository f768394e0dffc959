"""What the alert topic is told when too much is rejected (docs/records.md, section 4)."""

from __future__ import annotations

from typing import Final

import orjson

from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import digest
from megdt_stream.evidence.topics import Topic
from megdt_stream.runtime.log_producer import Entry
from megdt_stream.runtime.reject_guard import Trip
from megdt_stream.twin.view import rfc3339

TYPE: Final = "megdt.operations.reject-limit.v1"

_NEXT_STEP: Final = {
    "en": "Look at `megdt rejects list --summary` and at one of them with `megdt rejects show`; correct the publisher, "
    "or take back the last change of seeds or of the worker; start the worker again; then `megdt rejects replay`.",
    "zh": "用 `megdt rejects list --summary` 查看概况，用 `megdt rejects show` 查看单条；修正发布方，"
    "或撤回最近对 seeds 或 worker 的改动；重新启动 worker；然后执行 `megdt rejects replay`。",
}


def reject_limit(trip: Trip, limit: float, topic: Topic, partition: int, end: int, appended: int, of: int) -> Entry:
    """Write the alert that the batch before offset `end` tripped the guard.

    `limit` is the share that was set, `appended` the append time (ms) of the batch's last record, `of` the number of
    partitions of the alert topic. Everything comes from the batch and what the guard counted, nothing from a clock.
    """
    event = {
        "specversion": "1.0",
        "id": digest("\0".join(("reject-limit", topic.name, str(partition), str(end))).encode()),
        "source": "/megdt/intake",
        "type": TYPE,
        "subject": topic.short,
        "time": rfc3339(appended),
        "datacontenttype": "application/json",
        "data": {
            "owner": "operations",
            "severity": "high",
            "reason": _reason(trip),
            "ratio": round(trip.ratio, 4),
            "limit": limit,
            "window": {"read": trip.read, "rejected": trip.rejected},
            "reasons": trip.reasons,
            "sources": [{"source": source, "rejected": n} for source, n in trip.sources],
            "evidence": trip.latest,
            "cause": {"topic": topic.name, "partition": partition, "offset": end},
            "next_step": _NEXT_STEP,
        },
    }
    number = partition_of(topic.short, of)
    return Entry(topics.ALERTS.name, number, topic.short.encode(), orjson.dumps(event), (), appended)


def _reason(trip: Trip) -> dict[str, str]:
    commonest = max(trip.reasons, key=lambda reason: trip.reasons[reason])
    said = f"{trip.rejected} of the last {trip.read} events were rejected, most as {commonest}; the worker stops"
    return {
        "code": "reject-limit",
        "en": said,
        "zh": f"最近 {trip.read} 条事件中有 {trip.rejected} 条被拒收，最多的原因是 {commonest}；worker 停止工作",
    }
