"""The broker's jars: pinned in `jars.lock`, fetched once, checked at every start.

A jar enters the cache by one rename after its SHA-256 was checked, so a second process that fetches at the
same time, or a fetch cut short, can never leave half a jar under its final name.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

import platformdirs

from .errors import EX_CANTCREAT, LocalStackError
from .progress import Progress, SilentProgress, step

_log = logging.getLogger(__name__)

LOCK_FILE: Final = Path(__file__).with_name("jars.lock")

_PARALLEL: Final = 8
_ATTEMPTS: Final = 3
# A staging folder this old belongs to a fetch that was killed.
_STAGING_SECONDS: Final = 3600.0
_BROKER: Final = ("org.apache.kafka", "kafka_2.13")


@dataclass(frozen=True)
class Jar:
    """One pinned Maven artifact; `size` in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """The name that Maven gives the file."""
        return f"{self.artifact}-{self.version}.jar"


class FetchError(Exception):
    """A transfer failed in a way that may pass: tried again, then LocalStackError."""


class Fetcher(Protocol):
    """Bring one jar into the folder `into`, report bytes as they come, return the file; raise FetchError."""

    def __call__(self, jar: Jar, into: Path, received: Callable[[int], None]) -> Path:
        """Fetch `jar`; nothing need be checked here."""


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Read lines of `group:artifact:version sha256 size`; blank lines and lines with # are skipped."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(_parse_line(line) for line in lines if line and not line.startswith("#"))


def _parse_line(line: str) -> Jar:
    coordinates, sha256, size = line.split()
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, sha256, int(size))


def read_lock() -> tuple[Jar, ...]:
    """Read the lock file that ships with the package."""
    return parse_lock(LOCK_FILE.read_text(encoding="utf-8"))


def broker_version(jars: Sequence[Jar]) -> str:
    """Tell the Kafka version that the list pins."""
    return next(jar.version for jar in jars if (jar.group, jar.artifact) == _BROKER)


def cache_folder(version: str) -> Path:
    """Name the user's cache folder for the jars of one Kafka version."""
    return Path(platformdirs.user_cache_dir("megdt", appauthor=False)) / "jars" / version


def fetch_with_jgo(jar: Jar, into: Path, received: Callable[[int], None]) -> Path:
    """Fetch through the Maven client jgo, which knows the registry; neither Maven nor ~/.m2 is used."""
    import requests
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def reporting(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield received

    resolver = PythonResolver(progress_callback=reporting)
    context = MavenContext(resolver=resolver, repo_cache=into, timeout=30)
    _trust_the_system()
    try:
        found = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (requests.RequestException, RuntimeError) as error:
        raise FetchError(str(error)) from error
    return Path(found)


def _trust_the_system() -> None:
    """Let requests trust what the system trusts, unless told otherwise: many hospitals' proxies sign with their own."""
    bundle = ssl.get_default_verify_paths().cafile
    if bundle and not {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} & os.environ.keys():
        os.environ["REQUESTS_CA_BUNDLE"] = bundle


def class_path(
    progress: Progress | None = None, folder: Path | None = None, fetch: Fetcher = fetch_with_jgo
) -> list[Path]:
    """Return the broker's jars in the order of the lock, fetching what is missing or damaged.

    Raises LocalStackError without a network, on a checksum that stays wrong, or an unwritable cache.
    """
    jars = read_lock()
    version = broker_version(jars)
    cache = JarCache(folder or cache_folder(version), fetch)
    return cache.provide(jars, f"Kafka {version}", progress or SilentProgress())


class JarCache:
    """A folder of verified jars, shared by the processes of one user."""

    def __init__(self, folder: Path, fetch: Fetcher) -> None:
        self._folder = folder
        self._fetch = fetch
        self._counting = Lock()

    def provide(self, jars: Sequence[Jar], title: str, progress: Progress) -> list[Path]:
        """Return a path for each jar; `title` names the set on the display."""
        missing = [jar for jar in jars if not _intact(self._folder / jar.filename, jar)]
        if missing:
            self._fetch_all(missing, title, progress)
        return [self._folder / jar.filename for jar in jars]

    def _fetch_all(self, missing: Sequence[Jar], title: str, progress: Progress) -> None:
        size = sum(jar.size for jar in missing)
        with (
            self._staging() as staging,
            step(progress, f"Fetching {title}, {len(missing)} files", size),
            ThreadPoolExecutor(_PARALLEL, thread_name_prefix="jar") as pool,
        ):
            jobs = [pool.submit(self._fetch_one, jar, staging, progress) for jar in missing]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                # Whatever still waits in the queue would only delay the message.
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch_one(self, jar: Jar, staging: Path, progress: Progress) -> None:
        problem = ""
        for attempt in range(_ATTEMPTS):
            into = staging / f"{attempt}-{jar.filename}"
            try:
                fetched = self._transfer(jar, into, progress)
            except FetchError as error:
                problem = str(error)
                _log.info("fetch of %s failed: %s", jar.filename, error)
                continue
            if _intact(fetched, jar):
                with _writing_to(self._folder):
                    fetched.replace(self._folder / jar.filename)
                return
            problem = "checksum mismatch: what the registry sent is not what jars.lock pins"
        raise LocalStackError(
            f"cannot fetch {jar.filename}: {problem}",
            "check the network and its proxy settings, or name a running broker instead",
        )

    def _transfer(self, jar: Jar, into: Path, progress: Progress) -> Path:
        seen = 0

        def received(n: int) -> None:
            nonlocal seen
            with self._counting:
                seen += n
                progress.advance(n)

        try:
            with _writing_to(self._folder):
                fetched = self._fetch(jar, into, received)
        except FetchError:
            received(-seen)
            raise
        received(jar.size - seen)
        return fetched

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        with _writing_to(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=self._folder))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _sweep(self) -> None:
        oldest = time.time() - _STAGING_SECONDS
        for staging in self._folder.glob(".staging-*"):
            # Another process may be sweeping the same folder.
            with contextlib.suppress(FileNotFoundError):
                if staging.stat().st_mtime < oldest:
                    shutil.rmtree(staging, ignore_errors=True)


def _intact(path: Path, jar: Jar) -> bool:
    try:
        if path.stat().st_size != jar.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        # What cannot be read is fetched again; an unwritable cache is reported then.
        return False


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # requests' errors are OSErrors too; a fetcher has turned those into FetchError by now.
        raise LocalStackError(
            f"cannot write to the cache {folder}: {os.strerror(error.errno) if error.errno else error}",
            "free space there or make it writable (XDG_CACHE_HOME moves it)",
            EX_CANTCREAT,
        ) from error
