"""xAPI 1.0.3 and 2.0 (IEEE 9274.1.1): statements as input events.

The actor is the trainee, `context.instructor` the assessor, the activity what was done. Rules (`rules.py`, or a site's
own mapping) say by verb and activity type what a statement becomes. A voiding statement retracts what the voided one
became; it names neither person nor topic, so the voided one has to be among the items, before or after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from megdt_stream.evidence.adapters import AdapterReason, Entry, Item, Result
from megdt_stream.evidence.adapters.learning import SIGNS, Deed, Learning, content_id, identifiers, present
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.reading import at, is_uuid, number, required, required_text, text
from megdt_stream.evidence.adapters.rules import XAPI_RULES, LearningMapping, first
from megdt_stream.evidence.adapters.settling import Beside, Converted, Unusable, settle
from megdt_stream.evidence.adapters.times import instant, minutes
from megdt_stream.evidence.adapters.writing import Writer

SOURCE: Final = "/xapi"
VOIDED: Final = "http://adlnet.gov/expapi/verbs/voided"
_VERSION: Final = re.compile(r"(1\.0|2\.0)(\.[0-9]{1,4})?")
_IDENTIFIERS: Final = ("mbox", "mbox_sha1sum", "openid", "account")
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}")
_OBJECTS: Final = {
    "Agent": "the object is a person",
    "Group": "the object is a group",
    "SubStatement": "a sub-statement: not something that happened",
    "StatementRef": "a remark on another statement",
}


def inside(document: object) -> list[Any] | None:
    """Give what a container holds, a list or a StatementResult; None for a statement."""
    if isinstance(document, list):
        return document
    statements = at(document, "statements")
    return statements if isinstance(statements, list) and at(document, "actor") is None else None


def voided(entries: Iterable[Entry]) -> frozenset[str]:
    """Name the statements that others void: what `results` has to know before it begins."""
    return frozenset(
        target
        for entry in entries
        if isinstance(entry, Item) and _voids(entry.value) and (target := _uuid(at(entry.value, "object", "id")))
    )


def results(
    entries: Iterable[Entry],
    people: People,
    mapping: LearningMapping,
    targets: frozenset[str],
    *,
    historical: bool = False,
) -> Iterator[Result]:
    """Give one result a statement; those of voiding statements come last. `targets` is what `voided` gave."""
    writer = Writer(mapping.source or SOURCE, historical)
    converter = _Converter(Learning(mapping, people, writer), targets)
    voiding: list[Item] = []
    for entry in entries:
        if isinstance(entry, Item) and _voids(entry.value):
            voiding.append(entry)
        else:
            yield settle(entry, converter.statement)
    for item in voiding:
        yield settle(item, converter.retraction)


def _voids(statement: object) -> bool:
    return text(statement, "verb", "id") == VOIDED


def _uuid(identifier: object) -> str | None:
    plain = identifier.lower() if isinstance(identifier, str) else ""
    return plain if is_uuid(plain) else None


class _Converter:
    """Remembers of the statements that are voided what they became: (topic, subject), or None for no evidence."""

    def __init__(self, learning: Learning, targets: frozenset[str]) -> None:
        self._learning = learning
        self._people = learning.people
        self._targets = targets
        self._became: dict[str, tuple[str, str] | None] = {}

    def statement(self, item: Item) -> Converted:
        statement = _checked(item.value)
        record = self._record(statement)
        if record in self._targets:
            self._became.setdefault(record, None)
        event = self._learning.event(*self._read(statement, record))
        if record in self._targets:
            self._became[record] = event.topic, event.key
        return [event], _left_out(statement)

    def retraction(self, item: Item) -> Converted:
        statement = _checked(item.value)
        if at(statement, "object", "objectType") != "StatementRef":
            raise Unusable(AdapterReason.MALFORMED, "/object/objectType", "what is voided is a StatementRef")
        target = _uuid(at(statement, "object", "id"))
        if target is None:
            raise Unusable(AdapterReason.MALFORMED, "/object/id", "what is voided is named by its UUID")
        if target not in self._became:
            hint = "import the voided statement together with this one: only it says whom it is about"
            raise Unusable(AdapterReason.UNKNOWN_TARGET, "/object/id", hint)
        became = self._became[target]
        if became is None:
            raise Beside("voids a statement that is no evidence")
        happened, recorded = _times(statement)
        topic, subject = became
        event = self._learning.writer.retraction(topic, target, subject, happened, recorded=recorded, revision=1)
        return [event], ()

    def _read(self, statement: dict[str, Any], record: str) -> tuple[Any, Deed]:
        verb, activity = statement["verb"]["id"], statement["object"]["id"]
        kind = text(statement, "object", "definition", "type") or ""
        rule = first(self._learning.mapping.rule, XAPI_RULES, verb, kind, activity)
        if rule is None:
            raise Beside(f"verb {verb[:SIGNS]}")
        if rule.becomes == "not-relevant":
            raise Beside(f"verb {verb[:SIGNS]} on {kind[:SIGNS] or 'an activity'}")
        happened, recorded = _times(statement)
        deed = Deed(
            record=record,
            subject=self._person(statement["actor"], "/actor"),
            activity=activity,
            happened=happened,
            recorded=recorded,
            assessor=self._instructor(statement),
            share=_share(at(statement, "result", "score")),
            minutes=minutes(at(statement, "result", "duration")),
            originals=(*_originals(statement["actor"]), *_originals(at(statement, "context", "instructor"))),
        )
        return rule, deed

    def _record(self, statement: dict[str, Any]) -> str:
        if statement.get("id") is None:
            return content_id(statement, self._people, "statement")
        identifier = _uuid(statement["id"])
        if identifier is None:
            raise Unusable(AdapterReason.MALFORMED, "/id", "a statement's id is a UUID")
        return identifier

    def _instructor(self, statement: dict[str, Any]) -> str | None:
        instructor = at(statement, "context", "instructor")
        if instructor is None or at(instructor, "objectType") == "Group":
            return None
        return self._person(instructor, "/context/instructor")

    def _person(self, agent: object, path: str) -> str:
        if not isinstance(agent, dict):
            raise Unusable(AdapterReason.MALFORMED, path, "an agent is an object")
        if agent.get("objectType", "Agent") != "Agent":
            raise Unusable(AdapterReason.NOT_ONE_PERSON, path, "send a statement for each member of the group")
        given = [name for name in _IDENTIFIERS if agent.get(name) is not None]
        if not given:
            raise Unusable(AdapterReason.MISSING_PERSON, path, f"an agent has one of {', '.join(_IDENTIFIERS)}")
        if len(given) > 1:
            raise Unusable(AdapterReason.MALFORMED, path, f"an agent has only one of {', '.join(given)}")
        return self._identified(agent, given[0], path)

    def _identified(self, agent: dict[str, Any], by: str, path: str) -> str:
        path = f"{path}/{by}"
        if by == "account":
            account = required(agent, by, path)
            home = required_text(account, "homePage", path)
            return self._people.of_account(home, required_text(account, "name", path), path)
        value = required_text(agent, by, path)
        if by == "openid":
            return self._people.of_iri(value, path)
        if by == "mbox" and value.startswith("mailto:"):
            return self._people.of_mailbox(value, path)
        if by == "mbox_sha1sum" and _SHA1.fullmatch(value):
            return self._people.of_mailbox_hash(value, path)
        raise Unusable(AdapterReason.MALFORMED, path, "mbox begins with mailto:, mbox_sha1sum has 40 hex digits")


def _checked(value: object) -> dict[str, Any]:
    """Check what every statement has. Raises Unusable, and Beside for objects that are no activities."""
    if not isinstance(value, dict):
        raise Unusable(AdapterReason.MALFORMED, "", "a statement is a JSON object")
    if inside(value) == []:
        raise Beside("a result without statements")
    version = value.get("version")
    if version is not None and not (isinstance(version, str) and _VERSION.fullmatch(version)):
        raise Unusable(AdapterReason.UNSUPPORTED, "/version", "statements of xAPI 1.0 and 2.0 are read")
    required(value, "actor", "")
    required_text(required(value, "verb", ""), "id", "/verb")
    kind = at(required(value, "object", ""), "objectType")
    if value["verb"]["id"] == VOIDED:
        return value
    if isinstance(kind, str) and kind in _OBJECTS:
        raise Beside(_OBJECTS[kind])
    if kind not in (None, "Activity"):
        raise Unusable(
            AdapterReason.MALFORMED, "/object/objectType", "one of Activity, Agent, Group, SubStatement, StatementRef"
        )
    required_text(value["object"], "id", "/object")
    return value


def _times(statement: dict[str, Any]) -> tuple[Any, Any]:
    """Give when it happened and when it was stored; without a timestamp it happened when it was stored."""
    stored = statement.get("stored")
    recorded = None if stored is None else instant(stored, "/stored")
    if recorded is not None and statement.get("timestamp") is None:
        return recorded, recorded
    return instant(statement.get("timestamp"), "/timestamp"), recorded


def _originals(agent: object) -> tuple[str, ...]:
    named = (text(agent, "mbox"), text(agent, "openid"))
    account = (text(agent, "account", "name"), text(agent, "mbox_sha1sum"))
    return tuple(chain((one for one in account if one), chain.from_iterable(identifiers(iri) for iri in named if iri)))


def _share(score: object) -> float | None:
    """Give a score as a share of the full one. Raises Unusable where there is one that has no range."""
    if not isinstance(score, dict) or not score:
        return None
    scaled = number(score, "scaled")
    if scaled is not None:
        if not -1 <= scaled <= 1:
            raise Unusable(AdapterReason.UNUSABLE_SCORE, "/result/score/scaled", "scaled lies within -1 and 1")
        return scaled
    raw, low, high = number(score, "raw"), number(score, "min"), number(score, "max")
    low = 0.0 if low is None else low
    if raw is None or high is None or high <= low:
        hint = "give scaled, or raw with the max (and min) that it counts towards"
        raise Unusable(AdapterReason.UNUSABLE_SCORE, "/result/score", hint)
    return (raw - low) / (high - low)


def _left_out(statement: dict[str, Any]) -> tuple[str, ...]:
    result = statement.get("result")
    context = statement.get("context")
    left = present(statement, ("attachments",))
    left += present(result, ("response", "extensions")) if isinstance(result, dict) else ()
    left += present(context, ("extensions", "team")) if isinstance(context, dict) else ()
    if at(context, "instructor", "objectType") == "Group":
        left += ("instructor group",)
    return tuple(dict.fromkeys(left))
