"""The published JSON Schemas and intake's models judge alike, but for what a schema cannot say."""

import copy
import json

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted
from megdt_stream.evidence.reasons import Reason
from tests.evidence.samples import DATA, event, judge, named_events, topic_of

STRUCTURE = {Reason.UNKNOWN_TYPE, Reason.WRONG_TOPIC, Reason.INVALID}
# docs: what JSON Schema cannot say (schemas/README.md).
UNSAID = ("may occur once", "is no real time", "lies between the years", "ends before it starts")


def _schema(name):
    return json.loads((schemas_dir() / name).read_text("utf-8"))


COMMON = _schema("common.schema.json")
REGISTRY = jsonschema_rs.Registry([(COMMON["$id"], COMMON)])
VALIDATORS = {
    topic.short: jsonschema_rs.Draft202012Validator(
        _schema(f"{topic.name}.schema.json"), registry=REGISTRY, validate_formats=False
    )
    for topic in (*topics.INPUTS, topics.EVIDENCE)
}


def agree(value, topic):
    """Check an event with both; give None where the models refuse what no schema can say."""
    decision = judge(value, topic)
    refused = not isinstance(decision, Accepted)
    if refused and any(words in decision.detail for words in UNSAID):
        return None
    structure = not (refused and decision.reason in STRUCTURE)
    assert VALIDATORS[topic.short].is_valid(value) == structure, decision
    return structure


@given(named_events)
def test_valid_events(named):
    name, whole = named
    assert agree(whole, topic_of(name))


@given(named_events)
def test_evidence_satisfies_its_schema(named):
    name, whole = named
    VALIDATORS["evidence"].validate(json.loads(judge(whole, topic_of(name)).value))


SCALARS = [None, True, False, 0, 1, -1, 2.5, 99, 100, 999, 1000, 9999, 10_000, 10**7, -(10**7)]
TEXTS = ["", " ", "a b", "a|b", "a\n", "a\x7f", "a\u00a0", "a\u0085", "a\u3000", "1.0", "k1.a", "K1.a"]
LENGTHS = ["x" * n for n in (64, 65, 128, 129, 500, 501)]
WORDS = ["case", "observed", "postgraduate", "application/json", "not-observed", "megdt.rotation.ended.v1"]
CONTAINERS = [
    [],
    {},
    [1],
    [{}],
    {"competency": "C"},
    [{"competency": "C", "value": 1}],
    [{"competency": "C", "missing": "lost"}],
    [{"instrument": "I", "due": "2025-11-03T00:00:00Z"}],
]
VALUES = st.sampled_from([*SCALARS, *TEXTS, *LENGTHS, *WORDS, "2025-11-03T00:00:00Z", *CONTAINERS])


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


def is_time(path):
    return path[-1] in ("time", "recorded", "available", "starts", "ends", "due")


@given(st.sampled_from(sorted(DATA)), st.data())
def test_damaged_events(name, data):
    whole = event(name, recorded="2025-11-03T09:30:00Z", datacontenttype="application/json")
    path = data.draw(st.sampled_from(sorted(places(whole), key=str)))
    value = data.draw(VALUES)
    # Formats are not asserted: a schema cannot tell a naive time, or a wrong one, from a right one.
    assume(not (is_time(path) and isinstance(value, str)))
    agree(changed(whole, path, value), topic_of(name))


@pytest.mark.parametrize("name", DATA)
def test_events_without_a_part(name):
    whole = event(name, recorded="2025-11-03T09:30:00Z", datacontenttype="application/json")
    verdicts = [agree(changed(whole, path, drop=True), topic_of(name)) for path in places(whole)]
    assert {True, False} <= set(verdicts)


@pytest.mark.parametrize(
    "space", ["\x1c", "\x85", "\xa0", "\u1680", "\u180e", "\u2003", "\u200b", "\u2028", "\u3000", "\ufeff"]
)
def test_whitespace_is_the_same_to_both(space):
    agree(event("rotation.ended", data={"rotation": f"a{space}b"}), topics.ROTATIONS)
    agree(event(source=f"a{space}b"), topics.ASSESSMENTS)
