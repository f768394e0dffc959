"""Whoever asks the store is answered, also where the client fails in a way that nobody foresaw."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from megdt_stream.runtime.pipelining import Pipelining


class Failing:
    """A client whose pipelines fail with an error of one's choice."""

    def __init__(self, error):
        self._error = error

    def pipeline(self, *, transaction):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    def execute_command(self, *command):
        return None

    async def execute(self, *, raise_on_error):
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("unable to perform operation; the handler is closed"), RedisConnectionError),
        (ConnectionResetError("gone"), OSError),
        (ZeroDivisionError("a defect"), ZeroDivisionError),
    ],
)
def test_every_caller_is_told(error, told):
    async def ask():
        pipelining = Pipelining(Failing(error), {})
        asked = [pipelining.command("GET", name) for name in "ab"]
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)

    assert [isinstance(answer, told) for answer in asyncio.run(ask())] == [True, True]
