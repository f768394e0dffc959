"""What is published while the system is being hurt, and by whom."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from megdt_stream.evidence.adapters import oulad as oulad_adapter
from megdt_stream.publisher import Publisher
from megdt_stream.publisher.oulad_files import read_oulad
from megdt_stream.synth import HospitalPlan, generate

_TRAINEES: Final = 60
_LEAST_AHEAD: Final = 1_000
_WAIT_SECONDS: Final = 0.5


class Event(NamedTuple):
    """A record to publish: short topic, key, bytes."""

    topic: str
    key: str
    value: bytes


def history(oulad: Path | None, seed: int) -> list[Event]:
    """Give the events of the OULAD tables, else of a synthetic hospital, in publishing order.

    Raises FileNotFoundError, ValueError for tables that are not there or not readable.
    """
    if oulad is not None:
        return [Event(e.topic, e.key, e.value) for e in oulad_adapter.events(read_oulad(oulad))]
    hospital = generate(HospitalPlan.demo(seed=seed, trainees=_TRAINEES))
    return [Event(e.topic, e.key, e.value) for e in hospital.events]


class Publishing(threading.Thread):
    """Publishes events in a thread, a quarter of them ahead of what is worked off: there is always work, and
    always more.

    `failure` is what went wrong, if anything.
    """

    def __init__(self, kafka: str, events: Sequence[Event]) -> None:
        super().__init__(name="publishing", daemon=True)
        self.failure: Exception | None = None
        self.acknowledged = 0
        self._kafka = kafka
        self._events = events
        self._ahead = max(_LEAST_AHEAD, len(events) // 4)
        self._allowed = self._ahead
        self._moved = threading.Condition()
        self._halted = False

    def worked_off(self, records: int) -> None:
        """Tell how many records were read by intake so far."""
        with self._moved:
            self._allowed = records + self._ahead
            self._moved.notify()

    def halt(self) -> None:
        """Publish no more."""
        with self._moved:
            self._halted = True
            self._moved.notify()

    def run(self) -> None:
        """Publish everything and wait for the broker's word."""
        try:
            with Publisher(self._kafka, client_id="megdt-chaos", delivery_seconds=120.0) as publisher:
                for number, event in enumerate(self._events):
                    if number >= self._allowed:
                        # What lingers unsent would never be read, and what is not read never allows more.
                        publisher.flush(120.0)
                        if not self._wait_for(number):
                            return
                    publisher.publish(event.topic, event.key, event.value)
            self.acknowledged = sum(publisher.acknowledged.values())
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            self.failure = error

    def _wait_for(self, number: int) -> bool:
        with self._moved:
            while number >= self._allowed and not self._halted:
                self._moved.wait(_WAIT_SECONDS)
            return not self._halted
