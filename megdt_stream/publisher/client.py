"""The client that an integration uses: typed, checked before sending, durable while Kafka is away if told so.

    with Client("localhost:9092", source="/my-hospital/tms") as client:
        client.assessments.recorded(subject="k1.3f9c2a7be1", id="mini-cex-1", time=datetime.now(UTC),
                                    instrument="mini-cex", scale="mini-cex@1", scores={"patient-care": 6})

An event that a worker would reject raises InvalidEvent here, with the same reason and path, and is not sent.
Publishing an event again is harmless: the receiving side recognises it by source, id and revision.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import orjson

from megdt_stream.errors import ConfigError
from megdt_stream.evidence import record
from megdt_stream.evidence.events import BY_TYPE
from megdt_stream.evidence.intake import decide
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.evidence.reasons import Rejection
from megdt_stream.evidence.topics import Topic
from megdt_stream.publisher.builders import Builders, Draft, Person, Writer, to_json
from megdt_stream.publisher.confirm import Confirmer, Fate, Ticket
from megdt_stream.publisher.errors import InvalidEvent
from megdt_stream.publisher.producer import Position, Publisher
from megdt_stream.publisher.routes import Delivery, Direct, Route, Spooled
from megdt_stream.publisher.spool import Record, Spool
from megdt_stream.seed_files import load_reference

_ANYWHERE: Final = ("assessments", 0, 0)  # where it will land is not known yet, and decides nothing

Headers: TypeAlias = Sequence[tuple[str, bytes]]


class EventReceipt:
    """An event on its way: to the broker (`wait`), and into the twin (`wait_applied`)."""

    __slots__ = ("_client", "_delivery", "_ticket")

    def __init__(self, client: Client, ticket: Ticket, delivery: Delivery) -> None:
        self._client = client
        self._ticket = ticket
        self._delivery = delivery

    @property
    def done(self) -> bool:
        """Say whether the broker has acknowledged or refused it."""
        return self._delivery.done

    @property
    def acknowledged(self) -> bool:
        """Say whether it is in the log."""
        return self._delivery.acknowledged

    def wait(self, timeout: float = 60.0) -> Position:
        """Wait up to `timeout` seconds and give its place in the log. Raises PublishError."""
        return self._delivery.wait(timeout)

    def wait_applied(self, timeout: float = 60.0) -> Fate:
        """Wait until the event is in the twin, or rejected after all; says which: Applied or Rejected.

        Needs a client that was given `redis`. Raises NotApplied after `timeout` seconds, PublishError when it did
        not even reach the log, Unavailable, and ConfigError when the client has no store to look into.
        """
        begun = time.monotonic()
        confirmer = self._client.confirmer()
        position = self._delivery.wait(timeout)
        left = max(timeout - (time.monotonic() - begun), 0.0)
        return confirmer.wait(self._ticket, position, self._delivery.appended, left)


class Client(Builders[EventReceipt]):
    """Publishes events of one source. Threads may share it. A context manager.

    `kafka` is host:port[,host:port...], `source` the publishing system (percent-encoded here where it must be).
    `pseudonyms` makes pseudonyms of originals, so that those never leave. `redis` is the store's URL, for
    `wait_applied`. `seeds_dir` is the site's folder of scales and competencies. With `spool`, a file, every event is
    on disk before a call returns and goes to Kafka in the background, in order. `security` is what Kafka clients
    need to log in. `delivery_seconds`: how long sending is tried before an event counts as failed.

    Raises Unavailable when no broker answers and there is no spool, ConfigError, SpoolUnusable.
    """

    def __init__(
        self,
        kafka: str,
        *,
        source: str,
        pseudonyms: Pseudonymiser | None = None,
        redis: str | None = None,
        seeds_dir: Path | None = None,
        spool: Spool | Path | str | None = None,
        security: Mapping[str, Any] | None = None,
        redis_options: Mapping[str, Any] | None = None,
        client_id: str = "megdt-publisher",
        delivery_seconds: float = 60.0,
    ) -> None:
        writer = Writer(source, pseudonyms)
        super().__init__(writer, self._accept)
        self._writer = writer
        self._reference = load_reference(seeds_dir)
        self._delivery_seconds = delivery_seconds
        self._store = redis, dict(redis_options or {})
        self._log = kafka, dict(security or {})
        self._confirmer: Confirmer | None = None
        self._lock = Lock()

        def connect() -> Publisher:
            return Publisher(kafka, client_id=client_id, security=security, delivery_seconds=delivery_seconds)

        self._own_spool = not isinstance(spool, Spool)
        self.spool: Final = spool if isinstance(spool, Spool | None) else Spool(spool)
        self._route: Route = Direct(connect()) if self.spool is None else Spooled(self.spool, connect)

    def pseudonym(self, person: Person) -> str:
        """Give somebody's pseudonym: `client.pseudonym(Original("20231234"))`. Raises ValueError without a key."""
        return self._writer.pseudonym(person)

    def check(self, event: Mapping[str, Any] | bytes, headers: Headers = ()) -> None:
        """Raise InvalidEvent if the event would be rejected. Nothing is sent."""
        self._checked(_bytes(event), None, headers)

    def publish(self, event: Mapping[str, Any] | bytes, headers: Headers = ()) -> EventReceipt:
        """Publish an event that you wrote yourself: a CloudEvent as a mapping or as bytes of JSON, sent as they are.

        Its type names the topic. With `ce_` headers, the bytes are its data (binary mode).
        Raises InvalidEvent, SpoolFull, PublishError, Unavailable.
        """
        value = _bytes(event)
        found = self._checked(value, None, headers)
        return self._send(found, Record(_topic(value, headers).short, found.trainee, value, headers))

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until the broker has acknowledged every event. Raises PublishError when some are not in time."""
        self._route.flush(timeout)

    @property
    def trouble(self) -> str | None:
        """Say why nothing leaves the spool at the moment; None while all is well, and without a spool."""
        return self._route.trouble

    def confirmer(self) -> Confirmer:
        """Give what looks for events in the store. Raises ConfigError, Unavailable."""
        (kafka, security), (url, options) = self._log, self._store
        if url is None:
            raise ConfigError(
                "this client cannot look into the store", remedy="give it the store's address: Client(..., redis=...)"
            )
        with self._lock:
            if self._confirmer is None:
                self._confirmer = Confirmer(kafka, security, url, options)
            return self._confirmer

    def close(self) -> None:
        """Close the connections. What a spool holds stays there; without one, `flush` first to be sure."""
        self._route.close()
        if self.spool is not None and self._own_spool:
            self.spool.close()
        if self._confirmer is not None:
            self._confirmer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the block when the broker has everything; what is in a spool may stay there while Kafka is away."""
        try:
            if error is None:
                self._route.finish(self._delivery_seconds)
        finally:
            self.close()

    # --- checking ---

    def _accept(self, draft: Draft) -> EventReceipt:
        found = self._checked(draft.value, draft.topic, ())
        return self._send(found, Record(draft.topic.short, found.trainee, draft.value))

    def _checked(self, value: bytes, topic: Topic | None, headers: Headers) -> record.Common:
        """Have the event judged as a worker would; gives the evidence it would become."""
        now = int(time.time() * 1000)
        decision = decide(value, topic, _ANYWHERE, now, self._reference, headers)
        if isinstance(decision, Rejection):
            raise InvalidEvent(decision)
        evidence = record.decode(decision.value)
        if not isinstance(evidence, record.Common):
            raise TypeError(f"intake made {type(evidence).__name__} of an event")
        return evidence

    def _send(self, found: record.Common, outgoing: Record) -> EventReceipt:
        ticket = Ticket(found.trainee, found.h, found.rev, found.d)
        return EventReceipt(self, ticket, self._route.send(outgoing))


def _bytes(event: Mapping[str, Any] | bytes) -> bytes:
    return event if isinstance(event, bytes) else to_json(event)


def _topic(value: bytes, headers: Headers) -> Topic:
    """Give the topic of an event that was found valid."""
    name = dict(headers).get("ce_type")
    return BY_TYPE[orjson.loads(value)["type"] if name is None else name.decode()].topic
