"""Why an event is rejected: a closed list, each with what it means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """A reason code, as it stands in the `megdt-reason` header and in metric labels."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    UNDECODABLE = "undecodable"
    NOT_AN_OBJECT = "not_an_object"
    DIRECT_IDENTIFIER = "direct_identifier"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_TOPIC = "wrong_topic"
    INVALID = "invalid"
    NAIVE_TIMESTAMP = "naive_timestamp"
    UNKNOWN_SCALE = "unknown_scale"
    UNKNOWN_COMPETENCY = "unknown_competency"
    OUT_OF_SCALE = "out_of_scale"
    FUTURE_EVENT = "future_event"
    ID_CONFLICT = "id_conflict"
    TOO_MANY_REVISIONS = "too_many_revisions"
    INTERNAL_ERROR = "internal_error"


REMEDY: dict[Reason, str] = {
    Reason.TOO_LARGE: "Send one event a record and keep it under 256 KiB; narrative text belongs in its own event.",
    Reason.EMPTY: "A record needs a value; to withdraw evidence publish a retraction.",
    Reason.UNDECODABLE: "Send UTF-8 JSON by RFC 8259: no NaN or Infinity, no lone surrogates, integers within 53 bits, "
    "at most 64 levels deep.",
    Reason.NOT_AN_OBJECT: "Send one CloudEvent (a JSON object) a record, not a list or a bare value.",
    Reason.DIRECT_IDENTIFIER: "Send pseudonyms (`megdt pseudonym`, `Pseudonymiser`), never an identity number, a phone "
    "number or an e-mail address; the payload was not kept.",
    Reason.UNKNOWN_TYPE: "Use a type of docs/records.md, with its version suffix.",
    Reason.WRONG_TOPIC: "Publish this type to the topic it belongs to.",
    Reason.INVALID: "Compare the field at the given path with docs/records.md.",
    Reason.NAIVE_TIMESTAMP: "Add the zone: 2025-03-04T10:15:00+08:00.",
    Reason.UNKNOWN_SCALE: "Use a scale id of seeds/scales.toml, or add the scale there.",
    Reason.UNKNOWN_COMPETENCY: "Use a competency of a framework in seeds/competencies.toml, or add a framework there.",
    Reason.OUT_OF_SCALE: "Check the score and the scale id: the value is not on this scale.",
    Reason.FUTURE_EVENT: "Check the clock and the zone of the source: the event lies over a day ahead.",
    Reason.ID_CONFLICT: "The same (source, id, revision) exists with other content: raise `revision` to change "
    "a record.",
    Reason.TOO_MANY_REVISIONS: "A record takes 64 versions; give the evidence a new id.",
    Reason.INTERNAL_ERROR: "A defect on our side; the evidence is kept here, and `megdt rebuild` takes it up again "
    "after the fix.",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """One typed rejection: the reason, a sentence for a person and the JSON pointer to the culprit.

    `redacted` stands in for the payload where that holds a direct identifier: its JSON without what looks like one.
    """

    reason: Reason
    detail: str
    path: str = ""
    redacted: bytes | None = None
