"""Canonical evidence: what `megdt.evidence.v1` carries (docs/records.md, section 2).

Typed with msgspec because the mirror decodes each of these on its hottest path; the messy outside world is met
by the pydantic models of `events` at intake. Times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    Origin: TypeAlias = tuple[str, int, int]
else:  # what the decoder takes
    Origin = tuple[Literal["assessments", "rotations", "exposures", "outcomes", "identities"], int, int]
"""Where the input record stands: short topic, partition, offset."""

PERIOD_MS: Final = 28 * 24 * 3600 * 1000
"""Length of one cell of event time: four weeks."""


Digest: TypeAlias = Annotated[str, msgspec.Meta(min_length=16, max_length=16)]
"""Sixteen hex digits. Msgspec sees to the length, `decode` to the digits: a pattern would cost more than all else."""


class Common(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Fields every evidence record has, ticks apart."""

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


class Assessment(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="assessment"):
    """An assessment. `marks`: (competency, raw value, level in thousandths, weight)."""

    instrument: str
    item: str | None
    assessor: str | None
    rotation: str | None
    scale: str
    carried_over: bool
    marks: tuple[tuple[str, float, int, int], ...]
    missing: tuple[tuple[str, str], ...]


Expectation: TypeAlias = tuple[str, int, int]
"""An expected assessment: key (item, else instrument), how many, due (ms)."""


class Rotation(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="rotation"):
    """A rotation's step. Dates and `expects` are None where the step does not state them."""

    status: str
    rotation: str
    base: str | None
    department: str | None
    supervisor: str | None
    starts: int | None
    ends: int | None
    expects: tuple[Expectation, ...] | None


class Exposure(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="exposure"):
    """Cases seen or procedures done, counted against a quota."""

    kind: str
    item: str
    role: str | None
    count: int
    rotation: str | None


class Outcome(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="outcome"):
    """A result that was decided outside: an exam, an annual result, a withdrawal."""

    outcome: str
    result: str
    value: float | None
    rotation: str | None


class Enrolment(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="enrolment"):
    """A trainee enters a stage at a base."""

    stage: str
    base: str
    programme: str | None
    cohort: str | None


class Retraction(Common, frozen=True, gc=False, kw_only=True, tag_field="k", tag="retraction"):
    """The record (source, id) is withdrawn: its highest version contributes nothing."""


class Tick(msgspec.Struct, frozen=True, gc=False, tag_field="k", tag="tick"):
    """Time as a record: the only way time reaches a rule. `at` is domain time, `wall` the wall clock."""

    at: int
    wall: int


Fact: TypeAlias = Assessment | Rotation | Exposure | Outcome | Enrolment | Retraction
Evidence: TypeAlias = Fact | Tick

KINDS: Final = ("assessment", "rotation", "exposure", "outcome", "enrolment", "retraction")

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
    if not isinstance(evidence, Tick):
        bytes.fromhex(evidence.h + evidence.d)
    return evidence


def digest(data: bytes) -> str:
    """Give the 16 hex digits that name these bytes: 64 bits, ample within one trainee's records."""
    return blake2b(data, digest_size=8).hexdigest()


def record_hash(source: str, id_: str) -> str:
    """Name the record `(source, id)`, whatever its revision."""
    return digest(f"{source}\0{id_}".encode())
