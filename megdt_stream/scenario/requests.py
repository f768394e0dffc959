"""Requests for rehearsals and their answers, as CloudEvents (`megdt.scenarios.v1`, `megdt.scenario-results.v1`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.rehearsal import DRAWS, WEEKS

REQUESTED: Final = "megdt.scenario.requested.v1"
CANCELLED: Final = "megdt.scenario.cancelled.v1"
PROGRESSED: Final = "megdt.scenario.progressed.v1"
REHEARSED: Final = "megdt.scenario.rehearsed.v1"
REFUSED: Final = "megdt.scenario.refused.v1"
_SOURCE: Final = "/megdt/scenarios"
_MOST_BYTES: Final = 262_144


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Asked(_Strict):
    """What a request asks for: the document of one scheme or several, and how to rehearse it."""

    scheme: dict[str, Any]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    draws: Annotated[int, Field(ge=10, le=10_000)] = DRAWS
    weeks: Annotated[int, Field(ge=1, le=260)] = WEEKS


class _Which(_Strict):
    request: Annotated[str, Field(min_length=1, max_length=200)]


class Request(_Strict):
    """A request, or the wish to give one up: then `asked` is None and `id` is that of the request given up."""

    source: Annotated[str, Field(min_length=1, max_length=200)]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    asked: Asked | None


class _Envelope(_Strict):
    specversion: Literal["1.0"]
    source: Annotated[str, Field(min_length=1, max_length=200)]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["megdt.scenario.requested.v1", "megdt.scenario.cancelled.v1"]
    data: dict[str, Any]


def read(value: bytes) -> Request:
    """Read a record's value. Raises BadScheme naming the field."""
    if len(value) > _MOST_BYTES:
        raise BadScheme("value", f"has {len(value)} bytes", f"send at most {_MOST_BYTES}")
    try:
        envelope = _Envelope.model_validate(json.loads(value))
        if envelope.type == CANCELLED:
            return Request(source=envelope.source, id=_Which.model_validate(envelope.data).request, asked=None)
        return Request(source=envelope.source, id=envelope.id, asked=Asked.model_validate(envelope.data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "value"
        raise BadScheme(field, first["msg"], "correct it; docs/rehearse.md shows a request") from None
    except (ValueError, RecursionError) as error:
        raise BadScheme("value", f"is no JSON: {error}", "send one CloudEvent in structured mode") from None


def answer(type_: str, source: str, id_: str, at: str, data: Mapping[str, Any], number: int = 0) -> bytes:
    """Write an answer; its id follows from the request and what it says of it, so copies of an answer are equal.

    `at` is the RFC 3339 time of the request's append.
    """
    name = blake2b(f"{source}\0{id_}\0{type_}\0{number}".encode(), digest_size=8).hexdigest()
    event = {
        "specversion": "1.0",
        "id": name,
        "source": _SOURCE,
        "type": type_,
        "subject": id_,
        "time": at,
        "datacontenttype": "application/json",
        "data": {"request": {"source": source, "id": id_}, **data},
    }
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
