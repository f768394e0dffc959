"""The input contract: one pydantic model per event type (docs/records.md, section 1).

Everything here describes what a publisher sends. Times stay the strings they came as, checked against RFC 3339
by pattern; `intake` turns them into instants, since a missing zone is a reason of its own.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from megdt_stream.evidence import grammar, topics
from megdt_stream.evidence.topics import Topic

PSEUDONYM_PATTERN: Final = r"^[a-z][a-z0-9]{0,15}\.[A-Za-z0-9_-]{1,48}$"
# U+FEFF is white space to JSON Schema (ECMA-262) and not to the regular expressions here.
CODE_PATTERN: Final = r"^[^\s\x{FEFF}|\x00-\x1f\x7f]{1,64}$"
TIME_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?$"
)

SOURCE_PATTERN: Final = grammar.URI_REFERENCE

Pseudonym: TypeAlias = Annotated[str, StringConstraints(pattern=PSEUDONYM_PATTERN)]
Code: TypeAlias = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Time: TypeAlias = Annotated[str, StringConstraints(pattern=TIME_PATTERN)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class _Model(BaseModel):
    """Strict about what it knows, silent about what it does not: additive changes break nobody."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Score(_Model):
    """One competency's score, or why there is none."""

    competency: Code
    value: Number | None = None
    missing: Literal["not-recorded", "not-applicable", "not-observed"] | None = None

    @model_validator(mode="after")
    def _value_or_reason(self) -> Self:
        if (self.value is None) == (self.missing is None):
            raise ValueError("give either a value or why it is missing, not both and not neither")
        return self


def _distinct(keys: list[str], what: str) -> None:
    if len(set(keys)) != len(keys):
        raise ValueError(f"each {what} may occur once")


class _Scored(_Model):
    """Scores on a declared scale, one a competency."""

    scale: str
    scores: Annotated[list[Score], Field(min_length=1, max_length=32)]
    rotation: Code | None = None

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len(self.scores) > 1:
            _distinct([score.competency for score in self.scores], "competency")
        return self


class AssessmentData(_Scored):
    """An assessment of a trainee by an assessor, on a declared scale."""

    instrument: Code
    assessor: Pseudonym | None = None
    item: Code | None = None
    carried_over: bool | None = None


class SelfAssessmentData(_Scored):
    """How trainees rate themselves."""


class FeedbackData(_Model):
    """Narrative feedback to a trainee. The text is not kept beyond the input topic."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=8000)]
    assessor: Pseudonym | None = None
    rotation: Code | None = None
    observed: Time | None = None
    specific: bool | None = None


class Expected(_Model):
    """An assessment that a rotation expects by a time."""

    instrument: Code
    item: Code | None = None
    count: Annotated[int, Field(ge=1, le=99)] | None = None
    due: Time

    @property
    def key(self) -> str:
        """Name what is expected: the item where there is one, else the instrument."""
        return self.item or self.instrument


def _expected_once(expects: list[Expected] | None) -> None:
    _distinct([expected.key for expected in expects or ()], "expected key")


class RotationPlan(_Model):
    """A rotation with its dates and what is expected of it."""

    rotation: Code
    base: Code
    department: Code | None = None
    starts: Time
    ends: Time
    supervisor: Pseudonym | None = None
    expects: Annotated[list[Expected], Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        _expected_once(self.expects)
        return self


class RotationChange(_Model):
    """What changes of a rotation; the rest stays as it was."""

    rotation: Code
    base: Code | None = None
    department: Code | None = None
    starts: Time | None = None
    ends: Time | None = None
    supervisor: Pseudonym | None = None
    expects: Annotated[list[Expected], Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _something_once_each(self) -> Self:
        changed = (self.base, self.department, self.starts, self.ends, self.supervisor, self.expects)
        if all(value is None for value in changed):
            raise ValueError("a change states at least one of base, department, starts, ends, supervisor, expects")
        _expected_once(self.expects)
        return self


class SupervisorAssignment(_Model):
    """Who supervises a rotation from now on."""

    rotation: Code
    supervisor: Pseudonym


class RotationStep(_Model):
    """A rotation's end or cancellation."""

    rotation: Code


