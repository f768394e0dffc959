"""Reading faculty, base, resource and process twins: a scan of all twins in the store, added up and told.

What each property means is in docs/entities.md. Nothing here writes; a scan costs one read of each twin.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from megdt_stream.evidence.reference.outcomes import Outcome
from megdt_stream.evidence.times import rfc3339
from megdt_stream.runtime.query import Query, Stored
from megdt_stream.twin.entities import base, faculty, process, resource
from megdt_stream.twin.entities.contribution import Contributions, contributions
from megdt_stream.twin.entities.document import Properties, document, told
from megdt_stream.twin.entities.levels import Severities
from megdt_stream.twin.entities.persons import entities, persons
from megdt_stream.twin.entities.resource import PER_TRAINEE, Place
from megdt_stream.twin.entities.state import KINDS, Entity, EntityTwin
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.levels import Estimator
from megdt_stream.twin.view.norms import Norms

Say: TypeAlias = Callable[[str], None]

_TELL_EVERY: Final = 20_000


class Scan(NamedTuple):
    """All entity twins, the domain time of the store (ms, 0 before the first tick), and assessors' other pseudonyms."""

    entities: Mapping[Entity, EntityTwin]
    now: int
    persons: Mapping[str, str]

    def of(self, kind: str) -> dict[str, EntityTwin]:
        """Give the twins of a kind, by id."""
        return {entity.id: twin for entity, twin in self.entities.items() if entity.kind == kind}

    def departments(self, base_code: str) -> dict[str, EntityTwin]:
        """Give the process twins of a base, by department."""
        places = ((id_.split("|"), twin) for id_, twin in self.of("process").items())
        return {department: twin for (code, department), twin in places if code == base_code}


class Assumed(NamedTuple):
    """What a reading rests on beside the twins: what is declared, and the severities where they are estimated."""

    estimation: Estimation
    norms: Norms
    outcomes: Mapping[str, Outcome]
    severities: Severities | None = None
    per_trainee: Mapping[str, float] = PER_TRAINEE

    @property
    def known(self) -> Severities:
        """Give the severities, or how far assessors vary as long as none is estimated."""
        return self.severities or Severities(self.estimation.rater.variance, {})


# --- the scan ---


def gather(found: Iterable[Stored], say: Say | None = None) -> Scan:
    """Add up what all twins contribute, read with their links."""
    given: list[tuple[str, Contributions]] = []
    heads: dict[str, str] = {}
    now = 0
    for number, stored in enumerate(found, 1):
        now = max(now, stored.now)
        if (head := stored.twin.head) is not None:
            heads[stored.trainee] = head
        given.append((stored.trainee, contributions(stored.trainee, stored.twin)))
        if say is not None and number % _TELL_EVERY == 0:
            say(f"{number} twins read")
    known = persons(heads)
    return Scan(entities(given, known), now, known)


# --- reading ---


def read_entity(
    query: Query,
    kind: str,
    id_: str,
    assumed: Assumed,
    *,
    as_of: int | None = None,
    learn: bool = True,
    say: Say | None = None,
) -> dict[str, Any] | None:
    """Read an entity's twin from the store as plain data; None where nothing is known of it.

    `as_of` in ms; without it the time of the last tick. With `learn` the severities that faculty and bases are read
    with are learnt from what is in the store, which keeps all twins in memory and takes seconds for some hundred
    trainees; not where `assumed` has them. Raises Unavailable, and ValueError for an unknown kind.
    """
    _check(kind)
    scan = gathered(query, kind, say)
    if not learn or kind in {"resource", "process"} or assumed.severities is not None:
        return read_from(scan, kind, id_, assumed, as_of=as_of)
    # Here, since severities need numerical libraries that take a while to load.
    from megdt_stream.runtime import active_severity, severities

    in_force, degraded = active_severity.severities(query, assumed.estimation.rater.variance)
    if degraded is not None and say is not None:
        say(degraded)
    if in_force is not None:
        return read_from(scan, kind, id_, assumed._replace(severities=in_force), as_of=as_of)
    found = list(query.subjects())
    if Entity(kind, scan.persons.get(id_, id_)) not in scan.entities:
        return None
    known = severities.severities(severities.ratings(found), scan.persons, f"read-{rfc3339(scan.now)}", say)
    return read_from(scan, kind, id_, assumed._replace(severities=known), as_of=as_of)


def gathered(query: Query, kind: str | None = None, say: Say | None = None) -> Scan:
    """Read entity twins as the running system keeps them; where it keeps none, add up what all twins contribute."""
    from megdt_stream.runtime.live_entities import gather_live

    live = gather_live(query, kind)
    return gather(query.subjects(), say) if live is None else live


