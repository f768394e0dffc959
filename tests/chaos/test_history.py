"""Publishing in step with what is worked off, on a real broker."""

from __future__ import annotations

import threading
import time

import pytest
from kafka import KafkaConsumer
from kafka import TopicPartition as Place

from megdt_stream.chaos.history import Event, Publishing, history
from megdt_stream.local import Stack
from megdt_stream.runtime import admin


def test_a_history_is_the_same_for_the_same_seed():
    assert history(None, 3) == history(None, 3)
    assert history(None, 3) != history(None, 4)


def test_tables_that_are_not_there_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"assessments\.csv"):
        history(tmp_path, 1)


def _ends(kafka: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=kafka, group_id=None)
    try:
        numbers = consumer.partitions_for_topic("megdt.outcomes.v1") or set()
        return sum(consumer.end_offsets([Place("megdt.outcomes.v1", n) for n in numbers]).values())
    finally:
        consumer.close()


@pytest.mark.stack
def test_publishing_stays_a_little_ahead_of_what_is_worked_off(stack: Stack) -> None:
    admin.create_topics(stack.kafka, 8)
    before = _ends(stack.kafka)
    events = [Event("outcomes", f"k1.{n % 9}", b"{}") for n in range(2_500)]
    publishing = Publishing(stack.kafka, events)
    publishing.start()
    deadline, pause = time.monotonic() + 30, threading.Event()
    while _ends(stack.kafka) - before < 1_000:
        assert time.monotonic() < deadline
        assert publishing.failure is None
        pause.wait(0.1)
    assert _ends(stack.kafka) - before == 1_000, "a thousand ahead, and no more"
    publishing.worked_off(1_200)
    while _ends(stack.kafka) - before < 2_200:
        assert time.monotonic() < deadline
        pause.wait(0.1)
    assert publishing.is_alive()
    publishing.worked_off(1_600)
    publishing.join(30)
    assert publishing.acknowledged == len(events)
    assert publishing.failure is None
