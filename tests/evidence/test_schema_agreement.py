"""The published JSON Schemas and intake judge alike, but for what a schema cannot say (schemas/README.md)."""

import copy
import json
import re
from datetime import datetime
from ipaddress import AddressValueError, IPv6Address
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import jsonschema_rs
import pytest
from annotated_types import Ge, Le, MaxLen, MinLen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import events, topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.reasons import Reason
from megdt_stream.schemas.catalogue import read
from megdt_stream.schemas.completeness import fields
from megdt_stream.seed_files import load_reference
from tests.schemas.values import STRANGE, of_pattern, of_shape

REFERENCE = load_reference()
APPENDED = 1_767_225_600_000  # 2026-01-01T00:00:00Z
CATALOGUE = read()
REGISTRY = jsonschema_rs.Registry(list(CATALOGUE.documents.items()))
VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator(schema.document, registry=REGISTRY, validate_formats=False)
    for name, schema in CATALOGUE.topics.items()
}
FORMATS = {name: CATALOGUE.validator(name) for name in CATALOGUE.topics}
KINDS = {
    kind: (topic, CATALOGUE.topics[topic.name].kinds[kind])
    for kind, topic in ((kind, model.topic) for kind, model in events.BY_TYPE.items())
}
(COMMON,) = [document for id_, document in CATALOGUE.documents.items() if id_.endswith("/common.schema.json")]
TIME = COMMON["$defs"]["time"]["pattern"]
STRUCTURE = {Reason.UNKNOWN_TYPE, Reason.WRONG_TOPIC, Reason.INVALID}
# Found before the structure is looked at: nothing is known of that then.
EARLIER = {Reason.TOO_LARGE, Reason.EMPTY, Reason.UNDECODABLE, Reason.NOT_AN_OBJECT, Reason.DIRECT_IDENTIFIER}


def agree(value, topic):
    """Check an event, or bytes, with both; give the schema's verdict, None where intake did not come so far."""
    raw = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    decision = decide(raw, topic, (topic.short, 0, 0), APPENDED, REFERENCE)
    reason = None if isinstance(decision, Accepted) else decision.reason
    if reason in EARLIER:
        return None
    event = json.loads(raw)
    valid = VALIDATORS[topic.name].is_valid(event)
    if valid and unsaid(event):
        assert reason is not None, "the schema cannot say it, and intake does not"
    else:
        assert valid == (reason not in STRUCTURE), decision
    if reason in (None, Reason.NAIVE_TIMESTAMP):
        assert FORMATS[topic.name].is_valid(event) == (reason is None), "formats add the zone and take nothing away"
    if reason is None:
        VALIDATORS[topics.EVIDENCE.name].validate(json.loads(decision.value))
    return valid


# --- what a schema cannot say: one function for each name in schemas/README.md -----------------------------------


def at(value, pointer):
    """Give what stands at a place, `*` being any element."""
    found = [value]
    for step in pointer.split("/")[1:]:
        if step == "*":
            found = [part for one in found if isinstance(one, list) for part in one]
        else:
            found = [one[step] for one in found if isinstance(one, dict) and one.get(step) is not None]
    return found


def whole_numbers(event, shape):
    asked = [pointer for pointer, part in fields(shape) if part.types and part.types <= {"integer", "null"}]
    numbers = [number for pointer in asked for number in at(event, pointer)]
    extra = [value for name, value in event.items() if name not in shape.fields]
    return any(isinstance(number, float) for number in [*numbers, *extra])


def moments(event, shape):
    texts = [text for pointer, part in fields(shape) for text in at(event, pointer) if is_time(part)]
    return [moment(text) for text in texts]


def is_time(shape):
    return TIME in shape.patterns


def moment(text):
    """Read a time as far as Python does, a missing zone as UTC; None where there is no such day."""
    try:
        found = datetime.fromisoformat(re.sub(r"(\.[0-9]{1,9})", lambda digits: digits[1][:4], text.upper()))
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo else datetime.fromisoformat(f"{found.isoformat()}+00:00").timestamp()


def real_days(event, shape):
    return None in moments(event, shape)


def years(event, shape):
    return any(not -2_208_988_800 <= found <= 7_258_118_400 for found in moments(event, shape) if found is not None)


