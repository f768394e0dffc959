"""A worker as it runs in production, for a process of its own: `python -m megdt_stream.bench.worker`, settings
from the environment."""

from __future__ import annotations

import sys

from megdt_stream.runtime.app import run_worker
from megdt_stream.runtime.settings import load

if __name__ == "__main__":
    sys.exit(run_worker(load(("kafka", "redis"))))
