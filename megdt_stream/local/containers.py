"""The stack in containers, for machines where a container engine answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .errors import LocalStackError
from .kafka import MIB

_REDIS_IMAGE: Final = "redis:7-alpine"
_REDIS_COMMAND: Final = 'redis-server --appendonly yes --appendfsync everysec --maxmemory-policy noeviction --save ""'

# The image that testcontainers chooses is the one its start script fits.
_KAFKA_ENVIRONMENT: Final = {
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_MESSAGE_MAX_BYTES": str(8 * MIB),
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    "KAFKA_LOG_RETENTION_MS": "-1",
}
_REMEDY: Final = "start the engine and pip install testcontainers, or leave containers off for the embedded stack"


@contextmanager
def kafka_container() -> Iterator[str]:
    """Run a Kafka container; give its bootstrap address. Raises LocalStackError without an engine."""
    with _engine_errors("Kafka"):
        from testcontainers.community.kafka import KafkaContainer

        container = KafkaContainer().with_kraft()
        for name, value in _KAFKA_ENVIRONMENT.items():
            container.with_env(name, value)
        container.start()
    try:
        yield container.get_bootstrap_server()
    finally:
        container.stop()


@contextmanager
def redis_container() -> Iterator[str]:
    """Run a Redis container; give its URL. Raises LocalStackError without an engine."""
    with _engine_errors("Redis"):
        from testcontainers.community.redis import RedisContainer

        container = RedisContainer(_REDIS_IMAGE).with_command(_REDIS_COMMAND)
        container.start()
    try:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(container.port)}/0"
    finally:
        container.stop()


@contextmanager
def _engine_errors(server: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # The engine's client raises a dozen unrelated kinds; to the person all mean: no container came up.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise LocalStackError(f"no {server} container came up: {reason}", _REMEDY) from error
