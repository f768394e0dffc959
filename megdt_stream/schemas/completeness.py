"""Whether the schemas say all that they have to: owner, key, mode, retention, and a data class for every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from megdt_stream.evidence import events, topics
from megdt_stream.evidence.topics import Role, Topic
from megdt_stream.schemas.catalogue import DATA_CLASSES, Catalogue, TopicSchema
from megdt_stream.schemas.compatibility import MODES
from megdt_stream.schemas.findings import Finding, Rule
from megdt_stream.schemas.shape import Shape

_DURATION: Final = re.compile(r"P([1-9][0-9]*)D")
_DAY_MS: Final = 24 * 3600 * 1000
_FORBIDDEN: Final = "direct-identifier"


def examine(catalogue: Catalogue) -> list[Finding]:
    """Give what is missing or wrong in the schemas by themselves, without regard to any release."""
    findings: list[Finding] = []
    for topic in topics.ALL:
        schema = catalogue.topics.get(topic.name)
        if schema is None:
            findings.append(Finding(topic.name, (), "", Rule.SCHEMA_MISSING, "the topic has no schema"))
            continue
        findings += _annotations(schema)
        findings += _agreement(schema, topic)
        findings += _data_classes(schema)
        findings += _examples(catalogue, schema)
    return findings


def _annotations(schema: TopicSchema) -> Iterator[Finding]:
    said = {"title": schema.title, "x-owner": schema.owner, "x-key": schema.key}
    for name, value in said.items():
        if not value:
            yield Finding(schema.name, (), "", Rule.ANNOTATION_MISSING, f"{name} is missing")
    if schema.mode not in MODES:
        detail = f"x-compatibility is {schema.mode!r}, not one of {', '.join(MODES)}"
        yield Finding(schema.name, (), "", Rule.ANNOTATION_MISSING, detail)


def _agreement(schema: TopicSchema, topic: Topic) -> Iterator[Finding]:
    """Compare with what the code says of the topic."""
    kept = topic.settings["retention.ms"]
    if _retention_ms(schema.retention) != kept:
        detail = f"x-retention is {schema.retention!r}, the topic's retention.ms {kept}"
        yield Finding(schema.name, (), "", Rule.RETENTION_DIFFERS, detail)
    modelled = {name for name, model in events.BY_TYPE.items() if model.topic is topic}
    if topic.role is Role.INPUT and modelled != schema.kinds.keys():
        kinds = tuple(sorted(modelled ^ schema.kinds.keys()))
        yield Finding(schema.name, kinds, "/type", Rule.KINDS_DIFFER, "known to the schema or to the models only")


def _retention_ms(retention: str) -> str:
    """Write a retention as Kafka's `retention.ms`; "" where it is none."""
    days = _DURATION.fullmatch(retention)
    return str(int(days[1]) * _DAY_MS) if days else "-1" if retention == "forever" else ""


def _data_classes(schema: TopicSchema) -> Iterator[Finding]:
    found: dict[tuple[str, Rule, str], list[str]] = {}
    for kind, shape in schema.kinds.items():
        for pointer, rule, detail in _unclassed(shape):
            found.setdefault((pointer, rule, detail), []).append(kind)
    for (pointer, rule, detail), kinds in found.items():
        yield Finding(schema.name, tuple(sorted(filter(None, kinds))), pointer, rule, detail)


def _unclassed(shape: Shape) -> Iterator[tuple[str, Rule, str]]:
    for pointer, part in fields(shape):
        classes = sorted(part.data_classes)
        if not classes:
            yield pointer, Rule.DATA_CLASS_MISSING, "has no x-data-class"
        elif len(classes) > 1 or classes[0] not in DATA_CLASSES:
            yield pointer, Rule.DATA_CLASS_AMBIGUOUS, f"has the x-data-class {', '.join(classes)}"
        elif classes == [_FORBIDDEN]:
            yield pointer, Rule.DIRECT_IDENTIFIER, "is declared to hold a direct identifier"


def fields(shape: Shape, pointer: str = "") -> Iterator[tuple[str, Shape]]:
    """Give every field of a shape with its JSON pointer, from the outside in; `*` is any element or any other name.

    Elements of lists and fields without a name are of their container's class, where that is a field: they are not
    given, but the named fields in them are. Nor is given what can only be null, which holds nothing.
    """
    for name, named in shape.fields.items():
        at = f"{pointer}/{name}"
        yield at, named
        yield from fields(named, at)
    for nameless in filter(None, (shape.others, *shape.families.values())):
        if not pointer and nameless.types != frozenset({"null"}):
            yield "/*", nameless
        yield from fields(nameless, f"{pointer}/*")
    for element in filter(None, (*shape.first, shape.rest)):
        yield from fields(element, f"{pointer}/*")


def _examples(catalogue: Catalogue, schema: TopicSchema) -> Iterator[Finding]:
    validator = catalogue.validator(schema.name)
    shown = set()
    for name, value in catalogue.examples(schema.name).items():
        shown.add(schema.kind_of(value))
        if not validator.is_valid(value):
            yield Finding(schema.name, (), "", Rule.EXAMPLE_REFUSED, f"its own schema refuses the example {name}")
    without = tuple(sorted(schema.kinds.keys() - shown))
    if without:
        yield Finding(schema.name, without, "", Rule.NO_EXAMPLE, "has no valid example")
