"""Events that satisfy their model become canonical evidence: one builder an event type.

Data come as a struct of `structs` or as a model of `events`; both have the same attributes. Raised on the way:
`times.NotATime` for a text that is no time (`intake` finds out which), `Refused` for what is wrong between fields or
with the reference data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from math import floor
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from megdt_stream.evidence import record
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.refused import Refused, listed, pointer, quoted
from megdt_stream.evidence.times import DAY_MS, MINUTE_MS, milliseconds

Row: TypeAlias = msgspec.Struct
"""Canonical evidence, ready to be encoded."""

Common: TypeAlias = tuple[Any, ...]
"""What all evidence has, in the order of `record.Common`; UNSET for no `ext`."""

TRAINEE: Final = 0
HAPPENED: Final = 6
RECORDED: Final = 7
AVAILABLE: Final = 8

Builder: TypeAlias = Callable[[Any, Common, Reference], Row]

_LONGEST_DUTY_MS: Final = 3 * DAY_MS


def _row(kind: type[record.Common]) -> Callable[..., Row]:
    """Give a kind of evidence with its fields by position: a quarter of the price of the same by name.

    What stands at a position is that of `record`, after `Common`; the bytes are the same.
    """
    names = [(name, Any) for name in kind.__struct_fields__]
    return msgspec.defstruct(kind.__name__, names, tag_field="k", tag=kind.__struct_config__.tag, gc=False)


_ASSESSMENT: Final = _row(record.Assessment)
_SELF_ASSESSMENT: Final = _row(record.SelfAssessment)
_FEEDBACK: Final = _row(record.Feedback)
_ROTATION: Final = _row(record.Rotation)
_EXPOSURE: Final = _row(record.Exposure)
_ACTIVITY: Final = _row(record.Activity)
_OUTCOME: Final = _row(record.Outcome)
_RESOURCE: Final = _row(record.Resource)
_ENROLMENT: Final = _row(record.Enrolment)
_IDENTITY: Final = _row(record.Identity)
_DECISION: Final = _row(record.Decision)
_RETRACTION: Final = _row(record.Retraction)

encode: Final = msgspec.json.Encoder().encode
"""Write a row as the JSON that stands on the topic."""


# --- what all evidence has -----------------------------------------------------------------------------------

_BLANK: Final = blake2b(digest_size=8)
_BY_SOURCE: Final[dict[str, blake2b]] = {}
_MOST_SOURCES: Final = 4_096


def common(event: Any, body: bytes, ext: dict[str, Any], origin: record.Origin, happened: int, appended: int) -> Common:
    """Make what all evidence has; `body` is what the digest covers, times are ms. Raises times.NotATime."""
    digest = _BLANK.copy()  # cheaper than a new one: nothing to be set up
    digest.update(body)
    return (
        event.subject,
        event.source,
        event.id,
        event.revision or 0,
        _record_hash(event.source, event.id),
        digest.hexdigest(),
        happened,
        happened if event.recorded is None else milliseconds(event.recorded),
        appended if event.available is None else milliseconds(event.available),
        origin,
        ext or msgspec.UNSET,
    )


def _record_hash(source: str, id_: str) -> str:
    """Give `record.record_hash`, going on from where the source ends: two thirds of the price."""
    begun = _BY_SOURCE.get(source)
    if begun is None:
        if len(_BY_SOURCE) >= _MOST_SOURCES:
            _BY_SOURCE.clear()
        begun = _BY_SOURCE[source] = blake2b(f"{source}\0".encode(), digest_size=8)
    whole = begun.copy()
    whole.update(id_.encode())
    return whole.hexdigest()


def _maybe(text: str | None) -> int | None:
    return None if text is None else milliseconds(text)


def _float(number: float | None) -> float | None:
    """Give a number, whole as it may be, as one with a fraction: evidence has but these."""
    return None if number is None else float(number)


def _in_order(starts: int | None, ends: int | None) -> None:
    if starts is not None and ends is not None and ends < starts:
        raise Refused(Reason.INVALID, "ends before it starts", "/data/ends")


# --- scores --------------------------------------------------------------------------------------------------


def _marks(data: Any, reference: Reference) -> tuple[tuple[record.Mark, ...], tuple[tuple[str, str], ...]]:
    """Map scores to the common level; give them and, apart, why others are missing."""
    scale = reference.scales.get(data.scale)
    if scale is None:
        raise Refused(Reason.UNKNOWN_SCALE, _unknown_scale(data.scale, reference), "/data/scale")
    marks: list[record.Mark] = []
    missing: list[tuple[str, str]] = []
    weight, known = reference.weight(data.scale), reference.competencies
    least, most, intercept, slope = scale.min, scale.max, scale.intercept_milli, scale.slope_milli
    scores = data.scores
    for score in scores:
        competency, value = score.competency, score.value
        if (value is None) == (score.missing is None):
            raise Refused(Reason.INVALID, "give either a value or why it is missing", "/data/scores")
        if competency not in known:
            path = pointer("data", "scores", scores.index(score), "competency")
            raise Refused(Reason.UNKNOWN_COMPETENCY, _unknown_competency(competency, reference), path)
        if value is None:
            missing.append((competency, score.missing))
        elif least <= value <= most:
            # Scale.level, written out: a call a mark was a tenth of an assessment's price.
            level = intercept + (slope * floor(value * 1000 + 0.5) + 500) // 1000
            marks.append((competency, value * 1.0, level, weight))
        else:
            path = pointer("data", "scores", scores.index(score), "value")
            raise Refused(Reason.OUT_OF_SCALE, f"{value} is not within {least:g} to {most:g}", path)
    if len(scores) > 1 and len({score.competency for score in scores}) < len(scores):
        raise Refused(Reason.INVALID, "each competency may occur once", "/data/scores")
    return tuple(marks), tuple(missing)


def _unknown_scale(scale: str, reference: Reference) -> str:
    return f"there is no scale {quoted(scale)}; there are {listed(sorted(reference.scales))}"


def _unknown_competency(competency: str, reference: Reference) -> str:
    known = (
        f"{name} ({', '.join(framework.competencies)})" for name, framework in sorted(reference.frameworks.items())
    )
    return f"{quoted(competency)} stands in no framework; there are {listed(known)}"


# --- one builder a kind --------------------------------------------------------------------------------------


def _assessment(data: Any, common: Common, reference: Reference) -> Row:
    marks, missing = _marks(data, reference)
    return _ASSESSMENT(
        *common,
        data.instrument,
        data.item,
        data.assessor,
        data.rotation,
        data.scale,
        data.carried_over is True,
        marks,
        missing,
    )


def _self_assessment(data: Any, common: Common, reference: Reference) -> Row:
    marks, missing = _marks(data, reference)
    return _SELF_ASSESSMENT(*common, data.rotation, data.scale, marks, missing)


def _feedback(data: Any, common: Common, _reference: Reference) -> Row:
    return _FEEDBACK(*common, data.assessor, data.rotation, _maybe(data.observed), len(data.text), data.specific)


def _rotation_terms(status: str | None) -> Builder:
    """Build what states a rotation's terms, all or some of them: a plan, a start, a change."""

    def build(data: Any, common: Common, _reference: Reference) -> Row:
        starts, ends = _maybe(data.starts), _maybe(data.ends)
        expects = data.expects
        if expects is not None:
            expects = tuple([(expected.key, expected.count or 1, milliseconds(expected.due)) for expected in expects])
        _in_order(starts, ends)
        base, department, supervisor = data.base, data.department, data.supervisor
        return _ROTATION(*common, status, data.rotation, base, department, supervisor, starts, ends, expects)

    return build


