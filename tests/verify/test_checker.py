"""The whole check on a real broker and a real store, which hold a hand-made system."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest
import redis

from megdt_stream.errors import TopicMissing, Unavailable
from megdt_stream.local import Stack, open_stack
from megdt_stream.verify import verify
from megdt_stream.verify.log import Log, MirrorState, State
from megdt_stream.verify.names import TOPICS, full_name, tag

pytestmark = pytest.mark.stack

DUE_AND_GRACE = 1_765_152_000_000  # 2025-12-08T00:00:00Z
TRAINEE = "k1.trainee-1"
HOME = 1
BINARY = tuple(
    (name, text.encode())
    for name, text in {
        "ce_specversion": "1.0",
        "ce_source": "/hospital-a/lis",
        "ce_id": "考核-1",
        "ce_type": "megdt.outcome.recorded.v1",
        "ce_subject": TRAINEE,
        "ce_time": "2025-11-03T09:30:00+08:00",
        "content-type": "application/json",
    }.items()
)


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """A broker and a store of our own: these topics carry hand-made records that no pipeline may meet."""
    with open_stack() as running:
        yield running


@pytest.fixture(scope="module")
def state(own_stack, new_world, assessment, rotation, event) -> State:
    """Put a consistent world into Kafka, and give what must be in Redis."""
    world = new_world()
    world.publish(rotation(), "rotations")
    world.publish(rotation("cancelled", id="R-2", time="2025-12-09T00:00:00Z", subject="k1.trainee-2"), "rotations")
    for n in range(50):
        world.publish(assessment(1 + n % 9, id=f"A-{n}", subject=f"k1.trainee-{n % 7}"))
    world.publish(assessment(2, id="A-1", subject=TRAINEE))
    world.publish(assessment(4, id="A-1", subject=TRAINEE))
    world.publish("考核".encode("gb18030"))
    world.publish(b"")
    world.publish(rotation(id="R-3", subject="k1.考核"), "rotations")
    world.publish(rotation(id="R-4", subject="k1.trainee-3", data={"rotation": "轮转-4"}), "rotations")
    linked = event("identity.linked", {"person": TRAINEE}, id="I-1", subject="k1.trainee-4")
    world.publish(linked, "identities")
    world.publish(b'{"outcome": "exam", "result": "pass"}', "outcomes", headers=BINARY)
    world.tick(DUE_AND_GRACE)
    log, state = world.settle()
    _place_log(own_stack.kafka, log)
    return state


@pytest.fixture
def store(own_stack, state) -> Iterator[redis.Redis]:
    """A store that holds the consistent state."""
    client = redis.Redis.from_url(own_stack.redis)
    client.flushdb()
    _place_state(client, state, "a")
    yield client
    client.close()


def _place_log(kafka: str, log: Log) -> None:
    from kafka import KafkaProducer
    from kafka.admin import KafkaAdminClient, NewTopic

    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(full_name(short), len(partitions), 1) for short, partitions in log.topics.items()])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for short, partitions in log.topics.items():
        for number, partition in partitions.items():
            for record in partition.records:
                producer.send(full_name(short), record.value, record.key, list(record.headers), number, record.appended)
    producer.flush()
    producer.close()


def _place_state(client: redis.Redis, state: State, view: str) -> None:
    for (short, number), intake in state.intake.items():
        client.hset(_key(number, "own", full_name(short)), "offset", intake.offset)
        if intake.counts:
            client.hset(_key(number, "counts", full_name(short)), mapping=intake.counts)
    for number, mirror in state.mirror.items():
        owner = {"offset": mirror.offset, "view": view, "now": mirror.now}
        client.hset(_key(number, "own", "megdt.evidence.v1"), mapping=owner)
        _place_mirror(client, number, mirror, view)


def _place_mirror(client: redis.Redis, number: int, mirror: MirrorState, view: str) -> None:
    for trainee, twin in mirror.twins.items():
        client.hset(_key(number, view, "t", trainee), mapping=twin)
    for trainee, texts in mirror.persons.items():
        if texts:
            client.hset(_key(number, view, "p", trainee), mapping=texts)
    for trainee, words in mirror.words.items():
        if words:
            client.hset(_key(number, view, "n", trainee), mapping=words)
    for letter, hashes in (("j", mirror.journal), ("c", mirror.carried)):
        for trainee, shards in hashes.items():
            for nibble, shard in shards.items():
                client.hset(_key(number, view, letter, trainee, nibble), mapping=shard)
    for name in ("seen", "counts"):
        if getattr(mirror, name):
            client.hset(_key(number, view, name), mapping=getattr(mirror, name))
    if mirror.due:
        client.zadd(_key(number, view, "due"), mirror.due)
    if names := {*mirror.twins, *mirror.persons}:  # nobody has told entities yet: no contributions are on the log
        client.sadd(_key(number, view, "touched"), *names)


def _key(number: int, *parts: str) -> str:
    return ":".join((f"megdt:{{{tag(number)}}}", *parts))


def _check(stack: Stack, **options) -> dict:
    return verify(stack.kafka, stack.redis, **options).to_dict()


def test_a_consistent_system_is_ok(own_stack, store):
    said: list[str] = []
    report = _check(own_stack, progress=said.append)
    assert report["differences"] == []
    assert report["ok"]
    expected = {"read": 60, "accepted": 55, "duplicate": 1, "rejected": 4, "twins": 7, "alerts": 1}
    assert {name: report[name] for name in expected} == expected
    assert report["topics"]["megdt.assessments.v1"]["reasons"] == {
        "empty": 1,
        "id_conflict": 1,
        "undecodable": 1,
    }
    assert "folding the evidence" in said


def test_a_changed_twin_is_found(own_stack, store):
    store.hset(_key(HOME, "a", "t", TRAINEE), "k|assessment", 1000)
    report = _check(own_stack)
    assert (report["ok"], report["differing_twins"]) == (False, 1)
    assert report["differences"][0]["where"] == f"p{HOME}/{TRAINEE}"


def test_keys_of_another_type_or_place_are_named(own_stack, store):
    store.set(_key(HOME, "a", "t", "k1.x"), "text")
    store.set(_key(0, "counts", "megdt.exposures.v1"), "text")
    store.hset("megdt:{p1.0}:a:t:k1.x", "k|outcome", 1)
    store.hset("megdt:settings", "a", 1)
    assert _check(own_stack)["kinds"] == {"key": 3}


def test_what_is_carried_over_is_read(own_stack, store, state):
    nibble = next(iter(state.mirror[HOME].carried[TRAINEE]))
    store.delete(_key(HOME, "a", "c", TRAINEE, nibble))
    store.hset(_key(HOME, "a", "p", TRAINEE), "p|k1.trainee-4", "[0,false]")
    assert set(_check(own_stack)["kinds"]) == {"carried_row", "person"}


def test_the_active_view_counts(own_stack, store, state):
    store.hset(_key(HOME, "a", "t", TRAINEE), "k|assessment", 1000)
    _place_state(store, state, "b")
    assert _check(own_stack)["ok"]


def test_the_outbox_is_read(own_stack, store):
    value = msgspec.msgpack.encode(["0000", "megdt.alerts.v1", b"k1.x", b"{}", [["h", b"v"]], 5])
    store.zadd(_key(HOME, "outbox"), {value: 3})
    assert _check(own_stack)["kinds"] == {"alert_unreadable": 1}
    store.zadd(_key(0, "outbox"), {b"\xc1": 3})
    assert _check(own_stack)["kinds"] == {"alert_unreadable": 1, "key": 1}


def test_an_empty_store_is_all_backlog(own_stack, store):
    store.flushdb()
    report = _check(own_stack)
    assert (report["ok"], report["lost"], report["twins"]) == (False, 0, 0)
    assert report["backlog"]["megdt.assessments.v1"] == 54


class _Applies(list):
    """Progress that lets the mirror catch up once the checker waits for it."""

    def __init__(self, apply) -> None:
        super().__init__()
        self._apply = apply

    def __call__(self, text: str) -> None:
        if text.startswith("waiting") and not self:
            self._apply()
        self.append(text)


def test_waiting_ends_when_the_work_is_done(own_stack, store, state):
    store.hset(_key(HOME, "own", "megdt.evidence.v1"), "offset", 1)
    at_rest = state.mirror[HOME].offset

    def work():
        store.hset(_key(HOME, "own", "megdt.evidence.v1"), "offset", at_rest)
        for number in state.mirror:
            store.delete(_key(number, "a", "touched"))

    apply = threading.Timer(0.3, work)
    said = _Applies(apply.start)
    report = _check(own_stack, wait_seconds=120, progress=said)
    assert not report["backlog"]
    assert said[0].startswith(f"waiting for {at_rest - 1} records to be applied, and ")
    assert len([line for line in said if line.startswith("waiting")]) < 60, "it waited for the deadline"
    apply.join()


def test_waiting_ends_at_the_deadline(own_stack, store):
    store.hset(_key(HOME, "own", "megdt.evidence.v1"), "offset", 1)
    report = _check(own_stack, wait_seconds=0.6)
    assert not report["ok"]
    assert list(report["backlog"]) == ["megdt.evidence.v1"]


def test_who_does_not_answer_is_named(own_stack, store):
    with pytest.raises(Unavailable, match="Redis"):
        verify(own_stack.kafka, "redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable, match="Kafka"):
        verify("127.0.0.1:1", own_stack.redis)


def test_a_missing_topic_is_named(own_stack, store):
    from kafka.admin import KafkaAdminClient

    with open_stack(redis=own_stack.redis) as bare:
        with pytest.raises(TopicMissing, match=r"megdt\.assessments\.v1"):
            verify(bare.kafka, bare.redis)
        admin = KafkaAdminClient(bootstrap_servers=bare.kafka)
        assert not set(admin.list_topics()) & {full_name(short) for short in TOPICS}, "the check made topics"
        admin.close()
