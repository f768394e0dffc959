"""How large a trainee's twin and journal are after a residency: three years of the synthetic hospital through the whole
pipeline, as the store holds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import redis

from megdt_stream.driver import Driver
from megdt_stream.local import EmbeddedRedis, LocalStackError
from megdt_stream.runtime import keys
from megdt_stream.runtime.stored import WIDE, packed, row_pieces
from megdt_stream.seed_files import load_reference, load_rule
from megdt_stream.synth import HospitalPlan, generate
from megdt_stream.twin.journal import Words, shard
from megdt_stream.twin.resting import stored_as

YEARS: Final = 3
TRAINEES: Final = 60
"""The 99th percentile is then between the two largest."""

_TICK_MS: Final = 7 * 24 * 3600 * 1000

_PLAN: Final = HospitalPlan(
    seed=1, trainees=TRAINEES, days=365, medical_school_share=0.0, continuing_share=0.0, withdrawal_rate=0.0
)
"""Residents only, who all stay; with the usual mess and second pseudonyms."""

_Hash: TypeAlias = dict[bytes, bytes]


class Resting(NamedTuple):
    """What the store holds of a trainee: hashes by key."""

    hot: dict[str, _Hash]
    archive: dict[str, _Hash]
    journal: dict[str, _Hash]
    rows: int


def twin_sizes(trainees: int = TRAINEES) -> dict[str, Any]:
    """Measure twins and journals after three years.

    `twin_bytes_*`: bytes of the hot twin's fields and values as docs/records.md, section 6, stores them, over trainees;
    `twin_total_bytes_*`: with the archive; `journal_bytes_per_row`: fields and values of the journal, its words among
    them. `memory`: the same as `MEMORY USAGE` of a Redis server of this machine tells, keys included; None without one.
    Takes about a quarter of a second a trainee.
    """
    resting = list(_residents(trainees))
    return _figures(resting, [[_bytes(part) for part in one[:3]] for one in resting]) | {"memory": _memory(resting)}


def _residents(trainees: int) -> Iterator[Resting]:
    driver = Driver(load_reference(), load_rule(), partitions=1)
    names: list[str] = []
    for year in range(YEARS):
        plan = replace(_PLAN, trainees=trainees, start=date(2024 + year, 9, 1))
        _fold_year(driver, plan, year)
        names = [trainee.pseudonym for trainee in generate(plan).people.trainees]
    return (_resting(driver, name) for name in names)


def _fold_year(driver: Driver, plan: HospitalPlan, year: int) -> None:
    """Push a plan's year. Plans of one seed tell of the same people, and number records and rotations alike."""
    ticked = 0
    for event in generate(plan).events:
        if event.available >= ticked + _TICK_MS:
            ticked = event.available
            driver.advance(ticked)
        # Another year's record is another record; a rotation code keeps its length, as it would in a hospital.
        value = event.value.replace(b'"id":"', b'"id":"%d-' % year, 1)
        value = value.replace(b'"rotation":"R0', b'"rotation":"R%d' % year)
        driver.push(value, event.topic, event.headers, event.available)


def _resting(driver: Driver, trainee: str) -> Resting:
    moves, words = stored_as(driver.twin(trainee)), Words()
    prefix = keys.view(0, "a")
    hot = {name.encode(): _encoded(text) for name, text in moves.fields.items() if text is not None}
    wide = {WIDE.encode(): packed(moves.wide)} if moves.wide else {}
    chunks = {b"%d" % last: packed(fields) for last, fields in moves.chunks.items() if fields is not None}
    journal: dict[str, _Hash] = {}
    rows = driver.journal(trainee)
    for h, row in rows.items():
        journal.setdefault(f"{prefix}j:{trainee}:{shard(h)}", {}).update(row_pieces(h, row, words)[0])
    journal[keys.words(0, "a", trainee)] = {b"%d" % n: word.encode() for n, word in words.added().items()}
    # Both wide fields and chunks rest in the archive's hash; here they are weighed apart.
    kept = {keys.twin(0, "a", trainee): hot, keys.archive(0, "a", trainee): wide}
    return Resting(kept, {keys.archive(0, "b", trainee): chunks}, journal, len(rows))


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _bytes(hashes: dict[str, _Hash]) -> int:
    return sum(len(name) + len(value) for fields in hashes.values() for name, value in fields.items())


def _figures(resting: Sequence[Resting], sizes: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Sum up sizes of hot twin, archive and journal by trainee."""
    hot, archive, journal = np.asarray(sizes, dtype=float).T
    figures: dict[str, Any] = {}
    for name, values in (("twin_bytes", hot), ("twin_total_bytes", hot + archive)):
        figures[f"{name}_median"] = round(float(np.median(values)))
        figures[f"{name}_p99"] = round(float(np.percentile(values, 99)))
    figures["journal_bytes_per_row"] = round(float(journal.sum()) / sum(one.rows for one in resting), 1)
    return figures


def _memory(resting: Sequence[Resting]) -> dict[str, Any] | None:
    try:
        with EmbeddedRedis() as server, redis.Redis.from_url(server.url) as client:
            return _figures(resting, [[_weight(client, part) for part in one[:3]] for one in resting])
    except LocalStackError:
        return None


def _weight(client: redis.Redis, hashes: dict[str, _Hash]) -> int:
    weights: list[Any] = []
    for key, fields in hashes.items():
        if not fields:
            continue
        client.hset(key, mapping=fields)  # type: ignore[arg-type]
        weights.append(client.memory_usage(key, samples=0))
    return sum(weights)
