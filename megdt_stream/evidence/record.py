"""Canonical evidence: what `megdt.evidence.v1` carries (docs/records.md, section 2).

Typed with msgspec because the mirror decodes each of these on its hottest path; the messy outside world is met
by the pydantic models of `events` at intake. Times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    Origin: TypeAlias = tuple[str, int, int]
else:  # what the decoder takes
    Origin = tuple[
        Literal[
            *("assessments", "rotations", "exposures", "activities"),
            *("outcomes", "resources", "identities", "decisions"),
        ],
        int,
        int,
    ]
"""Where the input record stands: short topic, partition, offset."""

PERIOD_MS: Final = 28 * 24 * 3600 * 1000
"""Length of one cell of event time: four weeks."""

WEEK_MS: Final = 7 * 24 * 3600 * 1000
_MONDAY_MS: Final = 3 * 24 * 3600 * 1000  # the epoch began on a Thursday


def week_of(ms: int) -> int:
    """Number the week (Monday 00:00 UTC to Sunday) of a moment."""
    return (ms + _MONDAY_MS) // WEEK_MS


def week_starts(week: int) -> int:
    """Give the moment (ms) at which a week begins."""
    return week * WEEK_MS - _MONDAY_MS


Digest: TypeAlias = Annotated[str, msgspec.Meta(min_length=16, max_length=16)]
"""Sixteen hex digits. Msgspec sees to the length, `decode` to the digits: a pattern would cost more than all else."""


Extension: TypeAlias = str | bool | int
"""The value of an extension attribute."""


class Common(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Fields every evidence record has; not ticks, activations and carried rows. `ext` is left out where there is
    none."""

    trainee: str
    source: str
    id: str
    rev: int
    h: Digest
    d: Digest
    happened: int
    recorded: int
    available: int
    origin: Origin
    ext: dict[str, Extension] | None = None


Mark: TypeAlias = tuple[str, float, int, int]
"""A score: competency, raw value, level in thousandths, weight."""


class Assessment(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="assessment"):
    """An assessment of a trainee by an assessor."""

    instrument: str
    item: str | None
    assessor: str | None
    rotation: str | None
    scale: str
    carried_over: bool
    marks: tuple[Mark, ...]
    missing: tuple[tuple[str, str], ...]


class Feedback(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="feedback"):
    """Narrative feedback: who, on what, when and how long; its text stays at the source."""

    assessor: str | None
    rotation: str | None
    observed: int | None
    characters: int
    specific: bool | None


Expectation: TypeAlias = tuple[str, int, int]
"""An expected assessment: key (item, else instrument), how many, due (ms)."""


class Rotation(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="rotation"):
    """A rotation's step. What the step does not state is None."""

    status: str | None
    rotation: str
    base: str | None
    department: str | None
    supervisor: str | None
    starts: int | None
    ends: int | None
    expects: tuple[Expectation, ...] | None


class Exposure(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="exposure"):
    """Cases seen, procedures done or simulations run, counted against a quota."""

    kind: str
    item: str
    role: str | None
    count: int
    rotation: str | None


class Activity(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="activity"):
    """Teaching attended, hours on duty (`starts`, `ends` in ms) or work on a learning case."""

    kind: str
    item: str | None
    starts: int | None
    ends: int | None
    minutes: int
    attended: bool
    on_call: bool
    rotation: str | None


class SelfAssessment(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="self-assessment"):
    """How trainees see themselves; kept apart from what others see."""

    rotation: str | None
    scale: str
    marks: tuple[Mark, ...]
    missing: tuple[tuple[str, str], ...]


class Outcome(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="outcome"):
    """A result that was decided outside: an exam, an annual result, remediation, leave, a withdrawal, credits."""

    outcome: str
    result: str
    value: float | None
    rotation: str | None
    starts: int | None
    ends: int | None


class Resource(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="resource"):
    """What a base has of beds, simulator slots or a teacher's hours, from a time on."""

    kind: str
    base: str
    department: str | None
    capacity: float
    unit: str
    starts: int
    ends: int | None


class Enrolment(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="enrolment"):
    """A trainee enters a stage at a base."""

    stage: str
    base: str
    programme: str | None
    cohort: str | None


class Identity(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="identity"):
    """Whose pseudonym this is: `head` is the person's, None from here on its own."""

    event: str
    head: str | None
    system: str | None


class Decision(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="decision"):
    """What a person decided on a warning or a recommendation."""

    on: str
    action: str
    by: str
    reason: str | None
    characters: int
    until: int | None
    assignee: str | None = None


class Retraction(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="retraction"):
    """The record (source, id) is withdrawn: its highest version contributes nothing."""


class Tick(msgspec.Struct, frozen=True, gc=False, tag_field="k", tag="tick"):
    """Time as a record: the only way time reaches a rule. `at` is domain time, `wall` the wall clock."""

    at: int
    wall: int


class Activation(msgspec.Struct, frozen=True, gc=False, tag_field="k", tag="activation"):
    """From here on a version of a model is in force. `at`: the domain time up to which it was learnt (ms).

    Of several the one with the larger `at` stands, of equal ones that with the greater version: their order is no
    matter.
    """

    kind: str
    version: str
    at: int


class CarriedRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A record as it stands at a pseudonym; `rev` is -1 where nothing stands (any more).

    `via` names the pseudonyms it came by, `sums` and `slots` are its contribution.
    """

    h: Digest
    rev: int = -1
    d: str = ""
    via: tuple[str, ...] = ()
    sums: tuple[tuple[str, tuple[int, ...]], ...] = ()
    slots: tuple[tuple[str, list[Any]], ...] = ()


class Carried(msgspec.Struct, frozen=True, gc=False, tag_field="k", tag="carried"):
    """Records that a pseudonym carries over to its head (docs/records.md, section 3)."""

    trainee: str
    persona: str
    seq: int
    state: Literal["all", "some", "none"]
    rows: tuple[CarriedRow, ...]


Fact: TypeAlias = (
    Assessment
    | Feedback
    | Rotation
    | Exposure
    | Activity
    | SelfAssessment
    | Outcome
    | Resource
    | Enrolment
    | Identity
    | Decision
    | Retraction
)
Evidence: TypeAlias = Fact | Carried | Tick | Activation

KINDS: Final = (
    *("assessment", "feedback", "rotation", "exposure", "activity", "self-assessment", "outcome", "resource"),
    *("enrolment", "identity", "decision", "retraction"),
)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Evidence)


def encode(evidence: Evidence) -> bytes:
    """Write a record as the JSON that stands on the topic."""
    return _encoder.encode(evidence)


def decode(value: bytes) -> Evidence:
    """Read a record back.

    Raises ValueError (`msgspec.DecodeError` is one) when the bytes are not canonical evidence.
    """
    evidence: Evidence = _decoder.decode(value)
    if isinstance(evidence, Common):
        bytes.fromhex(evidence.h + evidence.d)
    elif isinstance(evidence, Carried):
        for row in evidence.rows:
            bytes.fromhex(row.h + row.d)
    return evidence


def digest(data: bytes) -> str:
    """Give the 16 hex digits that name these bytes: 64 bits, ample within one trainee's records."""
    return blake2b(data, digest_size=8).hexdigest()


def record_hash(source: str, id_: str) -> str:
    """Name the record `(source, id)`, whatever its revision."""
    return digest(f"{source}\0{id_}".encode())
