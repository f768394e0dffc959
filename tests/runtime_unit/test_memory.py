"""The ledger in a dictionary keeps the promises of the store."""

from contextlib import asynccontextmanager

import pytest

from megdt_stream.runtime.memory import MemoryLedger
from tests.runtime_unit.ledger_conformance import Conformance


class TestMemory(Conformance):
    @pytest.fixture
    def opened(self):
        @asynccontextmanager
        async def fresh():
            yield MemoryLedger()

        return fresh
