"""A round of advice in the store: kept once it is decided, until all of it is on the topic.

What is decided follows from twins that move on, so a round that was cut off is not decided anew: whoever comes next
publishes what was kept. Equal ids then mean equal contents, and a turn has one round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import orjson
import redis

from megdt_stream.errors import Unavailable

NAME: Final = "megdt:{advice}:round"
TURN: Final = "turn"
KEPT: Final = "kept"
_NONE: Final = -1


class Kept(NamedTuple):
    """A decided round: the turn (ms of domain time) it belongs to, and its events in their order."""

    turn: int
    events: Sequence[Mapping[str, Any]]


class Standing(NamedTuple):
    """The turn that was settled last (ms, -1: none), and the round that waits to be published."""

    turn: int
    kept: Kept | None


def standing(client: redis.Redis) -> Standing:
    """Read where advice stands. Raises Unavailable."""
    return _asked(lambda: _read(client.hmget(NAME, TURN, KEPT)))


def keep(client: redis.Redis, round_: Kept) -> Standing:
    """Keep a decided round, unless another one waits or its turn is settled; give what stands then.

    Raises Unavailable.
    """

    def write(pipe: Any) -> None:
        found = _read(pipe.hmget(NAME, TURN, KEPT))
        pipe.multi()
        if found.kept is None and found.turn < round_.turn:
            pipe.hset(NAME, KEPT, orjson.dumps(round_._asdict()))

    _asked(lambda: client.transaction(write, NAME))
    return standing(client)


def settle(client: redis.Redis, turn: int) -> None:
    """Say that a turn's round is on the topic; a later one is left alone. Raises Unavailable."""

    def write(pipe: Any) -> None:
        found = _read(pipe.hmget(NAME, TURN, KEPT))
        pipe.multi()
        if found.turn < turn:
            pipe.hset(NAME, TURN, turn)
        if found.kept is not None and found.kept.turn <= turn:
            pipe.hdel(NAME, KEPT)

    _asked(lambda: client.transaction(write, NAME))


def turn_of(kept: bytes) -> int:
    """Give the turn of a round as it is kept."""
    return int(orjson.loads(kept)[TURN])


def _read(found: Any) -> Standing:
    turn, kept = cast("list[bytes | None]", found)
    return Standing(_NONE if turn is None else int(turn), None if kept is None else Kept(**orjson.loads(kept)))


def _asked(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (redis.RedisError, OSError) as error:
        raise Unavailable(f"Redis does not answer: {error}") from error
