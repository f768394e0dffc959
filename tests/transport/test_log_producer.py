"""What becomes of those who wait for a write, on a producer that fails as told. No broker."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.errors import KafkaConnectionError

from megdt_stream.errors import Unavailable
from megdt_stream.runtime.log_producer import Entry, LogProducer

ENTRY = Entry("t", 0, b"k", b"v", (), 0)


class FailingSession:
    """Takes the place of aiokafka's producer; a session with it never begins."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def start(self) -> None:
        raise self._error

    async def stop(self) -> None:
        """End; there is nothing to end."""


async def write_side_by_side(error: Exception) -> list[Any]:
    """Have three callers wait; give what each was told."""
    producer = LogProducer(["nowhere:1"], "test", {})
    producer._make = lambda: FailingSession(error)
    async with asyncio.timeout(10):
        return await asyncio.gather(*(producer.write([ENTRY]) for _ in range(3)), return_exceptions=True)


def test_everybody_who_waits_is_told_that_the_broker_did_not_answer() -> None:
    told = asyncio.run(write_side_by_side(KafkaConnectionError("gone")))
    assert [type(error) for error in told] == [Unavailable] * 3
    assert len({id(error) for error in told}) == 3, "one each: a traceback grows wherever it is raised"


def test_everybody_who_waits_is_told_of_an_error_that_nobody_foresaw() -> None:
    """Told by nobody they would wait for ever, and their partitions with them; all others would go on."""
    told = asyncio.run(write_side_by_side(ZeroDivisionError("a defect")))
    assert [type(error) for error in told] == [ZeroDivisionError] * 3
