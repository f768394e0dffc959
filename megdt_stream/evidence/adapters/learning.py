"""What xAPI and Caliper have in common: somebody did something with an activity, and a rule says what that is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from megdt_stream.evidence.adapters import AdapterReason, Outgoing
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.rules import SCORED, LearningMapping, Rule, stretched
from megdt_stream.evidence.adapters.settling import Beside, Unusable
from megdt_stream.evidence.adapters.writing import Writer
from megdt_stream.evidence.reasons import REMEDY, Reason

_PART: Final = re.compile(r"[^\w.@+-]+")
_LONG: Final = 5
SIGNS: Final = 100
"""Longest name of a verb or a type in a reason why something is not relevant."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what when. `share` is the score as a share of the full one, None where there is none.

    `originals` are the identifiers of the persons in it, which are not to pass in an activity's name either.
    """

    record: str
    subject: str
    activity: str
    happened: datetime
    recorded: datetime | None = None
    assessor: str | None = None
    share: float | None = None
    minutes: int | None = None
    originals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Learning:
    """Writes the events of one learning system."""

    mapping: LearningMapping
    people: People
    writer: Writer

    def code(self, deed: Deed) -> str:
        """Give an activity's code: the mapping's, else its id where that may be a code, else a keyed hash."""
        named = self.mapping.code.get(deed.activity)
        return named or self.people.code(deed.activity, hidden=tells(deed.activity, deed.originals))

    def event(self, rule: Rule, deed: Deed) -> Outgoing:
        """Write what a rule makes of a deed. Raises Beside, and Unusable where an assessment has no score."""
        becomes = decided(rule, scored=deed.share is not None)
        if becomes == "not-relevant":
            raise Beside("a rule says that it is not relevant")
        # Whoever marks their own work has assessed themselves, whatever the verb.
        if becomes == "assessment" and deed.assessor == deed.subject:
            becomes = "self-assessment"
        kind, data = _SHAPES[becomes](self.code(deed), rule, deed)
        return self.writer.event(kind, deed.record, deed.subject, deed.happened, data, recorded=deed.recorded)


def tells(name: str, originals: Iterable[str]) -> bool:
    """Tell whether a name holds one of these identifiers: as a part of its own, or anywhere if it is a long one."""
    plain = name.casefold()
    parts = frozenset(_PART.split(plain))
    return any(one in parts or (len(one) >= _LONG and one in plain) for one in map(str.casefold, originals) if one)


def identifiers(iri: str) -> tuple[str, ...]:
    """Give what an IRI may name a person by: itself, and its last part."""
    plain = iri.removeprefix("mailto:").rstrip("/")
    return plain, _PART.split(plain)[-1]


def decided(rule: Rule, *, scored: bool) -> str:
    """Give what a rule's item becomes. Raises Unusable where it needs a score and has none."""
    if rule.becomes not in SCORED or scored:
        return rule.becomes
    if rule.without_score is None:
        raise Unusable(AdapterReason.UNUSABLE_SCORE, "", "give the score, or say in a rule what it is without one")
    return rule.without_score


def content_id(document: dict[str, Any], people: People, what: str) -> str:
    """Give the id of an item that has none: a keyed hash of all it says. Raises Unusable."""
    try:
        content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise Unusable(Reason.UNDECODABLE, "", REMEDY[Reason.UNDECODABLE]) from error
    return people.opaque(content.decode(), what)


def present(document: dict[str, Any], names: Iterable[str]) -> tuple[str, ...]:
    """Name what an object holds of these."""
    return tuple(name for name in names if document.get(name))


def _assessment(code: str, rule: Rule, deed: Deed) -> tuple[str, dict[str, Any]]:
    data = {"instrument": rule.instrument, "item": code, "assessor": deed.assessor}
    return "assessment.recorded", data | _scores(rule, deed)


def _self_assessment(_code: str, rule: Rule, deed: Deed) -> tuple[str, dict[str, Any]]:
    return "self-assessment.recorded", _scores(rule, deed)


def _scores(rule: Rule, deed: Deed) -> dict[str, Any]:
    score = {"competency": rule.competency, "value": stretched(deed.share or 0.0, rule)}
    return {"scale": rule.scale, "scores": [score], "rotation": rule.rotation}


def _teaching(code: str, rule: Rule, deed: Deed) -> tuple[str, dict[str, Any]]:
    return "teaching.attended", {"session": code, "minutes": deed.minutes, "rotation": rule.rotation}


def _learning_case(code: str, rule: Rule, deed: Deed) -> tuple[str, dict[str, Any]]:
    return "learning-case.recorded", {"item": code, "minutes": deed.minutes, "rotation": rule.rotation}


def _outcome(code: str, rule: Rule, _deed: Deed) -> tuple[str, dict[str, Any]]:
    return "outcome.recorded", {"outcome": code, "result": rule.result or "recorded", "rotation": rule.rotation}


def _simulation(code: str, rule: Rule, _deed: Deed) -> tuple[str, dict[str, Any]]:
    return "exposure.recorded", {"kind": "simulation", "item": code, "rotation": rule.rotation}


_SHAPES: Final = {
    "assessment": _assessment,
    "self-assessment": _self_assessment,
    "teaching": _teaching,
    "learning-case": _learning_case,
    "outcome": _outcome,
    "simulation": _simulation,
}
