"""Connections that broke unseen: what is sent over one must fail as a broken connection, or a worker goes deaf.

When a broker dies, its socket is gone one turn of the event loop before aiokafka hears of it. What another task sends
in this turn asyncio's loop lets fall, and the request fails with the connection; uvloop raises a bare RuntimeError
(https://github.com/aio-libs/aiokafka/issues/1038). aiokafka expects OSError alone. So the error ends whichever of its
background tasks was sending: mostly the one that refreshes metadata, as they all ask for that at this moment. Nobody
looks at that task, nobody starts it again, and whoever waits for metadata from then on waits for ever: commits,
look-ups of offsets and of the coordinator, produce requests.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError


class Connection(conn.AIOKafkaConnection):
    """A connection that is looked at before each request."""

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        """Send a request. Raises KafkaConnectionError, and fails the requests that wait, when the socket is gone."""
        self._insist_on_socket()
        answer: Awaitable[Any] = super().send(request, expect_response)
        return answer

    def _send_sasl_token(self, payload: bytes, expect_response: bool = True) -> Awaitable[Any]:
        self._insist_on_socket()
        answer: Awaitable[Any] = super()._send_sasl_token(payload, expect_response)
        return answer

    def _insist_on_socket(self) -> None:
        if self._writer is not None and self._writer.is_closing():
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self._host}:{self._port} broken")


def install() -> None:
    """Have the aiokafka clients that this process makes from now on connect so."""
    conn.AIOKafkaConnection = Connection
