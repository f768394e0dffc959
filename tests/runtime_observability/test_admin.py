"""Topics on a real broker: made once, compared ever after, never altered."""

import threading
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from megdt_stream.errors import ConfigError, TopicMissing, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.local import Stack, open_stack
from megdt_stream.runtime import admin

pytestmark = pytest.mark.stack
EVERY = tuple(topic.name for topic in topics.ALL)


@pytest.fixture(scope="module")
def broker(stack: Stack) -> Iterator[str]:
    """A broker of our own: these tests delete topics that others use."""
    with open_stack(redis=stack.redis) as own:
        yield own.kafka


@pytest.fixture
def client(broker: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=broker)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def empty(client: KafkaAdminClient) -> None:
    if there := sorted(set(client.list_topics()) & set(EVERY)):
        client.delete_topics(there)


def test_a_broker_without_topics_is_told_what_is_missing(broker: str) -> None:
    assert [d.topic for d in admin.check_topics(broker)] == list(EVERY)
    assert all("megdt topics create" in str(d) for d in admin.check_topics(broker))


def test_topics_are_created_as_they_need_to_be(broker: str) -> None:
    told: list[str] = []
    made = admin.create_topics(broker, 2, 1, told.append)
    assert (made.created, made.existing, made.differences) == (EVERY, (), ())
    assert told == [f"created {name} (2 partitions)" for name in EVERY]
    assert admin.check_topics(broker, 2) == []
    assert admin.partition_count(broker) == 2


def test_creating_again_changes_nothing(broker: str) -> None:
    admin.create_topics(broker, 2)
    before = admin.topic_ids(broker, EVERY)
    again = admin.create_topics(broker, 2)
    assert again.created == ()
    assert again.existing == tuple(sorted(EVERY))
    assert again.differences == ()
    assert admin.topic_ids(broker, EVERY) == before


def test_only_what_is_missing_is_created(broker: str, client: KafkaAdminClient) -> None:
    admin.create_topics(broker, 2)
    client.delete_topics([topics.ALERTS.name])
    assert admin.create_topics(broker, 2).created == (topics.ALERTS.name,)


def test_another_number_of_partitions_is_reported_and_left(broker: str) -> None:
    admin.create_topics(broker, 2)
    differences = admin.create_topics(broker, 4).differences
    assert [(d.topic, d.found, d.expected) for d in differences] == [(name, "2", "4") for name in EVERY]
    assert admin.partition_count(broker) == 2


def test_topics_of_unequal_width_are_reported(broker: str, client: KafkaAdminClient) -> None:
    client.create_topics({topics.ALERTS.name: {"num_partitions": 3, "replication_factor": 1}})
    admin.create_topics(broker, 2)
    (difference,) = [d for d in admin.check_topics(broker) if "partitions" in d.what]
    assert (difference.topic, difference.found, difference.expected) == (topics.ALERTS.name, "3", "2")


def test_a_changed_setting_is_reported_with_the_command_that_restores_it(broker: str, client: KafkaAdminClient) -> None:
    admin.create_topics(broker, 1)
    name = topics.EVIDENCE.name
    changed = ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": "604800000"})
    client.alter_configs([changed])
    (difference,) = admin.create_topics(broker, 1).differences
    assert (difference.topic, difference.what) == (name, "retention.ms")
    assert (difference.found, difference.expected) == ("604800000", "-1")
    assert f"--entity-name {name} --add-config retention.ms=-1" in difference.remedy
    assert admin.check_topics(broker) == [difference]


def test_two_that_create_at_once_both_succeed(broker: str) -> None:
    made: list[admin.Created] = []
    threads = [threading.Thread(target=lambda: made.append(admin.create_topics(broker, 1))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 2
    assert admin.check_topics(broker, 1) == []


def test_more_replicas_than_brokers_is_a_configuration_error(broker: str) -> None:
    with pytest.raises(ConfigError, match="Replication"):
        admin.create_topics(broker, 1, replication=3)


def test_a_topic_made_again_has_another_id(broker: str, client: KafkaAdminClient) -> None:
    admin.create_topics(broker, 1)
    before = admin.topic_ids(broker, [topics.EVIDENCE.name])
    client.delete_topics([topics.EVIDENCE.name])
    with pytest.raises(TopicMissing, match=r"megdt\.evidence\.v1"):
        admin.topic_ids(broker, [topics.EVIDENCE.name])
    admin.create_topics(broker, 1)
    assert admin.topic_ids(broker, [topics.EVIDENCE.name]) != before


@pytest.mark.usefixtures("refused_connections")
def test_no_broker_is_told_with_its_address_and_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_BOOTSTRAP_MS", 500)
    before = threading.active_count()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 ") as refused:
        admin.check_topics("127.0.0.1:1")
    assert refused.value.exit_code == 69
    assert refused.value.remedy
    assert threading.active_count() == before
