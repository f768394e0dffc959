"""Caliper 1.2 (and 1.1): events of learning systems as input events.

Of an attempt (`GradeEvent`) the assignee is the trainee, what was assigned the activity, and the actor the assessor, if
it is a person; of anything else the actor is the trainee and the object the activity. Rules (`rules.py`, or a site's
own mapping) say by `type/action` and the activity's type what an event becomes; entities that an envelope describes are
not relevant. Caliper has no revisions: a grade given again is an event of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from megdt_stream.evidence.adapters import AdapterReason, Entry, Item, Result
from megdt_stream.evidence.adapters.learning import SIGNS, Deed, Learning, content_id, identifiers, present
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.reading import at, number, required_text, text
from megdt_stream.evidence.adapters.rules import CALIPER_RULES, LearningMapping, first
from megdt_stream.evidence.adapters.settling import Beside, Converted, Unusable, settle
from megdt_stream.evidence.adapters.times import instant, minutes
from megdt_stream.evidence.adapters.writing import Writer

SOURCE: Final = "/caliper"
_ANONYMOUS: Final = re.compile(r"_:.*|https?://purl\.imsglobal\.org/.*")
"""Blank nodes, and the type's own IRI, by which Caliper names somebody who shall not be known."""


def inside(document: object) -> list[Any] | None:
    """Give what a container holds, a list or an envelope; None for an event or entity."""
    if isinstance(document, list):
        return document
    data = at(document, "data")
    return data if isinstance(data, list) and at(document, "type") is None else None


def results(
    entries: Iterable[Entry], people: People, mapping: LearningMapping, *, historical: bool = False
) -> Iterator[Result]:
    """Give one result an event or entity."""
    writer = Writer(mapping.source or SOURCE, historical)
    converter = _Converter(Learning(mapping, people, writer))
    for entry in entries:
        yield settle(entry, converter.event)


class _Converter:
    def __init__(self, learning: Learning) -> None:
        self._learning = learning
        self._people = learning.people

    def event(self, item: Item) -> Converted:
        event = _checked(item.value)
        kind, action = event["type"], event["action"]
        object_ = event.get("object")
        attempted = kind == "GradeEvent" or at(object_, "type") == "Attempt"
        activity = at(object_, "assignable") if attempted else object_
        identifier = _reference(activity)
        rule = first(
            self._learning.mapping.rule,
            CALIPER_RULES,
            f"{kind}/{action}",
            text(activity, "type") or "",
            identifier or "",
        )
        if rule is None or rule.becomes == "not-relevant":
            raise Beside(f"{kind} {action}"[:SIGNS])
        if identifier is None:
            path = "/object/assignable" if attempted else "/object"
            raise Unusable(AdapterReason.MISSING_VALUE, path, "name the activity by its id")
        deed = Deed(
            record=self._record(event),
            subject=self._subject(event, attempted=attempted),
            activity=identifier,
            happened=instant(event.get("eventTime"), "/eventTime"),
            assessor=self._assessor(event) if attempted else None,
            share=_share(event.get("generated")),
            minutes=_minutes(event),
            originals=_originals(event),
        )
        return [self._learning.event(rule, deed)], _left_out(event)

    def _record(self, event: dict[str, Any]) -> str:
        identifier = text(event, "id")
        return (
            content_id(event, self._people, "event") if identifier is None else self._people.opaque(identifier, "event")
        )

    def _subject(self, event: dict[str, Any], *, attempted: bool) -> str:
        if not attempted:
            return self._person(event.get("actor"), "/actor")
        assignee = at(event, "object", "assignee") or at(event, "generated", "attempt", "assignee")
        return self._person(assignee, "/object/assignee")

    def _person(self, person: object, path: str) -> str:
        if at(person, "type") == "Group":
            raise Unusable(AdapterReason.NOT_ONE_PERSON, path, "send an event for each member of the group")
        identifier = _reference(person)
        if identifier is None or _ANONYMOUS.fullmatch(identifier) or at(person, "type") not in (None, "Person"):
            raise Unusable(AdapterReason.MISSING_PERSON, path, "name the trainee: a Person with an id")
        return self._people.of_iri(identifier, path)

    def _assessor(self, event: dict[str, Any]) -> str | None:
        """Give who marked: a person, not the software that did, and nobody who is only referred to."""
        for marker in (event.get("actor"), at(event, "generated", "scoredBy")):
            identifier = _reference(marker)
            if at(marker, "type") == "Person" and identifier and not _ANONYMOUS.fullmatch(identifier):
                return self._people.of_iri(identifier, "/actor")
        return None


def _checked(value: object) -> dict[str, Any]:
    """Check what every event has. Raises Unusable, and Beside for entities and empty envelopes."""
    if not isinstance(value, dict):
        raise Unusable(AdapterReason.MALFORMED, "", "an event is a JSON object")
    if inside(value) == []:
        raise Beside("an envelope without data")
    kind = required_text(value, "type", "")
    if not kind.endswith("Event"):
        raise Beside(f"entity {kind}"[:SIGNS])
    required_text(value, "action", "")
    return value


def _reference(entity: object) -> str | None:
    """Give the id of an entity, which may stand there whole or by its id alone."""
    return text(entity) if isinstance(entity, str) else text(entity, "id")


def _originals(event: dict[str, Any]) -> tuple[str, ...]:
    persons = (event.get("actor"), at(event, "object", "assignee"), at(event, "generated", "attempt", "assignee"))
    return tuple(chain.from_iterable(identifiers(iri) for person in persons if (iri := _reference(person))))


def _share(score: object) -> float | None:
    """Give a score as a share of the full one. Raises Unusable where there is one without a maximum."""
    if at(score, "type") != "Score" and at(score, "scoreGiven") is None:
        return None
    given, full = number(score, "scoreGiven"), number(score, "maxScore")
    if given is None or full is None or full <= 0:
        raise Unusable(AdapterReason.UNUSABLE_SCORE, "/generated", "give scoreGiven and the maxScore it counts towards")
    return given / full


def _minutes(event: dict[str, Any]) -> int | None:
    """Give how long an attempt took: its duration, else from its start to its end."""
    attempt = event.get("generated") if at(event, "generated", "type") == "Attempt" else event.get("object")
    stated = minutes(at(attempt, "duration"))
    start, end = text(attempt, "startedAtTime"), text(attempt, "endedAtTime")
    if stated is not None or start is None or end is None:
        return stated
    span = instant(end, "/generated/endedAtTime") - instant(start, "/generated/startedAtTime")
    return minutes(f"PT{span.total_seconds():.0f}S")


def _left_out(event: dict[str, Any]) -> tuple[str, ...]:
    left = present(event, ("extensions",))
    return left + (("comment",) if at(event, "generated", "comment") else ())
