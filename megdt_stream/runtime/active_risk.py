"""Reading with the risk model in force: the version that the log activated last, from its copy in Redis or the topic.

Where it cannot be read nothing is guessed: the risk is unknown, and whoever reads is told why.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from megdt_stream.evidence.record import Activation
from megdt_stream.evidence.snapshots import Broken
from megdt_stream.runtime import models
from megdt_stream.runtime.log_reader import open_log
from megdt_stream.runtime.models import Active
from megdt_stream.runtime.query import Query

if TYPE_CHECKING:
    from megdt_stream.calibration.risk.answer import Answering

KIND: Final = "risk"


class Found(NamedTuple):
    """What answers, and by which version; `degraded` says why the one in force does not. Neither: none is in force."""

    answering: Answering | None = None
    version: Active | None = None
    degraded: str | None = None


def in_force(query: Query) -> Found:
    """Read the version in force from its copy. Raises Unavailable."""
    now = models.active(query, KIND)
    if now is None:
        return Found()
    try:
        return _read(models.copied(query, KIND, now.version), now)
    except Broken as error:
        return _broken(now, error)


def at_version(brokers: list[str], options: dict[str, Any], said: Activation | None) -> Found:
    """Read a version that was in force at some time from the topic. Raises Unavailable."""
    if said is None:
        return Found()
    then = Active(said.version, said.at)
    try:
        return _read(asyncio.run(_published(brokers, options, said.version)), then)
    except Broken as error:
        return _broken(then, error)


async def _published(brokers: list[str], options: dict[str, Any], version: str) -> dict[str, Any]:
    async with open_log(brokers, options) as reader:
        _, parts = await models.published(reader, KIND, version)
    return parts


def _read(parts: dict[str, Any], version: Active) -> Found:
    from megdt_stream.calibration.risk.answer import Answering

    try:
        return Found(Answering(parts), version)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return _broken(version, error)


def _broken(version: Active, error: Exception) -> Found:
    return Found(None, version, f"risk {version.version} is in force and cannot be read ({error}): no risk is told")
