"""Whether one version of a schema takes what another lets be written, rule by rule.

*Backward*: the current schema takes whatever the released one took, so no publisher has to change and old records stay
readable. *Forward*: the released schema takes whatever the current one describes, so no consumer has to change. Both
ask the same: does the reader's schema take what the writer's lets be written? The rules err on the safe side: what
cannot be shown to be harmless (another pattern, another `oneOf`) is reported.

Readers ignore fields that their schema does not name, so a new optional field breaks nobody; a value that somebody
sent under its name before is checked from then on. They skip kinds that they do not know in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import jsonschema_rs

from megdt_stream.schemas.catalogue import Catalogue, TopicSchema
from megdt_stream.schemas.findings import Finding, Note, Rule
from megdt_stream.schemas.shape import ANY, BOUNDS, LOWER_BOUNDS, Shape

Direction: TypeAlias = Literal["backward", "forward"]
"""Backward: releases write, the current schema reads. Forward: the current schema writes, releases read."""

MODES: Final[Mapping[str, tuple[Direction, ...]]] = MappingProxyType(
    {
        "BACKWARD": ("backward",),
        "BACKWARD_TRANSITIVE": ("backward",),
        "FORWARD": ("forward",),
        "FORWARD_TRANSITIVE": ("forward",),
        "FULL": ("backward", "forward"),
        "FULL_TRANSITIVE": ("backward", "forward"),
    }
)
"""Compatibility modes, named as schema registries do. Transitive: with every release, not with the last alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference at one place. `rule` is None where it breaks nobody."""

    pointer: str
    rule: Rule | None
    detail: str


def compare(released: Catalogue, current: Catalogue, *, last: bool = True) -> tuple[list[Finding], list[Note]]:
    """Give what of a release the current schemas break, and what they add.

    `last`: this is the newest release; topics whose mode is not transitive are compared with that one only.
    """
    findings: list[Finding] = []
    notes: list[Note] = []
    for name, before in released.topics.items():
        now = current.topics.get(name)
        if now is None:
            findings.append(Finding(name, (), "", Rule.TOPIC_REMOVED, "the topic has no schema any more"))
        elif last or now.mode.endswith("_TRANSITIVE") or before.mode.endswith("_TRANSITIVE"):
            findings += _topic_findings(before, now)
            for direction in MODES.get(before.mode, ()):
                broken, added = _sorted(name, _by_kind(before, now, direction))
                findings += broken
                notes += added
                findings += _refused_examples(released, current, name, direction)
    notes += [Note(name, (), "", "new topic") for name in current.topics if name not in released.topics]
    return (
        [finding._replace(against=released.version) for finding in findings],
        [note._replace(against=released.version) for note in dict.fromkeys(notes)],
    )


def _topic_findings(before: TopicSchema, now: TopicSchema) -> Iterator[Finding]:
    if before.key != now.key:
        yield Finding(now.name, (), "", Rule.KEY_CHANGED, f"the record key is {now.key}, was {before.key}")
    if before.mode != now.mode:
        yield Finding(now.name, (), "", Rule.MODE_CHANGED, f"the mode is {now.mode}, {before.mode} was promised")


def _by_kind(before: TopicSchema, now: TopicSchema, direction: Direction) -> Iterator[tuple[str, Change]]:
    """Compare kind by kind; new and removed kinds are changes of the field that names them."""
    for kind, shape in before.kinds.items():
        if kind in now.kinds:
            for change in changes(shape, now.kinds[kind], direction):
                yield kind, change
        else:
            rule = Rule.KIND_REMOVED if direction == "backward" else None
            yield kind, Change("", rule, f"{kind} is no longer described")
    for kind in now.kinds.keys() - before.kinds.keys():
        yield kind, Change("", None, f"new: readers of the release do not know {kind}")


def _sorted(topic: str, found: Iterable[tuple[str, Change]]) -> tuple[list[Finding], list[Note]]:
    """Put the kinds that a change concerns together, and what breaks somebody apart from what does not."""
    kinds: dict[Change, list[str]] = {}
    for kind, change in found:
        kinds.setdefault(change, []).append(kind)
    findings, notes = [], []
    for change, concerned in kinds.items():
        names = tuple(sorted(filter(None, concerned)))
        if change.rule is None:
            notes.append(Note(topic, names, change.pointer, change.detail))
        else:
            findings.append(Finding(topic, names, change.pointer, change.rule, change.detail))
    return findings, notes


# --- one shape and another ----------------------------------------------------------------------------------


def changes(released: Shape, current: Shape, direction: Direction, pointer: str = "") -> Iterator[Change]:
    """Give where the reader does not take what the writer may write, and what was added or left out."""
    writer, reader = (released, current) if direction == "backward" else (current, released)
    if writer.closed:
        return
    for rule, detail in _refusals(writer, reader):
        yield Change(pointer, rule, detail)
    yield from _of_fields(released, current, direction, pointer)
    yield from _of_others(writer, reader, direction, pointer)
    yield from _of_elements(released, current, direction, pointer)


def _refusals(writer: Shape, reader: Shape) -> Iterator[tuple[Rule, str]]:
    if writer.values is not None:
        yield from _refused_values(writer.values, reader)
        return
    if reader.values is not None:
        yield Rule.VALUE_REMOVED, f"takes {', '.join(reader.values)}, where any value may be written"
    if lost := _lost_types(writer, reader):
        taken = ", ".join(sorted(reader.types or ())) or "nothing"
        yield Rule.TYPE_NARROWED, f"takes {taken}, where {lost} may be written"
    for name, default in _bounds_on(writer).items():
        taken_bound, written_bound = reader.bounds.get(name, default), writer.bounds.get(name, default)
        if taken_bound > written_bound if name in LOWER_BOUNDS else taken_bound < written_bound:
            yield Rule.BOUND_TIGHTENED, f"{name} is {taken_bound:g}, where {written_bound:g} may be written"
    if _may_be(writer, "string"):
        for pattern in sorted(reader.patterns - writer.patterns):
            yield Rule.PATTERN_TIGHTENED, f"has to fit {_short(pattern)}, which what may be written need not"
    for condition in sorted(reader.conditions - writer.conditions):
        yield Rule.CONDITION_TIGHTENED, f"has to fit {_short(condition)}, which what may be written need not"


def _refused_values(values: tuple[str, ...], reader: Shape) -> Iterator[tuple[Rule, str]]:
    """Try the few values that may be written."""
    validator = jsonschema_rs.Draft202012Validator(reader.alone())
    lost = ", ".join(value for value in values if not validator.is_valid(json.loads(value)))
    if lost:
        yield Rule.VALUE_REMOVED, f"does not take {lost}, which may be written"


def _bounds_on(writer: Shape) -> dict[str, float]:
    """Give the bounds that mean something for what may be written, each with the value that says nothing."""
    return {
        name: inf if name not in LOWER_BOUNDS else -inf if type_ in ("integer", "number") else 0
        for type_, bounds in BOUNDS.items()
        if _may_be(writer, type_)
        for name in bounds
    }


def _may_be(shape: Shape, type_: str) -> bool:
    return shape.types is None or type_ in shape.types


def _lost_types(writer: Shape, reader: Shape) -> str:
    if reader.types is None:
        return ""
    if writer.types is None:
        return "anything"
    taken = reader.types | {"integer"} if "number" in reader.types else reader.types
    return ", ".join(sorted(writer.types - taken))


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."


# --- what is inside -----------------------------------------------------------------------------------------


def _of_fields(released: Shape, current: Shape, direction: Direction, pointer: str) -> Iterator[Change]:
    backward = direction == "backward"
    for name in released.fields.keys() | current.fields.keys():
        at = f"{pointer}/{_escaped(name)}"
        before, now = released.named(name), current.named(name)
        if before is None:
            yield Change(at, None, "new: readers of the release ignore it")
            if not backward and released.others is not None and now is not None:
                yield from changes(released.others, now, direction, at)
        elif now is None:
            rule = Rule.FIELD_REMOVED if backward else None
            yield Change(at, rule, "is no longer read" if backward else "is no longer written")
        else:
            yield from changes(before, now, direction, at)
    if backward:
        for name in current.required - released.required:
            yield Change(f"{pointer}/{_escaped(name)}", Rule.FIELD_REQUIRED, "is required, where it could be left out")
    else:
        for name in released.required - current.required:
            detail = "may be left out, where readers of the release require it"
            yield Change(f"{pointer}/{_escaped(name)}", Rule.FIELD_REQUIRED, detail)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _of_others(writer: Shape, reader: Shape, direction: Direction, pointer: str) -> Iterator[Change]:
    """Compare what holds for fields without a name of their own."""
    pairs = [(reader.others, writer.others, "fields that are not named")]
    pairs += [(shape, writer.families.get(name), f"fields like {name}") for name, shape in reader.families.items()]
    for taken, written, which in pairs:
        if taken is None:
            continue
        if written is None or (taken.closed and not written.closed):
            yield Change(f"{pointer}/*", Rule.CLOSED, f"{which} are restricted, where anything may be written")
        else:
            yield from changes(*_in_order(written, taken, direction), direction, f"{pointer}/*")


def _of_elements(released: Shape, current: Shape, direction: Direction, pointer: str) -> Iterator[Change]:
    for index in range(max(len(released.first), len(current.first))):
        yield from changes(released.element(index), current.element(index), direction, f"{pointer}/{index}")
    if released.rest is not None or current.rest is not None:
        yield from changes(released.rest or ANY, current.rest or ANY, direction, f"{pointer}/*")


def _in_order(writer: Shape, reader: Shape, direction: Direction) -> tuple[Shape, Shape]:
    return (writer, reader) if direction == "backward" else (reader, writer)


# --- the net below the rules --------------------------------------------------------------------------------


def _refused_examples(released: Catalogue, current: Catalogue, topic: str, direction: Direction) -> Iterator[Finding]:
    """Let the reader's schema judge the writer's valid examples, whatever the rules say."""
    writer, reader = (released, current) if direction == "backward" else (current, released)
    known = reader.topics[topic].kinds
    validator = reader.validator(topic)
    for name, value in writer.examples(topic).items():
        kind = writer.topics[topic].kind_of(value)
        error = next(validator.iter_errors(value), None) if kind in known else None
        if error is not None:
            yield Finding(
                topic, (kind,) if kind else (), _pointer(error), Rule.EXAMPLE_REFUSED, f"example {name}: {_said(error)}"
            )


def _pointer(error: jsonschema_rs.ValidationError) -> str:
    return "".join(f"/{_escaped(str(step))}" for step in error.instance_path)


def _said(error: Any) -> str:
    return _short(str(error.message))
