"""The service's desk: requests are answered, refused and given up, with ids that follow from the request."""

import asyncio
import json

import pytest
from aiokafka import TopicPartition

from megdt_stream.runtime.scenarios import Desk, Waiting, read
from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.requests import Request
from tests.scenario.worlds import KNOWN, act, small

PLACE = TopicPartition("megdt.scenarios.v1", 0)


def event(type_="requested", id_="r-1", **data):
    return json.dumps(
        {"specversion": "1.0", "source": "/office", "id": id_, "type": f"megdt.scenario.{type_}.v1", "data": data}
    ).encode()


def asked(**more):
    return event(scheme={"name": "病种", "interventions": [act("case-mix-supplement")]}, draws=20, weeks=20, **more)


def answers(*values, before=()):
    sent = []

    async def send(key, value):
        sent.append((key, json.loads(value)))

    async def work():
        desk = Desk(lambda weeks: small(weeks=weeks), KNOWN, send, processes=1)
        for request in before:
            desk.hear(request)
        for offset, value in enumerate(values):
            await desk.answer(Waiting(PLACE, offset, 1_741_046_400_000, read(value)))

    asyncio.run(work())
    return sent


def test_a_request_is_answered_and_a_copy_with_an_equal_answer():
    (key, first), *more = [one for one in answers(asked(), asked()) if one[1]["type"] != "megdt.scenario.progressed.v1"]
    assert key == b"r-1"
    assert first["type"] == "megdt.scenario.rehearsed.v1"
    assert first["data"]["request"] == {"source": "/office", "id": "r-1"}
    assert set(first["data"]["result"]["schemes"]) == {"nothing", "病种"}
    assert more == [(key, first)]


def test_a_bad_scheme_is_refused_with_field_and_remedy():
    ((_, refused),) = answers(event(scheme={"name": "a", "interventions": [act("case-mix-supplement", -1.0)]}))
    assert refused["type"] == "megdt.scenario.refused.v1"
    assert refused["data"]["field"] == "interventions.0.dose"
    assert refused["data"]["remedy"]


@pytest.mark.parametrize("value", [b"", b"{", b"[]", event(draws=5, scheme={}), event(type_="other"), b"x" * 300_000])
def test_what_is_no_request_is_refused_and_does_not_stop_the_service(value):
    refused, *_ = answers(value, asked())
    assert isinstance(read(value), BadScheme)
    assert refused[1]["type"] == "megdt.scenario.refused.v1"


def test_a_request_that_was_given_up_is_not_rehearsed():
    given_up = read(event("cancelled", "c-1", request="r-1"))
    assert isinstance(given_up, Request)
    ((_, said),) = answers(asked(), before=[given_up])
    assert said["type"] == "megdt.scenario.cancelled.v1"