class ExposureData(_Model):
    """Cases of a disease, procedures of a skill or simulations, towards a quota."""

    kind: Literal["case", "procedure", "simulation"]
    item: Code
    role: Literal["observed", "assisted", "performed"] | None = None
    count: Annotated[int, Field(ge=1, le=999)] | None = None
    rotation: Code | None = None


Minutes: TypeAlias = Annotated[int, Field(ge=1, le=1440)]


class TeachingData(_Model):
    """A teaching session and whether the trainee was there."""

    session: Code
    minutes: Minutes | None = None
    attended: bool | None = None
    rotation: Code | None = None


class DutyData(_Model):
    """Hours on duty."""

    starts: Time
    ends: Time
    on_call: bool | None = None
    rotation: Code | None = None


class LearningCaseData(_Model):
    """Work on a learning case."""

    item: Code
    minutes: Minutes | None = None
    rotation: Code | None = None


class OutcomeData(_Model):
    """A result decided outside."""

    outcome: Code
    result: Code
    value: Annotated[Number, Field(ge=-1e6, le=1e6)] | None = None
    rotation: Code | None = None


class RemediationData(_Model):
    """A remediation plan begins or ends."""

    plan: Code
    result: Code | None = None
    rotation: Code | None = None


class LeaveData(_Model):
    """A leave with its dates."""

    kind: Code
    starts: Time
    ends: Time


class CreditsData(_Model):
    """Continuing-education credits."""

    category: Code
    credits: Annotated[Number, Field(ge=0, le=1000)]


class ResourceData(_Model):
    """What a base has of beds, simulator slots or a teacher's hours, from a time on."""

    kind: Literal["beds", "simulator", "faculty"]
    base: Code
    department: Code | None = None
    capacity: Annotated[Number, Field(ge=0, le=100_000)]
    unit: Literal["beds", "slots-per-week", "hours-per-week", "trainees"]
    starts: Time
    ends: Time | None = None


class EnrolmentData(_Model):
    """A trainee enters a stage at a base."""

    stage: Literal["medical-school", "postgraduate", "continuing"]
    base: Code
    programme: Code | None = None
    cohort: Code | None = None


class LinkData(_Model):
    """The person that the subject, one system's pseudonym, belongs to."""

    person: Pseudonym
    system: Code | None = None


class MergeData(_Model):
    """The person that the subject turned out to be."""

    into: Pseudonym


class UnmergeData(_Model):
    """The subject stands for itself again. `from` says whom it was taken for."""

    from_: Annotated[Pseudonym | None, Field(alias="from")] = None


class DecisionData(_Model):
    """What a person decided on a warning or a recommendation. The note is not kept beyond the input topic."""

    on: Code
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
    ]
    by: Pseudonym
    assignee: Pseudonym | None = None
    reason: Code | None = None
    note: Annotated[str, StringConstraints(max_length=2000)] | None = None
    until: Time | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.reason is None and self.action in ("overridden", "flagged-incorrect"):
            raise ValueError("this action needs a reason")
        return self


class RetractionData(_Model):
    """Why a record is withdrawn."""

    reason: Annotated[str, Field(max_length=500)] | None = None


class Event(_Model):
    """The CloudEvents 1.0 envelope and our extension attributes."""

    topic: ClassVar[Topic]

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(pattern=grammar.IDENTIFIER)]
    source: Annotated[str, StringConstraints(pattern=SOURCE_PATTERN, min_length=1, max_length=128)]
    revision: Annotated[int, Field(ge=0, le=9999)] | None = None
    type: str
    subject: Pseudonym
    time: Time
    recorded: Time | None = None
    available: Time | None = None
    datacontenttype: Annotated[str, StringConstraints(pattern=grammar.JSON_MEDIA_TYPE)] | None = None
    data: Any


class _Revision(Event):
    """An event that changes an earlier one names a revision above it."""

    revision: Annotated[int, Field(ge=1, le=9999)]


