"""Create and check the topics on the broker.

The list in `megdt_stream.evidence.topics` says what each needs. What exists is never altered: a difference is
reported with the command that would remove it, because repartitioning or a shorter retention loses data and
wants a decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from megdt_stream.errors import ConfigError, TopicMissing, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.topics import Topic
from megdt_stream.kafka_clients import connect

_BOOTSTRAP_MS: Final = 10_000
_CREATE_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Difference:
    """What a topic has and should not have, and how to change it."""

    topic: str
    what: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found}, expected {self.expected}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Created:
    """The result of creating topics: which were made, which were there, and what is wrong with the latter."""

    created: tuple[str, ...]
    existing: tuple[str, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)


def _quiet(_line: str) -> None:
    """Take a line of progress and do nothing with it."""


def create_topics(
    kafka: str,
    partitions: int,
    replication: int = 1,
    progress: Callable[[str], None] = _quiet,
    *,
    security: Mapping[str, Any] | None = None,
) -> Created:
    """Create the topics that are missing; leave the others alone.

    `kafka` is host:port[,host:port...]; `security` the options of KafkaSecurity. Raises Unavailable when no
    broker answers, ConfigError when one refuses (rights, replication beyond the number of brokers).
    """
    with _admin(kafka, security) as admin:
        before = _existing(admin)
        made = [topic.name for topic in topics.ALL if topic.name not in before]
        for name in made:
            _create(admin, topics.BY_NAME[name], partitions, replication)
            progress(f"created {name} ({partitions} partitions)")
        if made:
            admin.wait_for_topics(made)
        found = _found(admin, sorted(before))
    return Created(tuple(made), tuple(sorted(before)), tuple(_differences(found, partitions)))


def create_services(
    kafka: str, partitions: int, replication: int = 1, *, security: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Create the topics of services that are missing, and name them. Raises as `create_topics`."""
    with _admin(kafka, security) as admin:
        there = set(admin.list_topics())
        made = [topic for topic in topics.SERVICES if topic.name not in there]
        for topic in made:
            _create(admin, topic, partitions, replication)
        if made:
            admin.wait_for_topics([topic.name for topic in made])
    return tuple(topic.name for topic in made)


def check_topics(
    kafka: str, partitions: int | None = None, *, security: Mapping[str, Any] | None = None
) -> list[Difference]:
    """Give what is missing or different on the broker; an empty list means all is well.

    Without `partitions` it is only checked that all topics have the same number. Raises Unavailable when no
    broker answers.
    """
    with _admin(kafka, security) as admin:
        found = _found(admin, sorted(_existing(admin)))
    missing = [_missing(topic) for topic in topics.ALL if topic.name not in found]
    return missing + list(_differences(found, partitions))


@contextmanager
def _admin(kafka: str, security: Mapping[str, Any] | None) -> Iterator[KafkaAdminClient]:
    """Open an admin client; say which address when that fails."""
    options = {"client_id": "megdt-admin", "bootstrap_timeout_ms": _BOOTSTRAP_MS, **(security or {})}
    admin = connect(KafkaAdminClient, kafka, **options)
    try:
        yield admin
    except KafkaError as error:
        raise _translated(error, kafka) from error
    finally:
        admin.close()


def _translated(error: KafkaError, kafka: str) -> ConfigError | Unavailable:
    if getattr(error, "retriable", False):
        return Unavailable(f"Kafka at {kafka} did not do what was asked: {error}")
    return ConfigError(
        f"Kafka at {kafka} refused: {error}",
        remedy="check the replication factor and this user's rights (Create, Describe, DescribeConfigs)",
    )


def _create(admin: KafkaAdminClient, topic: Topic, partitions: int, replication: int) -> None:
    request = {
        topic.name: {
            "num_partitions": partitions,
            "replication_factor": replication,
            "configs": dict(topic.settings),
        }
    }
    answer = admin.create_topics(request, timeout_ms=_CREATE_MS, raise_errors=False)["topics"][0]
    # Somebody else may have been faster; the check tells whether theirs is right.
    if answer["error_code"] not in (0, TopicAlreadyExistsError.errno):
        error = for_code(answer["error_code"])
        raise error(f"{topic.name}: {answer['error_message']}")


def _existing(admin: KafkaAdminClient) -> set[str]:
    return set(admin.list_topics()) & set(topics.BY_NAME)


def _found(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, _Found]:
    if not names:
        return {}
    described = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(list(names))}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    settings = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: _Found(described[name], _values(settings[name])) for name in names}


def _values(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {key: str(entry["value"]) for key, entry in settings.items()}


def _differences(found: Mapping[str, _Found], partitions: int | None) -> Iterator[Difference]:
    """Compare topics with what they need, in the order of the list."""
    evidence = found.get(topics.EVIDENCE.name)
    expected = partitions or (evidence.partitions if evidence else None)
    for topic in topics.ALL:
        if (there := found.get(topic.name)) is None:
            continue
        if expected is not None and there.partitions != expected:
            yield _partitions_differ(topic, there.partitions, expected)
        for key, value in topic.settings.items():
            if there.settings.get(key) != value:
                yield _setting_differs(topic, key, there.settings.get(key, "not known to the broker"), value)


def _missing(topic: Topic) -> Difference:
    return Difference(topic.name, "the topic", "missing", "there", "create it with `megdt topics create`")


def _partitions_differ(topic: Topic, found: int, expected: int) -> Difference:
    remedy = (
        "the number is fixed for the life of an installation: set MEGDT_PARTITIONS to what all topics have, "
        "or publish into new topics"
    )
    return Difference(topic.name, "the number of partitions", str(found), str(expected), remedy)


def _setting_differs(topic: Topic, key: str, found: str, expected: str) -> Difference:
    entity = f"--entity-type topics --entity-name {topic.name}"
    remedy = f"kafka-configs.sh --alter {entity} --add-config {key}={expected}"
    return Difference(topic.name, key, found, expected, remedy)


def topic_ids(kafka: str, names: Sequence[str], *, security: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Give the broker's ids of topics, which change when one is deleted and made again under its name.

    Raises TopicMissing, and Unavailable when no broker answers.
    """
    with _admin(kafka, security) as admin:
        there = _existing(admin)
        missing = [name for name in names if name not in there]
        if missing:
            raise TopicMissing(f"the broker has no topic {', '.join(missing)}")
        return {topic["name"]: str(topic["topic_id"]) for topic in admin.describe_topics(list(names))}


def partition_count(kafka: str, *, security: Mapping[str, Any] | None = None) -> int:
    """Give the number of partitions of the evidence topic. Raises TopicMissing, Unavailable."""
    name = topics.EVIDENCE.name
    with _admin(kafka, security) as admin:
        if name not in _existing(admin):
            raise TopicMissing(f"the broker has no topic {name}")
        return len(admin.describe_topics([name])[0]["partitions"])
