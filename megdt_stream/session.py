"""Which broker and store a command works on, and the worker beside it.

*External*: MEGDT_KAFKA and MEGDT_REDIS are set; others run the workers. *Attached*: `megdt up` runs on the
data directory. *Own*: neither, so broker, store and worker are started for this command, on data that is
kept, and end with it. Here lives the choice and the lifetime; what a command does with it lives in the command.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import orjson
import platformdirs

import megdt_stream
from megdt_stream.errors import ConfigError, MegdtError
from megdt_stream.local import LocalStackError, Progress, Stack, open_stack
from megdt_stream.local.server import last_lines
from megdt_stream.local.supervise import Supervised
from megdt_stream.runtime import admin
from megdt_stream.runtime.drained import LogEnds, Standing, drain
from megdt_stream.runtime.query import Query
from megdt_stream.runtime.settings import Settings, load
from megdt_stream.verify import Report, verify

Kind = Literal["external", "attached", "own"]
Clock = Literal["wall", "event"]

VARIABLE: Final = "MEGDT_DATA_DIR"
_STOP_SECONDS: Final = 30.0
_ATTACH_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2
_EVENT_TICK_SECONDS: Final = "0.3"
_NO_BROKER: Final = "none"


class WorkerEnded(MegdtError):
    """The worker that a command started ended by itself."""

    exit_code: ClassVar[int] = 70


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a session on a data directory tells the next command: addresses, and whether it may be shared."""

    kafka: str
    redis: str
    pid: int
    worker: bool
    shared: bool
    clock: Clock


