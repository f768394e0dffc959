"""Values that fit a schema, made from its shape."""

import json
import math

import jsonschema_rs
from hypothesis import strategies as st

from megdt_stream.evidence import grammar

STRANGE = st.sampled_from([None, True, 7, -3.5, "", "x", "a b", [], {}, [{}]])


def of_pattern(pattern, least=0, most=None):
    """Make texts that match the whole of a pattern."""
    texts = st.from_regex(grammar.compiled(pattern), fullmatch=True)
    # Half a surrogate pair is no JSON, and stops everything before the structure is looked at.
    return texts.filter(
        lambda text: least <= len(text) <= (most or 4000) and not any("\ud800" <= c <= "\udfff" for c in text)
    )


def of_shape(shape):
    """Make values that fit a shape, small ones."""
    if shape.values is not None:
        return st.sampled_from([json.loads(value) for value in shape.values])
    made = st.one_of([of_type(shape, name) for name in sorted(shape.types)]) if shape.types else STRANGE
    for condition in shape.conditions:
        made = made.filter(jsonschema_rs.Draft202012Validator(json.loads(condition)).is_valid)
    return made


def of_type(shape, name):
    """Make values of one of a shape's types."""
    bounds = shape.bounds
    match name:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            least, most = bounds.get("minimum", -(2**53) + 1), bounds.get("maximum", 2**53 - 1)
            return st.integers(least, most) if least <= most else st.nothing()
        case "number":
            least, most = bounds.get("minimum", -1e6), bounds.get("maximum", 1e6)
            if least > most:
                return st.nothing()
            return st.one_of(st.integers(math.ceil(least), max(math.ceil(least), int(most))), st.floats(least, most))
        case "string":
            return of_text(shape)
        case "array":
            return of_array(shape)
        case _:
            return of_object(shape)


def of_text(shape):
    """Make strings; of several patterns the first is followed and the others are hoped for."""
    least, most = shape.bounds.get("minLength", 0), shape.bounds.get("maxLength", 1000)
    if shape.patterns:
        first, *others = sorted(shape.patterns)
        made = of_pattern(first, least, most)
        for pattern in others:
            made = made.filter(lambda text, pattern=pattern: grammar.compiled(pattern).search(text) is not None)
        return made
    if least > most:
        return st.nothing()
    return st.text(st.characters(exclude_categories=("Cs",)), min_size=least, max_size=max(least, min(most, 20)))


def of_array(shape):
    """Make arrays: the first elements by place, then the rest, not many."""
    least, most = shape.bounds.get("minItems", 0), min(shape.bounds.get("maxItems", 3), len(shape.first) + 3)
    if least > shape.bounds.get("maxItems", least):
        return st.nothing()
    rest = 0 if shape.rest is not None and shape.rest.closed else most
    sizes = st.integers(least, max(least, min(most, len(shape.first) + rest)))
    return sizes.flatmap(lambda size: st.tuples(*(of_shape(shape.element(i)) for i in range(size))).map(list))


def of_object(shape):
    """Make objects with the required fields, some of the others and, where a shape speaks of them, unnamed ones."""
    parts = {name: of_shape(part) for name, part in shape.fields.items() if not part.closed}
    required = {name: parts.get(name, STRANGE) for name in shape.required}
    optional = {name: part for name, part in parts.items() if name not in required}
    named = st.fixed_dictionaries(required, optional=optional)
    if shape.others is None or shape.others.closed:
        return named
    names = st.from_regex(r"[a-z0-9]{2,32}", fullmatch=True).filter(lambda name: name not in parts)
    extra = st.dictionaries(names, of_shape(shape.others), max_size=3)
    return st.builds(lambda one, two: {**two, **one}, named, extra)
