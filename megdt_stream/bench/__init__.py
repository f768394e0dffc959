"""Measurements on a real broker and a real store: throughput beside stock Faust, cost by size, latency.

Here lives what makes a workload, runs a variant in a process of its own and condenses the figures. What must not live
here: anything that the system needs to run, thresholds that pass or fail a release, or figures typed by hand.
"""

from megdt_stream.bench.delay import latency
from megdt_stream.bench.sizes import scale
from megdt_stream.bench.throughput import replay

__all__ = ["latency", "replay", "scale"]
