"""What the worker tells Prometheus: one list of definitions, and an object with one typed method for each.

The list is the source of `docs/metrics.md`, of dashboards and of the alert lint. Label values are closed sets
and every series exists from the start, so rates begin at zero and no identifier can become a label. Methods
are meant to be called once per batch; a call is a dictionary look-up and an addition.

Print the reference with `python -m megdt_stream.runtime.metrics`.
"""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from megdt_stream.evidence import topics
from megdt_stream.evidence.reasons import Reason

PREFIX: Final = "megdt_"
MAX_SERIES: Final = 1_500
"""What one worker may export with eight partitions; a test counts."""


class Kind(StrEnum):
    """Prometheus' metric types in use here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Outcome(StrEnum):
    """What became of an event. Exactly one each, so the outcomes of a topic add up to the events decided."""

    APPLIED = "applied"
    LATE = "late"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    REDELIVERED = "redelivered"
    REJECTED = "rejected"
    FUTURE = "future"


class Emission(StrEnum):
    """What the worker publishes on output topics."""

    OPENED = "opened"
    RECOVERED = "recovered"
    CARRIED = "carried"
    CONTRIBUTION = "contribution"
    REJECT = "reject"


class Stage(StrEnum):
    """The agents that commit."""

    INTAKE = "intake"
    MIRROR = "mirror"
    ENTITIES = "entities"


class Kept(StrEnum):
    """What became of a contribution."""

    STANDS = "stands"
    STALE = "stale"
    UNREADABLE = "unreadable"


class Step(StrEnum):
    """The steps of one batch, in their order."""

    DECODE = "decode"
    CHECK = "check"
    LOAD = "load"
    FOLD = "fold"
    SCORE = "score"
    COMMIT = "commit"
    PUBLISH = "publish"
    ACKNOWLEDGE = "acknowledge"


class Take(StrEnum):
    """How an attempt to take a partition ended."""

    TAKEN = "taken"
    FORCED = "forced"
    REFUSED = "refused"
    REVOKED = "revoked"
    UNAVAILABLE = "unavailable"


class Dependency(StrEnum):
    """The two servers the worker cannot work without."""

    KAFKA = "kafka"
    REDIS = "redis"


class Fault(StrEnum):
    """Kinds of dependency errors, by what one would do about them."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    AUTHORIZATION = "authorization"
    NOT_PRIMARY = "not_primary"
    OVERLOADED = "overloaded"
    OTHER = "other"


class ModelKind(StrEnum):
    """Kinds of models that a worker has learnt."""

    SEVERITY = "severity"
    RISK = "risk"


class Measure(StrEnum):
    """How the risk model did on the latest closed cohort, predicted before its outcomes were known."""

    AUC = "auc"
    BRIER = "brier"
    LOG_LOSS = "log_loss"
    CALIBRATION_INTERCEPT = "calibration_intercept"
    CALIBRATION_SLOPE = "calibration_slope"


class Matured(StrEnum):
    """What became of the trainees whose outcomes the risk model waited for."""

    LEARNT = "learnt"
    CENSORED = "censored"
    INTERVENED = "intervened"
    LATE = "late"


class Done(StrEnum):
    """What the trainer did about a drift."""

    RECALIBRATE = "recalibrate"
    RESET_CHALLENGER = "reset-challenger"
    DEGRADED = "degraded"
    WARN = "warn"


INPUTS: Final = tuple(topic.short for topic in topics.INPUTS)
CONSUMED: Final = (*INPUTS, topics.EVIDENCE.short, topics.CONTRIBUTIONS.short)


