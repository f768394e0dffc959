"""Typed builders: one method an event type, named after it, so that an editor shows the fields and their types.

`megdt.assessment.recorded.v1` is `assessments.recorded`, `megdt.feedback.recorded.v1` is
`assessments.feedback_recorded`: by topic, and without the topic's own name. What a field means stands in
docs/records.md. Nothing is judged here: whatever is wrong is found by the same check that a received event meets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Literal, NamedTuple, Required, TypeAlias, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from megdt_stream.evidence import events, grammar
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.evidence.topics import Topic

R = TypeVar("R")


class Original(NamedTuple):
    """An identifier as a system of the hospital has it. It is turned into a pseudonym here and never leaves.

    `system` keeps apart the numbers that several systems gave out on their own.
    """

    identifier: str
    system: str = ""


Person: TypeAlias = str | Original
"""Somebody: a pseudonym (`k1.…`), or an `Original` to make it of."""

Missing: TypeAlias = Literal["not-recorded", "not-applicable", "not-observed"]
Scores: TypeAlias = Mapping[str, float | Missing]
"""Scores by competency code, or why there is none: `{"patient-care": 6, "communication": "not-observed"}`."""

Extension: TypeAlias = str | bool | int


@dataclass(frozen=True, slots=True)
class Expect:
    """An assessment that a rotation expects by a time; `item` names it where an instrument is used several times."""

    instrument: str
    due: datetime
    item: str | None = None
    count: int | None = None


class _Envelope(TypedDict, total=False):
    id: Required[str]
    time: Required[datetime]
    subject: Person
    trainee: str
    recorded: datetime
    available: datetime
    source: str
    extensions: Mapping[str, Extension]


class Envelope(_Envelope, total=False):
    """What every event states beside its data.

    `id`: the record's id at its source, the same whenever it is published again. `time`: when it happened, with a
    zone. `subject`: whom it is about, a pseudonym or an `Original`; or `trainee`: the identifier in the hospital,
    made a pseudonym here. `revision`: 0 unless it replaces an earlier one. `recorded`: when it was written down.
    `available`: when it became known, for history only. `source`: instead of the client's. `extensions`: further
    CloudEvents attributes, such as `traceparent`.
    """

    revision: int


class Revision(_Envelope, total=False):
    """As `Envelope`, for an event that changes an earlier one: `revision` is above the one before."""

    revision: Required[int]


class Draft(NamedTuple):
    """An event as it would be sent: its topic, its subject as key, its JSON."""

    topic: Topic
    subject: str
    value: bytes


class Writer:
    """Writes events of one source as structured CloudEvents.

    `source` is percent-encoded where a URI needs it; `pseudonyms` turns originals into pseudonyms.
    """

    def __init__(self, source: str, pseudonyms: Pseudonymiser | None = None) -> None:
        self.source = encoded(source)
        self._pseudonyms = pseudonyms

    def pseudonym(self, person: Person) -> str:
        """Give somebody's pseudonym. Raises ValueError for an original when there is no key to make it with."""
        if isinstance(person, str):
            return person
        if self._pseudonyms is None:
            raise ValueError("an original identifier needs a Pseudonymiser: give the client one, or send a pseudonym")
        return self._pseudonyms.of(person.identifier, person.system)

    def draft(self, model: type[events.Event], envelope: Mapping[str, Any], data: Mapping[str, Any]) -> Draft:
        """Write an event of a model's type. Raises ValueError when it has no subject, or two."""
        subject = self._subject(envelope)
        source = envelope.get("source")
        document: dict[str, Any] = {
            "specversion": "1.0",
            "type": events.type_of(model),
            "source": self.source if source is None else encoded(source),
            "id": envelope["id"],
            "revision": envelope.get("revision"),
            "subject": subject,
            "time": self._plain(envelope["time"]),
            "recorded": self._plain(envelope.get("recorded")),
            "available": self._plain(envelope.get("available")),
            "data": {_NAMES.get(name, name): self._plain(value) for name, value in data.items() if value is not None},
        }
        extensions = envelope.get("extensions") or {}
        if taken := document.keys() & extensions.keys():
            raise ValueError(f"not an extension, but an attribute of its own: {', '.join(sorted(taken))}")
        found = {name: value for name, value in document.items() if value is not None} | dict(extensions)
        return Draft(model.topic, subject, to_json(found))

    def _subject(self, envelope: Mapping[str, Any]) -> str:
        subject, trainee = envelope.get("subject"), envelope.get("trainee")
        if (subject is None) == (trainee is None):
            raise ValueError("give either `subject` (a pseudonym) or `trainee` (the identifier to make it of)")
        return self.pseudonym(Original(str(trainee)) if subject is None else subject)

    def _plain(self, value: Any) -> Any:
        """Write a value as JSON has it."""
        match value:
            case datetime():
                return stamp(value)
            case Original():
                return self.pseudonym(value)
            case Expect():
                fields = {name: getattr(value, name) for name in Expect.__slots__}
                return {name: self._plain(one) for name, one in fields.items() if one is not None}
            case Mapping():
                return [_score(competency, score) for competency, score in value.items()]
            case list() | tuple():
                return [self._plain(one) for one in value]
            case _:
                return value


