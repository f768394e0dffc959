"""Looking at the running system: everything a frame needs, as often as it can be had cheaply."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Final

from megdt_stream.console.flow import Frame
from megdt_stream.console.notices import Notice, NoticeReader, Tally
from megdt_stream.runtime.query import Query
from megdt_stream.twin.view import Estimation, read

_RATES: Final = 120
_LATEST: Final = 40
_RATE_SECONDS: Final = 0.5
_COUNTING_SHARE: Final = 0.1
"""Counting twins walks all keys: at most this share of the time goes into it."""


class Monitor:
    """Gathers frames. Not for several threads."""

    def __init__(self, query: Query, alerts: NoticeReader, focus: str, estimation: Estimation) -> None:
        self.tally = Tally()
        self.latest: deque[Notice] = deque(maxlen=_LATEST)
        self._query = query
        self._alerts = alerts
        self._focus = focus
        self._estimation = estimation
        self._begun = time.monotonic()
        self._rates: deque[float] = deque(maxlen=_RATES)
        self._rated = (self._begun, 0)
        self._twins = 0
        self._count_again = 0.0

    @property
    def seconds(self) -> float:
        """Give the time since the start."""
        return time.monotonic() - self._begun

    def look(self, phase: str, share: float, published: Mapping[str, int]) -> Frame:
        """Give what is so now."""
        self._read_alerts()
        flow = self._query.flow()
        self._rate(sum(one.accepted + one.duplicate + one.rejected for one in flow.values()))
        self._count_twins()
        stored = self._query.find(self._focus)
        return Frame(
            phase=phase,
            share=share,
            seconds=self.seconds,
            published=dict(published),
            flow=flow,
            rates=tuple(self._rates),
            twins=self._twins,
            open_warnings=len(self.tally.open),
            opened=self.tally.opened,
            recovered=self.tally.recovered,
            latest=tuple(self.latest),
            focus=self._focus,
            focus_view=read(stored.twin, self._estimation) if stored else None,
            focus_now=stored.now if stored else 0,
        )

    def finish(self) -> None:
        """Read the alerts to their end."""
        for notice in self._alerts.rest():
            self._take(notice)

    def _read_alerts(self) -> None:
        while found := self._alerts.poll(0):
            for notice in found:
                self._take(notice)

    def _take(self, notice: Notice) -> None:
        if self.tally.add(notice):
            self.latest.appendleft(notice)

    def _rate(self, applied: int) -> None:
        now = time.monotonic()
        since, before = self._rated
        if now - since >= _RATE_SECONDS:
            self._rates.append(max(0.0, (applied - before) / (now - since)))
            self._rated = (now, applied)

    def _count_twins(self) -> None:
        begun = time.monotonic()
        if begun < self._count_again:
            return
        self._twins = self._query.count_twins()
        took = time.monotonic() - begun
        self._count_again = begun + max(0.5, took / _COUNTING_SHARE)
