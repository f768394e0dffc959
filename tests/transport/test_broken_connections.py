"""What is sent over a connection that broke a moment ago. A broker of our own, so that the moment can be chosen."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from aiokafka import conn
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import BrokerMetadata

from megdt_stream.runtime import broken_connections

LOOPS = [pytest.param(uvloop.new_event_loop, id="uvloop"), pytest.param(asyncio.new_event_loop, id="asyncio")]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conn, "AIOKafkaConnection", AIOKafkaConnection)  # put back afterwards
    broken_connections.install()


class DyingBroker:
    """Says which requests it knows, takes one more without an answer, and resets the connection when it is killed."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = asyncio.Event()
        self._killed = asyncio.Event()

    def kill(self) -> None:
        self._killed.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, correlation = struct.unpack_from(">i4xi", await reader.read(1_000))
        # ApiVersions, version 0: Metadata (3) in version 0 or 1 (https://kafka.apache.org/protocol).
        writer.write(struct.pack(">iihihhh", 16, correlation, 0, 1, 3, 0, 1))
        await reader.read(1_000)
        self.asked.set()
        await self._killed.wait()
        # Without lingering: reset, as the connections of a killed process with unread data are.
        peer: socket.socket = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@asynccontextmanager
async def dying_broker() -> AsyncIterator[tuple[DyingBroker, AIOKafkaClient]]:
    """Give the broker, and a client that knows it as node 1."""
    broker = DyingBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{broker.port}")
    client.cluster._brokers[1] = BrokerMetadata(1, "127.0.0.1", broker.port, None)
    try:
        yield broker, client
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


def when_the_socket_is_gone(connection: AIOKafkaConnection, act: Callable[[], None]) -> None:
    """Have `act` called after the loop lost the connection and before the connection's own reader was woken."""
    reader = connection._reader
    assert reader is not None
    told = reader.set_exception

    def tell(error: BaseException) -> None:
        asyncio.get_running_loop().call_soon(act)
        told(error)

    reader.set_exception = tell


Ask = Callable[[AIOKafkaClient], Coroutine[Any, Any, Any]]


def ask_when_the_socket_is_gone(loop: Callable[[], asyncio.AbstractEventLoop], ask: Ask) -> Any:
    """Give the answer, or the error, to what is asked in that moment; one request waits for the broker already."""

    async def case() -> Any:
        async with dying_broker() as (broker, client):
            waiting = asyncio.ensure_future(client.send(1, MetadataRequest([])))
            await broker.asked.wait()
            asked: asyncio.Future[asyncio.Task[Any]] = asyncio.get_running_loop().create_future()
            (connection,) = client._conns.values()
            when_the_socket_is_gone(connection, lambda: asked.set_result(asyncio.create_task(ask(client))))
            broker.kill()
            with pytest.raises(KafkaConnectionError):
                await waiting
            (answer,) = await asyncio.gather(await asked, return_exceptions=True)
            return answer

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(case())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_request_over_a_dead_connection_fails_as_a_broken_connection(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    answer = ask_when_the_socket_is_gone(loop, lambda client: client.send(1, MetadataRequest([])))
    assert isinstance(answer, KafkaConnectionError)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_refresh_of_metadata_over_a_dead_connection_is_one_that_found_no_broker(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """It is asked for by a task that nobody starts again: an error here leaves the client without metadata for good."""
    assert ask_when_the_socket_is_gone(loop, lambda client: client._metadata_update(client.cluster, None)) is False
