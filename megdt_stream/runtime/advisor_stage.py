"""The advisor: makes a round of advice at the turn of each week of domain time, in a process of its own.

Whoever holds evidence partition 0 advises. Two at once during a rebalance do no harm: a turn has one round, kept in
the store before any of it is published (`kept_advice`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from megdt_stream.evidence import topics
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.runtime import kept_advice, keys, logs
from megdt_stream.runtime.advice_round import Plan, process
from megdt_stream.runtime.logs import Code
from megdt_stream.runtime.store import Store
from megdt_stream.runtime.turns import at_turns, in_process
from megdt_stream.runtime.watch import Watch

_log = logs.get("advisor")


class AdvisorStage:
    """Looks now and then whether a turn has come that no round was made for."""

    def __init__(
        self,
        store: Store,
        partitions: int,
        plan: Callable[[int], Plan],
        chosen: Callable[[], bool],
        watch: Watch,
        days: int,
        pause: float,
        run: Callable[[Plan], Awaitable[int]] | None = None,
    ) -> None:
        """`plan` makes the plan of a round at a turn (ms); `days` of domain time lie between two, 0 for never.

        `pause`: least seconds between two on the wall clock. `run` makes a round and gives an exit code.
        """
        self._store = store
        self._partitions = partitions
        self._plan = plan
        self._chosen = chosen
        self._watch = watch
        self._every = days * DAY_MS
        self._pause = pause
        self._run = run or _in_process

    async def run(self) -> None:
        """Advise until cancelled."""
        if self._every:
            await at_turns(self.due, self.advise, self._chosen, self._watch, self._pause)

    async def due(self) -> int | None:
        """Give the turn (ms) of the round to be made now, None where none is. Raises Unavailable.

        A round that was cut off comes first. Of turns that passed meanwhile only the last is advised on.
        """
        settled, kept = await self._store.call("HMGET", kept_advice.NAME, kept_advice.TURN, kept_advice.KEPT)
        if kept is not None:
            return kept_advice.turn_of(kept)
        names = [keys.own(topics.EVIDENCE.name, number) for number in range(self._partitions)]
        nows = [int(await self._store.call("HGET", name, "now") or 0) for name in names]
        turn = min(nows) // self._every * self._every
        return turn if turn > max(0, int(settled or 0)) else None

    async def advise(self, turn: int) -> None:
        """Make a round; a failure is said and tried again later."""
        begun = time.monotonic()
        code = await self._run(self._plan(turn))
        _log.info(Code.ADVISED, exit_code=code, seconds=round(time.monotonic() - begun, 1))


async def _in_process(plan: Plan) -> int:
    return await in_process(process, plan, "megdt-advisor")
