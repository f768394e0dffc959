"""Which stack is opened for which arguments; the containers are fakes."""

import sys
from types import ModuleType
from typing import ClassVar

import pytest

from megdt_stream.local import EmbeddedKafka, EmbeddedRedis, LocalStackError, open_stack


def test_two_given_addresses_start_nothing(monkeypatch):
    for server in (EmbeddedKafka, EmbeddedRedis):
        monkeypatch.setattr(server, "start", lambda _: pytest.fail("nothing is to be started"))
    with open_stack("broker.example:9092", "redis://store.example/0") as stack:
        assert (stack.kafka, stack.redis) == ("broker.example:9092", "redis://store.example/0")
        assert (stack.kind, stack.broker, stack.store) == ("external", None, None)


def test_failing_broker_takes_the_store_down_with_it(monkeypatch):
    opened = []
    start = EmbeddedRedis.start
    monkeypatch.setattr(EmbeddedRedis, "start", lambda server: (opened.append(server), start(server)))

    def refuse(_server):
        raise LocalStackError("no Java", "install one")

    monkeypatch.setattr(EmbeddedKafka, "start", refuse)
    with pytest.raises(LocalStackError, match="no Java; install one"), open_stack():
        pytest.fail("the stack is not up")
    assert [server.alive for server in opened] == [False]


def test_containers_and_a_data_directory_exclude_each_other(tmp_path):
    with (
        pytest.raises(LocalStackError, match="leave one of the two out") as caught,
        open_stack(containers=True, data_dir=tmp_path),
    ):
        pytest.fail("the stack is not up")
    assert caught.value.exit_code == 64


class FakeContainer:
    """Behaves as testcontainers' do, as far as the stack looks."""

    port = 6379
    running: ClassVar[set[str]] = set()
    fails = False

    def __init__(self, image="kafka"):
        self.image = image
        self.environment = {}

    def with_kraft(self):
        return self

    def with_command(self, command):
        self.command = command
        return self

    def with_env(self, name, value):
        self.environment[name] = value

    def start(self):
        if self.fails:
            raise ConnectionError("Error while fetching server API version:\nno such file")
        self.running.add(self.image)

    def stop(self):
        self.running.discard(self.image)

    def get_bootstrap_server(self):
        return "localhost:32001"

    def get_container_host_ip(self):
        return "localhost"

    def get_exposed_port(self, port):
        return 32002


@pytest.fixture
def engine(monkeypatch):
    fake = type("Fake", (FakeContainer,), {"running": set()})
    for module, name in (
        ("testcontainers.community.kafka", "KafkaContainer"),
        ("testcontainers.community.redis", "RedisContainer"),
    ):
        stand_in = ModuleType(module)
        setattr(stand_in, name, fake)
        monkeypatch.setitem(sys.modules, module, stand_in)
    return fake


def test_containers_are_started_and_stopped(engine):
    with open_stack(containers=True) as stack:
        assert (stack.kafka, stack.redis) == ("localhost:32001", "redis://localhost:32002/0")
        assert (stack.kind, stack.broker, stack.store) == ("containers", None, None)
        assert engine.running == {"kafka", "redis:7-alpine"}
    assert engine.running == set()


def test_no_engine_is_one_line_with_a_remedy(engine):
    engine.fails = True
    with (
        pytest.raises(LocalStackError, match=r"no Redis container came up: Error while.*; start the engine") as caught,
        open_stack(containers=True),
    ):
        pytest.fail("the stack is not up")
    assert "\n" not in str(caught.value)


def test_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "testcontainers.community.redis", None)
    with pytest.raises(LocalStackError, match="pip install testcontainers"), open_stack(containers=True):
        pytest.fail("the stack is not up")
