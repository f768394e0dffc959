"""Each measurement runs at a tiny size and answers in the shape that others read. No figure is judged."""

import json
from typing import Any

import pytest

from megdt_stream.bench import latency, replay, scale
from megdt_stream.bench.meter import Span
from megdt_stream.bench.processes import measure, medians, new_group
from megdt_stream.bench.variants import Run
from megdt_stream.errors import MegdtError, Unavailable
from megdt_stream.local import Stack

pytestmark = pytest.mark.slow


def plain_json(found: dict[str, Any]) -> dict[str, Any]:
    assert json.loads(json.dumps(found)) == found
    return found


@pytest.mark.stack
def test_replay() -> None:
    said: list[str] = []
    found = plain_json(replay(said.append, events=2_000, trainees=200, partitions=4, rounds=1))
    for variant in ("stock_noop", "stock_awaited", "ours", "end_to_end", "plain"):
        for figure in ("events_per_s", "cpu_us_per_event", "peak_mb"):
            assert found[variant][figure] > 0, (variant, figure)
        assert any(variant in line for line in said)
    for ratio in ("ratio_to_stock_noop", "ratio_to_stock_awaited", "ratio_to_plain", "bytes_per_twin"):
        assert found[ratio] > 0, ratio
    assert 0 < found["twins"] <= 200
    assert found["machine"]["cores"] > 0


@pytest.mark.stack
def test_scale() -> None:
    found = plain_json(scale(lambda _line: None, events=1_000, sizes=(50, 500), partitions=4, rounds=1))
    for view in ("trainees", "cpu", "cold", "cold_cpu"):
        assert set(found[view]) == {"50", "500"}
        assert all(value > 0 for value in found[view].values()), view
    low, high = sorted(found["trainees"].values())
    assert found["spread"] == pytest.approx(high / low - 1, abs=0.001)


@pytest.mark.stack
def test_latency() -> None:
    found = plain_json(latency(lambda _line: None, rate=100, seconds=2.0, warm=1.0, trainees=100, partitions=4))
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert found["alerts"] == 50
    assert set(found["breakdown_ms"]) == {"publish_to_append", "append_to_relay", "relay_to_seen"}


@pytest.mark.stack
def test_a_run_that_fails_says_why(stack: Stack) -> None:
    run = Run("nonesuch", stack.kafka, stack.redis, 1, new_group("ours"), 1)
    with pytest.raises(MegdtError, match="KeyError: 'nonesuch'"):
        measure(run)


def test_a_store_that_does_not_answer_is_named() -> None:
    run = Run("ours", "127.0.0.1:1", "redis://127.0.0.1:1/0", 1, new_group("ours"), 1)
    with pytest.raises(Unavailable, match="Redis"):
        measure(run)


def test_figures_of_a_run_that_measured_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Span(10).figures()


def test_medians_keep_the_range() -> None:
    rounds = [{"events_per_s": rate, "peak_mb": 10.0} for rate in (100.0, 300.0, 200.0)]
    found = medians(rounds)
    assert found["events_per_s"] == 200.0
    assert found["range_events_per_s"] == [100.0, 300.0]
    assert found["rounds"] == 3