@dataclass(frozen=True, slots=True)
class Label:
    """A label and all its values; `None` for the partition numbers, known when the worker starts."""

    name: str
    values: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric. `name` is without the prefix and, for a counter, with `_total`."""

    name: str
    kind: Kind
    unit: str
    sentence: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()


INPUT: Final = Label("topic", INPUTS)
TOPIC: Final = Label("topic", CONSUMED)
PARTITION: Final = Label("partition", None)

# 1 ms is below what a broker round trip takes, 60 s beyond every objective.
_ALERT_BUCKETS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
_COMMIT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def _label(name: str, values: type[StrEnum]) -> Label:
    return Label(name, tuple(member.value for member in values))


DEFINITIONS: Final = (
    # flow
    Definition(
        "records_read_total",
        Kind.COUNTER,
        "records",
        "Records taken from Kafka, ticks and re-deliveries included.",
        (TOPIC,),
    ),
    Definition(
        "events_total",
        Kind.COUNTER,
        "events",
        "Events decided, by input topic and outcome. Each event has one outcome: applied, late (applied, available "
        "over a week after it happened), superseded (accepted, a higher revision stands), duplicate, redelivered "
        "(same origin again), rejected, future (rejected for its time).",
        (INPUT, _label("outcome", Outcome)),
    ),
    Definition(
        "rejects_total",
        Kind.COUNTER,
        "events",
        "Events sent to the rejects topic, by reason.",
        (_label("reason", Reason),),
    ),
    Definition(
        "emissions_total",
        Kind.COUNTER,
        "messages",
        "Messages acknowledged on output topics; copies after a crash count again.",
        (_label("kind", Emission),),
    ),
    Definition(
        "contributions_total",
        Kind.COUNTER,
        "records",
        "Contributions to entity twins read: stands (it took an earlier one's place), stale (another one stands, or it "
        "is a tick), unreadable.",
        (_label("kept", Kept),),
    ),
    Definition(
        "touched_trainees",
        Kind.GAUGE,
        "trainees",
        "Trainees whose twins changed and who have not told entity twins of it yet, over the partitions held here.",
    ),
    # latency
    Definition(
        "event_to_alert_seconds",
        Kind.HISTOGRAM,
        "seconds",
        "From the broker's append time of the input to the acknowledgement of the alert it caused.",
        buckets=_ALERT_BUCKETS,
    ),
    Definition(
        "commit_seconds",
        Kind.HISTOGRAM,
        "seconds",
        "One commit of a batch in Redis, as seen by the worker.",
        (_label("stage", Stage),),
        _COMMIT_BUCKETS,
    ),
    Definition(
        "step_seconds_total",
        Kind.COUNTER,
        "seconds",
        "Time spent in a step of the batch; its rate is the share of one core or of waiting.",
        (_label("step", Step),),
    ),
    # time
    Definition(
        "watermark_timestamp_seconds",
        Kind.GAUGE,
        "seconds since the epoch",
        "Event time up to which the slowest partition here has decided (the last tick); 0 before the first.",
    ),
    Definition("watermark_delay_seconds", Kind.GAUGE, "seconds", "How far the watermark is behind the clock."),
    # progress
    Definition(
        "applied_offset",
        Kind.GAUGE,
        "offset",
        "Next offset to apply, as committed in Redis; 0 where the partition is not assigned here.",
        (TOPIC, PARTITION),
    ),
    Definition(
        "end_offset",
        Kind.GAUGE,
        "offset",
        "End of the log as last seen; 0 where the partition is not assigned here.",
        (TOPIC, PARTITION),
    ),
    Definition(
        "backlog_events",
        Kind.GAUGE,
        "records",
        "Records in the log that are not applied yet, over the partitions assigned here.",
        (TOPIC,),
    ),
    Definition(
        "backlog_seconds",
        Kind.GAUGE,
        "seconds",
        "Age of the oldest record not applied yet; 0 when there is none.",
        (TOPIC,),
    ),
    Definition(
        "last_progress_timestamp_seconds",
        Kind.GAUGE,
        "seconds since the epoch",
        "When a batch was committed last; the start of the worker before the first.",
    ),
    # membership
    Definition("assigned_partitions", Kind.GAUGE, "partitions", "Partitions this worker holds.", (TOPIC,)),
    Definition("rebalances_total", Kind.COUNTER, "rebalances", "New assignments received from the group."),
    Definition(
        "takes_total",
        Kind.COUNTER,
        "attempts",
        "Attempts to take a partition in the store: taken, forced (the group was deleted), refused (a newer "
        "generation holds it), revoked (lost while taking), unavailable (the store did not answer).",
        (_label("outcome", Take),),
    ),
    Definition(
        "fenced_commits_total",
        Kind.COUNTER,
        "commits",
        "Commits refused because the partition belongs to another worker.",
        (_label("stage", Stage),),
    ),
    Definition("offset_gaps_total", Kind.COUNTER, "gaps", "Holes found in the log.", (TOPIC,)),
    Definition(
        "store_rollbacks_total",
        Kind.COUNTER,
        "rollbacks",
        "The store's cursor was found behind what this worker had committed: the store lost writes.",
    ),
    # dependencies
    Definition(
        "dependency_up",
        Kind.GAUGE,
        "1 or 0",
        "Whether the last call was answered.",
        (_label("dependency", Dependency),),
    ),
    Definition(
        "dependency_errors_total",
        Kind.COUNTER,
        "errors",
        "Failed calls, by what one would do about them.",
        (_label("dependency", Dependency), _label("kind", Fault)),
    ),
    Definition("retries_total", Kind.COUNTER, "calls", "Calls made again.", (_label("dependency", Dependency),)),
    Definition("outbox_pending", Kind.GAUGE, "messages", "Messages committed and not yet acknowledged."),
    Definition(
        "outbox_oldest_seconds",
        Kind.GAUGE,
        "seconds",
        "Age of the oldest such message; 0 when there is none.",
    ),
    # models
    Definition(
        "model_learnt_until_timestamp_seconds",
        Kind.GAUGE,
        "seconds since the epoch",
        "Domain time up to which the version in force was learnt, which names the version; 0 before the first.",
        (_label("model", ModelKind),),
    ),
    Definition(
        "model_labels",
        Kind.GAUGE,
        "trainees",
        "What the risk version in force has made of trainees and their outcomes: learnt (matured labels), censored, "
        "intervened on, late (events after their cohort had closed).",
        (_label("label", Matured),),
    ),
    Definition(
        "model_prequential",
        Kind.GAUGE,
        "as the measure has",
        "How the risk version in force did on its latest closed cohort before it learnt from it; NaN where that is not "
        "known.",
        (_label("measure", Measure),),
    ),
    Definition(
        "model_degraded",
        Kind.GAUGE,
        "1 or 0",
        "Whether the risk version in force is flagged: it told its latest cohort apart no better than chance, or its "
        "copy cannot be read.",
    ),
    Definition(
        "model_drifts",
        Kind.GAUGE,
        "detections",
        "Drifts that the risk version in force has seen in all its cohorts, by what was done.",
        (_label("action", Done),),
    ),
    Definition(
        "model_switches", Kind.GAUGE, "switches", "How often a challenger has taken over, by the risk version in force."
    ),
    # process
    Definition(
        "event_loop_lag_seconds",
        Kind.GAUGE,
        "seconds",
        "How much later than asked the event loop last woke the heartbeat.",
    ),
    Definition(
        "build_info",
        Kind.GAUGE,
        "1",
        "Always 1; the labels say what runs.",
        (Label("version", ()), Label("python", ())),
    ),
)

_TYPES: Final = {Kind.COUNTER: Counter, Kind.GAUGE: Gauge, Kind.HISTOGRAM: Histogram}


class Metrics:
    """Hold every series of one worker in a registry of its own.

    `partitions` is the number of partitions of the topics. Values outside a label's set raise KeyError: a
    label is a closed set or a bug. All methods may be called from any thread.
    """

    def __init__(self, registry: CollectorRegistry, *, partitions: int) -> None:
        self._registry = registry
        self._series = {d.name: _children(d, registry, partitions) for d in DEFINITIONS if d.name != "build_info"}
        self._build_info(registry)
        ProcessCollector(registry=registry)
        self._progress = self._series["last_progress_timestamp_seconds"][()]
        self._progress.set_to_current_time()
        self.risk({}, {}, {}, 0, degraded=False)

    def _build_info(self, registry: CollectorRegistry) -> None:
        definition = next(d for d in DEFINITIONS if d.name == "build_info")
        metric = Gauge(PREFIX + definition.name, definition.sentence, ["version", "python"], registry=registry)
        metric.labels(_version(), platform.python_version()).set(1)

    def read(self, topic: str, n: int) -> None:
        """Count `n` records taken from a topic (short name)."""
        self._series["records_read_total"][(topic,)].inc(n)

    def events(self, topic: str, outcome: Outcome | str, n: int = 1) -> None:
        """Count `n` events of an input topic (short name) under their one outcome."""
        self._series["events_total"][topic, outcome].inc(n)

    def rejects(self, reason: Reason | str, n: int = 1) -> None:
        """Count `n` events sent to the rejects topic for a reason."""
        self._series["rejects_total"][(reason,)].inc(n)

    def emitted(self, kind: Emission | str, n: int = 1) -> None:
        """Count `n` messages acknowledged on an output topic."""
        self._series["emissions_total"][(kind,)].inc(n)

    def alert_latency(self, seconds: float) -> None:
        """Observe one alert: input's append time to acknowledgement."""
        self._series["event_to_alert_seconds"][()].observe(seconds)

    def contributed(self, kept: Kept | str, n: int) -> None:
        """Count contributions read."""
        self._series["contributions_total"][kept,].inc(n)

    def touched(self, n: int) -> None:
        """Set how many trainees have not told entity twins of what changed."""
        self._series["touched_trainees"][()].set(n)

    def committed(self, stage: Stage | str, seconds: float) -> None:
        """Observe one successful commit, and note that the worker moves."""
        self._series["commit_seconds"][(stage,)].observe(seconds)
        self._progress.set_to_current_time()

    def step(self, step: Step | str, seconds: float) -> None:
        """Add the time one batch spent in a step."""
        self._series["step_seconds_total"][(step,)].inc(seconds)

    def watermark(self, event_time: float, now: float) -> None:
        """Set the watermark; both in seconds since the epoch."""
        self._series["watermark_timestamp_seconds"][()].set(event_time)
        self._series["watermark_delay_seconds"][()].set(max(0.0, now - event_time))

    def offsets(self, topic: str, partition: int, applied: int, end: int) -> None:
        """Set the next offset to apply and the end of the log of a partition held here."""
        key = (topic, str(partition))
        self._series["applied_offset"][key].set(applied)
        self._series["end_offset"][key].set(end)

    def released(self, topic: str, partition: int) -> None:
        """Show a partition as not held here."""
        self.offsets(topic, partition, 0, 0)

    def backlog(self, topic: str, events: int, seconds: float) -> None:
        """Set what a topic still has to be applied: how many records and the age of the oldest."""
        self._series["backlog_events"][(topic,)].set(events)
        self._series["backlog_seconds"][(topic,)].set(seconds)

    def assigned(self, partitions: Mapping[str, int]) -> None:
        """Count a rebalance and set how many partitions of each topic are held; absent topics hold none."""
        self._series["rebalances_total"][()].inc()
        for (topic,), gauge in self._series["assigned_partitions"].items():
            gauge.set(partitions.get(topic, 0))

    def take(self, outcome: Take | str) -> None:
        """Count one attempt to take a partition."""
        self._series["takes_total"][(outcome,)].inc()

    def fenced(self, stage: Stage | str) -> None:
        """Count one refused commit."""
        self._series["fenced_commits_total"][(stage,)].inc()

    def offset_gap(self, topic: str) -> None:
        """Count one hole found in a log."""
        self._series["offset_gaps_total"][(topic,)].inc()

    def store_rollback(self) -> None:
        """Count one store found behind what was committed."""
        self._series["store_rollbacks_total"][()].inc()

    def dependency(self, dependency: Dependency | str, *, up: bool) -> None:
        """Set whether a dependency answers."""
        self._series["dependency_up"][(dependency,)].set(int(up))

    def dependency_error(self, dependency: Dependency | str, kind: Fault | str) -> None:
        """Count one failed call, and show the dependency as down."""
        self._series["dependency_errors_total"][dependency, kind].inc()
        self.dependency(dependency, up=False)

    def retry(self, dependency: Dependency | str) -> None:
        """Count one call made again."""
        self._series["retries_total"][(dependency,)].inc()

    def outbox(self, pending: int, oldest_seconds: float) -> None:
        """Set how many messages wait for their acknowledgement and how long the oldest has."""
        self._series["outbox_pending"][()].set(pending)
        self._series["outbox_oldest_seconds"][()].set(oldest_seconds)

    def model(self, kind: ModelKind | str, learnt_until: float) -> None:
        """Set up to when (seconds since the epoch, domain time) the version of a kind in force was learnt."""
        self._series["model_learnt_until_timestamp_seconds"][(kind,)].set(learnt_until)

    def risk(
        self,
        labels: Mapping[str, int],
        measures: Mapping[str, float],
        drifts: Mapping[str, int],
        switches: int,
        *,
        degraded: bool,
    ) -> None:
        """Set what the risk version in force says of its learning; what is left out is 0, a measure NaN."""
        for name, given, absent in (
            ("model_labels", labels, 0),
            ("model_prequential", measures, math.nan),
            ("model_drifts", drifts, 0),
        ):
            for (label,), gauge in self._series[name].items():
                gauge.set(given.get(label, absent))
        self._series["model_switches"][()].set(switches)
        self._series["model_degraded"][()].set(int(degraded))

    def loop_lag(self, seconds: float) -> None:
        """Set how late the event loop woke the heartbeat."""
        self._series["event_loop_lag_seconds"][()].set(seconds)

    def render(self) -> bytes:
        """Give all series in Prometheus' text format 0.0.4, without the `_created` ones."""
        return generate_latest(_WithoutCreated(self._registry))


