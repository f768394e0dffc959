"""Rejections that only the mirror can find: the evidence goes to the rejects topic."""

from __future__ import annotations

from typing import Final

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import Fact
from megdt_stream.mirror.state import Record
from megdt_stream.mirror.work import Work


def rejected(work: Work, entry: Record, fact: Fact, reason: Reason) -> None:
    """Reject evidence."""
    work.changes.count(fact.origin[0], "rejected")
    work.message(entry.offset, topics.REJECTS.name, *_reject(entry, fact, reason, fact.origin))


def displaced(work: Work, entry: Record, fact: Fact, loser: record.Origin) -> None:
    """Reject the version that lost its place; the newcomer is accepted instead."""
    work.changes.count(loser[0], "displaced")
    work.message(entry.offset, topics.REJECTS.name, *_reject(None, fact, Reason.ID_CONFLICT, loser))


def without_origin(work: Work, entry: Record, reason: Reason) -> None:
    """Reject a record that no input can be held to account for: it is in no input's count."""
    place = topics.EVIDENCE.short, work.partition.number, entry.offset
    work.message(entry.offset, topics.REJECTS.name, *_reject(entry, None, reason, place))


def _reject(
    entry: Record | None, fact: Fact | None, reason: Reason, origin: record.Origin
) -> tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]:
    """Word a rejection found by the mirror: the evidence itself, or a reference where another version displaced it."""
    topic, partition, offset = topics.BY_SHORT[origin[0]].name, origin[1], origin[2]
    headers = {
        "megdt-reason": reason.value,
        "megdt-detail": _DETAIL.get(reason, ""),
        "megdt-path": "",
        "megdt-stage": "mirror",
        "megdt-topic": topic,
        "megdt-partition": str(partition),
        "megdt-offset": str(offset),
        "megdt-timestamp": str(fact.available if fact else 0),
        "megdt-key": "",
        "megdt-form": "evidence" if entry else "reference",
        "megdt-source": fact.source if fact else "",
    }
    key = f"{topic}/{partition}/{offset}".encode()
    return key, entry.value if entry else b"", tuple((name, text.encode()) for name, text in headers.items())


_DETAIL: Final = {
    Reason.ID_CONFLICT: "the same (source, id, revision) stands with other content",
    Reason.TOO_MANY_REVISIONS: "the record has 64 versions already",
    Reason.INTERNAL_ERROR: "the fold failed on this record",
    Reason.UNDECODABLE: "not canonical evidence",
}