_NAMES: Final = {"from_": "from"}
_URI_REFERENCE: Final = grammar.compiled(grammar.URI_REFERENCE)
# What may stand in a path, a query or a fragment, and what ends them; the percent sign is looked at by itself.
_URI_CHARACTERS: Final = ":/?@!$&'()*+,;=-._~%"


def encoded(source: str) -> str:
    """Percent-encode what may not stand in a URI reference; what is encoded already stays."""
    if _URI_REFERENCE.fullmatch(source):
        return source
    beginning, mark, fragment = source.partition("#")
    return _quoted(beginning) + mark + _quoted(fragment)


def _quoted(text: str) -> str:
    parts = quote(text, safe=_URI_CHARACTERS).split("%")
    return parts[0] + "".join(f"%{part}" if _is_hex(part[:2]) else f"%25{part}" for part in parts[1:])


def _is_hex(text: str) -> bool:
    return len(text) == 2 and all(c in "0123456789abcdefABCDEF" for c in text)


def to_json(document: Mapping[str, Any]) -> bytes:
    """Write an event as JSON. NaN and half characters go out as they are, so that a check can say what is wrong."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def stamp(moment: datetime) -> str:
    """Write a moment by RFC 3339. One without a zone stays without: the check says so."""
    offset = moment.utcoffset()
    if offset is not None and offset % timedelta(minutes=1):
        moment = moment.astimezone(UTC)  # offsets of old local times have seconds, which RFC 3339 has not
    return moment.isoformat()


def _score(competency: str, score: float | str) -> dict[str, Any]:
    return {"competency": competency, "missing" if isinstance(score, str) else "value": score}


class _Group(Generic[R]):
    def __init__(self, writer: Writer, emit: Callable[[Draft], R]) -> None:
        self._writer = writer
        self._emit = emit

    def _make(self, model: type[events.Event], envelope: Mapping[str, Any], **data: Any) -> R:
        return self._emit(self._writer.draft(model, envelope, data))


class Assessments(_Group[R]):
    """Events on the topic `assessments`."""

    def recorded(
        self,
        *,
        instrument: str,
        scale: str,
        scores: Scores,
        assessor: Person | None = None,
        rotation: str | None = None,
        item: str | None = None,
        carried_over: bool | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """An assessment was made. `scale` is an id of the seeds, such as mini-cex@1."""
        return self._make(
            events.AssessmentRecorded,
            event,
            instrument=instrument,
            scale=scale,
            scores=scores,
            assessor=assessor,
            rotation=rotation,
            item=item,
            carried_over=carried_over,
        )

    def amended(
        self,
        *,
        instrument: str,
        scale: str,
        scores: Scores,
        assessor: Person | None = None,
        rotation: str | None = None,
        item: str | None = None,
        carried_over: bool | None = None,
        **event: Unpack[Revision],
    ) -> R:
        """An assessment was corrected: the same id, a higher revision, the whole content."""
        return self._make(
            events.AssessmentAmended,
            event,
            instrument=instrument,
            scale=scale,
            scores=scores,
            assessor=assessor,
            rotation=rotation,
            item=item,
            carried_over=carried_over,
        )

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """An assessment or feedback was withdrawn."""
        return self._make(events.AssessmentRetracted, event, reason=reason)

    def feedback_recorded(
        self,
        *,
        text: str,
        assessor: Person | None = None,
        rotation: str | None = None,
        observed: datetime | None = None,
        specific: bool | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """Narrative feedback was given. The text is not kept beyond the input topic."""
        return self._make(
            events.FeedbackRecorded,
            event,
            text=text,
            assessor=assessor,
            rotation=rotation,
            observed=observed,
            specific=specific,
        )


class Rotations(_Group[R]):
    """Events on the topic `rotations`."""

    def planned(
        self,
        *,
        rotation: str,
        base: str,
        starts: datetime,
        ends: datetime,
        department: str | None = None,
        supervisor: Person | None = None,
        expects: Sequence[Expect] | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """A rotation was scheduled."""
        return self._make(
            events.RotationPlanned,
            event,
            rotation=rotation,
            base=base,
            starts=starts,
            ends=ends,
            department=department,
            supervisor=supervisor,
            expects=expects,
        )

    def started(
        self,
        *,
        rotation: str,
        base: str,
        starts: datetime,
        ends: datetime,
        department: str | None = None,
        supervisor: Person | None = None,
        expects: Sequence[Expect] | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """A rotation began."""
        return self._make(
            events.RotationStarted,
            event,
            rotation=rotation,
            base=base,
            starts=starts,
            ends=ends,
            department=department,
            supervisor=supervisor,
            expects=expects,
        )

    def changed(
        self,
        *,
        rotation: str,
        base: str | None = None,
        department: str | None = None,
        starts: datetime | None = None,
        ends: datetime | None = None,
        supervisor: Person | None = None,
        expects: Sequence[Expect] | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """Something of a rotation is different now; what is not given stays as it was."""
        return self._make(
            events.RotationChanged,
            event,
            rotation=rotation,
            base=base,
            department=department,
            starts=starts,
            ends=ends,
            supervisor=supervisor,
            expects=expects,
        )

    def supervisor_assigned(self, *, rotation: str, supervisor: Person, **event: Unpack[Envelope]) -> R:
        """A rotation has a supervisor from now on."""
        return self._make(events.RotationSupervisorAssigned, event, rotation=rotation, supervisor=supervisor)

    def ended(self, *, rotation: str, **event: Unpack[Envelope]) -> R:
        """A rotation ended."""
        return self._make(events.RotationEnded, event, rotation=rotation)

    def cancelled(self, *, rotation: str, **event: Unpack[Envelope]) -> R:
        """A rotation will not take place, or was left."""
        return self._make(events.RotationCancelled, event, rotation=rotation)

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """A rotation's step was recorded in error."""
        return self._make(events.RotationRetracted, event, reason=reason)


