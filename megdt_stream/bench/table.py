"""Writes the results table of a document: `python -m megdt_stream.bench.table benchmarks/README.md benchmarks/results`.

The folder holds `replay.json`, `scale.json` and `latency.json` as `megdt bench ... --json` prints them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

import orjson

_BLOCK: Final = re.compile(r"(<!-- generated: results -->\n).*?(<!-- end of generated part -->)", flags=re.DOTALL)
_VARIANTS: Final = ("stock_noop", "stock_awaited", "ours", "plain", "end_to_end")


def fill(text: str, folder: Path) -> str:
    """Give the text with its results block made anew. Raises ValueError where it has none."""
    parts = [render(orjson.loads(path.read_bytes())) for name, render in _PARTS if (path := folder / name).exists()]
    filled, n = _BLOCK.subn(lambda match: match[1] + "\n\n".join(parts) + "\n" + match[2], text)
    if not n:
        raise ValueError("the document has no results block")
    return filled


def _replay(found: dict[str, Any]) -> str:
    head = f"### replay: {found['records']:,} records, {found['trainees']:,} trainees, {found['partitions']} partitions"
    lines = [
        "| variant | events/s (range) | processor time, µs/event | Redis, µs/event | peak MiB | events | rounds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in _VARIANTS:
        row = found[name]
        low, high = row["range_events_per_s"]
        lines.append(
            f"| `{name}` | {row['events_per_s']:,.0f} ({low:,.0f}-{high:,.0f}) | {row['cpu_us_per_event']:.1f} "
            f"| {row['redis_cpu_us_per_event']:.1f} | {row['peak_mb']:.0f} | {row['events']:,.0f} | {row['rounds']} |"
        )
    ratios = (
        f"`ours` is {found['ratio_to_stock_noop']} times `stock_noop`, {found['ratio_to_stock_awaited']} times "
        f"`stock_awaited` and {found['ratio_to_plain']} times `plain`. A twin takes {found['bytes_per_twin']:,} bytes "
        f"in the store, {found['bytes_per_twin_without_journal']:,} without its journal."
    )
    return "\n".join([head, "", *lines, "", ratios, "", _machine(found["machine"])])


def _scale(found: dict[str, Any]) -> str:
    head = f"### scale: {found['events']:,} events a year, µs per event"
    lines = ["| trainees | wall | processor | resumed cold, wall | resumed cold, processor |", "|---|---|---|---|---|"]
    for size, wall in found["trainees"].items():
        rest = (found[view][size] for view in ("cpu", "cold", "cold_cpu"))
        lines.append(f"| {int(size):,} | {wall:.1f} | " + " | ".join(f"{value:.1f}" for value in rest) + " |")
    spread = f"Spread of the wall time {found['spread']:.2f}, of the processor time {found['cpu_spread']:.2f}."
    return "\n".join([head, "", *lines, "", spread, "", _machine(found["machine"])])


def _latency(found: dict[str, Any]) -> str:
    head = f"### latency: {found['events_per_s']:,} events/s, {found['alerts']:,} alerts in {found['seconds']:g} s, ms"
    lines = ["| stretch | p50 | p90 | p99 | max |", "|---|---|---|---|---|", _row("published to seen", found)]
    lines += [_row(name.replace("_", " "), part) for name, part in found["breakdown_ms"].items()]
    late = f"The publisher was late by {found['publisher_late_p99_ms']} ms at p99."
    return "\n".join([head, "", *lines, "", late, "", _machine(found["machine"])])


def _row(name: str, part: dict[str, Any]) -> str:
    return f"| {name} | " + " | ".join(f"{part[f'{rank}_ms']:.1f}" for rank in ("p50", "p90", "p99", "max")) + " |"


def _machine(found: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return (
        f"{found['cpu']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        f"Python {found['python']}, {packages}; load average {found['load']} at the end."
    )


_PARTS: Final = (("replay.json", _replay), ("scale.json", _scale), ("latency.json", _latency))


def main(document: str, folder: str) -> None:
    """Rewrite the document's block."""
    path = Path(document)
    path.write_text(fill(path.read_text("utf-8"), Path(folder)), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
