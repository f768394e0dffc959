"""Commands to Redis that are asked for at the same time travel together.

Partitions are worked side by side, so their loads and commits come in bursts; one write and one read for a burst
costs a fraction of a round trip each. Answers are still one by one: a refused script fails its caller alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import redis.asyncio as aioredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError


class Pipelining:
    """Sends what waits as one pipeline; what comes meanwhile waits for the next."""

    def __init__(self, client: aioredis.Redis, scripts: dict[str, str]) -> None:
        """Take a client without response decoding, and the scripts by name."""
        self._client = client
        self._scripts = scripts
        # Redis names a script by this hash; nothing secret depends on it.
        self._hashes = {name: sha1(text.encode(), usedforsecurity=False).hexdigest() for name, text in scripts.items()}
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def script(self, name: str, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        """Run a script. Raises what Redis answers with; a script that Redis forgot is given to it again."""
        command = ("EVALSHA", self._hashes[name], len(keys), *keys, *args)
        try:
            return await self.command(*command)
        except NoScriptError:
            return await self.command("EVAL", self._scripts[name], len(keys), *keys, *args)

    def command(self, *command: Any) -> asyncio.Future[Any]:
        """Ask for one command."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send(), name="redis pipeline")
        return answer

    async def _send(self) -> None:
        while self._waiting:
            # Whoever is about to ask in this turn of the loop comes along.
            await asyncio.sleep(0)
            together, self._waiting = self._waiting, []
            try:
                answers = await self._execute([command for command, _ in together])
            except RuntimeError as error:
                # uvloop's word for a socket that is gone when its transport has not said so yet (`broken_connections`).
                answers = [RedisConnectionError(str(error))] * len(together)
            except Exception as error:  # noqa: BLE001  (whatever it is, who waits must hear of it, or waits for ever)
                answers = [error] * len(together)
            for (_, waiting), answer in zip(together, answers, strict=True):
                if waiting.done():
                    continue  # its caller was cancelled
                if isinstance(answer, Exception):
                    waiting.set_exception(answer)
                else:
                    waiting.set_result(answer)

    async def _execute(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
            return answers
