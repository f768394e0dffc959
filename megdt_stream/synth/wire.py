"""Writing drafts as the bytes of CloudEvents (docs/records.md, section 1), faults included."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final

from megdt_stream.synth.catalogue import E_PORTFOLIO, SKILLS_CENTRE
from megdt_stream.synth.chance import DAY, HOUR
from megdt_stream.synth.draft import TOPIC_OF, Draft

Event = dict[str, Any]
Headers = tuple[tuple[str, bytes], ...]

_EPOCH: Final = date(1970, 1, 1)
_BEIJING_OFFSET: Final = 8 * HOUR
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_TIMES_IN_DATA: Final = frozenset({"starts", "ends", "observed", "until"})
_BINARY_SOURCE: Final = E_PORTFOLIO
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
        "subject": draft.subject,
        "time": rfc3339(draft.time, beijing=beijing),
        "recorded": rfc3339(draft.recorded, beijing=beijing),
        "available": rfc3339(draft.available, beijing=False),
        "datacontenttype": "application/json",
        "data": _timed(draft.data, beijing),
    }
    if draft.revision:
        fields["revision"] = draft.revision
    if draft.source == SKILLS_CENTRE:
        fields["site"] = "east-campus"
    return fields


def _timed(data: Mapping[str, Any], beijing: bool) -> Event:
    """Write the times inside an event's data."""
    written = {
        name: rfc3339(value, beijing=beijing) if name in _TIMES_IN_DATA else value for name, value in data.items()
    }
    if "expects" in data:
        written["expects"] = [
            {**expected, "due": rfc3339(expected["due"], beijing=beijing)} for expected in data["expects"]
        ]
    return written


def digest(draft: Draft) -> str:
    """Name the body, as the page's section 2 does (`d`)."""
    fields = event(draft)
    body = [fields["type"], draft.subject, draft.time, draft.revision, fields["data"]]
    return _digest(json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def record_digest(source: str, record: str) -> str:
    """Name the record, as the page's section 2 does (`h`)."""
    return _digest(f"{source}\0{record}".encode())


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=8).hexdigest()


def write(draft: Draft) -> bytes:
    """Give the bytes of a draft, with its fault put in."""
    fields = event(draft)
    return FAULTS[draft.fault].spoil(fields) if draft.fault else _encode(fields)


def in_binary_mode(draft: Draft, share: float) -> bool:
    """Tell whether this record is one of those that one source sends in binary mode; a record's copies are alike."""
    return draft.source == _BINARY_SOURCE and not draft.fault and zlib.crc32(draft.id.encode()) % 1000 < share * 1000


def write_binary(draft: Draft) -> tuple[bytes, Headers]:
    """Give a draft without fault in binary mode: its data as the value, its attributes as headers."""
    fields = event(draft)
    data, content_type = fields.pop("data"), fields.pop("datacontenttype")
    trace = blake2b(f"{draft.source}\0{draft.id}\0{draft.revision}".encode(), digest_size=24).hexdigest()
    headers = [(f"ce_{name}", str(value).encode()) for name, value in fields.items()]
    headers.append(("content-type", content_type.encode()))
    headers.append(("traceparent", f"00-{trace[:32]}-{trace[32:]}-01".encode()))
    return _encode(data), tuple(headers)


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


def _of_an_unknown_framework(fields: Event) -> bytes:
    first, *others = fields["data"]["scores"]
    marks = [{**first, "competency": "临床思维-旧版"}, *others]
    return _encode({**fields, "data": {**fields["data"], "scores": marks}})


def _under_a_phone_number(fields: Event) -> bytes:
    prefix = fields["subject"].partition(".")[0]
    return _encode({**fields, "subject": f"{prefix}.13800000000"})


def _identity_number(fields: Event) -> str:
    """Make up an identity number of no region, born on the day of the event, with the check digit of GB 11643."""
    digits = f"990000{fields['time'][:10].replace('-', '')}000"
    weighted = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(digits))
    return digits + "10X98765432"[weighted % 11]


def _under_an_identity_number(fields: Event) -> bytes:
    return _encode({**fields, "id": f"{fields['id']}/{_identity_number(fields)}"})


def _under_an_address(fields: Event) -> bytes:
    return _encode({**fields, "source": f"{fields['source']}/user@hospital.example"})


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
    thing = fields["type"].split(".")[1]
    other = "exposure" if TOPIC_OF[thing] == "outcomes" else "outcome"
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
        "identity-number": Fault("direct_identifier", _under_an_identity_number),
        "phone-number": Fault("direct_identifier", _under_a_phone_number),
        "e-mail-address": Fault("direct_identifier", _under_an_address),
        "next-version": Fault("unknown_type", _of_the_next_version),
        "wrong-topic": Fault("wrong_topic", _of_another_topic),
        "no-subject": Fault("invalid", _without("subject")),
        "no-data": Fault("invalid", _without("data")),
        "personal-name": Fault("invalid", _with(subject="某学员")),
        "revision-as-text": Fault("invalid", _with(revision="1")),
        "value-as-text": Fault("invalid", _with_value("7"), marked_forms_only=True),
        "naive-time": Fault("naive_timestamp", _naive),
        "unknown-scale": Fault("unknown_scale", _with_scale("mini-cex@99"), marked_forms_only=True),
        "unknown-competency": Fault("unknown_competency", _of_an_unknown_framework, marked_forms_only=True),
        "out-of-scale": Fault("out_of_scale", _with_value(101), marked_forms_only=True),
        "from-the-future": Fault("future_event", _with(time="2150-01-01T08:00:00+08:00")),
    }
)
"""Faults by name, each with the reason code of docs/records.md."""
