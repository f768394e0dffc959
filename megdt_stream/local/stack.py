"""A broker and a store behind two addresses, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .containers import kafka_container, redis_container
from .errors import EX_USAGE, LocalStackError
from .kafka import EmbeddedKafka
from .progress import Progress, SilentProgress, step
from .redis import EmbeddedRedis

Kind = Literal["embedded", "external", "containers"]


@dataclass(frozen=True)
class Stack:
    """Addresses of a running broker and store; `broker` and `store` are None unless embedded.

    `kind` is "external" when both were given, else it says where the rest comes from.
    """

    kafka: str
    redis: str
    kind: Kind
    broker: EmbeddedKafka | None = None
    store: EmbeddedRedis | None = None


@contextmanager
def open_stack(
    kafka: str | None = None,
    redis: str | None = None,
    data_dir: Path | None = None,
    progress: Progress | None = None,
    containers: bool = False,
) -> Iterator[Stack]:
    """Give a Kafka bootstrap address and a Redis URL, starting whichever is not named.

    What is started ends with the block, and with this process however it ends. With `data_dir` its data is
    kept there and found again; without, it is temporary. `containers` starts them through testcontainers.
    Raises LocalStackError.
    """
    if containers and data_dir is not None:
        raise LocalStackError("containers keep no data directory", "leave one of the two out", EX_USAGE)
    with ExitStack() as running:
        if kafka is not None and redis is not None:
            yield Stack(kafka, redis, "external")
        elif containers:
            yield _start_containers(running, kafka, redis)
        else:
            yield _start_embedded(running, kafka, redis, data_dir, progress or SilentProgress())


def _start_containers(running: ExitStack, kafka: str | None, redis: str | None) -> Stack:
    redis = redis or running.enter_context(redis_container())
    kafka = kafka or running.enter_context(kafka_container())
    return Stack(kafka, redis, "containers")


def _start_embedded(
    running: ExitStack, kafka: str | None, redis: str | None, data_dir: Path | None, progress: Progress
) -> Stack:
    store = None if redis else EmbeddedRedis(data_dir and data_dir / "redis", progress=progress)
    broker = None if kafka else EmbeddedKafka(data_dir and data_dir / "kafka", progress=progress)
    # Both are under way before either is waited for.
    servers = [server for server in (store, broker) if server is not None]
    for server in servers:
        running.callback(server.close)
        server.start()
    with step(progress, f"Starting {' and '.join(server.title for server in servers)}"):
        for server in servers:
            server.wait_ready()
    return Stack(
        kafka or (broker.bootstrap if broker else ""),
        redis or (store.url if store else ""),
        "embedded",
        broker,
        store,
    )
