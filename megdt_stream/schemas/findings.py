"""What a check of the schemas may find: a closed list of rules, each with its remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Rule(StrEnum):
    """What is wrong with a change, or with a schema as such."""

    TOPIC_REMOVED = "topic-removed"
    KIND_REMOVED = "kind-removed"
    FIELD_REMOVED = "field-removed"
    FIELD_REQUIRED = "field-required"
    TYPE_NARROWED = "type-narrowed"
    VALUE_REMOVED = "value-removed"
    BOUND_TIGHTENED = "bound-tightened"
    PATTERN_TIGHTENED = "pattern-tightened"
    CLOSED = "closed"
    CONDITION_TIGHTENED = "condition-tightened"
    KEY_CHANGED = "key-changed"
    MODE_CHANGED = "mode-changed"
    EXAMPLE_REFUSED = "example-refused"

    SCHEMA_MISSING = "schema-missing"
    ANNOTATION_MISSING = "annotation-missing"
    RETENTION_DIFFERS = "retention-differs"
    KINDS_DIFFER = "kinds-differ"
    DATA_CLASS_MISSING = "data-class-missing"
    DATA_CLASS_AMBIGUOUS = "data-class-ambiguous"
    DIRECT_IDENTIFIER = "direct-identifier"
    NO_EXAMPLE = "no-example"


_REMEDIES: Final = {
    Rule.SCHEMA_MISSING: "Write schemas/{topic}.schema.json.",
    Rule.ANNOTATION_MISSING: "Give the schema x-owner, x-key, x-compatibility and x-retention (schemas/README.md).",
    Rule.RETENTION_DIFFERS: "Let x-retention and the topic's retention.ms say the same.",
    Rule.KINDS_DIFFER: "Let the schema and the models of the events name the same types.",
    Rule.DATA_CLASS_MISSING: "Give the field an x-data-class (schemas/README.md).",
    Rule.DATA_CLASS_AMBIGUOUS: "Give the field one x-data-class of the list in schemas/README.md.",
    Rule.DIRECT_IDENTIFIER: "Take the field out: names and numbers of persons never reach a topic, pseudonyms do.",
    Rule.NO_EXAMPLE: "Put an example under schemas/examples/{topic}/valid/.",
}
_NEW_MAJOR: Final = "Keep the released form valid, or publish the new one on a new major version, {next}, beside it."


def remedy(rule: Rule, topic: str) -> str:
    """Say what to do about a finding: most changes that break somebody belong on a new topic version."""
    stem, _, version = topic.rpartition(".v")
    following = f"{stem}.v{int(version) + 1}" if stem and version.isdecimal() else topic
    return _REMEDIES.get(rule, _NEW_MAJOR).format(topic=topic, next=following)


class Finding(NamedTuple):
    """Something to mend. `pointer` is the field in a record (JSON pointer; `*` any element or any other name).

    `kinds` are the event types (of evidence, the kinds) concerned, empty where it is the topic as a whole; `against`
    is the release that a change would break, "" where the schema by itself is at fault.
    """

    topic: str
    kinds: tuple[str, ...]
    pointer: str
    rule: Rule
    detail: str
    against: str = ""

    @property
    def remedy(self) -> str:
        """Say what to do about it."""
        return remedy(self.rule, self.topic)


class Note(NamedTuple):
    """A change that breaks nobody, and what readers of the release make of it."""

    topic: str
    kinds: tuple[str, ...]
    pointer: str
    detail: str
    against: str = ""
