"""Plays a hospital on the driver, with all rules looking at it as they would, and keeps what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from megdt_stream.driver import Accepted, Driver
from megdt_stream.evaluate.warnings.standards import standards
from megdt_stream.evidence.times import DAY_MS, milliseconds
from megdt_stream.governance import groups
from megdt_stream.governance.groups import drift, quota, silence
from megdt_stream.governance.groups.contract import Found, Group
from megdt_stream.governance.groups.looking import look
from megdt_stream.governance.groups.signals import Signals
from megdt_stream.governance.groups.standing import Standing
from megdt_stream.governance.groups.trainees import Trainees, waiting
from megdt_stream.governance.reviews import WARNS
from megdt_stream.runtime import severities
from megdt_stream.runtime.entities import Assumed, Scan, gather, ids, read_from
from megdt_stream.runtime.query import Stored
from megdt_stream.seed_files import load_estimation, load_library, load_rule, load_targets
from megdt_stream.synth.problems import HARSH, TroubledHospital
from megdt_stream.twin.entities.levels import Severities
from megdt_stream.twin.view import Norms

LOOK_WEEKS: Final = 2
"""Documents are looked at so often; sources every day; severities are learnt, and assessors looked at, with every other
look."""

Tell = Callable[[str], None]


class Played:
    """What was said while a hospital was played: `said` are notices (CloudEvents) in order, with their time (ms).

    `blamed` are the warnings (id, time in ms) that would not have been said then without a harsh assessor: when they
    were raised, or when they escalated.
    """

    def __init__(self, hospital: TroubledHospital, tell: Tell) -> None:
        self.hospital = hospital
        self.rule = load_rule()
        self.terms: groups.Groups = self.rule.groups
        library = load_library()
        self.driver = Driver(library.reference, self.rule)
        self.signals = Signals()
        self.said: list[dict[str, Any]] = []
        self.trainee_weeks = 0
        self.blamed: set[tuple[str, int]] = set()
        self._severe = {
            one.subject: _true_severity(hospital, one.subject) for one in hospital.planted if one.kind == HARSH
        }
        self._norms = Norms(load_targets(), standards())
        self._assumed = Assumed(load_estimation(), self._norms, library.outcomes)
        self._standing = Standing()
        self._looks = 0
        self._tell = tell

    def play(self) -> None:
        """Play the whole stream; time passes a day at a time."""
        plan = self.hospital.plan
        now = plan.opens
        self.driver.advance(now)
        for event in self.hospital.events:
            while event.available >= now + DAY_MS:
                now += DAY_MS
                self._day(now)
            outcome = self.driver.push(event.value, topic=event.topic, available=event.available)
            if isinstance(outcome, Accepted):
                self.signals.note(outcome.fact)
        self._day(plan.closes)

    def _day(self, now: int) -> None:
        raised = self.driver.advance(now)
        self.said += raised
        self.blamed |= {
            (one["data"]["opened_by"], milliseconds(one["time"]))
            for one in raised
            if self._is_for_an_assessor(one, now)
        }
        day = (now - self.hospital.plan.opens) // DAY_MS
        terms = self.terms[silence.NAME]
        found = [
            silence.judge(source, days, now, terms)._replace(names=self.signals.sends(source))
            for source, days in sorted(self.signals.days.items())
        ]
        self.said += self._standing.look(silence.NAME, terms, found, now)
        if day % 7 == 0:
            self.trainee_weeks += len(self.hospital.people.trainees)
        if day % (7 * LOOK_WEEKS) == 0:
            self._look(now)
            self._tell(f"day {day} of {self.hospital.plan.days}: {len(self.said):,} notices so far")

    def _is_for_an_assessor(self, event: Mapping[str, Any], now: int) -> bool:
        """Tell whether a warning of levels would not be there, were the harsh assessors as severe as others."""
        review = next((one for one in self.rule.reviews if one.name == event["data"]["rule"]), None)
        if review is None or not event["type"].endswith((".raised.v1", ".escalated.v1")):
            return False
        twin = self.driver.twin(event["subject"])
        touched = False
        for name, value in twin.sums.items():
            if name.startswith("c|") and (severity := self._severe.get(name.rpartition("|")[2])):
                n, w, wy = value
                twin.sums[name] = n, w, wy + round(1000 * severity * w)
                touched = True
        return touched and review.judge(twin, now, review.terms).grade < WARNS

    # --- documents ---

    def _look(self, now: int) -> None:
        stored = [Stored(name, twin, now) for name, twin in self.driver.each()]
        scan = gather(stored)
        self._looks += 1
        if self._looks % 2 == 0:
            found = severities.severities(severities.ratings(stored), scan.persons, f"day-{now // DAY_MS}")
            self._assumed = self._assumed._replace(severities=found)
        by_rule: dict[str, list[Group]] = {}
        # Assessors' documents cost most, and tell little new before severities are learnt again.
        assessors = self._of_assessors(scan, now) if self._looks % 2 == 0 else ()
        silent = self._standing.about(silence.NAME)
        trainees = (waiting(one, self.signals, silent) for one in self._of_trainees(scan, stored, now))
        for one in (*self._of_bases(scan, now), *assessors, *self._of_forms(now), *trainees):
            by_rule.setdefault(one[0], []).append(one[1])
        for rule, groups_ in by_rule.items():
            self.said += self._standing.look(rule, self.terms[rule], groups_, now)

    def _of_trainees(self, scan: Scan, stored: list[Stored], now: int) -> Iterator[Found]:
        # A quota moves slowly, and costs most of what is looked at of a trainee.
        left_out = frozenset() if self._looks % 2 == 0 else {quota.NAME}
        terms = {name: one for name, one in self.terms.items() if name not in left_out}
        trainees = Trainees(terms, self._assumed.estimation, self._norms, None, now)
        for one in stored:
            trainees.take(one.trainee, one.twin)
        return trainees.groups(ids(scan, "base"), ())

    def _of_bases(self, scan: Scan, now: int) -> Iterator[tuple[str, Group]]:
        for name in ids(scan, "base"):
            # Levels against other bases are not looked at here, and cost most: declared severities are enough.
            document = read_from(scan, "base", name, self._assumed._replace(severities=_UNKNOWN), as_of=now)
            yield from look("base", name, document["properties"] if document else {}, self.terms)

    def _of_assessors(self, scan: Scan, now: int) -> Iterator[tuple[str, Group]]:
        for name in ids(scan, "faculty"):
            document = read_from(scan, "faculty", name, self._assumed, as_of=now)
            yield from look("faculty", name, document["properties"] if document else {}, self.terms)

    def _of_forms(self, now: int) -> Iterator[tuple[str, Group]]:
        names = self.signals.instruments
        for one in drift.sift(names, lambda name, out: self.signals.marked(name, now, out), self.terms[drift.NAME]):
            yield drift.NAME, one


def _true_severity(hospital: TroubledHospital, name: str) -> float:
    staff = (one for staff in hospital.people.staff.values() for one in staff.assessors)
    return next(one.severity for one in staff if one.pseudonym == name)


_UNKNOWN: Final = Severities(0.2, {})
