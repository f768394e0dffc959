"""What embedded broker and store have in common: one life after another on the same port and data."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from .errors import EX_CANTCREAT, LocalStackError
from .ports import HOST, free_port, is_free, require_free
from .progress import Progress, SilentProgress
from .supervise import Supervised

_POLL_SECONDS: Final = 0.02
_TAIL_LINES: Final = 4
_TAIL_BYTES: Final = 16384
_LINE_LENGTH: Final = 200
_FULL_BYTES: Final = 8 * 1024 * 1024
_FREE_SPACE: Final = "free space on the disk of the data directory"


class EmbeddedServer(ABC):
    """A server process of ours on the loopback address.

    Without `data_dir` its data is temporary and removed at `close`; with it, data and ports are found again.
    The process ends with its owner. Errors are LocalStackError.
    """

    title: ClassVar[str]
    stop_grace: ClassVar[float] = 20.0

    def __init__(self, data_dir: Path | None = None, port: int | None = None, progress: Progress | None = None) -> None:
        self._data_dir = data_dir
        self._wanted_port = port
        self._progress = progress or SilentProgress()
        self._folder: Path | None = None
        self._process: Supervised | None = None
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port it listens on, the same in every life; it is chosen by the first `start`."""
        return self._ports["client"]

    @property
    def pid(self) -> int | None:
        """The server's process id; None while none runs."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs, which does not say that it answers."""
        return self.pid is not None

    @property
    def folder(self) -> Path:
        """Where its data, settings and log are."""
        if self._folder is None:
            raise LocalStackError(f"{self.title} was not started", "call start() first")
        return self._folder

    @property
    def log(self) -> Path:
        """The server's log of all lives."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Start the process without waiting until it answers; does nothing while it runs."""
        if self.alive:
            return
        process = self._process or self._open()
        argv = self._prepare()
        process.launch(argv, self.log, self._environment())

    def wait_ready(self, deadline: float = 60.0) -> None:
        """Wait until it answers its protocol, at most `deadline` seconds from now."""
        give_up = time.monotonic() + deadline
        while not self._answers():
            if not self.alive:
                raise self._died()
            if time.monotonic() >= give_up:
                raise self._late(deadline)
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End it as an operator would (SIGTERM) and wait; the data stays for the next `start`."""
        if self._process is not None:
            self._process.stop(self.stop_grace)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would, and wait; the data stays for the next `start`."""
        if self._process is not None:
            self._process.kill()

    def restart(self, deadline: float = 60.0) -> None:
        """Stop it if it runs, start it on the same port and data, wait until it answers."""
        self.stop()
        self.start()
        self.wait_ready(deadline)

    def close(self) -> None:
        """End it for good; temporary data is removed."""
        if self._process is not None:
            self._process.close()
            self._process, self._folder, self._ports = None, None, {}

    @abstractmethod
    def _prepare(self) -> Sequence[str]:
        """Write settings into the folder and return the command line."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether a client would be served now."""

    def _environment(self) -> Mapping[str, str]:
        # Paths may hold Chinese; Java reads its command line in the locale's encoding.
        return {"LC_ALL": "C.UTF-8"} if sys.platform == "linux" else {}

    def _open(self) -> Supervised:
        if sys.platform == "win32":
            raise LocalStackError(
                f"the embedded {self.title} needs Linux or macOS", "name running servers or use containers"
            )
        self._folder = self._make_folder()
        self._process = Supervised(self._folder, temporary=self._data_dir is None)
        return self._process

    def _make_folder(self) -> Path:
        try:
            if self._data_dir is None:
                return Path(tempfile.mkdtemp(prefix=f"megdt-{self.title.lower()}-"))
            self._data_dir.mkdir(parents=True, exist_ok=True)
            return self._data_dir.resolve()
        except OSError as error:
            raise LocalStackError(
                f"cannot make the data directory {self._data_dir or tempfile.gettempdir()}: {error.strerror}",
                "free space, make it writable or name another directory",
                EX_CANTCREAT,
            ) from error

    def _choose_ports(self, *names: str) -> Mapping[str, int]:
        """Settle the ports once: the wanted one, those of an earlier run where still free, or free ones."""
        if self._ports:
            return self._ports
        remembered = self._remembered_ports()
        for name in names:
            before = remembered.get(name)
            if name == "client" and self._wanted_port is not None:
                self._ports[name] = require_free(self._wanted_port)
            elif before is not None and is_free(before):
                self._ports[name] = before
            else:
                self._ports[name] = free_port(avoid=self._ports.values())
        self._write("ports.json", json.dumps(self._ports))
        return self._ports

    def _remembered_ports(self) -> dict[str, int]:
        remembered = self.folder / "ports.json"
        if not remembered.is_file():
            return {}
        return {str(name): int(port) for name, port in json.loads(remembered.read_text()).items()}

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise LocalStackError(
                f"cannot write {path}: {error.strerror}", "free space or name another directory", EX_CANTCREAT
            ) from error
        return path

    def _run_tool(self, argv: Sequence[str], seconds: float) -> None:
        """Run a program of the server to its end, under the same watch."""
        process = self._process or self._open()
        process.launch(argv, self.log, self._environment())
        if process.wait_exit(seconds) != 0:
            process.kill()
            raise self._died()

    def _died(self) -> LocalStackError:
        tail = last_lines(self.log)
        code = None if self._process is None else self._process.exit_code
        # On a full disk the log that would say so cannot be written either.
        full = shutil.disk_usage(self.folder).free < _FULL_BYTES
        remedy = _FREE_SPACE if full else _remedy(tail)
        return LocalStackError(f"{self.title} ended at start (code {code}): {tail}", remedy)

    def _late(self, deadline: float) -> LocalStackError:
        tail = last_lines(self.log)
        return LocalStackError(
            f"{self.title} at {HOST}:{self.port} does not answer after {deadline:g} s: {tail}",
            "give it more time or more of the machine",
        )


def last_lines(log: Path) -> str:
    """Return the last telling lines of a log as one line; frames of a Java stack trace are left out."""
    if not log.is_file():
        return "no log"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    telling = [
        line.strip()[:_LINE_LENGTH] for line in lines if line.strip() and not line.startswith(("\tat ", "\t..."))
    ]
    return " | ".join(telling[-_TAIL_LINES:]) or "its log is empty"


def _remedy(tail: str) -> str:
    if "in use" in tail:
        return "something else listens on its port: end it or choose another port"
    if "No space left" in tail:
        return _FREE_SPACE
    if "Permission denied" in tail or "Read-only file system" in tail:
        return "make the data directory writable or name another"
    if "memory" in tail:
        return "free memory: the broker wants 400 MB"
    return "remove the data directory if its content is not needed, or name another"