def _rotation_step(status: str) -> Builder:
    """Build what states no terms: an end, a cancellation."""

    def build(data: Any, common: Common, _reference: Reference) -> Row:
        return _ROTATION(*common, status, data.rotation, None, None, None, None, None, None)

    return build


def _supervisor_assigned(data: Any, common: Common, _reference: Reference) -> Row:
    return _ROTATION(*common, None, data.rotation, None, None, data.supervisor, None, None, None)


def _exposure(data: Any, common: Common, _reference: Reference) -> Row:
    return _EXPOSURE(*common, data.kind, data.item, data.role, data.count or 1, data.rotation)


def _teaching(data: Any, common: Common, _reference: Reference) -> Row:
    return _activity("teaching", data.session, data, common, attended=data.attended is not False)


def _learning_case(data: Any, common: Common, _reference: Reference) -> Row:
    return _activity("learning-case", data.item, data, common)


def _activity(kind: str, item: str, data: Any, common: Common, *, attended: bool = True) -> Row:
    return _ACTIVITY(*common, kind, item, None, None, data.minutes or 0, attended, False, data.rotation)


def _duty(data: Any, common: Common, _reference: Reference) -> Row:
    starts, ends = milliseconds(data.starts), milliseconds(data.ends)
    _in_order(starts, ends)
    if not 0 < ends - starts <= _LONGEST_DUTY_MS:
        raise Refused(Reason.INVALID, "a duty is longer than nothing and at most 72 h", "/data/ends")
    return _ACTIVITY(
        *common, "duty", None, starts, ends, (ends - starts) // MINUTE_MS, True, data.on_call is True, data.rotation
    )


def _outcome(data: Any, common: Common, _reference: Reference) -> Row:
    return _result(data.outcome, data.result, data.rotation, common, value=_float(data.value))


