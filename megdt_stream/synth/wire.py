"""Writing drafts as the bytes of CloudEvents (docs/records.md, section 1), faults included."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from megdt_stream.synth.catalogue import E_PORTFOLIO, SKILLS_CENTRE
from megdt_stream.synth.chance import DAY, HOUR
from megdt_stream.synth.draft import Draft

Event = dict[str, Any]

_EPOCH: Final = date(1970, 1, 1)
_BEIJING_OFFSET: Final = 8 * HOUR
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_UTC_SOURCES: Final = frozenset({E_PORTFOLIO, SKILLS_CENTRE})


@cache
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


def rfc3339(ms: int, *, beijing: bool) -> str:
    """Write a time with its zone, +08:00 or Z; milliseconds only where there are any."""
    # By hand: three or more times stand in every event, and datetime takes half of the whole writing.
    day, clock = divmod(ms + _BEIJING_OFFSET if beijing else ms, DAY)
    seconds, millis = divmod(clock, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    fraction = f".{millis:03d}" if millis else ""
    return f"{_date(day)}T{hour:02d}:{minute:02d}:{second:02d}{fraction}{'+08:00' if beijing else 'Z'}"


def event(draft: Draft) -> Event:
    """Give the event of a draft, faults left out."""
    beijing = draft.source not in _UTC_SOURCES
    fields: Event = {
        "specversion": "1.0",
        "source": draft.source,
        "id": draft.id,
        "type": f"megdt.{draft.kind}.v1",
        "subject": draft.trainee,
        "time": rfc3339(draft.time, beijing=beijing),
        "recorded": rfc3339(draft.recorded, beijing=beijing),
        "available": rfc3339(draft.available, beijing=False),
        "datacontenttype": "application/json",
        "data": _timed(draft.data, beijing) if "starts" in draft.data else dict(draft.data),
    }
    if draft.revision:
        fields["revision"] = draft.revision
    return fields


def _timed(data: Mapping[str, Any], beijing: bool) -> Event:
    """Write the times inside a rotation's data."""
    expects = [{**expected, "due": rfc3339(expected["due"], beijing=beijing)} for expected in data["expects"]]
    starts, ends = (rfc3339(data[name], beijing=beijing) for name in ("starts", "ends"))
    return {**data, "starts": starts, "ends": ends, "expects": expects}


def write(draft: Draft) -> bytes:
    """Give the bytes of a draft, with its fault put in."""
    fields = event(draft)
    return FAULTS[draft.fault].spoil(fields) if draft.fault else _encode(fields)


def _encode(fields: Any) -> bytes:
    return _ENCODER.encode(fields).encode()


class Fault:
    """A way a publisher gets an event wrong: the reason it earns and how the bytes come about."""

    def __init__(self, reason: str, spoil: Callable[[Event], bytes], *, marked_forms_only: bool = False) -> None:
        self.reason = reason
        self.spoil = spoil
        self.marked_forms_only = marked_forms_only
        """Whether the fault needs an assessment with at least one value."""


def _with(**changes: Any) -> Callable[[Event], bytes]:
    return lambda fields: _encode({**fields, **changes})


def _without(name: str) -> Callable[[Event], bytes]:
    return lambda fields: _encode({key: value for key, value in fields.items() if key != name})


def _with_value(value: Any) -> Callable[[Event], bytes]:
    def spoil(fields: Event) -> bytes:
        marks = [dict(mark) for mark in fields["data"]["scores"]]
        next(mark for mark in marks if "value" in mark)["value"] = value
        return _encode({**fields, "data": {**fields["data"], "scores": marks}})

    return spoil


def _with_scale(scale: str) -> Callable[[Event], bytes]:
    return lambda fields: _encode({**fields, "data": {**fields["data"], "scale": scale}})


def _as_list(fields: Event) -> bytes:
    return _encode([fields])


def _truncated(fields: Event) -> bytes:
    text = _encode(fields)
    return text[: len(text) // 2]


def _in_gbk(fields: Event) -> bytes:
    """Write Chinese the way an old export does; the remark makes sure that no decoder takes it for UTF-8."""
    text = json.dumps({**fields, "remark": "心内科：腰椎穿刺术"}, ensure_ascii=False)
    return text.encode("gbk")


def _of_another_topic(fields: Event) -> bytes:
    other = "exposure" if ".outcome." in fields["type"] else "outcome"
    return _encode({**fields, "type": f"megdt.{other}.recorded.v1"})


def _of_the_next_version(fields: Event) -> bytes:
    return _encode({**fields, "type": fields["type"].removesuffix("1") + "2"})


def _naive(fields: Event) -> bytes:
    return _encode({**fields, "time": fields["time"].removesuffix("Z").removesuffix("+08:00")})


FAULTS: Final = MappingProxyType(
    {
        "truncated": Fault("undecodable", _truncated),
        "gbk": Fault("undecodable", _in_gbk),
        "not-a-number": Fault("undecodable", _with_value(float("nan")), marked_forms_only=True),
        "list": Fault("not_an_object", _as_list),
        "next-version": Fault("unknown_type", _of_the_next_version),
        "wrong-topic": Fault("wrong_topic", _of_another_topic),
        "no-subject": Fault("invalid", _without("subject")),
        "no-data": Fault("invalid", _without("data")),
        "personal-name": Fault("invalid", _with(subject="某学员")),
        "revision-as-text": Fault("invalid", _with(revision="1")),
        "value-as-text": Fault("invalid", _with_value("7"), marked_forms_only=True),
        "naive-time": Fault("naive_timestamp", _naive),
        "unknown-scale": Fault("unknown_scale", _with_scale("mini-cex@99"), marked_forms_only=True),
        "out-of-scale": Fault("out_of_scale", _with_value(101), marked_forms_only=True),
        "from-the-future": Fault("future_event", _with(time="2150-01-01T08:00:00+08:00")),
    }
)
"""Faults by name, each with the reason code of docs/records.md."""
