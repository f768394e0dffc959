"""The fold of one evidence partition, done again the plain way (docs/records.md, section 3).

Every version of every record is kept, and a twin is added up from those that stand when it is asked for. Only
the rule follows the log step by step, because it decides in the log's order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any, Final

from megdt_stream.verify.contributions import Standing, Version, total, version_of
from megdt_stream.verify.log import Origin
from megdt_stream.verify.overdue import Cause, Notice, Watch
from megdt_stream.verify.persons import Change, Person, Sending, highest, read_piece
from megdt_stream.verify.reference import RULE, Rule
from megdt_stream.verify.reviews import Place, Said, Sheet, rules_of
from megdt_stream.verify.strict_json import canonical

MAX_VERSIONS: Final = 64


class Mirror:
    """What one evidence partition makes: twins, journal, deadlines, counts, rejects, notices and what is carried over.

    `failed`: origins that the pipeline has rejected as `internal_error`; no reader of the log can know them.
    """

    def __init__(self, partition: int, rule: Rule, failed: frozenset[Origin] = frozenset()) -> None:
        self.partition = partition
        self.now = 0
        self.seen: dict[tuple[str, int], int] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.rejects: dict[Origin, str] = {}
        self.notices: dict[str, Notice] = {}
        self.sendings: list[Sending] = []
        self.active: dict[str, tuple[int, str]] = {}
        self.activations: set[tuple[str, str, int]] = set()
        self.people: dict[str, Person] = {}
        self.watches: dict[str, Watch] = {}
        self.said: dict[str, Said] = {}
        self.sheets: dict[str, Sheet] = {}
        self._rule = rule
        self._reviews = rules_of(rule.tables)
        self._failed = failed
        self._deadlines: list[tuple[int, str, str, str]] = []
        self._awaited: set[tuple[int, str, str, str]] = set()
        self._looks: list[tuple[int, str, str]] = []
        self._queued: set[tuple[int, str, str]] = set()

    def apply(self, offset: int, evidence: dict[str, Any]) -> None:
        """Fold the next record of the partition. Raises KeyError, TypeError, ValueError."""
        if evidence["k"] == "tick":
            self._tick(offset, evidence["at"])
        elif evidence["k"] == "activation":
            self._activate(evidence["kind"], evidence["version"], evidence["at"])
        elif evidence["k"] == "carried":
            self._receive(offset, evidence)
        else:
            self._take(offset, evidence["trainee"], version_of(evidence))

    def twins(self) -> dict[str, dict[str, str]]:
        """Give every twin that is not empty: trainee -> field -> text."""
        twins = {name: self._twin(person) for name, person in self.people.items()}
        return {trainee: twin for trainee, twin in twins.items() if twin}

    def deadlines(self) -> dict[str, int]:
        """Give the deadlines that must lie ahead: not reached, not cancelled, not muted, still short of the count."""
        looks = {f"{name}||{rule}": due for name, sheet in self.sheets.items() for rule, due in sheet.due.items()}
        return looks | {
            f"{trainee}|{rotation}|{key}": expected.due + self._rule.grace
            for trainee, watch in self.watches.items()
            if not watch.muted
            for rotation in watch.rotations
            for key, expected in watch.expectations(rotation).items()
            if expected.due + self._rule.grace > self.now and watch.arrivals[rotation, key] < expected.number
        }

    def _tick(self, offset: int, at: int) -> None:
        self.now = max(self.now, at)
        cause = Cause(self.partition, offset, self.now)
        while self._deadlines and self._deadlines[0][0] <= self.now:
            deadline = heappop(self._deadlines)
            self._awaited.discard(deadline)
            _, trainee, rotation, key = deadline
            self._decide(self.watches[trainee], rotation, key, cause)
        while self._looks and self._looks[0][0] <= self.now:
            look = heappop(self._looks)
            self._queued.discard(look)
            due, trainee, rule = look
            sheet = self.sheets[trainee]
            if sheet.due.get(rule) == due:
                del sheet.due[rule]
                self._look(offset, sheet, rule)

    def _look(self, offset: int, sheet: Sheet, rule: str) -> None:
        terms = next(terms for terms in self._reviews if terms.name == rule)
        self._say(sheet.look(terms, Place(self.partition, offset, self.now)))
        self._queue(sheet)

    def _say(self, said: Said | None) -> None:
        if said is not None:
            self.said[said.id] = said

    def _queue(self, sheet: Sheet) -> None:
        for look in {(due, sheet.trainee, rule) for rule, due in sheet.due.items()} - self._queued:
            self._queued.add(look)
            heappush(self._looks, look)

    def _review(self, offset: int, person: Person, head: str | None, changes: Mapping[str, Change]) -> None:
        """Make looks due, or close all where the pseudonym began to belong to somebody."""
        sheet = self.sheets.setdefault(person.name, Sheet(person.name))
        touched = sheet.replace(changes.values())
        if person.head is not None:
            if head is None:
                for said in sheet.mute(self._reviews, Place(self.partition, offset, self.now)):
                    self._say(said)
            return
        if head is None:
            sheet.wake(touched, self._reviews, self.now)
        else:
            sheet.due = {terms.name: self.now + 1 for terms in self._reviews}
        self._queue(sheet)

    def _activate(self, kind: str, version: str, at: int) -> None:
        self.activations.add((kind, version, at))
        self.active[kind] = max(self.active.get(kind, (at, version)), (at, version))

    def _take(self, offset: int, trainee: str, version: Version) -> None:
        if not self._first_delivery(version.origin):
            return
        if version.origin in self._failed:
            self._reject(version.origin, "internal_error")
            return
        person = self._person(trainee)
        versions = person.versions.setdefault(version.h, {})
        before, head = highest(versions), person.head
        self._admit(versions, version)
        if highest(versions) is not before:
            self._follow(offset, person, head, person.settle_own(version.h), frozenset({version.h}))

    def _receive(self, offset: int, evidence: dict[str, Any]) -> None:
        person = self._person(evidence["trainee"])
        changes = person.receive(evidence["persona"], evidence["seq"], read_piece(evidence))
        self._follow(offset, person, person.head, changes, frozenset(changes))

    def _person(self, name: str) -> Person:
        if name not in self.people:
            self.people[name] = Person(name)
        return self.people[name]

    def _first_delivery(self, origin: Origin) -> bool:
        place = origin.topic, origin.partition
        if origin.offset <= self.seen.get(place, -1):
            return False
        self.seen[place] = origin.offset
        return True

    def _admit(self, versions: dict[int, Version], version: Version) -> None:
        known = versions.get(version.rev)
        if known is not None and known.d == version.d:
            self.counts[version.origin.topic, "duplicate"] += 1
        elif known is not None and version.d > known.d:
            self._reject(version.origin, "id_conflict")
        elif known is None and len(versions) >= MAX_VERSIONS:
            self._reject(version.origin, "too_many_revisions")
        else:
            if known is not None:
                self.counts[known.origin.topic, "accepted"] -= 1
                self._reject(known.origin, "id_conflict")
            self.counts[version.origin.topic, "accepted"] += 1
            versions[version.rev] = version

    def _reject(self, origin: Origin, reason: str) -> None:
        self.counts[origin.topic, "rejected"] += 1
        self.rejects[origin] = reason

    def _follow(
        self, offset: int, person: Person, head: str | None, changes: Mapping[str, Change], ids: frozenset[str]
    ) -> None:
        """Decide and send what follows of a record, after which other candidates stand or the head is another."""
        self._send(offset, person, head, changes)
        watch = self.watches.setdefault(person.name, Watch(person.name))
        cause = Cause(self.partition, offset, self.now, ids)
        for rotation, key in watch.replace(changes.values()) | watch.mute(person.head is not None):
            self._decide(watch, rotation, key, cause)
            self._await(watch, rotation, key)
        self._review(offset, person, head, changes)

    def _send(self, offset: int, person: Person, before: str | None, changes: Mapping[str, Change]) -> None:
        after = person.head
        if before == after:
            if after is not None and changes:
                self.sendings.append(Sending(after, person.name, offset, "some", person.rows(changes)))
            return
        if before is not None:
            self.sendings.append(Sending(before, person.name, offset, "none", ()))
        if after is not None:
            self.sendings.append(Sending(after, person.name, offset, "all", person.carries()))

    def _await(self, watch: Watch, rotation: str, key: str) -> None:
        expected = watch.expectations(rotation).get(key)
        if expected is None:
            return
        deadline = (expected.due + self._rule.grace, watch.trainee, rotation, key)
        if deadline[0] > self.now and deadline not in self._awaited:
            self._awaited.add(deadline)
            heappush(self._deadlines, deadline)

    def _decide(self, watch: Watch, rotation: str, key: str, cause: Cause) -> None:
        notice = watch.evaluate(rotation, key, cause, self._rule)
        if notice is not None:
            self.notices[notice.id] = notice

    def _twin(self, person: Person) -> dict[str, str]:
        twin = add_up(person.standing.values())
        if person.name in self.watches:
            twin.update(_warnings(self.watches[person.name]))
        if person.name in self.sheets:
            opened = self.sheets[person.name].open
            twin.update((terms.field, canonical(opened[terms.name])) for terms in self._reviews if terms.name in opened)
        return twin


def add_up(contributing: Iterable[Standing]) -> dict[str, str]:
    """Make a twin's sums and slots from what stands, in any order."""
    stands = list(contributing)
    sums = total(numbers for one in stands for numbers in one.sums)
    slots = dict(slot for one in stands for slot in one.slots)
    return {field: " ".join(map(str, numbers)) for field, numbers in sums if numbers[0]} | slots


def _warnings(watch: Watch) -> Iterator[tuple[str, str]]:
    for (rotation, key), opened in watch.open.items():
        yield f"w|{RULE}|{rotation}|{key}", canonical(list(opened))