def _remediation_started(data: Any, common: Common, _reference: Reference) -> Row:
    return _result(f"remediation/{data.plan}", "started", data.rotation, common)


def _remediation_ended(data: Any, common: Common, _reference: Reference) -> Row:
    return _result(f"remediation/{data.plan}", data.result or "ended", data.rotation, common)


def _leave(data: Any, common: Common, _reference: Reference) -> Row:
    starts, ends = milliseconds(data.starts), milliseconds(data.ends)
    _in_order(starts, ends)
    return _result(f"leave/{data.kind}", "recorded", None, common, starts=starts, ends=ends)


def _credits(data: Any, common: Common, _reference: Reference) -> Row:
    return _result(f"credits/{data.category}", "recorded", None, common, value=_float(data.credits))


def _result(
    outcome: str,
    result: str,
    rotation: str | None,
    common: Common,
    *,
    value: float | None = None,
    starts: int | None = None,
    ends: int | None = None,
) -> Row:
    return _OUTCOME(*common, outcome, result, value, rotation, starts, ends)


def _resource(data: Any, common: Common, _reference: Reference) -> Row:
    starts, ends = milliseconds(data.starts), _maybe(data.ends)
    _in_order(starts, ends)
    return _RESOURCE(*common, data.kind, data.base, data.department, float(data.capacity), data.unit, starts, ends)


def _enrolment(data: Any, common: Common, _reference: Reference) -> Row:
    return _ENROLMENT(*common, data.stage, data.base, data.programme, data.cohort)


def _linked(data: Any, common: Common, _reference: Reference) -> Row:
    _not_the_subject(data.person, common)
    return _IDENTITY(*common, "linked", data.person, data.system)


def _merged(data: Any, common: Common, _reference: Reference) -> Row:
    _not_the_subject(data.into, common)
    return _IDENTITY(*common, "merged", data.into, None)


def _not_the_subject(head: str, common: Common) -> None:
    if head == common[TRAINEE]:
        raise Refused(Reason.INVALID, "the person is the subject itself", "/data")


def _unmerged(_data: Any, common: Common, _reference: Reference) -> Row:
    return _IDENTITY(*common, "unmerged", None, None)


def _decision(data: Any, common: Common, _reference: Reference) -> Row:
    assignee = msgspec.UNSET if data.assignee is None else data.assignee
    made = data.on, data.action, data.by, data.reason, len(data.note or ""), _maybe(data.until)
    return _DECISION(*common, *made, assignee)


def _retraction(_data: Any, common: Common, _reference: Reference) -> Row:
    return _RETRACTION(*common)


_RETRACTED: Final = (
    *("assessment", "rotation", "exposure", "activity"),
    *("outcome", "resource", "identity", "decision"),
)
_BY_NAME: Final[dict[str, Builder]] = {
    "assessment.recorded": _assessment,
    "assessment.amended": _assessment,
    "feedback.recorded": _feedback,
    "rotation.planned": _rotation_terms("planned"),
    "rotation.started": _rotation_terms("started"),
    "rotation.changed": _rotation_terms(None),
    "rotation.supervisor-assigned": _supervisor_assigned,
    "rotation.ended": _rotation_step("ended"),
    "rotation.cancelled": _rotation_step("cancelled"),
    "exposure.recorded": _exposure,
    "teaching.attended": _teaching,
    "duty.recorded": _duty,
    "self-assessment.recorded": _self_assessment,
    "learning-case.recorded": _learning_case,
    "outcome.recorded": _outcome,
    "remediation.started": _remediation_started,
    "remediation.ended": _remediation_ended,
    "leave.recorded": _leave,
    "credits.recorded": _credits,
    "resource.recorded": _resource,
    "identity.enrolled": _enrolment,
    "identity.linked": _linked,
    "identity.merged": _merged,
    "identity.unmerged": _unmerged,
    "decision.made": _decision,
    **{f"{thing}.retracted": _retraction for thing in _RETRACTED},
}
BUILDERS: Final[Mapping[str, Builder]] = MappingProxyType(
    {f"megdt.{name}.v1": builder for name, builder in _BY_NAME.items()}
)


# --- the times in an event, for telling which one is wrong ---------------------------------------------------


def times_of(event: Any) -> list[tuple[str, str]]:
    """List every time of an event as (JSON pointer, text), those of the envelope first."""
    data = event.data
    envelope = [(pointer(name), getattr(event, name)) for name in ("time", "recorded", "available")]
    inside = [(pointer("data", name), getattr(data, name, None)) for name in ("observed", "starts", "ends", "until")]
    expects = enumerate(getattr(data, "expects", None) or ())
    dues = [(pointer("data", "expects", i, "due"), expected.due) for i, expected in expects]
    return [(path, text) for path, text in (*envelope, *inside, *dues) if text is not None]