class _WithoutCreated:
    """A registry's view without `_created`: they double the counters' series and nothing here reads them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric


def _children(definition: Definition, registry: CollectorRegistry, partitions: int) -> dict[tuple[str, ...], Any]:
    """Make the metric and all of its series, keyed by label values in the definition's order."""
    # Counter and Histogram take the same arguments but `buckets`; the library types them apart.
    make: Any = _TYPES[definition.kind]
    extra = {"buckets": definition.buckets} if definition.buckets else {}
    names = [label.name for label in definition.labels]
    metric = make(PREFIX + definition.name, definition.sentence, names, registry=registry, **extra)
    if not names:
        return {(): metric}
    return {values: metric.labels(*values) for values in _combinations(definition.labels, partitions)}


def _combinations(labels: Sequence[Label], partitions: int) -> Iterable[tuple[str, ...]]:
    numbers = tuple(str(number) for number in range(partitions))
    return product(*(numbers if label.values is None else label.values for label in labels))


def _version() -> str:
    try:
        return version("megdt-stream")
    except PackageNotFoundError:  # a checkout on the path, not installed
        return "unknown"


def reference() -> str:
    """Give `docs/metrics.md`."""
    rows = [f"| `{PREFIX}{d.name}` | {d.kind} | {d.unit} | {_labels(d)} | {d.sentence} |" for d in DEFINITIONS]
    return "\n".join([_HEAD, *rows, "", _TAIL])


def _labels(definition: Definition) -> str:
    return "; ".join(_values(label) for label in definition.labels)


def _values(label: Label) -> str:
    if label.values is None:
        return f"`{label.name}`: 0 to partitions - 1"
    if not label.values:
        return f"`{label.name}`"
    return f"`{label.name}`: " + ", ".join(label.values)


_HEAD: Final = """\
# Metrics

Generated from `megdt_stream/runtime/metrics.py` by `python -m megdt_stream.runtime.metrics >
docs/metrics.md`.

Each worker serves `/metrics` (text format 0.0.4) from a thread of its own. Label values are closed sets,
every series exists from the start, and none names a person. Topics are given by their short names
(`megdt.<short>.v1`).

| metric | kind | unit | labels | meaning |
|---|---|---|---|---|"""
_TAIL: Final = """\
The process itself is described by the Prometheus client's `process_*` metrics (memory, CPU seconds, file
descriptors, start time).
"""

if __name__ == "__main__":
    sys.stdout.write(reference())
