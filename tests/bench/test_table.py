"""The results table is made from the measurements' output."""

from pathlib import Path

import orjson
import pytest

from megdt_stream.bench import machine
from megdt_stream.bench.table import fill, main

DOCUMENT = "before\n<!-- generated: results -->\nstale\n<!-- end of generated part -->\nafter\n"
FIGURES = {
    "events_per_s": 1234.5,
    "range_events_per_s": [1000.0, 1500.0],
    "cpu_us_per_event": 7.5,
    "redis_cpu_us_per_event": 1.5,
    "peak_mb": 99.0,
    "events": 5_000,
    "rounds": 3,
}
PERCENTILES = {"p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0, "max_ms": 4.0}


def write(folder: Path, name: str, found: dict[str, object]) -> None:
    (folder / f"{name}.json").write_bytes(orjson.dumps({**found, "machine": machine.describe()}))


def test_a_block_is_made_anew_and_the_rest_is_left(tmp_path: Path) -> None:
    stretches = {"publish_to_append": PERCENTILES}
    latency = {**PERCENTILES, "events_per_s": 1_000, "alerts": 5_000, "seconds": 20.0}
    write(tmp_path, "latency", {**latency, "breakdown_ms": stretches, "publisher_late_p99_ms": 0.5})
    sizes = {"1000": 10.0, "200000": 11.0}
    views = dict.fromkeys(("trainees", "cpu", "cold", "cold_cpu"), sizes)
    write(tmp_path, "scale", {**views, "events": 9_000, "spread": 0.1, "cpu_spread": 0.1})
    variants = dict.fromkeys(("stock_noop", "stock_awaited", "ours", "plain", "end_to_end"), FIGURES)
    ratios = {"ratio_to_stock_noop": 2.5, "ratio_to_stock_awaited": 9.5, "ratio_to_plain": 0.9}
    size = {"bytes_per_twin": 5_000, "bytes_per_twin_without_journal": 2_000}
    write(tmp_path, "replay", {**variants, **ratios, **size, "records": 5_000, "trainees": 20, "partitions": 8})
    document = tmp_path / "README.md"
    document.write_text(DOCUMENT, "utf-8")
    main(str(document), str(tmp_path))
    text = document.read_text("utf-8")
    assert text.startswith("before\n<!-- generated: results -->\n### replay: 5,000 records")
    assert text.endswith("<!-- end of generated part -->\nafter\n")
    assert "stale" not in text
    assert "| `ours` | 1,234 (1,000-1,500) | 7.5 | 1.5 | 99 | 5,000 | 3 |" in text
    assert "| 200,000 | 11.0 | 11.0 | 11.0 | 11.0 |" in text
    assert "| publish to append | 1.0 | 2.0 | 3.0 | 4.0 |" in text
    assert fill(text, tmp_path) == text


def test_a_document_without_a_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no results block"):
        fill("nothing here", tmp_path)
