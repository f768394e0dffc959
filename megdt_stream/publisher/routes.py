"""The two ways of an event to the broker: straight, or through a spool."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock
from typing import Final, Protocol
from weakref import WeakValueDictionary

from megdt_stream.errors import PublishError
from megdt_stream.publisher.forward import Forwarder
from megdt_stream.publisher.producer import Position, Publisher, Receipt
from megdt_stream.publisher.spool import Record, Spool

_CLOSE_SECONDS: Final = 15.0
_FINISH_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.05


class Delivery(Protocol):
    """A record on its way to the broker."""

    @property
    def done(self) -> bool:
        """Say whether the broker has acknowledged or refused it."""

    @property
    def acknowledged(self) -> bool:
        """Say whether it is in the log."""

    @property
    def appended(self) -> int:
        """Give the broker's append time (ms) of an acknowledged record."""

    def wait(self, timeout: float) -> Position:
        """Wait up to `timeout` seconds and give the record's place. Raises PublishError."""


class Route(Protocol):
    """Takes records to the broker. Threads may share it."""

    @property
    def trouble(self) -> str | None:
        """Say why nothing leaves at the moment; None while all is well."""

    def send(self, record: Record) -> Delivery:
        """Take a record. Raises PublishError, SpoolFull."""

    def flush(self, timeout: float) -> None:
        """Wait until everything taken is acknowledged. Raises PublishError after `timeout` seconds."""

    def finish(self, seconds: float) -> None:
        """Wait until everything taken is safe: acknowledged, or on disk and tried. Raises PublishError."""

    def close(self) -> None:
        """Close the connections."""


class Direct:
    """Straight to the broker, in the caller's thread."""

    trouble = None

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._lock = Lock()

    def send(self, record: Record) -> Receipt:
        """Hand a record to the client library, which sends it in the background."""
        with self._lock:
            return self._publisher.publish(*record)

    def flush(self, timeout: float) -> None:
        """Wait until the broker has acknowledged what was handed over."""
        with self._lock:
            self._publisher.flush(timeout)

    finish = flush

    def close(self) -> None:
        """Close the connection; what is not acknowledged by now is given up."""
        self._publisher.close()


class Pending:
    """A record on its way through a spool; what a `Receipt` is for one that goes straight to the broker."""

    __slots__ = ("__weakref__", "_event", "_file", "_receipt")

    def __init__(self, file: str) -> None:
        self._file = file
        self._event = Event()
        self._receipt: Receipt | None = None

    @property
    def done(self) -> bool:
        """Say whether the broker has acknowledged it."""
        return self._receipt is not None

    acknowledged = done

    @property
    def appended(self) -> int:
        """Give the broker's append time (ms) of an acknowledged record."""
        return 0 if self._receipt is None else self._receipt.appended

    def wait(self, timeout: float) -> Position:
        """Wait up to `timeout` seconds and give the record's place. Raises PublishError."""
        if not self._event.wait(timeout) or self._receipt is None:
            raise PublishError(
                f"the event waits in the spool {self._file}",
                remedy="it is sent when Kafka answers (`megdt spool status`)",
            )
        return self._receipt.wait(0)

    def tell(self, receipt: Receipt) -> None:
        """Note that the broker has it."""
        self._receipt = receipt
        self._event.set()


class Spooled:
    """Through a file: on disk first, to the broker in the background. `connect` makes a publisher when needed."""

    def __init__(self, spool: Spool, connect: Callable[[], Publisher]) -> None:
        self._spool = spool
        self._lock = Lock()
        self._pending: WeakValueDictionary[int, Pending] = WeakValueDictionary()
        self._forwarder = Forwarder(spool, connect, self._told)

    @property
    def trouble(self) -> str | None:
        """Say why nothing leaves the spool at the moment; None while all is well."""
        return self._forwarder.trouble

    def send(self, record: Record) -> Pending:
        """Put a record on disk."""
        pending = Pending(str(self._spool.path))
        with self._lock:  # the forwarder may have sent it before it is known here
            self._pending[self._spool.put(record)] = pending
        self._forwarder.wake()
        return pending

    def flush(self, timeout: float) -> None:
        """Wait until the spool is empty, but for what the broker will not take."""
        left = self._await(timeout, lambda: False)
        if left:
            why = f" ({self.trouble})" if self.trouble else ""
            raise PublishError(
                f"{left:,} events wait in {self._spool.path} after {timeout:g} s{why}",
                remedy="they stay there and are sent when Kafka answers",
            )

    def finish(self, seconds: float) -> None:
        """Give what waits a chance to leave, unless something stands in the way."""
        self._await(min(seconds, _FINISH_SECONDS), lambda: self.trouble is not None)

    def close(self) -> None:
        """Stop sending; what waits stays in the spool."""
        self._forwarder.close(_CLOSE_SECONDS)

    def _await(self, timeout: float, enough: Callable[[], bool]) -> int:
        """Wait until nothing waits but what the broker will not take; gives how many still do."""
        deadline = time.monotonic() + timeout
        while True:
            status = self._spool.status()
            left = status.events - status.refused
            if not left or enough() or time.monotonic() > deadline:
                return left
            time.sleep(_LOOK_SECONDS)

    def _told(self, seq: int, receipt: Receipt) -> None:
        with self._lock:
            pending = self._pending.pop(seq, None)
        if pending is not None:
            pending.tell(receipt)
