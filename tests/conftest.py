"""What several kinds of tests share: a real broker and a real store."""

import gc
import logging
import os
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from megdt_stream.local import Stack, open_stack

# How fast a machine draws examples and runs them is no property of the code; benchmarks measure that.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: who changes a line is told of that line. `make fuzz` looks for new examples.
settings.register_profile("steady", settings.get_profile("explore"), derandomize=True)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """Excuse the deprecated calls by which kafka-python reads its schemas at import."""
    for call in ("open_text", "read_text"):
        config.addinivalue_line("filterwarnings", f"ignore:{call} is deprecated:DeprecationWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what runs on real servers have a second try, which the summary names (RERUN): a fault to look into.

    A loaded machine can starve a broker for longer than any time-out of a test. What is pure gets one try.
    """
    for item in items:
        if item.get_closest_marker("stack"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A real Kafka and a real Redis: started here, or external by MEGDT_TEST_KAFKA and MEGDT_TEST_REDIS."""
    with open_stack(os.environ.get("MEGDT_TEST_KAFKA"), os.environ.get("MEGDT_TEST_REDIS")) as running:
        yield running


@pytest.fixture
def refused_connections(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """For tests without a broker: kafka-python leaves the sockets of refused connections to the collector.

    They are collected here, unseen. Captured log records would keep them, with the errors in their arguments.
    """
    caplog.set_level(logging.CRITICAL + 1, "kafka")
    gc.disable()  # or they are collected, and seen, whenever it happens to be time
    yield
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        for _ in range(5):  # coroutines keep each other alive for a round
            gc.collect()
    gc.enable()
