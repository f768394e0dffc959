"""Probes: liveness is the loop alone, readiness lists every reason, and no client can hold the answers up."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.errors import ConfigError
from megdt_stream.runtime.health import Health, Response, StatusServer, routes


class Clock:
    """A monotonic clock that stands until told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(heartbeat_limit=15, backlog_limit=30, clock=clock)


def at_work(health: Health) -> Health:
    health.assigned(8)
    health.store(up=True)
    health.backlog(0, 0.0)
    health.started()
    return health


def get(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_worker_is_alive_while_its_loop_turns(health: Health, clock: Clock) -> None:
    assert health.live().ok
    clock.now += 15.5
    assert health.live().reasons == ("the event loop has not turned for 16 s (limit 15 s)",)
    health.beat()
    assert health.live().ok


@given(up=st.booleans(), partitions=st.none() | st.integers(0, 8), seconds=st.floats(0, 1e9))
def test_liveness_does_not_depend_on_kafka_or_redis(up: bool, partitions: int | None, seconds: float) -> None:
    health = Health(clock=Clock())
    health.store(up=up)
    health.assigned(partitions)
    health.backlog(10, seconds)
    assert health.live().ok


def test_a_worker_that_does_its_share_is_ready(health: Health) -> None:
    assert at_work(health).ready().ok


def test_a_standby_without_partitions_is_ready(health: Health) -> None:
    at_work(health).assigned(0)
    assert health.ready().ok


def test_at_the_start_nothing_is_ready_and_every_reason_is_listed(health: Health) -> None:
    assert health.ready().reasons == (
        "no partitions assigned yet",
        "the store does not answer",
        "the backlog is not known yet",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda h: h.assigned(None), "no partitions assigned yet"),
        (lambda h: h.store(up=False), "the store does not answer"),
        (lambda h: h.backlog(7, 31.0), "7 records behind, the oldest 31 s (limit 30 s)"),
        (lambda h: h.draining(), "draining"),
    ],
)
def test_each_reason_alone_makes_a_worker_not_ready(
    health: Health, change: Callable[[Health], None], reason: str
) -> None:
    change(at_work(health))
    assert health.ready().reasons == (reason,)


def test_a_short_backlog_is_normal(health: Health) -> None:
    at_work(health).backlog(100_000, 29.0)
    assert health.ready().ok


def test_the_start_shows_how_far_a_rebuild_is(health: Health) -> None:
    health.starting("rebuild", 250, 1_000)
    report = health.startup()
    assert report.reasons == ("rebuild: 250 of 1000",)
    assert report.facts == {"phase": "rebuild", "done": 250, "total": 1_000}
    health.started()
    assert health.startup().ok


class Pages:
    """Counts how often the metrics page is rendered."""

    def __init__(self) -> None:
        self.rendered = 0

    def __call__(self) -> bytes:
        self.rendered += 1
        return b"megdt_x 1\n"


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def server(health: Health, pages: Pages) -> Iterator[StatusServer]:
    with StatusServer("127.0.0.1", 0, routes(health, pages)) as server:
        yield server


def test_probes_answer_over_http_with_their_reasons(server: StatusServer, health: Health) -> None:
    status, body = get(server.port, "/readyz")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "the store does not answer" in json.loads(body)["reasons"]
    at_work(health)
    status, body = get(server.port, "/readyz?verbose=1")
    assert status == HTTPStatus.OK
    assert json.loads(body) == {
        "status": "ok",
        "reasons": [],
        "partitions": 8,
        "backlog_events": 0,
        "backlog_seconds": 0.0,
    }


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/startupz", 503), ("/metrics", 200)])
def test_each_path_has_its_own_answer(server: StatusServer, path: str, status: int) -> None:
    assert get(server.port, path)[0] == status


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/../etc/passwd", 404), ("POST", "/livez", 501)]
)
def test_anything_else_is_refused(server: StatusServer, method: str, path: str, status: int) -> None:
    assert get(server.port, path, method)[0] == status


def test_a_storm_of_scrapes_renders_once_a_second(server: StatusServer, pages: Pages) -> None:
    answers = [get(server.port, "/metrics") for _ in range(50)]
    assert set(answers) == {(200, b"megdt_x 1\n")}
    assert pages.rendered <= 3


def test_silent_clients_are_turned_away_and_then_dropped(server: StatusServer) -> None:
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    for client in silent:
        client.settimeout(10)
        assert client.recv(1) == b""
        client.close()
    assert get(server.port, "/livez")[0] == 200


@pytest.mark.parametrize("request_", [b"\x16\x03\x01\x00\xff", b"GET\r\n\r\n", b"GET /livez HTTP/9.9\r\n\r\n"])
def test_garbage_on_the_port_harms_nothing(server: StatusServer, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(request_)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        client.recv(4_096)
    assert get(server.port, "/livez")[0] == 200


def test_a_slow_page_does_not_hold_up_the_probes(health: Health) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> bytes:
        asked.set()
        go_on.wait(10)
        return b""

    with StatusServer("127.0.0.1", 0, routes(health, slow)) as server:
        scrape = threading.Thread(target=get, args=(server.port, "/metrics"))
        scrape.start()
        assert asked.wait(5)
        assert get(server.port, "/livez")[0] == 200
        go_on.set()
        scrape.join(5)
        assert not scrape.is_alive()


def test_a_taken_port_is_a_configuration_error_on_one_line(server: StatusServer) -> None:
    with pytest.raises(ConfigError, match=f"MEGDT_HTTP_PORT {server.port}") as refused:
        StatusServer("127.0.0.1", server.port, {})
    assert refused.value.exit_code == 78


def test_an_address_that_is_not_ours_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="MEGDT_HTTP_HOST"):
        StatusServer("203.0.113.7", 0, {})


def test_ipv6_is_served_where_there_is_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = StatusServer("::1", 0, {"/livez": lambda: Response(HTTPStatus.OK, "text/plain", b"ok")})
    except ConfigError:
        pytest.skip("no IPv6 loopback here")
    with server, closing(http.client.HTTPConnection("::1", server.port, timeout=5)) as connection:
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b"ok"


def test_closing_frees_the_port(health: Health) -> None:
    with StatusServer("127.0.0.1", 0, routes(health, bytes)) as first:
        port = first.port
    with StatusServer("127.0.0.1", port, routes(health, bytes)) as second:
        assert get(second.port, "/livez")[0] == 200
