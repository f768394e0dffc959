"""Metrics: closed labels, zero from the start, names by the rules, and a reference that is up to date."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from megdt_stream.evidence.reasons import Reason
from megdt_stream.runtime import metrics
from megdt_stream.runtime.metrics import DEFINITIONS, MAX_SERIES, PREFIX, Fault, Kind, Metrics, Outcome

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def worker() -> Metrics:
    return Metrics(CollectorRegistry(), partitions=8)


def samples(of: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(of.render().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def value(of: Metrics, name: str, **labels: str) -> float:
    return samples(of)[PREFIX + name, frozenset(labels.items())]


def test_the_series_stay_within_their_budget(worker: Metrics) -> None:
    assert len(samples(worker)) < MAX_SERIES


def test_every_label_combination_exists_before_anything_happens(worker: Metrics) -> None:
    for topic in metrics.INPUTS:
        for outcome in Outcome:
            assert value(worker, "events_total", topic=topic, outcome=outcome) == 0
    for reason in Reason:
        assert value(worker, "rejects_total", reason=reason) == 0
    assert value(worker, "applied_offset", topic="evidence", partition="7") == 0


def test_nothing_that_happens_adds_a_series(worker: Metrics) -> None:
    before = samples(worker).keys()
    worker.read("evidence", 2000)
    worker.events("assessments", Outcome.LATE, 3)
    worker.dependency_error("redis", "timeout")
    worker.offsets("evidence", 3, 5, 9)
    worker.alert_latency(0.02)
    assert samples(worker).keys() == before


@pytest.mark.parametrize(
    ("topic", "outcome"), [("trainee.4711", "applied"), ("assessments", "王小明"), ("evidence", "applied")]
)
def test_a_value_outside_its_closed_set_is_refused(worker: Metrics, topic: str, outcome: str) -> None:
    with pytest.raises(KeyError):
        worker.events(topic, outcome)


def test_counters_add_up_and_gauges_show_the_last(worker: Metrics) -> None:
    worker.events("assessments", Outcome.APPLIED, 1990)
    worker.events("assessments", "duplicate", 10)
    worker.backlog("evidence", 7, 1.5)
    worker.backlog("evidence", 3, 0.5)
    assert value(worker, "events_total", topic="assessments", outcome="applied") == 1990
    assert value(worker, "events_total", topic="assessments", outcome="duplicate") == 10
    assert value(worker, "backlog_events", topic="evidence") == 3
    assert value(worker, "backlog_seconds", topic="evidence") == 0.5


def test_a_failed_call_shows_the_dependency_as_down_until_it_answers(worker: Metrics) -> None:
    worker.dependency("redis", up=True)
    worker.dependency_error("redis", Fault.OVERLOADED)
    assert value(worker, "dependency_up", dependency="redis") == 0
    worker.dependency("redis", up=True)
    assert value(worker, "dependency_up", dependency="redis") == 1
    assert value(worker, "dependency_errors_total", dependency="redis", kind="overloaded") == 1


def test_an_assignment_clears_topics_no_longer_held(worker: Metrics) -> None:
    worker.assigned({"evidence": 8, "assessments": 8})
    worker.assigned({"evidence": 4})
    assert value(worker, "assigned_partitions", topic="evidence") == 4
    assert value(worker, "assigned_partitions", topic="assessments") == 0
    assert value(worker, "rebalances_total") == 2


def test_a_released_partition_shows_no_offsets(worker: Metrics) -> None:
    worker.offsets("evidence", 3, 100, 120)
    worker.released("evidence", 3)
    assert value(worker, "applied_offset", topic="evidence", partition="3") == 0
    assert value(worker, "end_offset", topic="evidence", partition="3") == 0


def test_a_commit_is_progress(worker: Metrics) -> None:
    before = value(worker, "last_progress_timestamp_seconds")
    worker.committed("intake", 0.004)
    assert value(worker, "commit_seconds_count", stage="intake") == 1
    assert value(worker, "last_progress_timestamp_seconds") >= before


def test_the_watermark_is_never_ahead_of_the_clock_by_a_negative_delay(worker: Metrics) -> None:
    worker.watermark(event_time=1_000.0, now=990.0)
    assert value(worker, "watermark_delay_seconds") == 0
    worker.watermark(event_time=1_000.0, now=1_060.0)
    assert value(worker, "watermark_delay_seconds") == 60


def test_two_workers_in_one_process_share_nothing() -> None:
    one, other = Metrics(CollectorRegistry(), partitions=1), Metrics(CollectorRegistry(), partitions=1)
    one.read("evidence", 5)
    assert value(other, "records_read_total", topic="evidence") == 0


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.name)
def test_names_follow_prometheus_rules(definition: metrics.Definition) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*[a-z]", definition.name)
    assert definition.name.endswith("_total") == (definition.kind is Kind.COUNTER)
    assert bool(definition.buckets) == (definition.kind is Kind.HISTOGRAM)
    assert definition.sentence.endswith(".")
    if definition.unit.startswith("seconds"):
        assert "seconds" in definition.name


def test_names_are_unique() -> None:
    assert len({d.name for d in DEFINITIONS}) == len(DEFINITIONS)


def test_every_definition_is_exported_and_nothing_else_of_ours(worker: Metrics) -> None:
    families = text_string_to_metric_families(worker.render().decode())
    exported = {f.name for f in families if f.name.startswith(PREFIX)}
    assert exported == {PREFIX + d.name.removesuffix("_total") for d in DEFINITIONS}


def test_creation_times_are_left_out_and_the_process_is_described(worker: Metrics) -> None:
    names = {name for name, _ in samples(worker)}
    assert not [name for name in names if name.endswith("_created")]
    assert "process_resident_memory_bytes" in names


def test_the_reference_is_up_to_date() -> None:
    assert (DOCS / "metrics.md").read_text("utf-8") == metrics.reference()