class AssessmentRecorded(Event):
    """An assessment was made."""

    topic = topics.ASSESSMENTS
    type: Literal["megdt.assessment.recorded.v1"]
    data: AssessmentData


class AssessmentAmended(_Revision):
    """An assessment was corrected."""

    topic = topics.ASSESSMENTS
    type: Literal["megdt.assessment.amended.v1"]
    data: AssessmentData


class AssessmentRetracted(_Revision):
    """An assessment or feedback was withdrawn."""

    topic = topics.ASSESSMENTS
    type: Literal["megdt.assessment.retracted.v1"]
    data: RetractionData


class FeedbackRecorded(Event):
    """Narrative feedback was given."""

    topic = topics.ASSESSMENTS
    type: Literal["megdt.feedback.recorded.v1"]
    data: FeedbackData


class RotationPlanned(Event):
    """A rotation was scheduled."""

    topic = topics.ROTATIONS
    type: Literal["megdt.rotation.planned.v1"]
    data: RotationPlan


class RotationStarted(Event):
    """A rotation began."""

    topic = topics.ROTATIONS
    type: Literal["megdt.rotation.started.v1"]
    data: RotationPlan


class RotationChanged(Event):
    """Something of a rotation is different now."""

    topic = topics.ROTATIONS
    type: Literal["megdt.rotation.changed.v1"]
    data: RotationChange


class RotationSupervisorAssigned(Event):
    """A rotation has a supervisor."""

    topic = topics.ROTATIONS
    type: Literal["megdt.rotation.supervisor-assigned.v1"]
    data: SupervisorAssignment


class RotationEnded(Event):
    """A rotation ended."""

    topic = topics.ROTATIONS
    type: Literal["megdt.rotation.ended.v1"]
    data: RotationStep


class RotationCancelled(Event):
    """A rotation will not take place, or was left."""

    topic = topics.ROTATIONS
    type: Literal["megdt.rotation.cancelled.v1"]
    data: RotationStep


class RotationRetracted(_Revision):
    """A rotation's step was recorded in error."""

    topic = topics.ROTATIONS
    type: Literal["megdt.rotation.retracted.v1"]
    data: RetractionData


class ExposureRecorded(Event):
    """Cases were seen, procedures done or simulations run."""

    topic = topics.EXPOSURES
    type: Literal["megdt.exposure.recorded.v1"]
    data: ExposureData


class ExposureRetracted(_Revision):
    """An exposure was recorded in error."""

    topic = topics.EXPOSURES
    type: Literal["megdt.exposure.retracted.v1"]
    data: RetractionData


class TeachingAttended(Event):
    """A teaching session took place."""

    topic = topics.ACTIVITIES
    type: Literal["megdt.teaching.attended.v1"]
    data: TeachingData


class DutyRecorded(Event):
    """Hours on duty were worked."""

    topic = topics.ACTIVITIES
    type: Literal["megdt.duty.recorded.v1"]
    data: DutyData


class SelfAssessmentRecorded(Event):
    """A trainee rated themselves."""

    topic = topics.ACTIVITIES
    type: Literal["megdt.self-assessment.recorded.v1"]
    data: SelfAssessmentData


class LearningCaseRecorded(Event):
    """A trainee worked on a learning case."""

    topic = topics.ACTIVITIES
    type: Literal["megdt.learning-case.recorded.v1"]
    data: LearningCaseData


class ActivityRetracted(_Revision):
    """An activity was recorded in error."""

    topic = topics.ACTIVITIES
    type: Literal["megdt.activity.retracted.v1"]
    data: RetractionData


class OutcomeRecorded(Event):
    """A result became known."""

    topic = topics.OUTCOMES
    type: Literal["megdt.outcome.recorded.v1"]
    data: OutcomeData


class RemediationStarted(Event):
    """A remediation plan began."""

    topic = topics.OUTCOMES
    type: Literal["megdt.remediation.started.v1"]
    data: RemediationData


