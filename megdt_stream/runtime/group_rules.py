"""Rules that look weekly, beside the mirror: about sources, teachers, bases, instruments, and trainees as a whole.

A worker has a look taken at a tick, in a process of its own, and commits what it found to say with the batch in hand.
Nothing is kept here but when to look: what is open is read off the alerts topic each time, so a worker that takes over
neither repeats nor forgets. Unlike the mirror's, these notices are no function of the log alone (decision 32).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import orjson

from megdt_stream.evidence import topics
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.mirror import Message
from megdt_stream.runtime import logs
from megdt_stream.runtime.logs import Code
from megdt_stream.runtime.looking import Looked, Plan, process

_log = logs.get("group_rules")

LOOK_DAYS: Final = 7
"""Days of domain time between two looks."""

_SHARE: Final = 20
"""A look is followed by so many times its own length without one, however fast history is played."""

_WAIT_SECONDS: Final = 10.0
"""A batch waits so long for its look; a longer one is told at a later tick, else the partition would seem stalled."""

_CHOSEN: Final = 0
"""The partition whose owner looks; documents rest on all of them."""


class GroupRules:
    """What `EntitiesStage` asks at ticks."""

    def __init__(self, look: Callable[[int], Awaitable[Looked]], pause: float) -> None:
        """`look` looks at a moment (ms); raises `LookFailed` where it cannot. `pause`: least seconds between two, and
        before the first."""
        self._look = look
        self._pause = pause
        self._due = 0
        self._again = time.monotonic() + pause
        self._running: asyncio.Task[Looked] | None = None

    async def __call__(self, partition: int, now: int, end: int) -> Sequence[Message]:
        """Have everything looked at, where it is time to; give the notices of what changed."""
        if partition != _CHOSEN:
            return ()
        if self._running is None:
            if now < self._due or time.monotonic() < self._again:
                return ()
            self._running = asyncio.create_task(self._taken(now), name=f"look {now}")
        done, _ = await asyncio.wait({self._running}, timeout=_WAIT_SECONDS)
        if not done:
            return ()
        looked, self._running = self._running.result(), None
        return list(_messages(looked.events, end))

    async def _taken(self, now: int) -> Looked:
        """Look; a failure is said, and the next tick after the pause looks again."""
        begun = time.monotonic()
        try:
            looked = await self._look(now)
            self._due = looked.due if now < looked.due else now + LOOK_DAYS * DAY_MS
        except LookFailed as error:
            looked = Looked([], 0)
            _log.warning(Code.LOOK_FAILED, exit_code=error.exit_code)
        taken = time.monotonic() - begun
        self._again = time.monotonic() + max(self._pause, _SHARE * taken)
        _log.info(Code.LOOKED, n=len(looked.events), seconds=round(taken, 1))
        return looked


class LookFailed(Exception):
    """A look's process ended without saying anything; its own message is on the standard error."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code = exit_code


async def in_process(plan: Plan, now: int) -> Looked:
    """Look in a process that dies with this one, started anew so that it shares nothing. Raises LookFailed."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_tell, args=(there, plan, now), name="megdt-look", daemon=True)
    child.start()
    there.close()
    try:
        return await asyncio.to_thread(_heard, here)
    except EOFError:
        child.join()
        raise LookFailed(child.exitcode) from None
    finally:
        child.kill()
        here.close()


def _tell(to: Connection, plan: Plan, now: int) -> None:
    to.send(process(plan, now))


def _heard(of: Connection) -> Looked:
    looked: Looked = of.recv()
    return looked


def _messages(events: Iterable[dict[str, Any]], end: int) -> Iterator[Message]:
    for index, event in enumerate(events):
        yield Message(end, index, topics.ALERTS.name, event["subject"].encode(), orjson.dumps(event), ())
