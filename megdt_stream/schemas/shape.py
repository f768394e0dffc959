"""JSON Schemas laid flat: what one kind of record may look like, without references and without cases.

A schema of a topic tells its kinds apart by one field (`type`, `k`) and says what follows with `if` and `then`. For a
given kind those are decided, references followed and conjunctions merged, so that two versions can be compared field
by field. What cannot be merged (`oneOf`, `anyOf`, other `if`) is kept as a condition and compared as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from megdt_stream.errors import ConfigError

BOUNDS: Final = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
"""The keywords that bound the values of each type."""
_ALL_BOUNDS: Final = tuple(dict.fromkeys(name for names in BOUNDS.values() for name in names))
LOWER_BOUNDS: Final = tuple(name for name in _ALL_BOUNDS if "min" in name.lower())
DATA_CLASS: Final = "x-data-class"
# Keywords of a schema that restrict nothing.
_SILENT: Final = ("$schema", "$id", "$defs", "$comment", "title", "description", "format", "default", "examples")
_MERGED: Final = (
    *("$ref", "allOf", "type", "enum", "const", "pattern", "required", "properties", "patternProperties"),
    *("additionalProperties", "items", "prefixItems", "if", "then", "else", *_ALL_BOUNDS),
)


class SchemaFault(ConfigError):
    """A file under `schemas/` is missing or is not what it has to be."""

    default_remedy = "correct the file, or restore schemas/ from the release"


@dataclass(frozen=True, slots=True)
class Shape:
    """What values may be. None stands for any; an empty set of types for nothing at all.

    `fields` are named fields, `families` fields whose name fits a pattern, `others` the remaining ones. `values` and
    `conditions` hold JSON texts, comparable as they are. `data_classes` has one entry in a sound schema.
    """

    types: frozenset[str] | None = None
    values: tuple[str, ...] | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    patterns: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    fields: Mapping[str, Shape] = field(default_factory=dict)
    families: Mapping[str, Shape] = field(default_factory=dict)
    others: Shape | None = None
    first: tuple[Shape, ...] = ()
    rest: Shape | None = None
    conditions: frozenset[str] = frozenset()
    data_classes: frozenset[str] = frozenset()
    description: str = ""

    @property
    def closed(self) -> bool:
        """Tell whether no value fits."""
        return self.types is not None and not self.types

    def named(self, name: str) -> Shape | None:
        """Give the shape of a field by its name: any where it is required and nothing else is said of it."""
        return self.fields.get(name, ANY if name in self.required else None)

    def alone(self) -> dict[str, Any]:
        """Write as JSON Schema what is asked of a value itself, without what is inside it."""
        asked: list[Any] = [self.bounds, *({"pattern": pattern} for pattern in self.patterns)]
        asked += [json.loads(condition) for condition in self.conditions]
        if self.types is not None:
            asked.append({"type": sorted(self.types)} if self.types else False)
        if self.values is not None:
            asked.append({"enum": [json.loads(value) for value in self.values]})
        return {"allOf": asked}

    def element(self, index: int) -> Shape:
        """Give the shape of an array's element."""
        return self.first[index] if index < len(self.first) else self.rest or ANY


ANY: Final = Shape()
NOTHING: Final = Shape(types=frozenset())