class WorkerProcess:
    """A worker that ends with the process that started it, however that ends."""

    def __init__(self, folder: Path, log: Path, *, temporary: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._temporary = temporary
        self._process = Supervised(folder, temporary=temporary)
        self._environment: dict[str, str] = {}

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it without waiting until it works; its log is begun anew."""
        self.log.unlink(missing_ok=True)
        self._environment = {**environment, "PYTHONPATH": _import_path()}
        self.restart()

    def restart(self) -> None:
        """Start it again as before, after it has ended."""
        self._process.launch([sys.executable, "-m", "megdt_stream.cli", "worker"], self.log, self._environment)

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process.pid is not None else self._process.exit_code

    def check(self) -> None:
        """Raise WorkerEnded when it no longer runs."""
        if self._process.pid is None:
            raise WorkerEnded(
                f"the worker ended with exit code {self._process.exit_code}: {last_lines(self.log)}",
                remedy=f"its log is {self.log}",
            )

    def stop(self) -> None:
        """Have it drain and end (SIGTERM)."""
        self._process.stop(_STOP_SECONDS)

    def close(self) -> None:
        """End it and the watch over it. The log of a temporary one is removed when it ended well."""
        well = self._process.pid is not None or self._process.exit_code == 0
        self.stop()
        self._process.close()
        if self._temporary and well:
            self.log.unlink(missing_ok=True)


@dataclass(frozen=True)
class Session:
    """A broker and a store to work on. `worker` is None unless this process started one."""

    kafka: str
    redis: str
    kind: Kind
    settings: Settings
    worker: WorkerProcess | None = None
    stack: Stack | None = None
    data_dir: Path | None = None
    has_worker: bool = False
    """Whether a worker is known to run: ours, or that of `megdt up`."""
    clock: Clock | None = None
    """The clock of that worker, None where it is not known."""

    @property
    def security(self) -> dict[str, Any]:
        """Give the options of Kafka clients."""
        return self.settings.kafka_security.options() if self.kind == "external" else {}

    @property
    def redis_options(self) -> dict[str, Any]:
        """Give the options of Redis clients."""
        return self.settings.redis_options if self.kind == "external" else {}

    def query(self) -> Query:
        """Open a reader of the store."""
        return Query(self.redis, **self.redis_options)

    def verify(self, wait_seconds: float, progress: Callable[[str], None]) -> Report:
        """Have the independent checker look at it; see `verify.verify`."""
        return verify(
            self.kafka,
            self.redis,
            wait_seconds=wait_seconds,
            progress=progress,
            seeds_dir=self.settings.seeds_dir,
            kafka_options=self.security,
            redis_options=self.redis_options,
        )

    def check(self) -> None:
        """Raise WorkerEnded when our worker is gone."""
        if self.worker is not None:
            self.worker.check()

    def settle(self, progress: Callable[[Standing], None] = lambda _: None) -> None:
        """Wait until everything published is applied; see `drain`. Raises Stalled, WorkerEnded."""
        with self.query() as query, LogEnds(self.kafka, self.security) as log:
            drain(query, log, event_clock=self.clock == "event", alive=self.check, progress=progress)


def default_data_dir() -> Path:
    """Give the directory that consecutive commands share: MEGDT_DATA_DIR, else the user's own."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(platformdirs.user_data_dir("megdt", appauthor=False)) / "local"


@contextmanager
def open_session(
    *,
    worker: bool = False,
    data_dir: Path | None = None,
    temporary: bool = False,
    shared: bool = False,
    store_only: bool = False,
    clock: Clock = "event",
    progress: Progress | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Session]:
    """Find a broker and a store or start them, for as long as the block.

    `worker` asks for a worker beside an own stack; its `clock` is `event` where history is played. `temporary`
    always starts an own stack with data of its own. `shared` lets other commands attach meanwhile. `store_only`
    starts no broker where only twins are read: `kafka` is "" then.
    Raises MegdtError and LocalStackError.
    """
    settings = load()
    extra = environment or {}
    if temporary:
        with _own(settings, None, worker, clock, progress, extra) as session:
            yield session
        return
    if settings.kafka or settings.redis:
        yield _external(settings)
        return
    folder = (data_dir or default_data_dir()).expanduser().absolute()
    with ExitStack() as held:
        endpoint = _take_or_attach(folder, held)
        if endpoint is not None:
            yield _attached(endpoint, settings, folder)
            return
        if store_only:
            with open_stack(kafka=_NO_BROKER, data_dir=folder, progress=progress) as stack:
                yield Session("", stack.redis, "own", settings, stack=stack, data_dir=folder)
            return
        with _own(settings, folder, worker, clock, progress, extra) as session:
            _announce(folder, session, worker=worker, shared=shared, clock=clock)
            yield session


def _external(settings: Settings) -> Session:
    for name, value in (("MEGDT_KAFKA", settings.kafka), ("MEGDT_REDIS", settings.redis)):
        if not value:
            raise ConfigError(
                f"{name} is not set and the other address is",
                remedy="set both to use running servers, or none to use local ones",
            )
    return Session(settings.kafka, settings.redis, "external", settings)


def _attached(endpoint: Endpoint, settings: Settings, folder: Path) -> Session:
    addressed = settings.model_copy(update={"kafka": endpoint.kafka, "redis": endpoint.redis})
    return Session(
        endpoint.kafka,
        endpoint.redis,
        "attached",
        addressed,
        data_dir=folder,
        has_worker=endpoint.worker,
        clock=endpoint.clock,
    )


@contextmanager
def _own(
    settings: Settings,
    folder: Path | None,
    worker: bool,
    clock: Clock,
    progress: Progress | None,
    environment: Mapping[str, str],
) -> Iterator[Session]:
    with open_stack(data_dir=folder, progress=progress) as stack, ExitStack() as running:
        admin.create_topics(stack.kafka, settings.partitions)
        addressed = settings.model_copy(update={"kafka": stack.kafka, "redis": stack.redis})
        process = None
        if worker:
            process = _worker(folder)
            running.callback(process.close)
            process.start(_environment(stack, clock) | dict(environment))
        yield Session(
            stack.kafka,
            stack.redis,
            "own",
            addressed,
            process,
            stack,
            folder,
            worker,
            clock if worker else None,
        )


def _worker(folder: Path | None) -> WorkerProcess:
    if folder is not None:
        return WorkerProcess(folder / "worker", folder / "worker.log", temporary=False)
    # Beside the folder, not in it: the folder goes with the process, the log of a failure has to stay.
    log = Path(tempfile.gettempdir()) / f"megdt-worker-{os.getpid()}.log"
    return WorkerProcess(Path(tempfile.mkdtemp(prefix="megdt-worker-")), log, temporary=True)


def _environment(stack: Stack, clock: Clock) -> dict[str, str]:
    fixed = {
        "MEGDT_KAFKA": stack.kafka,
        "MEGDT_REDIS": stack.redis,
        "MEGDT_CLOCK": clock,
        "MEGDT_HTTP_PORT": "0",
    }
    if clock == "event":
        fixed["MEGDT_TICK_SECONDS"] = _EVENT_TICK_SECONDS
    return fixed


def _import_path() -> str:
    """Let a child that starts in another folder find the same package as this process."""
    entries = [str(Path(entry).absolute()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    root = Path(megdt_stream.__file__).resolve().parent.parent
    if root.name not in {"site-packages", "dist-packages"}:
        entries.append(str(root))
    return os.pathsep.join(dict.fromkeys(entries))


# --- one session a data directory ---


def _take_or_attach(folder: Path, held: ExitStack) -> Endpoint | None:
    """Lock the directory (None), or give the endpoint of the `megdt up` that holds it.

    Raises ConfigError when a command that shares nothing holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "session.lock").open("a")
    except OSError as error:
        raise LocalStackError(
            f"cannot write to {folder}: {error.strerror}", "make it writable or name another with --data-dir"
        ) from error
    held.enter_context(lock)
    give_up = time.monotonic() + _ATTACH_SECONDS
    while not _try_lock(lock.fileno()):
        endpoint = _endpoint(folder)
        if endpoint is not None and endpoint.shared:
            return endpoint
        if endpoint is not None or time.monotonic() > give_up:
            who = f" (process {endpoint.pid})" if endpoint else ""
            raise ConfigError(
                f"another command{who} works on {folder}",
                remedy="wait for its end, name another directory with --data-dir, or share one by `megdt up`",
            )
        time.sleep(_LOOK_SECONDS)
    (folder / "endpoint.json").unlink(missing_ok=True)
    return None


def _try_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True  # the embedded servers do not run there and say so
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _endpoint(folder: Path) -> Endpoint | None:
    """Read who holds the directory; None while that one is still starting."""
    try:
        return Endpoint(**orjson.loads((folder / "endpoint.json").read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None


def running_endpoint(data_dir: Path | None = None) -> Endpoint | None:
    """Give the endpoint of a session that runs on the data directory; None where none does."""
    folder = (data_dir or default_data_dir()).expanduser().absolute()
    if not (folder / "session.lock").is_file():
        return None
    with (folder / "session.lock").open("a") as lock:
        return None if _try_lock(lock.fileno()) else _endpoint(folder)


def _announce(folder: Path, session: Session, *, worker: bool, shared: bool, clock: Clock) -> None:
    endpoint = Endpoint(session.kafka, session.redis, os.getpid(), worker, shared, clock)
    draft = folder / "endpoint.json.new"
    draft.write_bytes(orjson.dumps(endpoint))
    draft.replace(folder / "endpoint.json")
