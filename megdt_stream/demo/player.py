"""Publishing a history at the speed of a film."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from megdt_stream.demo.source import Event, Source
from megdt_stream.publisher import Publisher

_AHEAD_SECONDS: Final = 0.02
_LOOK_EVERY: Final = 16


class Player(threading.Thread):
    """Publishes a source's events in a thread of its own, spread over `seconds` (0: as fast as it goes).

    `handed` counts what was handed over by topic, `at` is the history's time (ms). After the end,
    `acknowledged` is what the broker confirmed, and `failure` what went wrong, if anything.
    """

    def __init__(self, kafka: str, source: Source, seconds: float) -> None:
        super().__init__(name="player", daemon=True)
        self.handed: Counter[str] = Counter()
        self.at = source.opens
        self.acknowledged: dict[str, int] = {}
        self.failure: Exception | None = None
        self._kafka = kafka
        self._source = source
        self._seconds = seconds
        self._halt = threading.Event()

    @property
    def share(self) -> float:
        """Give how much of the history's time is played, 0 to 1."""
        length = self._source.closes - self._source.opens
        return min(1.0, max(0.0, (self.at - self._source.opens) / length))

    def run(self) -> None:
        """Publish everything, wait for the broker's word."""
        try:
            with Publisher(self._kafka, client_id="megdt-demo") as publisher:
                for event in self._paced(self._source.events()):
                    publisher.publish(event.topic, event.key, event.value, event.headers)
                    self.handed[event.topic] += 1
            self.acknowledged = dict(publisher.acknowledged)
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            self.failure = error

    def stop(self) -> None:
        """Publish no more."""
        self._halt.set()

    def _paced(self, events: Iterator[Event]) -> Iterator[Event]:
        begun, length = time.monotonic(), self._source.closes - self._source.opens
        for number, event in enumerate(events):
            self.at = event.available
            if number % _LOOK_EVERY == 0:
                ahead = begun + self._seconds * self.share - time.monotonic() if length else 0.0
                if self._halt.wait(ahead if ahead > _AHEAD_SECONDS else 0):
                    return
            yield event
        self.at = self._source.closes
