"""Sending what waits in a spool: in order, each record removed only once the broker has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread
from typing import Final

from megdt_stream.errors import MegdtError, MessageTooLarge, PublishError
from megdt_stream.publisher.errors import SpoolBusy
from megdt_stream.publisher.producer import Publisher, Receipt
from megdt_stream.publisher.spool import Spool, Waiting

_RECORDS: Final = 1_000
_BYTES: Final = 4 * 1024 * 1024
_ACKNOWLEDGE_SECONDS: Final = 30.0
_PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between tries while Kafka is away."""

_LOOK_SECONDS: Final = 1.0
"""How often a spool is looked at although nobody called: another process may have put something."""

Told = Callable[[int, Receipt], None]


def drain(
    spool: Spool,
    publisher: Publisher,
    told: Told = lambda _seq, _receipt: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Send what waits, and what is put meanwhile, until nothing does or `stop` says so. Gives how many were sent.

    `told` hears of each acknowledged record. The order of each key is kept: after a failure whatever was put behind
    the record that failed is sent again, too. What the broker will never take is set aside. Raises PublishError;
    `publisher` is of no further use then. The caller claims the spool (`Spool.sending`).
    """
    sent = 0
    while not stop() and (waiting := spool.oldest(_RECORDS, _BYTES)):
        sent += _send(spool, publisher, waiting, told)
    return sent


def _send(spool: Spool, publisher: Publisher, waiting: Sequence[Waiting], told: Told) -> int:
    """Send some; give how many the broker has acknowledged."""
    under_way: list[tuple[Waiting, Receipt]] = []
    for one in waiting:
        try:
            under_way.append((one, publisher.publish(*one.record)))
        except MessageTooLarge as error:
            spool.set_aside(one.seq, str(error))
    failure: PublishError | None = None
    try:
        publisher.flush(_ACKNOWLEDGE_SECONDS)
    except PublishError as error:
        failure = error
    acknowledged, left = _sorted(under_way)
    spool.remove([seq for seq, _ in acknowledged])
    for seq, receipt in acknowledged:
        told(seq, receipt)
    if failure is None:
        return len(acknowledged)
    if not isinstance(failure, MessageTooLarge):
        raise failure
    if len(waiting) == 1:
        spool.set_aside(waiting[0].seq, _why(under_way[0][1]))
        return 0
    # With the one that is too large the client library gave up those behind it as well: one by one, then.
    return len(acknowledged) + sum(_send(spool, publisher, [one], told) for one in left)


def _sorted(under_way: Sequence[tuple[Waiting, Receipt]]) -> tuple[list[tuple[int, Receipt]], list[Waiting]]:
    """Tell what the broker has, and what has to be sent again: with a record also those behind it of its key."""
    acknowledged: list[tuple[int, Receipt]] = []
    left: list[Waiting] = []
    stuck: set[tuple[str, str]] = set()
    for one, receipt in under_way:
        place = one.record.topic, one.record.key
        if receipt.acknowledged and place not in stuck:
            acknowledged.append((one.seq, receipt))
        else:
            stuck.add(place)
            left.append(one)
    return acknowledged, left


def _why(receipt: Receipt) -> str:
    """Give what the broker said of a record that failed."""
    try:
        receipt.wait(0)
    except PublishError as error:
        return str(error)
    return ""


class Forwarder:
    """A thread that sends what is put into a spool, connecting whenever Kafka can be reached.

    `connect` makes a publisher; `told` hears of each acknowledged record, in that thread.
    """

    def __init__(self, spool: Spool, connect: Callable[[], Publisher], told: Told) -> None:
        self._spool = spool
        self._connect = connect
        self._told = told
        self._wake = Event()
        self._stopping = Event()
        self._lock = Lock()
        self._trouble: str | None = None
        self._thread = Thread(target=self._run, name="megdt-spool", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Say why nothing is sent at the moment; None while all is well."""
        with self._lock:
            return self._trouble

    def wake(self) -> None:
        """Say that something was put."""
        self._wake.set()

    def close(self, timeout: float) -> None:
        """Let it finish the records under way, for up to `timeout` seconds; the rest stays in the spool."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        publisher: Publisher | None = None
        failures = 0
        claimed = False
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                if not claimed:
                    self._spool.claim()
                    claimed = True
                if self._spool.oldest(1, 0):
                    publisher = publisher or self._connect()
                    drain(self._spool, publisher, self._acknowledged, self._stopping.is_set)
            except MegdtError as error:
                self._note(str(error))
                if publisher is not None:
                    publisher.close(0)
                    publisher = None
                self._stopping.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures = 0 if isinstance(error, SpoolBusy) else failures + 1
                continue
            self._note(None)
            failures = 0
            self._wake.wait(_LOOK_SECONDS)
        if publisher is not None:
            publisher.close(0)
        if claimed:
            self._spool.release()

    def _acknowledged(self, seq: int, receipt: Receipt) -> None:
        self._note(None)  # before anybody waiting for the record hears of it, not when all have gone
        self._told(seq, receipt)

    def _note(self, trouble: str | None) -> None:
        with self._lock:
            self._trouble = trouble