def trainee_estimator(query: Query, trainee: str, say: Say | None = None) -> Estimator:
    """Give what estimates a trainee's levels with the severity of assessors taken off; see `estimators`."""
    return estimators(query, lambda cells: trainee in cells, say)(trainee)


def estimators(
    query: Query, wanted: Callable[[Container[str]], bool] = bool, say: Say | None = None
) -> Callable[[str], Estimator]:
    """Learn the severity of assessors from all twins in the store; gives what estimates a trainee's levels.

    `wanted` is asked of each competency, given its trainees. Keeps all twins in memory and takes seconds for some
    hundred trainees. Raises Unavailable.
    """
    from megdt_stream.runtime import severities
    from megdt_stream.twin.view.learned import estimator

    found = list(query.subjects())
    scan = gather(found, say)
    given = {competency: cells for competency, cells in severities.ratings(found).items() if wanted(cells)}
    learnt = severities.snapshots(given, scan.persons, f"read-{rfc3339(scan.now)}", say)
    snapshots = {one.competency: one for one in learnt}
    return lambda trainee: estimator(trainee, snapshots, scan.persons)


def list_entities(query: Query, kind: str, say: Say | None = None) -> list[str]:
    """List the ids of a kind in order. Raises Unavailable, and ValueError for an unknown kind."""
    _check(kind)
    return ids(gathered(query, kind, say), kind)


def ids(scan: Scan, kind: str) -> list[str]:
    """List the ids of a kind; a process goes by its base. Raises ValueError for an unknown kind."""
    _check(kind)
    found = scan.of(kind)
    return sorted({id_.partition("|")[0] for id_ in found} if kind == "process" else found)


def read_from(scan: Scan, kind: str, id_: str, assumed: Assumed, *, as_of: int | None = None) -> dict[str, Any] | None:
    """Read an entity's twin from a scan; as `read_entity`."""
    _check(kind)
    moment = scan.now if as_of is None else as_of
    if kind == "process":
        return _process(scan, id_, assumed, moment)
    name = scan.persons.get(id_, id_) if kind in {"faculty", "resource"} else id_
    twin = scan.entities.get(Entity(kind, name))
    if twin is None:
        return None
    properties = _READERS[kind](scan, name, twin, assumed, moment)
    return document(Entity(kind, name), twin.revision, moment, properties)


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of entity; take one of {', '.join(KINDS)}")


def _faculty(scan: Scan, name: str, twin: EntityTwin, assumed: Assumed, as_of: int) -> Properties:
    others = (faculty.spread(other) for id_, other in scan.of("faculty").items() if id_ != name)
    peers = faculty.pooled(one for one in others if one is not None)
    found = faculty.properties(twin, as_of, assumed.estimation.z, assumed.known.of_rater(name), peers)
    aliases = sorted(alias for alias, person in scan.persons.items() if person == name)
    return found | ({"personas": told(aliases, field="i")} if aliases else {})


def _base(scan: Scan, name: str, _twin: EntityTwin, assumed: Assumed, as_of: int) -> Properties:
    terms = base.Terms(as_of, assumed.estimation.z, assumed.known, assumed.norms, assumed.outcomes)
    return base.properties(name, scan.of("base"), list(scan.departments(name).values()), terms)


def _resource(scan: Scan, name: str, twin: EntityTwin, assumed: Assumed, as_of: int) -> Properties:
    def present(place: Place, starts: int, ends: int) -> int:
        if place.kind == "faculty":
            teacher = scan.entities.get(Entity("faculty", name))
            return 0 if teacher is None else faculty.supervised(teacher, starts, ends)
        departments = scan.departments(place.base)
        there = departments.values() if place.department is None else [departments.get(place.department, EntityTwin())]
        found = (one for department in there for one in process.rotations(department))
        return len({one.trainee for one in found if one.there(starts, ends)})

    return resource.properties(twin, as_of, present, assumed.per_trainee)


def _process(scan: Scan, id_: str, assumed: Assumed, as_of: int) -> dict[str, Any] | None:
    code, _, department = id_.partition("|")
    departments = scan.departments(code)
    if not departments or (department and department not in departments):
        return None
    # Read whole even where one department is asked for: what is suppressed depends on all of them.
    found = process.properties(departments, as_of, assumed.estimation.z)
    revision = EntityTwin.of(
        (f"{name}|{contributor}", 0, part)
        for name, twin in departments.items()
        for contributor, part in twin.parts.items()
    ).revision
    if department:
        found = {name: one for name, one in found.items() if name.partition("|")[2] == department}
        revision = departments[department].revision
    return document(Entity("process", id_), revision, as_of, found)


_READERS: Final[Mapping[str, Callable[[Scan, str, EntityTwin, Assumed, int], Properties]]] = {
    "faculty": _faculty,
    "base": _base,
    "resource": _resource,
}
