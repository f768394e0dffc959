"""Keep one server process and end it with its owner, however the owner ends.

A script of its own, standard library only, started by `supervise.Supervised`. It runs in its own
session, so the terminal's Ctrl-C reaches the owner alone. Standard input carries commands and standard
output events, one JSON object a line.

    in:  {"op": "launch", "argv": [...], "log": path, "env": {...}}
         {"op": "stop", "grace": seconds}
         {"op": "kill"}
    out: {"event": "ready"} or {"event": "locked"}, once
         {"event": "launched", "pid": n} or {"event": "refused", "why": text}, for each launch
         {"event": "exited", "code": n}

The owner is gone when standard input ends, or when the parent process is another one (a forked copy of
the owner may still hold the pipe open). Then the server is ended and a temporary folder removed. Should
this process be killed itself, Linux kills the server with it (PR_SET_PDEATHSIG). The lock on the folder
is held by the server too, so it lasts as long as anyone uses the data.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1
# How often to look whether the parent is still the owner.
_LOOK_SECONDS: Final = 1.0
# A broker with kept data gets this long to close its logs after its owner died.
_ORPHAN_GRACE_SECONDS: Final = 15.0
_COMMANDS: Final = 0


def take_lock(folder: Path, patience: float) -> int | None:
    """Lock `folder`; return the descriptor, or None when another stack keeps it for `patience` seconds."""
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # The server of an owner that was killed a moment ago may still be closing its files.
            if time.monotonic() >= give_up:
                return None
            time.sleep(0.05)
        else:
            return lock


def die_with_parent() -> None:
    """Ask Linux to kill the calling process with its parent; does nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def report(**event: object) -> None:
    """Tell the owner; one that is gone is noticed on standard input."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(event).encode() + b"\n")


class Supervisor:
    """One server at a time, any number of lives."""

    def __init__(self, owner: int, folder: Path, lock: int) -> None:
        self._owner = owner
        self._folder = folder
        self._lock = lock
        self._server: subprocess.Popen[bytes] | None = None
        self._kill_at: float | None = None
        self._unread = b""
        self._ended = False
        self._wakeup = self._listen_to_signals()

    def run(self) -> None:
        """Serve until the owner is gone or SIGTERM comes."""
        while not self._ended and os.getppid() == self._owner:
            readable = select.select([_COMMANDS, self._wakeup], [], [], self._patience())[0]
            if self._wakeup in readable:
                os.read(self._wakeup, 4096)
            self._look_after_server()
            if _COMMANDS in readable:
                self._read_commands()

    def end_server(self, grace: float) -> None:
        """End the server: SIGTERM and up to `grace` seconds, then SIGKILL."""
        if self._server is None:
            return
        if grace > 0:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(grace)
        self._signal(signal.SIGKILL)
        self._server.wait()

    def _listen_to_signals(self) -> int:
        read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_term)
        return read

    def _on_term(self, *_: object) -> None:
        self._ended = True

    def _patience(self) -> float:
        if self._kill_at is None:
            return _LOOK_SECONDS
        return min(_LOOK_SECONDS, max(0.0, self._kill_at - time.monotonic()))

    def _look_after_server(self) -> None:
        if self._server is None:
            return
        code = self._server.poll()
        if code is not None:
            self._server, self._kill_at = None, None
            report(event="exited", code=code)
        elif self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._signal(signal.SIGKILL)

    def _read_commands(self) -> None:
        data = os.read(_COMMANDS, 65536)
        self._ended = self._ended or not data
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, command: dict[str, Any]) -> None:
        match command["op"]:
            case "launch":
                self._launch(command["argv"], command["log"], command["env"])
            case "stop":
                self._signal(signal.SIGTERM)
                self._kill_at = time.monotonic() + command["grace"]
            case "kill":
                self._signal(signal.SIGKILL)

    def _launch(self, argv: list[str], log: str, env: dict[str, str]) -> None:
        if self._server is not None:
            report(event="refused", why="one is running already")
            return
        try:
            with Path(log).open("ab") as output:
                self._server = subprocess.Popen(
                    argv,
                    cwd=self._folder,
                    env={**os.environ, **env},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[self._lock],
                    start_new_session=True,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
                )
        except OSError as error:
            report(event="refused", why=str(error))
        else:
            report(event="launched", pid=self._server.pid)

    def _signal(self, number: int) -> None:
        # The whole group: Redis rewrites its append-only file in a forked copy.
        if self._server is not None and self._server.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, number)


def main(arguments: list[str]) -> int:
    """Lock the folder, serve the owner, clean up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--owner", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--temporary", action="store_true")
    parser.add_argument("--patience", type=float, required=True)
    options = parser.parse_args(arguments)
    lock = take_lock(options.folder, options.patience)
    if lock is None:
        report(event="locked")
        return 1
    supervisor = Supervisor(options.owner, options.folder, lock)
    report(event="ready")
    supervisor.run()
    # Data that is thrown away need not be closed properly.
    supervisor.end_server(0.0 if options.temporary else _ORPHAN_GRACE_SECONDS)
    if options.temporary:
        shutil.rmtree(options.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
