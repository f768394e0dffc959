"""Waiting for conditions, and looking at processes from outside."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool], float], bool]:
    """Wait until a condition holds, at most so many seconds; tell whether it does."""

    def wait(condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while not condition():
            if time.monotonic() >= deadline:
                return False
            pause.wait(0.02)
        return True

    return wait


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Tell whether a process has ended, reaped or not."""

    def ended(pid: int) -> bool:
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        return status.rpartition(")")[2].split()[0] == "Z"

    return ended
