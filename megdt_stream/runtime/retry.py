"""Waiting in place for a dependency: nothing is skipped, nothing is acknowledged, the claim decides when to give up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from megdt_stream.errors import FencedError, Unavailable
from megdt_stream.runtime.claims import Claim

T = TypeVar("T")

FIRST_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 2.0


async def while_claimed(claim: Claim, call: Callable[[], Awaitable[T]], failed: Callable[[Unavailable], None]) -> T:
    """Call until the dependency answers.

    Raises FencedError as soon as the claim ends: whoever holds the partition now does the work. `failed` is told
    each failure.
    """
    pause = FIRST_SECONDS
    while True:
        if not claim.valid:
            raise FencedError(f"{claim.tp.topic}/{claim.tp.partition} is not ours any more")
        try:
            return await call()
        except Unavailable as error:
            failed(error)
        # Jitter, so that partitions do not come back all at once.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
        pause = min(pause * 2, LONGEST_SECONDS)
