"""Reading entity twins as the entities agent keeps them: no trainee's twin is read.

Gives the same `Scan` as adding up all twins does, once everyone who was touched has told (docs/entities.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from megdt_stream.errors import TwinCorrupt
from megdt_stream.evidence import topics
from megdt_stream.runtime import keys
from megdt_stream.runtime.entities import Scan
from megdt_stream.runtime.query import Query
from megdt_stream.store_keys import entity_view
from megdt_stream.twin.entities.contribution import Contributions
from megdt_stream.twin.entities.image import PERSON, STORED, name_of, restored
from megdt_stream.twin.entities.persons import entities, persons
from megdt_stream.twin.entities.state import Entity, Part

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "faculty": ("faculty", PERSON),
    "base": ("base", "process", PERSON),
    "resource": ("resource", "faculty", "process", PERSON),
    "process": ("process",),
}
"""Which kinds the reading of a kind rests on: peers, departments, who is present."""

_BATCH: Final = 200


def gather_live(query: Query, kind: str | None = None) -> Scan | None:
    """Read the entities that the reading of a kind needs, all without one; None where the agent keeps none.

    Raises Unavailable, TwinCorrupt.
    """
    if not _kept(query):
        return None
    wanted = STORED if kind is None else NEEDED[kind]
    now = max((cursor.time for cursor in query.evidence_cursors().values()), default=0)
    return scan_of(_parts(query, wanted), now)


def scan_of(given: Iterable[tuple[Entity, str, Part]], now: int) -> Scan:
    """Join what stands under the names of persons; `now` in ms."""
    heads: dict[str, str] = {}
    by_contributor: dict[str, dict[Entity, Part]] = {}
    for entity, contributor, part in given:
        if entity.kind == PERSON:
            heads[contributor] = entity.id
        else:
            by_contributor.setdefault(contributor, {})[entity] = part
    known = persons(heads)
    told: list[tuple[str, Contributions]] = list(by_contributor.items())
    return Scan(entities(told, known), now, known)


def _kept(query: Query) -> bool:
    """Tell whether any contribution was ever kept."""
    names = [keys.own(topics.CONTRIBUTIONS.name, n) for n in range(query.partitions)]
    return any(int(offset or 0) for offset in query.ask([("HGET", name, "offset") for name in names]))


def _parts(query: Query, kinds: Iterable[str]) -> Iterable[tuple[Entity, str, Part]]:
    """Give (entity, contributor, part) of all that stands, without what was withdrawn."""
    places = [(view, kind) for view in _views(query) for kind in kinds]
    known = query.ask([("HGETALL", f"{view}names:{kind}") for view, kind in places])
    found = [(view, Entity(kind, id_.decode())) for (view, kind), ids in zip(places, known, strict=True) for id_ in ids]
    for at in range(0, len(found), _BATCH):
        some = found[at : at + _BATCH]
        asked = [("HGETALL", f"{view}n:{name_of(entity)}") for view, entity in some]
        for (_, entity), fields in zip(some, query.ask(asked), strict=True):
            for contributor, value in fields.items():
                try:
                    _, part = restored(value)
                except ValueError as error:
                    raise TwinCorrupt(f"{name_of(entity)}, {contributor.decode()}: {error}") from error
                if part:
                    yield entity, contributor.decode(), part


def _views(query: Query) -> list[str]:
    numbers = range(query.partitions)
    letters = query.ask([("HGET", keys.own(topics.CONTRIBUTIONS.name, n), "view") for n in numbers])
    return [entity_view(n, (letter or b"a").decode()) for n, letter in zip(numbers, letters, strict=True)]
