"""The advisor: makes a round of advice at the turn of each week of domain time, in a process of its own.

Whoever holds evidence partition 0 advises. Two at once during a rebalance do no harm: a turn has one round, kept in
the store before any of it is published (`kept_advice`).
"""

from __future__ import annotations

import time

from megdt_stream.evidence import topics
from megdt_stream.runtime import kept_advice, keys, logs
from megdt_stream.runtime.advice_round import Plan, process
from megdt_stream.runtime.logs import Code
from megdt_stream.runtime.turns import AtTurns, in_process

_log = logs.get("advisor")


class AdvisorStage(AtTurns[Plan]):
    """Looks now and then whether a turn has come that no round was made for."""

    async def due(self) -> int | None:
        """Give the turn (ms) of the round to be made now, None where none is. Raises Unavailable.

        A round that was cut off comes first. Of turns that passed meanwhile only the last is advised on.
        """
        settled, kept = await self._store.call("HMGET", kept_advice.NAME, kept_advice.TURN, kept_advice.KEPT)
        if kept is not None:
            return kept_advice.turn_of(kept)
        names = [keys.own(topics.EVIDENCE.name, number) for number in range(self._partitions)]
        nows = [int(await self._store.call("HGET", name, "now") or 0) for name in names]
        turn = self.last_turn(nows)
        return turn if turn > max(0, int(settled or 0)) else None

    async def work(self, turn: int) -> None:
        """Make a round; a failure is said and tried again later."""
        begun = time.monotonic()
        code = await self._run(self._plan(turn))
        _log.info(Code.ADVISED, exit_code=code, seconds=round(time.monotonic() - begun, 1))

    async def in_process(self, plan: Plan) -> int:
        """Advise in a process of its own; give its exit code."""
        return await in_process(process, plan, "megdt-advisor")
