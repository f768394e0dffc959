"""Open kafka-python's clients so that a failure is typed, names the address and leaves nothing behind."""

from __future__ import annotations

from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from megdt_stream.errors import Unavailable

Client = TypeVar("Client", KafkaAdminClient, KafkaConsumer, KafkaProducer)


def connect(kind: type[Client], kafka: str, **options: Any) -> Client:
    """Make a client of `kind` for host:port[,host:port...]. Raises Unavailable when no broker answers."""
    opened: list[Any] = []

    def open_client(**config: Any) -> Any:
        opened.append(kind.DEFAULT_CONFIG["kafka_client"](**config))
        return opened[-1]

    try:
        return kind(bootstrap_servers=kafka.split(","), kafka_client=open_client, **options)
    except (KafkaError, OSError) as error:
        for client in opened:
            # A constructor that fails leaves its network thread and sockets behind, reconnecting for ever.
            client.close()
            client._net.stop()
        raise Unavailable(f"no Kafka broker answers at {kafka} ({type(error).__name__})") from error
