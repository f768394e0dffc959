"""Is the process alive, ready, started? A small state, and the HTTP thread that answers probes and scrapes.

Three questions with three answers. `/livez`: the event loop still turns; Kafka and Redis play no part, or
their outage would become a restart storm. `/readyz`: this worker does its share now. `/startupz`: the first
catch-up or a rebuild is through. The HTTP thread never touches the event loop, and a storm of scrapes costs
one rendering per second.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Final, Self

from megdt_stream.errors import ConfigError

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to one probe: the reasons against it (none: all is well), and facts for whoever looks."""

    reasons: tuple[str, ...]
    facts: Mapping[str, int | float | str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Say whether nothing speaks against it."""
        return not self.reasons


class Health:
    """What the worker last said about itself.

    The event loop writes, the HTTP thread reads; each statement is one assignment, so no lock is needed and a
    probe never waits for the loop. `heartbeat_limit` and `backlog_limit` are seconds; `clock` is monotonic.
    """

    def __init__(
        self, *, heartbeat_limit: float = 15.0, backlog_limit: float = 30.0, clock: Clock = time.monotonic
    ) -> None:
        self._heartbeat_limit = heartbeat_limit
        self._backlog_limit = backlog_limit
        self._clock = clock
        self._beat = clock()
        self._partitions: int | None = None
        self._store_up = False
        self._backlog: tuple[int, float] | None = None
        self._startup: tuple[str, int, int] | None = ("starting", 0, 0)
        self._draining = False

    def beat(self) -> None:
        """Note that the event loop turns. Call about once a second from a task of the loop."""
        self._beat = self._clock()

    def starting(self, phase: str, done: int, total: int) -> None:
        """Report progress of the start, such as ("rebuild", records folded, records to fold)."""
        self._startup = (phase, done, total)

    def started(self) -> None:
        """Report the start as complete."""
        self._startup = None

    def assigned(self, partitions: int | None) -> None:
        """Set how many partitions the group assigned: 0 for a standby, None while there is no assignment."""
        self._partitions = partitions

    def store(self, *, up: bool) -> None:
        """Set whether the store answers."""
        self._store_up = up

    def backlog(self, events: int, seconds: float) -> None:
        """Set how many records wait and the age of the oldest, over all partitions held here."""
        self._backlog = (events, seconds)

    def draining(self) -> None:
        """Report that the worker finishes what it has and takes nothing new; there is no way back."""
        self._draining = True

    def live(self) -> Report:
        """Answer `/livez`."""
        age = round(self._clock() - self._beat, 3)
        late = age > self._heartbeat_limit
        reason = f"the event loop has not turned for {age:.0f} s (limit {self._heartbeat_limit:g} s)"
        return Report((reason,) if late else (), {"heartbeat_age_seconds": age})

    def ready(self) -> Report:
        """Answer `/readyz`."""
        against = (self._not_assigned(), self._store_down(), self._behind(), self._leaving())
        events, seconds = self._backlog or (0, 0.0)
        facts = {
            "partitions": self._partitions or 0,
            "backlog_events": events,
            "backlog_seconds": round(seconds, 3),
        }
        return Report(tuple(reason for reason in against if reason), facts)

    def startup(self) -> Report:
        """Answer `/startupz`."""
        if (startup := self._startup) is None:
            return Report(())
        phase, done, total = startup
        return Report((f"{phase}: {done} of {total}",), {"phase": phase, "done": done, "total": total})

    def _not_assigned(self) -> str:
        return "no partitions assigned yet" if self._partitions is None else ""

    def _store_down(self) -> str:
        return "" if self._store_up else "the store does not answer"

    def _behind(self) -> str:
        if (backlog := self._backlog) is None:
            return "the backlog is not known yet"
        events, seconds = backlog
        if events and seconds > self._backlog_limit:
            return f"{events} records behind, the oldest {seconds:.0f} s (limit {self._backlog_limit:g} s)"
        return ""

    def _leaving(self) -> str:
        return "draining" if self._draining else ""


@dataclass(frozen=True, slots=True)
class Response:
    """What a route answers."""

    status: HTTPStatus
    content_type: str
    body: bytes


Route = Callable[[], Response]

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_RENDER_SECONDS: Final = 1.0


def routes(health: Health, render: Callable[[], bytes]) -> dict[str, Route]:
    """Give the worker's routes; `render` makes the metrics page and is called at most once a second."""
    page = _Cached(render, _RENDER_SECONDS)
    return {
        "/metrics": lambda: Response(HTTPStatus.OK, METRICS_TYPE, page()),
        "/livez": lambda: _probe(health.live()),
        "/readyz": lambda: _probe(health.ready()),
        "/startupz": lambda: _probe(health.startup()),
    }


def _probe(report: Report) -> Response:
    body = {"status": "ok" if report.ok else "unavailable", "reasons": report.reasons, **report.facts}
    status = HTTPStatus.OK if report.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(status, "application/json", json.dumps(body, ensure_ascii=False).encode())


class _Cached:
    """A value made at most once per `seconds`, however many threads ask: rendering holds the interpreter."""

    def __init__(self, make: Callable[[], bytes], seconds: float, clock: Clock = time.monotonic) -> None:
        self._make = make
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._value = b""
        self._expires = float("-inf")

    def __call__(self) -> bytes:
        with self._lock:
            if self._clock() >= self._expires:
                self._value = self._make()
                self._expires = self._clock() + self._seconds
            return self._value


class StatusServer:
    """Serve routes over HTTP from threads of its own. A context manager.

    `port` 0 takes a free one; read `.port` afterwards. A port that is taken raises ConfigError. More than
    `_SLOTS` slow clients at once are turned away rather than given a thread each.
    """

    def __init__(self, host: str, port: int, routes: Mapping[str, Route]) -> None:
        handler = type("Handler", (_Handler,), {"routes": routes})
        self._server = _listen(host, port, handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="megdt-status", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Give the port that is listened on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening; requests being answered are finished or time out."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_SLOTS: Final = 8
_CLIENT_SECONDS: Final = 2.0


def _listen(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> _Server:
    kind = _Server6 if ":" in host else _Server
    try:
        return kind((host, port), handler)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot listen on MEGDT_HTTP_HOST {host!r}, MEGDT_HTTP_PORT {port}: {error}",
            remedy="choose a free port (0 takes any) and an address of this machine",
        ) from error


class _Server(TCPServer):
    """A TCP server with a bounded pool of threads. (HTTPServer would look its own name up in the DNS.)"""

    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._pool = ThreadPoolExecutor(_SLOTS, thread_name_prefix="megdt-status")
        self._slots = threading.BoundedSemaphore(_SLOTS)
        super().__init__(address, handler)  # closes the server, pool and all, when it cannot listen

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            self._pool.submit(self._answer, request, client_address)
        else:
            self.shutdown_request(request)

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except (OSError, ValueError):
            # The client went away or stalled; there is nobody left to tell.
            return
        finally:
            self.shutdown_request(request)
            self._slots.release()

    def server_close(self) -> None:
        super().server_close()
        self._pool.shutdown(wait=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    """Answer GET on the routes; everything else is an error. One request per connection (HTTP/1.0)."""

    routes: Mapping[str, Route] = {}
    timeout = _CLIENT_SECONDS
    server_version = "megdt"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        route = self.routes.get(self.path.partition("?")[0])
        if route is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        response = route()
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, *_args: Any) -> None:
        """Say nothing: a probe every second is not news."""
