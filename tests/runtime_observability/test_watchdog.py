"""The watchdog: who stands still with work to do is ended, and nobody else."""

import asyncio
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.runtime.watchdog import Progress, StallDetector, Verdict, Watchdog

STALL = 60.0
Steps = list[tuple[float, int, int, bool]]
pauses = st.floats(0.1, 9.9)


def judge(steps: Steps, *, beating: bool = True) -> list[Verdict]:
    """Feed (pause, records applied meanwhile, backlog, dependencies up) and give the verdicts."""
    detector, now, applied = StallDetector(STALL), 1_000.0, 0
    begun, verdicts = now, []
    for pause, moved, backlog, up in steps:
        now += pause
        applied += moved
        beat = now if beating else begun
        verdicts.append(detector.observe(now, Progress(applied, backlog, up, beat)))
    return verdicts


@given(st.lists(st.tuples(pauses, st.integers(1, 9), st.integers(0, 99), st.booleans()), max_size=100))
def test_who_moves_never_stalls(steps: Steps) -> None:
    assert set(judge(steps)) <= {Verdict.FINE}


@given(st.lists(st.tuples(pauses, st.just(0), st.just(0), st.booleans()), max_size=100))
def test_who_has_nothing_to_do_never_stalls(steps: Steps) -> None:
    assert set(judge(steps)) <= {Verdict.FINE}


@given(st.lists(st.tuples(pauses, st.just(0), st.integers(0, 99), st.just(False)), max_size=100))
def test_who_waits_for_kafka_or_redis_never_stalls(steps: Steps) -> None:
    assert set(judge(steps)) <= {Verdict.FINE}


@given(
    st.lists(st.tuples(pauses, st.integers(0, 1), st.integers(0, 2), st.booleans()), max_size=50),
    st.lists(pauses, min_size=1, max_size=50),
)
def test_who_stands_still_stalls_exactly_when_the_time_is_over(before: Steps, waits: list[float]) -> None:
    moving = (1.0, 1, 5, True)
    verdicts = judge([*before, moving, *((wait, 0, 5, True) for wait in waits)])[len(before) + 1 :]
    still = 0.0
    for wait, verdict in zip(waits, verdicts, strict=True):
        still += wait
        if abs(still - STALL) > 1e-6:
            assert (verdict is Verdict.STALLED) == (still > STALL)


@given(st.lists(st.tuples(pauses, st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=50))
def test_a_loop_that_does_not_turn_is_blocked_then_stalled_whatever_else_is_reported(steps: Steps) -> None:
    # The first report only sets the start: what was before it is not known.
    silent = 0.0
    for (pause, *_), verdict in zip(steps[1:], judge(steps, beating=False)[1:], strict=True):
        silent += pause
        if silent > STALL + 1e-6:
            assert verdict is Verdict.STALLED
        elif silent > 10.0 + 1e-6 and verdict is not Verdict.STALLED:
            assert verdict is Verdict.BLOCKED


def test_a_store_that_went_back_is_movement() -> None:
    detector = StallDetector(STALL)
    for second in range(0, 120, 5):
        assert detector.observe(second, Progress(-second, 5, True, second)) is Verdict.FINE


def test_a_process_that_was_suspended_gets_a_new_start() -> None:
    detector = StallDetector(STALL)
    assert detector.observe(0, Progress(1, 5, True, 0)) is Verdict.FINE
    assert detector.observe(3_600, Progress(1, 5, True, 0)) is Verdict.FINE
    assert detector.observe(3_609, Progress(1, 5, True, 3_601)) is Verdict.FINE


class Left:
    """Takes the place of os._exit."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.called = threading.Event()

    def __call__(self, code: int) -> None:
        self.code = code
        self.called.set()


def watch(progress: object, stacks: Path, leave: Left, **options: object) -> Watchdog:
    detector = StallDetector(0.2, blocked_seconds=0.05)
    file = stacks.open("w")
    return Watchdog(progress, detector, interval=0.01, stacks=file, leave=leave, **options)  # type: ignore[arg-type]


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    return tmp_path / "stacks"


@pytest.fixture
def leave() -> Left:
    return Left()


def test_a_stalled_worker_is_ended_with_its_stacks(stacks: Path, leave: Left) -> None:
    watchdog = watch(lambda: Progress(1, 5, True, time.monotonic()), stacks, leave)
    watchdog.start()
    assert leave.called.wait(10)
    watchdog.stop()
    watchdog._stacks.close()
    assert leave.code == 75
    assert "test_watchdog.py" in stacks.read_text()


def test_a_worker_that_moves_is_left_alone(stacks: Path, leave: Left) -> None:
    seen = iter(range(10**9))
    enough = threading.Event()

    def progress() -> Progress:
        applied = next(seen)
        if applied == 50:
            enough.set()
        return Progress(applied, 5, True, time.monotonic())

    watchdog = watch(progress, stacks, leave)
    watchdog.start()
    assert enough.wait(10)
    watchdog.stop()
    watchdog._stacks.close()
    assert leave.code is None


def test_the_tasks_of_the_loop_are_shown(stacks: Path, leave: Left) -> None:
    async def deaf_consumer() -> None:
        await asyncio.Event().wait()

    async def work() -> None:
        waiting = asyncio.create_task(deaf_consumer())
        loop = asyncio.get_running_loop()
        watchdog = watch(lambda: Progress(1, 5, True, time.monotonic()), stacks, leave, loop=loop)
        watchdog.start()
        await asyncio.to_thread(leave.called.wait, 10)
        await asyncio.to_thread(watchdog.stop)
        watchdog._stacks.close()
        waiting.cancel()

    asyncio.run(work())
    assert "deaf_consumer" in stacks.read_text()


def test_a_watchdog_that_cannot_see_ends_the_process(stacks: Path, leave: Left) -> None:
    caught: list[type[BaseException]] = []
    hook, threading.excepthook = threading.excepthook, lambda args: caught.append(args.exc_type)

    def blind() -> Progress:
        raise LookupError("a bug")

    try:
        watchdog = watch(blind, stacks, leave)
        watchdog.start()
        assert leave.called.wait(10)
        watchdog.stop()
        watchdog._stacks.close()
    finally:
        threading.excepthook = hook
    assert leave.code == 70
    assert caught == [LookupError]


BLOCKED = textwrap.dedent(
    """
    import asyncio, time
    from megdt_stream.runtime import logs
    from megdt_stream.runtime.watchdog import Progress, StallDetector, Watchdog

    logs.configure()
    beat = time.monotonic()

    async def work():
        watchdog = Watchdog(lambda: Progress(0, 0, True, beat), StallDetector(0.6, blocked_seconds=0.2),
                            loop=asyncio.get_running_loop(), interval=0.05)
        watchdog.start()
        the_blocking_call()

    def the_blocking_call():
        time.sleep(60)

    asyncio.run(work())
    """
)


def test_a_blocked_loop_is_seen_from_the_thread_and_ends_a_real_process() -> None:
    ended = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 75
    assert '"event":"loop_blocked"' in ended.stderr
    assert '"event":"worker_stalled"' in ended.stderr
    assert "the_blocking_call" in ended.stderr
