"""The trainer: has severities and risks learnt anew at the turn of each week of domain time, in a process of its own.

Whoever holds evidence partition 0 trains. Two at once during a rebalance do no harm: both learn the same.
"""

from __future__ import annotations

import time

from megdt_stream.evidence import topics
from megdt_stream.runtime import keys, logs
from megdt_stream.runtime.logs import Code
from megdt_stream.runtime.training import KINDS, Plan, process
from megdt_stream.runtime.turns import AtTurns, in_process

_log = logs.get("trainer")


class Trainer(AtTurns[Plan]):
    """Looks now and then whether a turn has come that the model in force does not reach."""

    _tried = -1
    """The last turn (ms) that a training came to its end for, also where there was nothing to learn from."""

    async def due(self) -> int | None:
        """Give the moment (ms) up to which is to be learnt now, None where nothing is to be. Raises Unavailable."""
        nows, reached = [], []
        for number in range(self._partitions):
            name = keys.own(topics.EVIDENCE.name, number)
            now, *told = await self._store.call("HMGET", name, "now", *(f"active:{kind}" for kind in KINDS))
            nows.append(int(now or 0))
            reached += [-1 if one is None else int(one.split(b" ")[0]) for one in told]
        turn = self.last_turn(nows)
        # In force everywhere, or a training was cut off between two activations.
        return turn if turn > max(0, min(reached), self._tried) else None

    async def work(self, turn: int) -> None:
        """Train up to a moment; a failure is said and tried again later."""
        begun = time.monotonic()
        code = await self._run(self._plan(turn))
        if code == 0:
            self._tried = turn
        _log.info(Code.TRAINED, exit_code=code, seconds=round(time.monotonic() - begun, 1))

    async def in_process(self, plan: Plan) -> int:
        """Train in a process of its own; give its exit code."""
        return await in_process(process, plan, "megdt-trainer")
