"""Logs as data: one JSON object per line, a stable code each, coordinates, never a payload.

Our own lines carry a `Code` and fields from a closed list; a field outside it is dropped and named. Of an
exception they carry its class and where it was raised, not its text, since libraries put input into messages;
our own errors (MegdtError) are written with message and remedy. Lines of Faust, aiokafka and others come out
in the same form, from WARNING on.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from types import TracebackType
from typing import Any, Final, TextIO

import orjson
import structlog

from megdt_stream.errors import MegdtError

Event = MutableMapping[str, Any]


class Code(StrEnum):
    """What happened. Codes are an interface, named by alerts and runbooks: added, never renamed."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Code:
        """Make a code with the sentence that documents it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    STARTED = "worker_started", "The worker is up; version, group and port follow."
    READY = "worker_ready", "The worker holds its partitions and has caught up."
    DRAINING = "worker_draining", "A signal came; what is in work is finished, nothing new is taken."
    STOPPED = "worker_stopped", "The worker ended; the exit code follows."
    FAILED = "worker_failed", "The worker ends because of an error that a retry does not cure."
    SETTING_UNKNOWN = "setting_unknown", "An environment variable starts with MEGDT_ and means nothing here."
    ASSIGNED = "partitions_assigned", "The group gave this worker partitions."
    REVOKED = "partitions_revoked", "The group took partitions away; what was cached for them is dropped."
    TAKEN = "partition_taken", "The store accepted this worker as owner of a partition."
    TAKE_REFUSED = "take_refused", "The store knows a newer owner of the partition."
    TAKE_FORCED = (
        "take_forced",
        "The group was deleted and its generations restarted; the broker confirmed us.",
    )
    FENCED = (
        "commit_fenced",
        "A commit was refused: the partition belongs to another worker. Nothing was written.",
    )
    COMMIT_REPLAYED = "commit_replayed", "A commit whose reply was lost turned out to be written."
    OFFSET_GAP = "offset_gap", "Records are missing inside the log."
    CURSOR_OUTSIDE_LOG = "cursor_outside_log", "The next offset to apply is not in the log."
    TOPIC_RECREATED = "topic_recreated", "A topic was deleted and made again under the same name."
    TWIN_FORMAT = "twin_format", "The store's twins have another format than this version writes."
    TOPICS_DIFFER = "topics_differ", "A topic's settings on the broker are not those it needs."
    STORE_ROLLBACK = "store_rollback", "The store lost writes; the worker applies again from its cursor."
    REBUILD_STARTED = "rebuild_started", "Twins are built anew from the evidence topic."
    REBUILD_PROGRESS = "rebuild_progress", "How far the rebuild is."
    REBUILD_FINISHED = "rebuild_finished", "The rebuilt twins are in use."
    TRAINED = "trained", "Severities and risks were learnt anew, or not: exit code and seconds follow."
    LOOKED = "looked", "The weekly rules looked at everything; how many notices, and seconds follow."
    LOOK_FAILED = "look_failed", "The process of the weekly rules ended without an answer; the next tick looks again."
    ADVISED = (
        "advised",
        "A round of advice was made, or not (75: the store lags the log): exit code and seconds follow.",
    )
    REJECTED = (
        "event_rejected",
        "An input was sent to the rejects topic; its coordinates and the reason follow.",
    )
    REJECT_LIMIT = "reject_limit", "Too large a share of the input is rejected; the worker ends."
    FOLD_FAILED = (
        "fold_failed",
        "A bug raised while an event was applied; the event is rejected as internal_error.",
    )
    TWIN_CORRUPT = "twin_corrupt", "A key of ours holds another type in the store."
    DEPENDENCY_DOWN = "dependency_down", "Kafka or Redis does not answer; work waits."
    DEPENDENCY_UP = "dependency_up", "Kafka or Redis answers again."
    RETRY = "retry", "A call is made again."
    OUTBOX_STUCK = "outbox_stuck", "Committed messages cannot be published."
    LOOP_BLOCKED = "loop_blocked", "The event loop has not turned for some seconds; stacks follow on stderr."
    STALLED = "worker_stalled", "There is work and none gets done; stacks follow, the process ends."
    LIBRARY = "library", "A line of a library, with its logger and text."
    SUPPRESSED = "suppressed", "Lines of a code were left out and none came after them; how many follows."


FIELDS: Final = frozenset(
    {
        # coordinates
        "topic", "partition", "offset", "base", "end", "cursor", "log_start", "log_end", "generation",
        "partitions", "topic_id", "stage", "reason", "view",
        # amounts
        "n", "applied", "backlog", "seconds", "done", "total", "limit", "attempt", "signal", "exit_code",
        "suppressed", "of",
        # the process and its surroundings
        "version", "group", "site", "host", "port", "dependency", "setting", "names", "kind",
        # errors and libraries
        "error", "message", "remedy", "where", "logger", "text",
    }
)  # fmt: skip
"""Fields a line may carry beside time, level, event and part. None can hold what an event said."""

_FRAME: Final = frozenset({"time", "level", "event", "part", "dropped"})
_MAX_TEXT: Final = 500


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float
    suppressed: int = 0


class RateLimit:
    """Let `burst` lines of a key through at once and `per_second` after that; count the others.

    Pure but for its lock; `clock` is monotonic.
    """

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, key: str) -> int | None:
        """Give how many lines of this key were left out since the last, or None to leave this one out."""
        now = self._clock()
        with self._lock:
            bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled) * self._rate)
            bucket.filled = now
            if bucket.tokens < 1:
                bucket.suppressed += 1
                return None
            bucket.tokens -= 1
            suppressed, bucket.suppressed = bucket.suppressed, 0
            return suppressed

    def drain(self) -> dict[str, int]:
        """Give and forget the counts not reported yet."""
        with self._lock:
            left = {key: bucket.suppressed for key, bucket in self._buckets.items() if bucket.suppressed}
            for key in left:
                self._buckets[key].suppressed = 0
            return left


_BURST: Final = 20
_PER_SECOND: Final = 0.5


class Logs:
    """The logging of this process, as set up by `configure`. Close it to report what was left out."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit

    def close(self) -> None:
        """Report the lines left out and not reported yet."""
        for key, n in sorted(self._limit.drain().items()):
            get("logs").warning(Code.SUPPRESSED, of=key, suppressed=n)


