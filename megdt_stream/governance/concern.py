"""Notices of rules that review a twin (docs/records.md, section 4): what a warning says, in words and in fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from megdt_stream.evidence.record import digest
from megdt_stream.governance.notice import MIRROR, NOTHING_TO_DO, Cause, Notice, envelope
from megdt_stream.governance.reviewing import Reviewed
from megdt_stream.governance.reviews import Finding, Review
from megdt_stream.twin.state import Slot, Twin

_encode: Final = msgspec.json.Encoder().encode

_ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "clear": ("what it was raised for is no longer so", "触发预警的情况已不存在"),
    "linked": ("it is watched under the person this pseudonym belongs to", "已并入该学员的主档案继续跟踪"),
    "unanswered": ("nobody has answered it in time", "在规定时间内无人处理"),
    "resolved": ("it was resolved", "已处理完毕"),
    "closed": ("it was closed", "已关闭"),
    "overridden": ("it was overridden, with a reason", "已被否决（附理由）"),
    "flagged-incorrect": ("it was flagged as incorrect", "被标记为误报"),
}
_STILL_TO_DO: Final = frozenset({"raised", "escalated"})


def said(
    review: Review, trainee: str, twin: Twin, reviewed: Reviewed, stood: Slot | None, now: int, cause: Cause
) -> Notice:
    """Write the notice of a transition at domain time `now` (ms); `stood` is the field before it."""
    transition = reviewed.transition or ""
    terms, found = review.terms, reviewed.finding
    id_ = notice_id(review, trainee, transition, cause)
    since, opened_by = (now, id_) if stood is None else (stood[0], stood[1])
    data: dict[str, Any] = {
        "rule": review.name,
        "rule_version": terms.version,
        "severity": terms.severity,
        "owner": terms.owner,
        "trainee": trainee,
        "base": enrolled_base(twin),
        "horizon_days": terms.horizon_days,
        "title": terms.title,
        "since": since,
        "opened_by": opened_by,
        "reason": _reason(review, reviewed),
        "figures": dict(found.figures),
        "probability": found.probability,
        "interval": _interval(found),
        "fields": list(found.fields),
        "evidence": [{"h": h} for h in found.records],
        "precision": terms.precision,
        "model": None,
        "cause": {"partition": cause.partition, "offset": cause.offset},
        "next_step": terms.next_step if transition in _STILL_TO_DO else NOTHING_TO_DO,
    }
    return Notice(id_, _encode(envelope(id_, MIRROR, transition, trainee, now, data)))


def notice_id(review: Review, trainee: str, transition: str, cause: Cause) -> str:
    """Name a notice by its cause, as those of expectations are, with neither rotation nor key."""
    parts = (review.name, str(review.terms.version), trainee, "", "", transition)
    return digest("\0".join((*parts, str(cause.partition), str(cause.offset))).encode())


def enrolled_base(twin: Twin) -> str | None:
    """Give the base of the latest enrolment."""
    slots = twin.slots.get("e")
    if not slots:
        return None
    _, latest = max(slots.items(), key=lambda item: (item[1][0], item[1][1], item[0]))
    base: str | None = latest[3]
    return base


def _reason(review: Review, reviewed: Reviewed) -> dict[str, str]:
    if reviewed.transition == "raised":
        text: dict[str, str] = review.terms.reason(reviewed.code, reviewed.finding.figures)
        return text
    en, zh = _ENDINGS[reviewed.code]
    title = review.terms.title
    return {"code": reviewed.code, "en": f"{title['en']}: {en}", "zh": f"{title['zh']}：{zh}"}


def _interval(found: Finding) -> list[float] | None:
    return None if found.interval is None else [bound / 1000 for bound in found.interval]
