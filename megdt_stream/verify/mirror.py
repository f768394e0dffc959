"""The fold of one evidence partition, done again the plain way (docs/records.md, section 3).

Every version of every record is kept, and a twin is added up from those that stand when it is asked for. Only
the rule follows the log step by step, because it decides in the log's order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, Final

from megdt_stream.verify.contributions import Version, version_of
from megdt_stream.verify.log import Origin
from megdt_stream.verify.overdue import Cause, Notice, Watch
from megdt_stream.verify.reference import RULE, Rule
from megdt_stream.verify.strict_json import canonical

MAX_VERSIONS: Final = 64


class Mirror:
    """What one evidence partition makes: twins, journal, deadlines, counts, rejects and notices.

    `failed`: origins that the pipeline has rejected as `internal_error`; no reader of the log can know them.
    """

    def __init__(self, partition: int, rule: Rule, failed: frozenset[Origin] = frozenset()) -> None:
        self.partition = partition
        self.now = 0
        self.seen: dict[tuple[str, int], int] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.rejects: dict[Origin, str] = {}
        self.notices: dict[str, Notice] = {}
        self.versions: dict[str, dict[str, dict[int, Version]]] = {}
        self.watches: dict[str, Watch] = {}
        self._rule = rule
        self._failed = failed
        self._deadlines: list[tuple[int, str, str, str]] = []

    def apply(self, offset: int, evidence: dict[str, Any]) -> None:
        """Fold the next record of the partition. Raises KeyError, TypeError, ValueError."""
        if evidence["k"] == "tick":
            self._tick(offset, evidence["at"])
        else:
            self._take(offset, evidence["trainee"], version_of(evidence))

    def twins(self) -> dict[str, dict[str, str]]:
        """Give every twin that is not empty: trainee -> field -> text."""
        twins = {trainee: self._twin(trainee) for trainee in self.versions}
        return {trainee: twin for trainee, twin in twins.items() if twin}

    def deadlines(self) -> dict[str, int]:
        """Give the deadlines that must lie ahead: not reached, not cancelled, still short of the count."""
        return {
            f"{trainee}|{rotation}|{key}": expected.due + self._rule.grace
            for trainee, watch in self.watches.items()
            for rotation in watch.rotations
            for key, expected in watch.expectations(rotation).items()
            if expected.due + self._rule.grace > self.now and watch.arrivals[rotation, key] < expected.number
        }

    def _tick(self, offset: int, at: int) -> None:
        self.now = max(self.now, at)
        cause = Cause(self.partition, offset, self.now)
        while self._deadlines and self._deadlines[0][0] <= self.now:
            _, trainee, rotation, key = heappop(self._deadlines)
            self._decide(self.watches[trainee], rotation, key, cause)

    def _take(self, offset: int, trainee: str, version: Version) -> None:
        if not self._first_delivery(version.origin):
            return
        if version.origin in self._failed:
            self._reject(version.origin, "internal_error")
            return
        versions = self.versions.setdefault(trainee, {}).setdefault(version.h, {})
        before = standing(versions)
        self._admit(versions, version)
        after = standing(versions)
        if after is not before:
            self._follow(trainee, before, after, Cause(self.partition, offset, self.now, version.h))

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

    def _follow(self, trainee: str, before: Version | None, after: Version | None, cause: Cause) -> None:
        watch = self.watches.setdefault(trainee, Watch(trainee))
        for rotation, key in watch.replace(before, after):
            self._decide(watch, rotation, key, cause)
            if any(version and version.rotation for version in (before, after)):
                self._await(watch, rotation, key)

    def _await(self, watch: Watch, rotation: str, key: str) -> None:
        expected = watch.expectations(rotation).get(key)
        if expected is not None and expected.due + self._rule.grace > self.now:
            heappush(self._deadlines, (expected.due + self._rule.grace, watch.trainee, rotation, key))

    def _decide(self, watch: Watch, rotation: str, key: str, cause: Cause) -> None:
        notice = watch.evaluate(rotation, key, cause, self._rule)
        if notice is not None:
            self.notices[notice.id] = notice

    def _twin(self, trainee: str) -> dict[str, str]:
        contributing = [standing(versions) for versions in self.versions[trainee].values()]
        twin = add_up(version for version in contributing if version)
        if trainee in self.watches:
            twin.update(_warnings(self.watches[trainee]))
        return twin


def standing(versions: dict[int, Version]) -> Version | None:
    """Give the version with the highest revision."""
    return versions[max(versions)] if versions else None


def add_up(versions: Iterable[Version]) -> dict[str, str]:
    """Make a twin's sums and slots from the versions that stand, in any order."""
    sums: dict[str, list[int]] = {}
    slots: dict[str, str] = {}
    for version in versions:
        for field, numbers in version.sums:
            total = sums.setdefault(field, [0] * len(numbers))
            sums[field] = [a + b for a, b in zip(total, numbers, strict=True)]
        slots.update(version.slots)
    return {field: " ".join(map(str, total)) for field, total in sums.items() if total[0]} | slots


def _warnings(watch: Watch) -> Iterator[tuple[str, str]]:
    for (rotation, key), opened in watch.open.items():
        yield f"w|{RULE}|{rotation}|{key}", canonical(list(opened))
