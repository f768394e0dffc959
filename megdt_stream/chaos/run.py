"""One run: publish, hurt, wait until all is worked off, and have it judged from outside."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from megdt_stream.chaos.fleet import Fleet, Member
from megdt_stream.chaos.history import Event, Publishing, history
from megdt_stream.chaos.plan import Fault, Strike, draw
from megdt_stream.errors import Stalled, Unavailable
from megdt_stream.local import Stack, open_stack
from megdt_stream.runtime import admin
from megdt_stream.runtime.drained import LogEnds, drain
from megdt_stream.runtime.query import Query
from megdt_stream.runtime.rebuild import rebuild
from megdt_stream.runtime.settings import load
from megdt_stream.verify import verify

Say = Callable[[str], None]

PARTITIONS: Final = 8
SESSION_SECONDS: Final = 6.0
_ENVIRONMENT: Final = {
    "MEGDT_HTTP_PORT": "0",
    "MEGDT_CLOCK": "event",
    "MEGDT_TICK_SECONDS": "0.3",
    "MEGDT_SESSION_TIMEOUT_SECONDS": f"{SESSION_SECONDS:g}",
    "MEGDT_LOG_LEVEL": "WARNING",
    # What an older store or a synthetic hospital gets rejected is no fault of this run.
    "MEGDT_REJECT_LIMIT_RATIO": "1",
}
_LOOK_SECONDS: Final = 0.03
_DRAINED: Final = frozenset({0, 69, -15})
"""Exit codes of a worker that was told to end: drained; or it still looked for broker or store, or was loading."""
_PATIENCE_SECONDS: Final = 120.0


def chaos(
    oulad: Path | None = None,
    kills: int = 10,
    seed: int = 1,
    progress: Say = print,
    workers: int = 1,
    faults: Sequence[Fault] = (),
) -> dict[str, Any]:
    """Publish a history through a system of its own, hurt it at seeded moments, and judge what comes out.

    `faults` adds strikes other than the `kills` (see FAULTS). Gives the checker's report as data, with what was struck,
    how long recovery took (seconds from a strike to the next progress) and whether a rebuild gives the same twins.
    `ok` needs all of it. Raises MegdtError where the run itself could not be carried out.
    """
    repro = _repro(oulad, kills, seed, workers, faults)
    progress(f"seed {seed}; again with: {repro}")
    begun = time.monotonic()
    with open_stack() as stack, Query(stack.redis) as query:
        admin.create_topics(stack.kafka, PARTITIONS)
        run = _Run(stack, query, history(oulad, seed), draw(seed, kills, faults), workers, progress)
        found = run.carry_out()
    found |= {"seed": seed, "kills": run.struck["kill"], "workers": workers, "repro": repro}
    found["ok"] = found["ok"] and run.struck.total() == kills + len(faults)
    return found | {"seconds": round(time.monotonic() - begun, 1)}


def _repro(oulad: Path | None, kills: int, seed: int, workers: int, faults: Sequence[Fault]) -> str:
    if workers == 1 and not faults:
        named = f" --oulad {shlex.quote(str(oulad))}" if oulad else ""
        return f"megdt chaos --kills {kills} --seed {seed}{named}"
    named = repr(str(oulad)) if oulad else ""
    path = f"pathlib.Path({named})" if oulad else "None"
    call = f"chaos({path}, kills={kills}, seed={seed}, workers={workers}, faults={list(faults)!r})"
    return f'python -c "import pathlib; from megdt_stream.chaos import chaos; print({call})"'


class _Run:
    def __init__(
        self, stack: Stack, query: Query, events: list[Event], strikes: list[Strike], workers: int, say: Say
    ) -> None:
        self._stack = stack
        self._query = query
        self._events = events
        self._strikes = strikes
        self._workers = workers
        self._say = say
        self._publishing = Publishing(stack.kafka, events)
        where = {"MEGDT_KAFKA": stack.kafka, "MEGDT_REDIS": stack.redis}
        self._fleet = Fleet(where | _ENVIRONMENT, say)
        self._done = 0
        self._moved = time.monotonic()
        self._recoveries: list[float] = []
        self._exits: list[int | None] = []
        self.struck: Counter[str] = Counter()

    def carry_out(self) -> dict[str, Any]:
        """Do it all and give the findings."""
        well = False
        try:
            for _ in range(self._workers):
                self._fleet.join()
            self._publishing.start()
            for strike in self._strikes:
                self._await(strike)
                self._strike(strike)
            self._drain()
            found = self._judge()
            well = bool(found["ok"])
            return found
        finally:
            self._publishing.halt()
            self._fleet.close(keep_log=not well)

    # --- progress ---

    @property
    def _share(self) -> float:
        """Give how much of the work is done: each event is read once and counted by intake or mirror once."""
        return self._done / (2 * len(self._events))

    def _look(self) -> None:
        """Take in how far the system is, and see to workers that ended by themselves."""
        if self._publishing.failure is not None:
            raise self._publishing.failure
        self._fleet.tend()
        with suppress(Unavailable):  # the store is what is being hurt
            flow = self._query.flow().values()
            read = sum(topic.read for topic in flow)
            done = read + sum(topic.accepted + topic.duplicate + topic.rejected for topic in flow)
            if done != self._done:
                self._done, self._moved = done, time.monotonic()
            self._publishing.worked_off(read)
        if time.monotonic() - self._moved > _PATIENCE_SECONDS:
            raise Stalled(f"nothing was applied for {_PATIENCE_SECONDS:g} s at {self._share:.0%} of the work")

    def _pass(self, seconds: float) -> None:
        """Let time pass while the system goes on."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look()
            time.sleep(_LOOK_SECONDS)

    def _await(self, strike: Strike) -> None:
        """Wait for a strike's moment, but strike early rather than when nothing is left to do."""
        if strike.relapse is not None:
            until = time.monotonic() + strike.relapse
            while time.monotonic() < until and self._share < strike.share:
                self._pass(_LOOK_SECONDS)
            return
        while self._share < strike.share:
            self._pass(_LOOK_SECONDS)

    # --- strikes ---

    def _strike(self, strike: Strike) -> None:
        self._say(f"{strike.fault} at {self._share:.1%} of the work")
        before = self._done
        begun = time.monotonic()
        member = self._fleet.members[int(strike.target * len(self._fleet.members))]
        match strike.fault:
            case "kill":
                member.kill()
                member.start()
            case "term":
                self._exits.append(member.tell_to_end())
                member.start()
            case "stop":
                self._freeze(member, SESSION_SECONDS * (1.2 + strike.spread))
            case "join":
                self._visit(SESSION_SECONDS * (0.3 + strike.spread))
            case "redis" | "kafka":
                self._crash(strike.fault, 5 * strike.spread)
        self.struck[strike.fault] += 1
        self._note_recovery(before, begun)

    def _freeze(self, member: Member, seconds: float) -> None:
        member.freeze()
        self._pass(seconds)
        member.thaw()

    def _visit(self, seconds: float) -> None:
        member = self._fleet.join()
        self._pass(seconds)
        self._exits.append(self._fleet.leave(member))

    def _crash(self, which: Fault, seconds: float) -> None:
        server = self._stack.store if which == "redis" else self._stack.broker
        if server is None:
            raise Unavailable(f"{which} is not ours to kill", remedy="let the run start its own")
        server.kill()
        self._pass(seconds)
        server.start()
        server.wait_ready()

    def _note_recovery(self, before: int, begun: float) -> None:
        """Wait for progress where the next strike would not fall into the recovery anyway."""
        following = self._strikes[self.struck.total() :][:1]
        if following and following[0].relapse is not None:
            return
        while self._done == before:
            self._pass(_LOOK_SECONDS)
        self._recoveries.append(time.monotonic() - begun)

    # --- the end ---

    def _drain(self) -> None:
        while self._publishing.is_alive():
            self._pass(_LOOK_SECONDS)
        self._look()
        with LogEnds(self._stack.kafka) as log:
            drain(self._query, log, event_clock=True, patience=_PATIENCE_SECONDS, alive=self._fleet.tend)

    def _judge(self) -> dict[str, Any]:
        self._say("all is worked off; checking")
        found = verify(self._stack.kafka, self._stack.redis, wait_seconds=60, progress=self._say).to_dict()
        for member in list(self._fleet.members):
            self._exits.append(self._fleet.leave(member))
        self._say("rebuilding every twin from the evidence")
        where = load(("kafka", "redis"), kafka=self._stack.kafka, redis=self._stack.redis)
        rebuilt = asyncio.run(rebuild(where, lambda _: None))
        published = self._publishing.acknowledged
        well = found["ok"] and rebuilt["equal"] and published == len(self._events) == found["read"]
        return found | {
            "ok": well and _DRAINED.issuperset(self._exits),
            "published": published,
            "struck": dict(self.struck),
            "restarts": len(self._fleet.restarts),
            "drained_exit_codes": self._exits,
            "slowest_recovery_seconds": round(max(self._recoveries, default=0.0), 1),
            "rebuild_equal": rebuilt["equal"],
            "rebuild_resent": rebuilt["resent"],
        }
