"""The demonstration from the first server's start to the last event accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from megdt_stream.console.flow import Frame
from megdt_stream.console.notices import Notice, NoticeReader, Tally
from megdt_stream.console.words import Words
from megdt_stream.demo.balance import Comparison, Coverage, compare, coverage, reconcile
from megdt_stream.demo.monitor import Monitor
from megdt_stream.demo.player import Player
from megdt_stream.demo.source import Source
from megdt_stream.local import Progress
from megdt_stream.runtime.drained import LogEnds, Standing, drain
from megdt_stream.runtime.entities import estimators
from megdt_stream.runtime.query import Query, Stored
from megdt_stream.seed_files import load_estimation, load_rule
from megdt_stream.session import Session, open_session
from megdt_stream.twin.view import Estimation, TwinView, read
from megdt_stream.verify import Report

_FRAME_SECONDS: Final = 0.25
_REST_SECONDS: Final = 30.0
_JOIN_SECONDS: Final = 30.0


class Stage(Protocol):
    """Where frames are shown."""

    def show(self, frame: Frame) -> None:
        """Show a frame."""


@dataclass(frozen=True)
class Demonstration:
    """What to play and for how long; `seconds` 0 plays as fast as it goes."""

    source: Source
    seconds: float
    words: Words
    progress: Progress | None = None


@dataclass(frozen=True)
class Outcome:
    """How it ended. `problems` is empty when everything adds up and agrees."""

    published: Mapping[str, int]
    report: Report
    seconds: float
    tally: Tally
    problems: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    coverage: tuple[Coverage, Coverage] | None
    """Of levels as declared, and of those less the severity of assessors."""
    focus: Stored | None
    estimation: Estimation
    told: Notice | None = None
    """A warning worth telling in full."""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Tell whether all is well."""
        return not self.problems and self.report.ok and all(one.equal for one in self.comparisons)

    @property
    def focus_view(self) -> TwinView | None:
        """Read the watched trainee's twin."""
        return read(self.focus.twin, self.estimation) if self.focus else None

    def to_dict(self) -> dict[str, Any]:
        """Give the outcome as plain data, ready for JSON."""
        report = self.report.to_dict()
        return {
            "events_published": sum(self.published.values()),
            **{name: report[name] for name in ("read", "accepted", "duplicate", "rejected", "twins")},
            "warnings": self.tally.opened,
            "seconds": round(self.seconds, 1),
            "ok": self.ok,
            "open_warnings": len(self.tally.open),
            "problems": [
                *self.problems,
                *(f"{one.what}: truth {one.truth}, found {one.found}" for one in self.comparisons if not one.equal),
            ],
        }


def run(plan: Demonstration, stage: Stage) -> Outcome:
    """Start everything, play, check, tell. Raises MegdtError and LocalStackError."""
    begun = time.monotonic()
    with open_session(worker=True, temporary=True, progress=plan.progress) as session:
        performance = _Performance(plan, session, stage, begun)
        return performance.play()


class _Performance:
    """One run on one session."""

    def __init__(self, plan: Demonstration, session: Session, stage: Stage, begun: float) -> None:
        self._source = plan.source
        self._words = plan.words
        self._session = session
        self._stage = stage
        self._begun = begun
        self._seeds = session.settings.seeds_dir
        self._estimation = load_estimation(self._seeds)
        self._player = Player(session.kafka, plan.source, plan.seconds)

    def play(self) -> Outcome:
        with self._session.query() as query, NoticeReader(self._session.kafka) as alerts:
            self._monitor = Monitor(query, alerts, self._source.focus, self._estimation)
            self._await_worker(query)
            self._player.start()
            try:
                self._watch()
            finally:
                self._player.stop()
                self._player.join(10)
            self._settle(query)
            report = self._session.verify(_REST_SECONDS, self._said)
            self._monitor.finish()
            self._show(self._words["done"], 1.0)
            return self._outcome(query, report)

    def _await_worker(self, query: Query) -> None:
        """Begin when the worker holds its partitions: a picture in which nothing moves tells nothing."""
        give_up = time.monotonic() + _JOIN_SECONDS
        while query.partitions < self._session.settings.partitions and time.monotonic() < give_up:
            self._show(self._words["joining"], 0.0)
            self._session.check()
            time.sleep(_FRAME_SECONDS)

    def _watch(self) -> None:
        while self._player.is_alive():
            self._show(self._day(), self._player.share)
            self._session.check()
            self._player.join(_FRAME_SECONDS)
        if self._player.failure is not None:
            raise self._player.failure

    def _settle(self, query: Query) -> None:
        def progress(standing: Standing) -> None:
            self._pace(self._words["settling"].format(left=f"{standing.unread + standing.unapplied:,}"))

        with LogEnds(self._session.kafka) as log:
            drain(query, log, event_clock=True, alive=self._session.check, progress=progress)

    def _said(self, text: str) -> None:
        self._pace(self._words["checking"].format(what=text))

    def _pace(self, phase: str) -> None:
        """Show a frame, unless the last one is fresh."""
        if time.monotonic() >= self._shown + _FRAME_SECONDS:
            self._show(phase, 1.0)

    def _show(self, phase: str, share: float) -> None:
        self._stage.show(self._monitor.look(phase, share, self._player.handed))
        self._shown = time.monotonic()

    def _day(self) -> str:
        length = (self._source.closes - self._source.opens) // 86_400_000
        day = (self._player.at - self._source.opens) // 86_400_000
        date = datetime.fromtimestamp(self._player.at / 1000, UTC)
        return self._words["playing"].format(date=f"{date:%Y-%m-%d}", day=f"{day + 1:,}", days=f"{length:,}")

    def _outcome(self, query: Query, report: Report) -> Outcome:
        comparisons, covered = self._against_truth(query, report)
        tally = self._monitor.tally
        return Outcome(
            published=self._player.acknowledged,
            report=report,
            seconds=time.monotonic() - self._begun,
            tally=tally,
            problems=tuple(reconcile(self._player.acknowledged, report.to_dict())),
            comparisons=comparisons,
            coverage=covered,
            focus=query.find(self._source.focus),
            estimation=self._estimation,
            told=_worth_telling(tally, self._source.focus),
        )

    def _against_truth(
        self, query: Query, report: Report
    ) -> tuple[tuple[Comparison, ...], tuple[Coverage, Coverage] | None]:
        if self._source.truth is None:
            return (), None
        truth = self._source.truth()
        stored = list(query.twins())
        twins = {one.trainee: read(one.twin, self._estimation) for one in stored}
        learned = estimators(query, say=self._said)
        less = {one.trainee: read(one.twin, self._estimation, learned(one.trainee)) for one in stored}
        opens, closes = self._source.opens, self._source.closes
        until = min((one.now for one in stored), default=0) - load_rule(self._seeds).grace_ms
        return (
            tuple(compare(truth, report.to_dict(), twins, until)),
            (coverage(truth, twins, opens, closes), coverage(truth, less, opens, closes)),
        )


def _worth_telling(tally: Tally, focus: str) -> Notice | None:
    """Choose the watched trainee's latest open warning, else the latest of all."""
    latest: Callable[[Notice], str] = lambda notice: str(notice.event["time"])  # noqa: E731
    theirs = [notice for notice in tally.open.values() if notice.data["trainee"] == focus]
    return max(theirs or tally.open.values(), key=latest, default=None)
