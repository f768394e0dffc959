"""Workers as processes that can be hurt. They end with the process that started them, however that ends."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Final

import megdt_stream
from megdt_stream.errors import EXIT_CODES, MegdtError
from megdt_stream.local.server import last_lines
from megdt_stream.local.supervise import Supervised

_COMMAND: Final = ("-m", "megdt_stream.cli", "worker")
_RESTART: Final = frozenset({69, 75})
"""Exit codes after which an operator's supervisor starts a worker again and nobody has to look."""
_MOST_RESTARTS: Final = 20
_GRACE_SECONDS: Final = 40.0


class WorkerFailed(MegdtError):
    """A worker ended by itself in a way that nobody asked for."""

    exit_code: ClassVar[int] = 70


class Member:
    """One worker, life after life, its log appended to `log`."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self._environment = dict(environment)
        self._process = Supervised(Path(tempfile.mkdtemp(prefix="megdt-chaos-")), temporary=True)

    @property
    def alive(self) -> bool:
        """Whether its process runs, stopped or not."""
        return self._process.pid is not None

    @property
    def pid(self) -> int | None:
        """Its process id; None while none runs."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How its last life ended; a signal's negative number where one ended it."""
        return self._process.exit_code

    def start(self, **environment: str) -> None:
        """Begin a life; `environment` is for this one only. Does not wait until it works."""
        argv = [sys.executable, "-W", "ignore", *_COMMAND]
        self._process.launch(argv, self.log, self._environment | environment)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._process.kill()

    def tell_to_end(self) -> int | None:
        """Have it drain (SIGTERM) and give its exit code."""
        self._process.stop(_GRACE_SECONDS)
        return self._process.exit_code

    def wait_exit(self, seconds: float) -> int | None:
        """Wait for it to end by itself; None when it still runs."""
        self._process.wait_exit(seconds)
        return None if self.alive else self._process.exit_code

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT), unaware of the time that passed."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        self._process.close()

    def _signal(self, number: signal.Signals) -> None:
        pid = self._process.pid
        if pid is not None:
            os.kill(pid, number)


class Fleet:
    """The workers of a run. A worker that ends by itself is started again where its exit code says that this is
    the cure."""

    def __init__(self, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._environment = {**environment, "PYTHONPATH": import_path()}
        self._say = say
        self._log = Path(tempfile.gettempdir()) / f"megdt-chaos-{os.getpid()}.log"
        self._log.unlink(missing_ok=True)
        self.members: list[Member] = []
        self.restarts: list[int] = []

    def join(self) -> Member:
        """Start one more worker."""
        member = Member(self._log, self._environment)
        self.members.append(member)
        member.start()
        return member

    def leave(self, member: Member) -> int | None:
        """Have a worker drain and leave for good; give its exit code."""
        code = member.tell_to_end()
        self.members.remove(member)
        member.close()
        return code

    def tend(self) -> None:
        """Start again who ended and may; raises WorkerFailed for who must not."""
        for member in self.members:
            if member.alive:
                continue
            code = member.exit_code
            if code not in _RESTART or len(self.restarts) >= _MOST_RESTARTS:
                meaning = EXIT_CODES.get(code or 0, "killed by somebody else")
                raise WorkerFailed(
                    f"a worker ended with exit code {code} ({meaning}): {last_lines(self._log)}",
                    remedy=f"its log is {self._log}",
                )
            self.restarts.append(code)
            self._say(f"a worker ended with exit code {code} and is started again")
            member.start()

    def close(self, *, keep_log: bool) -> None:
        """End all workers; the log stays where it may tell somebody something."""
        for member in self.members:
            member.thaw()
            member.close()
        self.members.clear()
        if not keep_log:
            self._log.unlink(missing_ok=True)


def import_path() -> str:
    """Let a child that starts in another folder find the same package as this process."""
    root = str(Path(megdt_stream.__file__).resolve().parent.parent)
    entries = [str(Path(entry).absolute()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return os.pathsep.join(dict.fromkeys([root, *entries]))
