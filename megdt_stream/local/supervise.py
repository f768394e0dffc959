"""A server process that cannot outlive the process that started it: the owner's side of `_supervisor.py`."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .errors import EX_CANTCREAT, LocalStackError

_SCRIPT: Final = Path(__file__).with_name("_supervisor.py")
_ANSWER_SECONDS: Final = 30.0
# How long a lock may linger after its owner was killed: the old server is closing its files.
_LOCK_PATIENCE_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.2


class Supervised:
    """Run one server at a time in `folder`, watched by a small process of its own session.

    With `temporary` the folder is removed when this object is closed or the owner is gone. Safe to use from
    several threads.
    """

    def __init__(self, folder: Path, *, temporary: bool) -> None:
        self._folder = folder
        self._temporary = temporary
        self._owner = os.getpid()
        self._guard = threading.RLock()
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._verdict = ""
        self._pid: int | None = None
        self._exit_code: int | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id; None while none runs."""
        self._catch_up()
        return self._pid

    @property
    def exit_code(self) -> int | None:
        """How the last server ended: its exit code, or the negative number of a signal."""
        self._catch_up()
        return self._exit_code

    def launch(self, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        """Start a server with the folder as its working directory, its output appended to `log`.

        Raises LocalStackError when the folder is in use or the program cannot be run.
        """
        with self._guard:
            self._ensure_watchdog()
            self._verdict, self._exit_code = "", None
            self._send(op="launch", argv=list(argv), log=str(log), env=dict(env))
            # Not the process id: a server that ends at once may be gone by the time this is read.
            if not self._wait_for(lambda: self._verdict != "", _ANSWER_SECONDS) or self._verdict != "launched":
                raise LocalStackError(
                    f"cannot run {argv[0]}: {self._verdict or 'no answer'}",
                    "check that it is installed and executable",
                )

    def stop(self, grace: float) -> None:
        """End the server with SIGTERM, after `grace` seconds with SIGKILL; return when it is gone."""
        self._end(grace + _ANSWER_SECONDS, op="stop", grace=grace)

    def kill(self) -> None:
        """End the server with SIGKILL; return when it is gone."""
        self._end(_ANSWER_SECONDS, op="kill")

    def wait_exit(self, seconds: float) -> int | None:
        """Wait up to `seconds` for the server to end by itself; return its exit code."""
        self._wait_for(lambda: self._pid is None, seconds)
        return self._exit_code

    def close(self) -> None:
        """End server and watchdog; remove a temporary folder.

        Kept data is closed properly first. Does nothing in a forked copy of the owner.
        """
        if os.getpid() != self._owner:
            return
        with self._guard:
            watchdog, self._watchdog, self._pid = self._watchdog, None, None
        if watchdog is not None:
            _dismiss(watchdog)
        if self._temporary:
            # A watchdog that was killed has not done it.
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, seconds: float, **command: object) -> None:
        if self.pid is None:
            return
        self._send(**command)
        if not self._wait_for(lambda: self._pid is None, seconds):
            raise LocalStackError(f"process {self._pid} does not end", "look for a full or failing disk")

    def _ensure_watchdog(self) -> None:
        self._catch_up()
        if self._watchdog is not None:
            return
        self._verdict = ""
        self._watchdog = self._spawn()
        self._wait_for(lambda: self._verdict != "" or self._watchdog is None, _ANSWER_SECONDS)
        if self._verdict == "ready":
            return
        problem = self._verdict or "no answer"
        self.close()
        if problem == "locked":
            raise LocalStackError(
                f"the data directory {self._folder} is in use by another stack",
                "stop that one or name another directory",
            )
        raise LocalStackError(f"the watchdog process does not start: {problem}", "check that Python can run processes")

    def _spawn(self) -> subprocess.Popen[bytes]:
        # -I -S: nothing of the owner's environment can change what runs, and it is up in 30 ms.
        argv = [
            sys.executable,
            "-I",
            "-S",
            str(_SCRIPT),
            "--owner",
            str(self._owner),
            "--folder",
            str(self._folder),
        ]
        argv += ["--patience", str(_LOCK_PATIENCE_SECONDS)] + ["--temporary"] * self._temporary
        try:
            with (self._folder / "watchdog.log").open("ab") as log:
                return subprocess.Popen(
                    argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
                )
        except OSError as error:
            raise LocalStackError(
                f"cannot write to {self._folder}: {error.strerror}",
                "make it writable or name another directory",
                EX_CANTCREAT,
            ) from error

    def _send(self, **command: object) -> None:
        with self._guard:
            if self._watchdog is None or self._watchdog.stdin is None:
                return
            # A broken pipe is a dead watchdog: the next look at its output finds that out.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._watchdog.stdin.fileno(), json.dumps(command).encode() + b"\n")

    def _wait_for(self, reached: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while True:
            self._catch_up()
            if reached():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            output = self._output()
            if output is not None:
                # Short, because another thread may take the event that this one waits for.
                _readable(output, min(left, _LOOK_SECONDS))

    def _catch_up(self) -> None:
        with self._guard:
            while (output := self._output()) is not None and _readable(output, 0):
                data = os.read(output, 65536)
                if not data:
                    self._lose_watchdog()
                    return
                *lines, self._unread = (self._unread + data).split(b"\n")
                for line in lines:
                    self._note(json.loads(line))

    def _output(self) -> int | None:
        watchdog = self._watchdog
        return None if watchdog is None or watchdog.stdout is None else watchdog.stdout.fileno()

    def _note(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "launched":
                self._verdict, self._pid = "launched", event["pid"]
            case "refused":
                self._verdict = event["why"]
            case "exited":
                self._pid, self._exit_code = None, event["code"]
            case verdict:
                self._verdict = verdict

    def _lose_watchdog(self) -> None:
        watchdog, self._watchdog, self._pid = self._watchdog, None, None
        if watchdog is not None:
            _dismiss(watchdog)


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def _dismiss(watchdog: subprocess.Popen[bytes]) -> None:
    """Close the pipe whose end tells the watchdog to clean up, and wait until it has."""
    if watchdog.stdin is not None:
        watchdog.stdin.close()
    try:
        watchdog.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        watchdog.kill()
        watchdog.wait()
    if watchdog.stdout is not None:
        watchdog.stdout.close()
