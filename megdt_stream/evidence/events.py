"""The input contract: one pydantic model per event type (docs/records.md, section 1).

Everything here describes what a publisher sends. Times stay the strings they came as, checked against RFC 3339
by pattern; `intake` turns them into instants, since a missing zone is a reason of its own.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from megdt_stream.evidence import topics
from megdt_stream.evidence.topics import Topic

PSEUDONYM_PATTERN: Final = r"^[a-z][a-z0-9]{0,15}\.[A-Za-z0-9_-]{1,48}$"
# U+FEFF is white space to JSON Schema (ECMA-262) and not to the regular expressions here.
CODE_PATTERN: Final = r"^[^\s\x{FEFF}|\x00-\x1f\x7f]{1,64}$"
TIME_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?$"
)

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


class AssessmentData(_Model):
    """An assessment of a trainee by an assessor, on a declared scale."""

    instrument: Code
    scale: str
    assessor: Pseudonym | None = None
    rotation: Code | None = None
    item: Code | None = None
    carried_over: bool | None = None
    scores: Annotated[list[Score], Field(min_length=1, max_length=32)]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len(self.scores) > 1:
            _distinct([score.competency for score in self.scores], "competency")
        return self


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
        _distinct([expected.key for expected in self.expects or ()], "expected key")
        return self


class RotationStep(_Model):
    """A rotation's end or cancellation."""

    rotation: Code


class ExposureData(_Model):
    """Cases of a disease or procedures of a skill, towards a quota."""

    kind: Literal["case", "procedure"]
    item: Code
    role: Literal["observed", "assisted", "performed"] | None = None
    count: Annotated[int, Field(ge=1, le=999)] | None = None
    rotation: Code | None = None


class OutcomeData(_Model):
    """A result decided outside."""

    outcome: Code
    result: Code
    value: Annotated[Number, Field(ge=-1e6, le=1e6)] | None = None
    rotation: Code | None = None


class EnrolmentData(_Model):
    """A trainee enters a stage at a base."""

    stage: Literal["medical-school", "postgraduate", "continuing"]
    base: Code
    programme: Code | None = None
    cohort: Code | None = None


class RetractionData(_Model):
    """Why a record is withdrawn."""

    reason: Annotated[str, Field(max_length=500)] | None = None


class Event(_Model):
    """The CloudEvents 1.0 envelope and our extension attributes."""

    topic: ClassVar[Topic]

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
    source: Annotated[str, StringConstraints(pattern=r"^[^\s\x{FEFF}\x00-\x1f\x7f]{1,128}$")]
    revision: Annotated[int, Field(ge=0, le=9999)] | None = None
    type: str
    subject: Pseudonym
    time: Time
    recorded: Time | None = None
    available: Time | None = None
    datacontenttype: Literal["application/json"] | None = None
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
    """An assessment was withdrawn."""

    topic = topics.ASSESSMENTS
    type: Literal["megdt.assessment.retracted.v1"]
    data: RetractionData


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
    """Cases were seen or procedures done."""

    topic = topics.EXPOSURES
    type: Literal["megdt.exposure.recorded.v1"]
    data: ExposureData


class ExposureRetracted(_Revision):
    """An exposure was recorded in error."""

    topic = topics.EXPOSURES
    type: Literal["megdt.exposure.retracted.v1"]
    data: RetractionData


class OutcomeRecorded(Event):
    """A result became known."""

    topic = topics.OUTCOMES
    type: Literal["megdt.outcome.recorded.v1"]
    data: OutcomeData


class OutcomeRetracted(_Revision):
    """A result was recorded in error."""

    topic = topics.OUTCOMES
    type: Literal["megdt.outcome.retracted.v1"]
    data: RetractionData


class IdentityEnrolled(Event):
    """A trainee was enrolled."""

    topic = topics.IDENTITIES
    type: Literal["megdt.identity.enrolled.v1"]
    data: EnrolmentData


class IdentityRetracted(_Revision):
    """An enrolment was recorded in error."""

    topic = topics.IDENTITIES
    type: Literal["megdt.identity.retracted.v1"]
    data: RetractionData


MODELS: Final[tuple[type[Event], ...]] = (
    AssessmentRecorded,
    AssessmentAmended,
    AssessmentRetracted,
    RotationPlanned,
    RotationStarted,
    RotationEnded,
    RotationCancelled,
    RotationRetracted,
    ExposureRecorded,
    ExposureRetracted,
    OutcomeRecorded,
    OutcomeRetracted,
    IdentityEnrolled,
    IdentityRetracted,
)


def type_of(model: type[Event]) -> str:
    """Give the CloudEvents `type` a model stands for."""
    (name,) = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
    return str(name)


BY_TYPE: Final[dict[str, type[Event]]] = {type_of(model): model for model in MODELS}