def order_of_times(event, shape):
    data = event["data"]
    if not {"starts", "ends"} <= shape.fields["data"].fields.keys() or not (data.get("starts") and data.get("ends")):
        return False
    starts, ends = moment(data["starts"]), moment(data["ends"])
    if starts is None or ends is None:
        return False
    span = int(ends * 1000 // 1) - int(starts * 1000 // 1)
    return not 0 < span <= 72 * 3_600_000 if "duty" in event["type"] else span < 0


def once(event, shape):
    known = shape.fields["data"].fields
    names = [score["competency"] for score in event["data"]["scores"]] if "scores" in known else []
    expected = (event["data"].get("expects") or []) if "expects" in known else []
    keys = [one.get("item") or one["instrument"] for one in expected]
    return len({*names}) < len(names) or len({*keys}) < len(keys)


def somebody_else(event, _shape):
    head = {"megdt.identity.linked.v1": "person", "megdt.identity.merged.v1": "into"}.get(event["type"])
    return head is not None and event["data"][head] == event["subject"]


def extension_count(event, shape):
    own = {name for name, value in event.items() if value is not None and name not in shape.fields}
    return len(own | ({"dataschema"} if event.get("dataschema") is not None else set())) > 24


def ip_literals(event, _shape):
    return any(literal and not is_address(literal) for literal in literals(event))


def literals(event):
    texts = [event["source"], event.get("dataschema") or ""]
    return [found for text in texts for found in re.findall(r"//(?:[^/@]*@)?\[([^]]*)\]", text)]


def is_address(text):
    if re.fullmatch(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+", text):
        return True
    try:
        return "%" not in text and IPv6Address(text) is not None
    except AddressValueError:
        return False


UNSAID = {
    "whole-numbers": whole_numbers,
    "real-days": real_days,
    "years": years,
    "order-of-times": order_of_times,
    "once": once,
    "somebody-else": somebody_else,
    "extension-count": extension_count,
    "ip-literals": ip_literals,
}


def unsaid(event):
    """Name what is wrong with an event that its schema takes."""
    shape = KINDS[event["type"]][1]
    return [name for name, holds in UNSAID.items() if holds(event, shape)]


def test_the_page_names_what_a_schema_cannot_say():
    page = (schemas_dir() / "README.md").read_text("utf-8")
    section = page.partition("## What the schemas cannot say")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)`", section, flags=re.MULTILINE) == list(UNSAID)


# --- the shipped examples ----------------------------------------------------------------------------------------

EXAMPLES = [
    pytest.param(topic, path, id=f"{topic.short}/{path.stem}")
    for topic in topics.INPUTS
    for path in sorted((schemas_dir() / "examples" / topic.name).glob("*valid/*.json"))
]


@pytest.mark.parametrize(("topic", "path"), EXAMPLES)
def test_examples(topic, path):
    assert agree(path.read_bytes(), topic) in ([True] if path.parent.name == "valid" else [True, False, None])


def test_every_exception_has_an_example():
    shown = {name for topic in topics.INPUTS for event in refused_though_valid(topic) for name in unsaid(event)}
    assert shown == UNSAID.keys()


def refused_though_valid(topic):
    for path in sorted((schemas_dir() / "examples" / topic.name / "invalid").glob("invalid--*.json")):
        event = json.loads(path.read_bytes())
        if VALIDATORS[topic.name].is_valid(event):
            yield event


# --- events made from the schemas --------------------------------------------------------------------------------

FROM_SCHEMAS = {kind: of_shape(shape) for kind, (_, shape) in KINDS.items()}
SLOW_TO_MAKE = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    deadline=None,
    max_examples=10,
)


@SLOW_TO_MAKE
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_events_made_from_their_schema(kind, data):
    assert agree(data.draw(FROM_SCHEMAS[kind]), KINDS[kind][0]) is not False


# --- events made from the models ---------------------------------------------------------------------------------


def of_annotation(annotation, constraints=()):
    """Make values that a model's field takes."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return of_annotation(arguments[0], (*arguments[1:], *constraints))
    if origin in (Union, UnionType):
        return st.one_of([of_annotation(argument, constraints) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(of_annotation(arguments[0]), min_size=bound(constraints, MinLen, 0), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return of_model(annotation)
    return of_scalar(annotation, constraints)


def of_scalar(annotation, constraints):
    if annotation is NoneType:
        return st.none()
    if annotation is bool:
        return st.booleans()
    least, most = bound(constraints, Ge, -1e6), bound(constraints, Le, 1e6)
    if annotation is int:
        return st.integers(int(least), int(most))
    if annotation is float:
        return st.floats(least, most)
    assert annotation is str, annotation
    said = [one for one in flat(constraints) if isinstance(one, StringConstraints)]
    pattern = next((one.pattern for one in said if one.pattern), None)
    least = max([one.min_length or 0 for one in said], default=0)
    most = min([one.max_length for one in said if one.max_length] + [bound(constraints, MaxLen, 4000)])
    if pattern:
        return of_pattern(pattern, least, most)
    return st.text(st.characters(exclude_categories=("Cs",)), min_size=least, max_size=min(most, 20))


def flat(constraints):
    for one in constraints:
        yield from flat(one.metadata) if isinstance(one, FieldInfo) else [one]


def bound(constraints, kind, default):
    return next((next(iter(vars_of(one))) for one in flat(constraints) if isinstance(one, kind)), default)


def vars_of(constraint):
    return [getattr(constraint, name) for name in ("ge", "le", "min_length", "max_length") if hasattr(constraint, name)]


def of_model(model):
    made = {
        field.alias or name: STRANGE if field.annotation is Any else of_annotation(field.annotation, field.metadata)
        for name, field in model.model_fields.items()
    }
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    return st.fixed_dictionaries(
        {
            field.alias or name: made[field.alias or name]
            for name, field in model.model_fields.items()
            if name in required
        },
        optional={
            field.alias or name: made[field.alias or name]
            for name, field in model.model_fields.items()
            if name not in required
        },
    ).filter(lambda value: accepts(model, value))


def accepts(model, value):
    try:
        model.model_validate_json(json.dumps(value))
    except ValidationError:
        return False
    return True


FROM_MODELS = {kind: of_model(model) for kind, model in events.BY_TYPE.items()}


@SLOW_TO_MAKE
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_events_made_from_their_model(kind, data):
    assert agree(data.draw(FROM_MODELS[kind]), KINDS[kind][0]) is not None or True


# --- events with something changed -------------------------------------------------------------------------------

VALID = {
    kind: [
        event
        for event in CATALOGUE.examples(topic.name).values()
        if event["type"] == kind and len(json.dumps(event)) < 4000
    ]
    for kind, (topic, _) in KINDS.items()
}
SCALARS = [None, True, False, 0, 1, -1, 2.5, 6.0, 99, 100, 999, 1000, 1440, 1441, 9999, 10_000, 10**7, -(10**7), 2**31]
TEXTS = ["", " ", "a b", "a|b", "a\n", "a\x7f", "a\x80", "a\u00a0", "a\u0085", "a\u3000", "a\ufeff", "a\ufffe", "1.0"]
NAMES = [
    "k1.a",
    "K1.a",
    "/a",
    "a:b",
    "1a:b",
    "a%2",
    "https://a/b#c",
    "application/json;a=b",
    "mini-cex@1",
    "patient-care",
]
TIMES = ["2025-11-03T00:00:00Z", "2025-11-03t00:00:00.123456789z", "2025-11-03T00:00:00", "2025-02-29T00:00:00Z"]
MORE_TIMES = [
    "2025-13-03T00:00:00Z",
    "2025-11-03T24:00:00Z",
    "2025-11-03T23:59:60Z",
    "1899-12-31T23:59:59Z",
    "2025-11-03",
]
LENGTHS = ["x" * n for n in (64, 65, 128, 129, 500, 501)]
WORDS = ["case", "duty", "observed", "overridden", "postgraduate", "beds", "not-observed", "megdt.rotation.ended.v1"]
CONTAINERS = [
    [],
    {},
    [1],
    [{}],
    {"competency": "patient-care"},
    [{"competency": "patient-care", "value": 1}],
    [{"competency": "patient-care", "missing": "lost"}],
    [{"instrument": "I", "due": "2025-11-03T00:00:00Z"}],
]
VALUES = st.sampled_from(
    [*SCALARS, *TEXTS, *NAMES, *TIMES, *MORE_TIMES, *LENGTHS, *WORDS, *CONTAINERS],
)


def places(value, path=()):
    """Name every place of a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in inner:
        yield (*path, step)
        yield from places(part, (*path, step))


def changed(whole, path, value=None, drop=False):
    """Copy an event with another value, or none, in one place."""
    other = copy.deepcopy(whole)
    inside = other
    for step in path[:-1]:
        inside = inside[step]
    if drop:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return other


@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_damaged_events(kind, data):
    topic, shape = KINDS[kind]
    whole = data.draw(st.sampled_from(VALID[kind]))
    known = [("data", name) for name in shape.fields["data"].fields] + [(name,) for name in shape.fields]
    path = data.draw(st.sampled_from(sorted({*places(whole), *known}, key=str)))
    agree(changed(whole, path, data.draw(VALUES)), topic)


@pytest.mark.parametrize("kind", KINDS)
def test_events_without_a_part(kind):
    topic, _ = KINDS[kind]
    verdicts = [agree(changed(whole, path, drop=True), topic) for whole in VALID[kind] for path in places(whole)]
    assert False in verdicts


@pytest.mark.parametrize(
    "space", ["\x1c", "\x85", "\xa0", "\u1680", "\u180e", "\u2003", "\u200b", "\u2028", "\u3000", "\ufeff"]
)
def test_white_space_is_the_same_to_both(space):
    (whole,) = [event for event in VALID["megdt.rotation.ended.v1"] if event["data"] == {"rotation": "ROT-17"}]
    agree(whole | {"data": {"rotation": f"a{space}b"}}, topics.ROTATIONS)
    agree(whole | {"id": f"a{space}b"}, topics.ROTATIONS)
    agree(whole | {"source": f"a{space}b"}, topics.ROTATIONS)
    agree(whole | {"ward": f"a{space}b"}, topics.ROTATIONS)
