"""Logs: one JSON object a line, a known code, no payload by any way, and no flood."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.errors import OffsetGap
from megdt_stream.runtime import logs
from megdt_stream.runtime.logs import Code, RateLimit

PAYLOAD = "王小明 scored 3"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_time_level_code_part_and_coordinates(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream)
    logs.get("mirror").info(Code.TAKEN, topic="evidence", partition=3, offset=17)
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "partition_taken",
        "part": "mirror",
        "topic": "evidence",
        "partition": 3,
        "offset": 17,
    }


def test_an_unknown_field_is_dropped_and_named(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream)
    logs.get("intake").warning(Code.REJECTED, reason="invalid", value=PAYLOAD, trainee="oulad.1")
    assert lines()[0]["dropped"] == ["trainee", "value"]
    assert PAYLOAD not in json.dumps(lines(), ensure_ascii=False)


@pytest.mark.parametrize("value", [PAYLOAD.encode(), {"nested": PAYLOAD.encode()}, [PAYLOAD.encode()], object()])
def test_bytes_and_objects_are_never_written_out(stream: io.StringIO, lines: Lines, value: object) -> None:
    logs.configure(stream=stream)
    logs.get("intake").warning(Code.REJECTED, reason=value)
    assert "小明" not in stream.getvalue()
    assert "<" in json.dumps(lines()[0]["reason"])


def test_an_exception_is_told_by_class_and_place_not_by_its_text(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream)
    try:
        int(PAYLOAD)
    except ValueError:
        logs.get("mirror").error(Code.FOLD_FAILED, exc_info=True, offset=1)
    (line,) = lines()
    assert line["error"] == "ValueError"
    assert line["where"][-1].startswith("runtime_observability/test_logs.py:")
    assert "小明" not in stream.getvalue()


def test_our_own_errors_are_told_with_message_and_remedy(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream)
    error = OffsetGap("megdt.evidence.v1/3 jumps from 17 to 19")
    logs.get("worker").critical(Code.FAILED, exc_info=error, exit_code=error.exit_code)
    assert lines()[0]["message"] == "megdt.evidence.v1/3 jumps from 17 to 19"
    assert lines()[0]["remedy"].startswith("find what deleted them")
    assert lines()[0]["exit_code"] == 70


def test_lines_below_the_level_are_left_out(stream: io.StringIO, lines: Lines) -> None:
    logs.configure("warning", stream=stream)
    logs.get("worker").info(Code.STARTED)
    logs.get("worker").warning(Code.RETRY)
    assert [line["event"] for line in lines()] == ["retry"]


def test_libraries_come_out_in_the_same_form_from_warning_on(stream: io.StringIO, lines: Lines) -> None:
    logs.configure("DEBUG", stream=stream)
    library = logging.getLogger("aiokafka.consumer")
    library.debug("Sending %r", PAYLOAD)
    library.warning("Heartbeat failed for group %s", "megdt-mirror")
    (line,) = lines()
    assert (line["event"], line["logger"], line["level"]) == ("library", "aiokafka.consumer", "warning")
    assert line["text"] == "Heartbeat failed for group megdt-mirror"


def test_an_exception_in_a_library_is_told_without_its_text(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream)
    try:
        raise KeyError(PAYLOAD)
    except KeyError:
        logging.getLogger("faust.agents").exception("Agent crashed")
    assert lines()[0]["error"] == "KeyError"
    assert "小明" not in stream.getvalue()


def test_warnings_are_logged_too(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old call", DeprecationWarning, stacklevel=1)
    assert "old call" in lines()[0]["text"]


def test_long_texts_are_cut(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream)
    logging.getLogger("faust").error("x" * 100_000)
    assert len(lines()[0]["text"]) <= 501


@given(text=st.text())
def test_every_line_is_one_json_object_whatever_the_text(text: str) -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    logging.getLogger("faust").error("%s", text)
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["event"] == "library"


def test_a_flood_is_cut_and_counted(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream, limit=RateLimit(3, 1, clock=lambda: 0.0))
    for offset in range(10):
        logs.get("intake").warning(Code.REJECTED, offset=offset)
    logs.get("intake").warning(Code.RETRY)
    assert [line["event"] for line in lines()] == ["event_rejected"] * 3 + ["retry"]


def test_the_next_line_tells_how_many_were_left_out(stream: io.StringIO, lines: Lines) -> None:
    now = [0.0]
    logs.configure(stream=stream, limit=RateLimit(1, 1, clock=lambda: now[0]))
    for _ in range(5):
        logs.get("intake").warning(Code.REJECTED)
    now[0] = 1.0
    logs.get("intake").warning(Code.REJECTED)
    assert [line.get("suppressed") for line in lines()] == [None, 4]


def test_closing_reports_what_was_left_out_last(stream: io.StringIO, lines: Lines) -> None:
    running = logs.configure(stream=stream, limit=RateLimit(1, 0, clock=lambda: 0.0))
    for _ in range(5):
        logs.get("intake").warning(Code.REJECTED)
    running.close()
    assert (lines()[-1]["event"], lines()[-1]["of"], lines()[-1]["suppressed"]) == (
        "suppressed",
        "event_rejected",
        4,
    )


def test_the_end_of_the_process_is_always_told(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(stream=stream, limit=RateLimit(0, 0))
    logs.get("watchdog").critical(Code.STALLED)
    assert [line["event"] for line in lines()] == ["worker_stalled"]


@given(pauses=st.lists(st.floats(0, 5), max_size=200))
def test_admitted_and_left_out_add_up_and_stay_within_the_rate(pauses: list[float]) -> None:
    now = [0.0]
    limit = RateLimit(5, 2, clock=lambda: now[0])
    admitted, reported = 0, 0
    for pause in pauses:
        now[0] += pause
        if (suppressed := limit.admit("x")) is not None:
            admitted += 1
            reported += suppressed
    assert admitted + reported + limit.drain().get("x", 0) == len(pauses)
    assert admitted <= 5 + 2 * now[0] + 1e-6


def test_text_for_a_terminal_is_possible(stream: io.StringIO) -> None:
    logs.configure(stream=stream, json=False)
    logs.get("worker").info(Code.STARTED, version="0.1.0")
    assert "worker_started" in stream.getvalue()
    assert "0.1.0" in stream.getvalue()


def test_codes_are_unique_stable_names_with_a_sentence() -> None:
    assert len({code.value for code in Code}) == len(Code)
    for code in Code:
        assert code.value.replace("_", "").isalpha()
        assert code.sentence.endswith(".")