def text(value: Any) -> str:
    """Write a value as JSON, always the same way."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class Flattener:
    """Lays the schemas of one set of documents flat; `documents` are by `$id`."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self._documents = documents

    def kinds(self, id_: str) -> tuple[str, dict[str, Shape]]:
        """Give the field that tells the kinds of a document's records apart, and the shape of each.

        Both names are "" where all records are alike. Raises SchemaFault where a reference leads nowhere or round.
        """
        document = self._documents[id_]
        name, kinds = self._discriminator(document)
        if not kinds:
            return "", {"": self._flat(document, id_, {}, ())}
        return name, {kind: _of_kind(self._flat(document, id_, {name: kind}, ()), name, kind) for kind in kinds}

    @staticmethod
    def _discriminator(document: Mapping[str, Any]) -> tuple[str, list[str]]:
        for name in ("type", "k"):
            kinds = document.get("properties", {}).get(name, {}).get("enum")
            if kinds:
                return name, list(kinds)
        return "", []

    def _flat(self, schema: Any, base: str, known: Mapping[str, str], trail: tuple[str, ...]) -> Shape:
        """Lay a schema flat; `base` is its document, `known` what is decided of its fields, `trail` its references."""
        if isinstance(schema, bool):
            return ANY if schema else NOTHING
        shape = self._own(schema, base, known, trail)
        for part, document, path in self._parts(schema, base, known, trail):
            shape = _both(shape, self._flat(part, document, known, path))
        return shape

    def _parts(
        self, schema: Mapping[str, Any], base: str, known: Mapping[str, str], trail: tuple[str, ...]
    ) -> Iterator[tuple[Any, str, tuple[str, ...]]]:
        """Give the schemas that hold as well: referenced, listed, decided."""
        if "$ref" in schema:
            yield self._resolve(schema["$ref"], base, trail)
        for part in schema.get("allOf", ()):
            yield part, base, trail
        decided = _decide(schema["if"], known) if "if" in schema else None
        if decided is not None:
            branch = schema.get("then" if decided else "else", True)
            yield branch, base, trail

    def _resolve(self, reference: str, base: str, trail: tuple[str, ...]) -> tuple[Any, str, tuple[str, ...]]:
        target, _, pointer = reference.partition("#")
        id_ = f"{base.rpartition('/')[0]}/{target}" if target else base
        here = f"{id_}#{pointer}"
        if here in trail:
            raise SchemaFault(f"{base}: the reference {reference} leads in a circle")
        found = self._documents.get(id_)
        try:
            for step in pointer.split("/")[1:]:
                found = found[step.replace("~1", "/").replace("~0", "~")]  # type: ignore[index]
        except (KeyError, TypeError) as error:
            raise SchemaFault(f"{base}: the reference {reference} leads nowhere") from error
        if found is None:
            raise SchemaFault(f"{base}: the reference {reference} leads nowhere")
        return found, id_, (*trail, here)

    def _own(self, schema: Mapping[str, Any], base: str, known: Mapping[str, str], trail: tuple[str, ...]) -> Shape:
        """Read the keywords that stand in the schema itself."""

        def inner(part: Any) -> Shape:
            return self._flat(part, base, {}, trail)

        types = schema.get("type")
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        return Shape(
            types=None if types is None else frozenset([types] if isinstance(types, str) else types),
            values=None if values is None else tuple(text(value) for value in values),
            bounds={name: schema[name] for name in _ALL_BOUNDS if name in schema},
            patterns=frozenset([schema["pattern"]] if "pattern" in schema else []),
            required=frozenset(schema.get("required", ())),
            fields={name: inner(part) for name, part in schema.get("properties", {}).items()},
            families={name: inner(part) for name, part in schema.get("patternProperties", {}).items()},
            others=_said(inner(schema.get("additionalProperties", True))),
            first=tuple(inner(part) for part in schema.get("prefixItems", ())),
            rest=_said(inner(schema.get("items", True))),
            conditions=frozenset(self._conditions(schema, base, known, trail)),
            data_classes=frozenset([schema[DATA_CLASS]] if DATA_CLASS in schema else []),
            description=schema.get("description", ""),
        )

    def _conditions(
        self, schema: Mapping[str, Any], base: str, known: Mapping[str, str], trail: tuple[str, ...]
    ) -> Iterator[str]:
        if "if" in schema and _decide(schema["if"], known) is None:
            yield text(
                self._plain({name: schema[name] for name in ("if", "then", "else") if name in schema}, base, trail)
            )
        for name, value in schema.items():
            if not (name in _MERGED or name in _SILENT or name.startswith("x-")):
                yield text({name: self._plain(value, base, trail)})

    def _plain(self, value: Any, base: str, trail: tuple[str, ...]) -> Any:
        """Write a part of a schema with its references replaced by what they stand for, without annotations."""
        if isinstance(value, list):
            return [self._plain(part, base, trail) for part in value]
        if not isinstance(value, dict):
            return value
        plain = {
            name: self._plain(part, base, trail)
            for name, part in value.items()
            if name not in _SILENT and name != "$ref" and not name.startswith("x-")
        }
        if "$ref" in value:
            plain["$ref"] = self._plain(*self._resolve(value["$ref"], base, trail))
        return plain


def _said(shape: Shape) -> Shape | None:
    return None if shape == ANY else shape


def _of_kind(shape: Shape, name: str, kind: str) -> Shape:
    """Leave a kind's own name as the only value of the field that names it."""
    return replace(shape, fields={**shape.fields, name: replace(shape.fields[name], values=(text(kind),))})


def _decide(condition: Any, known: Mapping[str, str]) -> bool | None:
    """Tell whether an `if` holds, given what is known of some fields; None where that does not decide it."""
    tests = condition.get("properties") if isinstance(condition, dict) and set(condition) == {"properties"} else None
    if not tests or not set(tests) <= set(known):
        return None
    if any(set(test) not in ({"const"}, {"enum"}) for test in tests.values()):
        return None
    return all(known[name] in test.get("enum", [test.get("const")]) for name, test in tests.items())


# --- two shapes that both hold ------------------------------------------------------------------------------


def _both(one: Shape, two: Shape) -> Shape:
    if two is ANY:
        return one
    return Shape(
        types=_common_types(one.types, two.types),
        values=_common_values(one.values, two.values),
        bounds=_tighter(one.bounds, two.bounds),
        patterns=one.patterns | two.patterns,
        required=one.required | two.required,
        fields=_fields(one.fields, two.fields),
        families=_fields(one.families, two.families),
        others=_either_or_both(one.others, two.others),
        first=tuple(_both(one.element(i), two.element(i)) for i in range(max(len(one.first), len(two.first)))),
        rest=_either_or_both(one.rest, two.rest),
        conditions=one.conditions | two.conditions,
        data_classes=one.data_classes | two.data_classes,
        description=one.description or two.description,
    )


def _either_or_both(one: Shape | None, two: Shape | None) -> Shape | None:
    if one is None or two is None:
        return one or two
    return _both(one, two)


def _common_types(one: frozenset[str] | None, two: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or two is None:
        return two if one is None else one
    both = one & two
    # Every integer is a number.
    return (
        both | {"integer"} if ("integer" in one and "number" in two) or ("number" in one and "integer" in two) else both
    )


def _common_values(one: tuple[str, ...] | None, two: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or two is None:
        return two if one is None else one
    return tuple(value for value in one if value in two)


def _tighter(one: Mapping[str, float], two: Mapping[str, float]) -> dict[str, float]:
    both = {**one, **two}
    for name in one.keys() & two.keys():
        both[name] = max(one[name], two[name]) if name in LOWER_BOUNDS else min(one[name], two[name])
    return both


def _fields(one: Mapping[str, Shape], two: Mapping[str, Shape]) -> dict[str, Shape]:
    both = {**one, **two}
    for name in one.keys() & two.keys():
        both[name] = _both(one[name], two[name])
    return both