class RemediationEnded(Event):
    """A remediation plan ended."""

    topic = topics.OUTCOMES
    type: Literal["megdt.remediation.ended.v1"]
    data: RemediationData


class LeaveRecorded(Event):
    """A trainee is or was away."""

    topic = topics.OUTCOMES
    type: Literal["megdt.leave.recorded.v1"]
    data: LeaveData


class CreditsRecorded(Event):
    """Continuing-education credits were earned."""

    topic = topics.OUTCOMES
    type: Literal["megdt.credits.recorded.v1"]
    data: CreditsData


class OutcomeRetracted(_Revision):
    """A result was recorded in error."""

    topic = topics.OUTCOMES
    type: Literal["megdt.outcome.retracted.v1"]
    data: RetractionData


class ResourceRecorded(Event):
    """A resource's capacity became known."""

    topic = topics.RESOURCES
    type: Literal["megdt.resource.recorded.v1"]
    data: ResourceData


class ResourceRetracted(_Revision):
    """A capacity was recorded in error."""

    topic = topics.RESOURCES
    type: Literal["megdt.resource.retracted.v1"]
    data: RetractionData


class IdentityEnrolled(Event):
    """A trainee was enrolled."""

    topic = topics.IDENTITIES
    type: Literal["megdt.identity.enrolled.v1"]
    data: EnrolmentData


class IdentityLinked(Event):
    """A system's pseudonym belongs to a person."""

    topic = topics.IDENTITIES
    type: Literal["megdt.identity.linked.v1"]
    data: LinkData

    @model_validator(mode="after")
    def _to_another(self) -> Self:
        if self.data.person == self.subject:
            raise ValueError("person is the subject itself")
        return self


class IdentityMerged(Event):
    """Two records turned out to be one person."""

    topic = topics.IDENTITIES
    type: Literal["megdt.identity.merged.v1"]
    data: MergeData

    @model_validator(mode="after")
    def _into_another(self) -> Self:
        if self.data.into == self.subject:
            raise ValueError("into is the subject itself")
        return self


class IdentityUnmerged(Event):
    """A pseudonym stands for itself again."""

    topic = topics.IDENTITIES
    type: Literal["megdt.identity.unmerged.v1"]
    data: UnmergeData


class IdentityRetracted(_Revision):
    """An enrolment or a link was recorded in error."""

    topic = topics.IDENTITIES
    type: Literal["megdt.identity.retracted.v1"]
    data: RetractionData


class DecisionMade(Event):
    """A person decided on a warning or a recommendation."""

    topic = topics.DECISIONS
    type: Literal["megdt.decision.made.v1"]
    data: DecisionData


class DecisionRetracted(_Revision):
    """A decision was recorded in error."""

    topic = topics.DECISIONS
    type: Literal["megdt.decision.retracted.v1"]
    data: RetractionData


MODELS: Final[tuple[type[Event], ...]] = (
    AssessmentRecorded,
    AssessmentAmended,
    AssessmentRetracted,
    FeedbackRecorded,
    RotationPlanned,
    RotationStarted,
    RotationChanged,
    RotationSupervisorAssigned,
    RotationEnded,
    RotationCancelled,
    RotationRetracted,
    ExposureRecorded,
    ExposureRetracted,
    TeachingAttended,
    DutyRecorded,
    SelfAssessmentRecorded,
    LearningCaseRecorded,
    ActivityRetracted,
    OutcomeRecorded,
    RemediationStarted,
    RemediationEnded,
    LeaveRecorded,
    CreditsRecorded,
    OutcomeRetracted,
    ResourceRecorded,
    ResourceRetracted,
    IdentityEnrolled,
    IdentityLinked,
    IdentityMerged,
    IdentityUnmerged,
    IdentityRetracted,
    DecisionMade,
    DecisionRetracted,
)


def type_of(model: type[Event]) -> str:
    """Give the CloudEvents `type` a model stands for."""
    (name,) = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
    return str(name)


BY_TYPE: Final[dict[str, type[Event]]] = {type_of(model): model for model in MODELS}