def get(part: str) -> Any:
    """Give a logger for a part of the worker: `log.info(Code.TAKEN, topic=..., partition=...)`."""
    return structlog.get_logger(part=part)


def configure(
    level: str = "INFO",
    *,
    stream: TextIO | None = None,
    json: bool = True,
    limit: RateLimit | None = None,
) -> Logs:
    """Set up logging for the process: to `stream` (stderr), as JSON or, for a person at a terminal, as text.

    Takes the standard library's root logger over, too; libraries are heard from WARNING on or from `level`
    if that is higher. Call it once, in the composition root, before Faust starts (Faust replaces sys.stderr).
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    limit = limit or RateLimit(_BURST, _PER_SECOND)
    out = stream or sys.stderr
    common: list[Any] = [
        _limited(limit),
        _error,
        structlog.processors.TimeStamper("iso", key="time"),
        _allowed,
    ]
    last = _json if json else structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="time")
    structlog.configure(
        processors=[structlog.processors.add_log_level, *common, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _take_over_stdlib(max(number, logging.WARNING))
    return Logs(limit)


class _Bridge(logging.Handler):
    """Turn a library's record into a line of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            get("library").log(
                record.levelno,
                Code.LIBRARY,
                logger=record.name,
                text=record.getMessage(),
                exc_info=record.exc_info,
            )
        except (ValueError, TypeError, OSError):
            self.handleError(record)


def _take_over_stdlib(level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(level)
    logging.captureWarnings(capture=True)


def _limited(limit: RateLimit) -> Callable[[Any, str, Event], Event]:
    def admit(_logger: Any, _method: str, event: Event) -> Event:
        key = ":".join(filter(None, (str(event["event"]), event.get("logger"))))
        # The end of the process and the account of what was left out are always told.
        suppressed = limit.admit(key) if event["event"] not in _ALWAYS else 0
        if suppressed is None:
            raise structlog.DropEvent
        if suppressed:
            event["suppressed"] = suppressed
        return event

    return admit


_ALWAYS: Final = frozenset({Code.SUPPRESSED, Code.FAILED, Code.STALLED, Code.STOPPED})


def _error(_logger: Any, _method: str, event: Event) -> Event:
    """Replace an exception by its class and place; its own text only where it is ours."""
    error = _exception(event.pop("exc_info", None))
    if error is None:
        return event
    event["error"] = type(error).__name__
    event["where"] = _where(error.__traceback__)
    if isinstance(error, MegdtError):
        event["message"], event["remedy"] = error.message, error.remedy
    return event


def _exception(found: Any) -> BaseException | None:
    if isinstance(found, BaseException):
        return found
    if isinstance(found, tuple):
        return found[1] if isinstance(found[1], BaseException) else None
    return sys.exc_info()[1] if found else None


def _where(trace: TracebackType | None) -> list[str]:
    """Give the innermost frames as `file:line function`, outermost first."""
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        path = "/".join(PurePath(code.co_filename).parts[-2:])
        frames.append(f"{path}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-12:]


def _allowed(_logger: Any, _method: str, event: Event) -> Event:
    """Keep the known fields, shortened; name the others without their values."""
    known = {key: _short(value) for key, value in event.items() if key in FIELDS or key in _FRAME}
    if len(known) < len(event):
        known["dropped"] = sorted(set(event) - set(known))
    return known


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else value[:_MAX_TEXT] + "…"
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_short(item) for item in list(value)[:64]]
    if isinstance(value, Mapping):
        return {str(key): _short(item) for key, item in list(value.items())[:64]}
    if value is None or isinstance(value, (bool, int, float)):
        return value
    # Bytes and objects could carry an event; their kind is all that may be told.
    return f"<{type(value).__name__}>"


def _json(_logger: Any, _method: str, event: Event) -> str:
    first = {key: event[key] for key in ("time", "level", "event", "part") if key in event}
    return orjson.dumps({**first, **event}, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def reference() -> str:
    """Give the table of codes for docs/operate.md."""
    rows = [f"| `{code.value}` | {code.sentence} |" for code in Code]
    return "\n".join(["| code | meaning |", "|---|---|", *rows])
