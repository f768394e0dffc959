"""The trainer: has severities and risks learnt anew at the turn of each week of domain time, in a process of its own.

Whoever holds evidence partition 0 trains. Two at once during a rebalance do no harm: both learn the same.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from megdt_stream.evidence import topics
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.runtime import keys, logs
from megdt_stream.runtime.logs import Code
from megdt_stream.runtime.store import Store
from megdt_stream.runtime.training import KINDS, Plan, process
from megdt_stream.runtime.turns import at_turns, in_process
from megdt_stream.runtime.watch import Watch

_log = logs.get("trainer")


class Trainer:
    """Looks now and then whether a turn has come that the model in force does not reach."""

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
        """`plan` makes the plan of a training up to a moment (ms); `days` of domain time lie between two, 0 for never.

        `pause`: least seconds between two on the wall clock. `run` trains and gives an exit code.
        """
        self._store = store
        self._partitions = partitions
        self._plan = plan
        self._chosen = chosen
        self._watch = watch
        self._every = days * DAY_MS
        self._pause = pause
        self._run = run or _in_process
        self._tried = -1

    async def run(self) -> None:
        """Train until cancelled."""
        if self._every:
            await at_turns(self.due, self.train, self._chosen, self._watch, self._pause)

    async def due(self) -> int | None:
        """Give the moment (ms) up to which is to be learnt now, None where nothing is to be. Raises Unavailable."""
        nows, reached = [], []
        for number in range(self._partitions):
            name = keys.own(topics.EVIDENCE.name, number)
            now, *told = await self._store.call("HMGET", name, "now", *(f"active:{kind}" for kind in KINDS))
            nows.append(int(now or 0))
            reached += [-1 if one is None else int(one.split(b" ")[0]) for one in told]
        turn = min(nows) // self._every * self._every
        # In force everywhere, or a training was cut off between two activations.
        return turn if turn > max(0, min(reached), self._tried) else None

    async def train(self, turn: int) -> None:
        """Train up to a moment; a failure is said and tried again later."""
        begun = time.monotonic()
        code = await self._run(self._plan(turn))
        if code == 0:
            self._tried = turn  # also where there was nothing to learn from
        _log.info(Code.TRAINED, exit_code=code, seconds=round(time.monotonic() - begun, 1))


async def _in_process(plan: Plan) -> int:
    return await in_process(process, plan, "megdt-trainer")