class Exposures(_Group[R]):
    """Events on the topic `exposures`."""

    def recorded(
        self,
        *,
        kind: Literal["case", "procedure", "simulation"],
        item: str,
        role: Literal["observed", "assisted", "performed"] | None = None,
        count: int | None = None,
        rotation: str | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """Cases of a disease were seen, procedures done or simulations run. `item` is of the quota's list."""
        return self._make(
            events.ExposureRecorded, event, kind=kind, item=item, role=role, count=count, rotation=rotation
        )

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """An exposure was recorded in error."""
        return self._make(events.ExposureRetracted, event, reason=reason)


class Activities(_Group[R]):
    """Events on the topic `activities`."""

    def teaching_attended(
        self,
        *,
        session: str,
        minutes: int | None = None,
        attended: bool | None = None,
        rotation: str | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """A teaching session took place; `attended` says whether the trainee was there."""
        return self._make(
            events.TeachingAttended, event, session=session, minutes=minutes, attended=attended, rotation=rotation
        )

    def duty_recorded(
        self,
        *,
        starts: datetime,
        ends: datetime,
        on_call: bool | None = None,
        rotation: str | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """Hours on duty were worked."""
        return self._make(events.DutyRecorded, event, starts=starts, ends=ends, on_call=on_call, rotation=rotation)

    def self_assessment_recorded(
        self, *, scale: str, scores: Scores, rotation: str | None = None, **event: Unpack[Envelope]
    ) -> R:
        """A trainee rated themselves."""
        return self._make(events.SelfAssessmentRecorded, event, scale=scale, scores=scores, rotation=rotation)

    def learning_case_recorded(
        self, *, item: str, minutes: int | None = None, rotation: str | None = None, **event: Unpack[Envelope]
    ) -> R:
        """A trainee worked on a learning case."""
        return self._make(events.LearningCaseRecorded, event, item=item, minutes=minutes, rotation=rotation)

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """An activity was recorded in error."""
        return self._make(events.ActivityRetracted, event, reason=reason)


class Outcomes(_Group[R]):
    """Events on the topic `outcomes`."""

    def recorded(
        self,
        *,
        outcome: str,
        result: str,
        value: float | None = None,
        rotation: str | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """A result became known: a completion exam, an annual result, a certification, a withdrawal."""
        return self._make(events.OutcomeRecorded, event, outcome=outcome, result=result, value=value, rotation=rotation)

    def remediation_started(
        self, *, plan: str, result: str | None = None, rotation: str | None = None, **event: Unpack[Envelope]
    ) -> R:
        """A remediation plan began."""
        return self._make(events.RemediationStarted, event, plan=plan, result=result, rotation=rotation)

    def remediation_ended(
        self, *, plan: str, result: str | None = None, rotation: str | None = None, **event: Unpack[Envelope]
    ) -> R:
        """A remediation plan ended."""
        return self._make(events.RemediationEnded, event, plan=plan, result=result, rotation=rotation)

    def leave_recorded(self, *, kind: str, starts: datetime, ends: datetime, **event: Unpack[Envelope]) -> R:
        """A trainee is or was away."""
        return self._make(events.LeaveRecorded, event, kind=kind, starts=starts, ends=ends)

    def credits_recorded(self, *, category: str, credits: float, **event: Unpack[Envelope]) -> R:  # noqa: A002
        """Continuing-education credits were earned."""
        return self._make(events.CreditsRecorded, event, category=category, credits=credits)

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """A result was recorded in error."""
        return self._make(events.OutcomeRetracted, event, reason=reason)


class Resources(_Group[R]):
    """Events on the topic `resources`. The subject is the resource or the teacher."""

    def recorded(
        self,
        *,
        kind: Literal["beds", "simulator", "faculty"],
        base: str,
        capacity: float,
        unit: Literal["beds", "slots-per-week", "hours-per-week", "trainees"],
        starts: datetime,
        department: str | None = None,
        ends: datetime | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """A resource's capacity became known."""
        return self._make(
            events.ResourceRecorded,
            event,
            kind=kind,
            base=base,
            capacity=capacity,
            unit=unit,
            starts=starts,
            department=department,
            ends=ends,
        )

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """A capacity was recorded in error."""
        return self._make(events.ResourceRetracted, event, reason=reason)


class Identities(_Group[R]):
    """Events on the topic `identities`. The subject is the pseudonym that is enrolled, linked, merged or unmerged."""

    def enrolled(
        self,
        *,
        stage: Literal["medical-school", "postgraduate", "continuing"],
        base: str,
        programme: str | None = None,
        cohort: str | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """A trainee was enrolled."""
        return self._make(events.IdentityEnrolled, event, stage=stage, base=base, programme=programme, cohort=cohort)

    def linked(self, *, person: Person, system: str | None = None, **event: Unpack[Envelope]) -> R:
        """The subject, one system's pseudonym, belongs to a person."""
        return self._make(events.IdentityLinked, event, person=person, system=system)

    def merged(self, *, into: Person, **event: Unpack[Envelope]) -> R:
        """The subject turned out to be a second record of a person."""
        return self._make(events.IdentityMerged, event, into=into)

    def unmerged(self, *, from_: Person | None = None, **event: Unpack[Envelope]) -> R:
        """The subject stands for itself again."""
        return self._make(events.IdentityUnmerged, event, from_=from_)

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """An enrolment or a link was recorded in error."""
        return self._make(events.IdentityRetracted, event, reason=reason)


class Decisions(_Group[R]):
    """Events on the topic `decisions`."""

    def made(
        self,
        *,
        on: str,
        action: Literal[
            "acknowledged",
            "accepted",
            "overridden",
            "modified",
            "implemented",
            "closed",
            "snoozed",
            "flagged-incorrect",
            "assigned",
            "resolved",
        ],
        by: Person,
        reason: str | None = None,
        note: str | None = None,
        until: datetime | None = None,
        assignee: Person | None = None,
        **event: Unpack[Envelope],
    ) -> R:
        """A person decided on a warning or a recommendation. The note is not kept beyond the input topic."""
        stated = {"on": on, "action": action, "by": by, "assignee": assignee}
        return self._make(events.DecisionMade, event, **stated, reason=reason, note=note, until=until)

    def retracted(self, *, reason: str | None = None, **event: Unpack[Revision]) -> R:
        """A decision was recorded in error."""
        return self._make(events.DecisionRetracted, event, reason=reason)


class Builders(Generic[R]):
    """All builders, by topic; what becomes of an event is `emit`'s business, and its result is what they give."""

    def __init__(self, writer: Writer, emit: Callable[[Draft], R]) -> None:
        self.assessments: Final = Assessments(writer, emit)
        self.rotations: Final = Rotations(writer, emit)
        self.exposures: Final = Exposures(writer, emit)
        self.activities: Final = Activities(writer, emit)
        self.outcomes: Final = Outcomes(writer, emit)
        self.resources: Final = Resources(writer, emit)
        self.identities: Final = Identities(writer, emit)
        self.decisions: Final = Decisions(writer, emit)
