"""Typed builders: one for each event type, with its fields; what they write is what intake takes."""

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import events
from megdt_stream.evidence.events import MODELS, type_of
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.evidence.reasons import Reason
from megdt_stream.publisher.builders import (
    Builders,
    Draft,
    Envelope,
    Expect,
    Original,
    Person,
    Revision,
    Scores,
    Writer,
    encoded,
)
from megdt_stream.seed_files import load_reference

REFERENCE = load_reference()
CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=CHINA)
PSEUDONYMS = Pseudonymiser(bytes(range(32)), "k1")


def drafting(source="/his", pseudonyms=PSEUDONYMS) -> Builders[Draft]:
    return Builders(Writer(source, pseudonyms), lambda draft: draft)


def judged(draft):
    return decide(draft.value, draft.topic, ("assessments", 0, 0), int(NOW.timestamp() * 1000), REFERENCE)


def method_of(model):
    """The rule by which builders are named: by topic, without the topic's own name."""
    _, noun, verb, _ = type_of(model).split(".")
    own = {"activities": "activity", "identities": "identity"}.get(model.topic.short, model.topic.short.rstrip("s"))
    name = verb if noun == own else f"{noun}_{verb}"
    return getattr(drafting().__dict__[model.topic.short], name.replace("-", "_"))


EXAMPLES: dict[Any, Any] = {
    str: "x-1",
    int: 3,
    float: 3.5,
    bool: True,
    datetime: NOW - timedelta(days=1),
    Person: Original("20231234"),
    Scores: {"patient-care": 2, "professionalism": "not-observed"},
}
SPECIAL = {
    "scale": "entrustment@1",
    "instrument": "mini-cex",
    "starts": NOW - timedelta(days=2),
    "expects": [Expect("mini-cex", NOW), Expect("dops", NOW, "dops-1", 2)],
    "from_": "k1.other",
    "person": "k1.other",
    "into": "k1.other",
}


def example(name, hint):
    options = [
        one for one in (get_args(hint) if get_origin(hint) in (Union, UnionType) else [hint]) if one is not NoneType
    ]
    if name in SPECIAL:
        return SPECIAL[name]
    if get_origin(options[0]) is Literal:
        return get_args(options[0])[0]
    for kind, value in EXAMPLES.items():
        if set(options) == set(get_args(kind) if get_origin(kind) is UnionType else [kind]):
            return value
    raise AssertionError(f"no example for {name}: {hint}")


def fields_of(model):
    """The builder's own parameters and their types, without the envelope's."""
    method = method_of(model)
    hints = get_type_hints(method)
    return {
        name: hints[name]
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


@pytest.mark.parametrize("model", MODELS, ids=type_of)
def test_each_type_has_a_builder_with_exactly_its_fields(model):
    data = model.model_fields["data"].annotation
    method = method_of(model)
    assert sorted(fields_of(model)) == sorted(data.model_fields)
    required = {name for name, field in data.model_fields.items() if field.is_required()}
    parameters = inspect.signature(method).parameters.values()
    assert {p.name for p in parameters if p.default is p.empty and p.kind is p.KEYWORD_ONLY} == required
    envelope = get_type_hints(method)["event"]
    assert get_args(envelope)[0] is (Revision if model.model_fields["revision"].is_required() else Envelope)
    assert method.__doc__


@pytest.mark.parametrize("model", MODELS, ids=type_of)
def test_what_a_builder_writes_is_accepted(model):
    fields = {name: example(name, hint) for name, hint in fields_of(model).items()}
    revision = {"revision": 1} if model.model_fields["revision"].is_required() else {}
    draft = method_of(model)(subject="k1.abc", id="1", time=NOW, **revision, **fields)
    assert draft.topic is model.topic
    assert isinstance(judged(draft), Accepted), judged(draft)
    document = json.loads(draft.value)
    assert document["type"] == type_of(model)
    assert set(document["data"]) == {name.rstrip("_") for name in fields}


@pytest.mark.parametrize("model", MODELS, ids=type_of)
def test_literals_are_those_of_the_model(model):
    for name, hint in fields_of(model).items():
        stated = model.model_fields["data"].annotation.model_fields[name].annotation
        assert literals(hint) == literals(stated), name


def literals(hint):
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return set().union(*(literals(one) for one in get_args(hint) if get_origin(hint) in (Union, UnionType)), set())


def exposure(**changes):
    stated = {"subject": "k1.abc", "id": "1", "time": NOW, "kind": "case", "item": "肺炎"} | changes
    return drafting().exposures.recorded(**{name: value for name, value in stated.items() if value is not None})


def test_the_envelope_is_written_as_stated():
    draft = exposure(
        revision=2,
        recorded=NOW,
        available=datetime(2026, 3, 5, 1, 30, tzinfo=UTC),
        source="/医院/教务 系统",
        extensions={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "batch": 7},
    )
    document = json.loads(draft.value)
    assert document.pop("data") == {"kind": "case", "item": "肺炎"}
    assert document == {
        "specversion": "1.0",
        "type": "megdt.exposure.recorded.v1",
        "source": "/%E5%8C%BB%E9%99%A2/%E6%95%99%E5%8A%A1%20%E7%B3%BB%E7%BB%9F",
        "id": "1",
        "revision": 2,
        "subject": "k1.abc",
        "time": "2026-03-05T09:30:00+08:00",
        "recorded": "2026-03-05T09:30:00+08:00",
        "available": "2026-03-05T01:30:00+00:00",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        "batch": 7,
    }
    assert isinstance(judged(draft), Accepted)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10))
def test_any_source_becomes_a_uri_reference_and_stays_one(source):
    once = encoded(f"/x/{source}")
    assert encoded(once) == once
    assert unquote(once) == unquote(f"/x/{source}")
    assert isinstance(judged(exposure(source=f"/x/{source}")), Accepted)


def test_what_is_encoded_already_stays_and_a_bare_percent_sign_does_not():
    assert encoded("/a%20b/50%/%e5") == "/a%20b/50%25/%e5"
    assert encoded("urn:uuid:1?x=y&z#f") == "urn:uuid:1?x=y&z#f"


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({"time": NOW.replace(tzinfo=None)}, Reason.NAIVE_TIMESTAMP, "/time"),
        ({"time": NOW + timedelta(days=2)}, Reason.FUTURE_EVENT, "/time"),
        ({"item": "two words"}, Reason.INVALID, "/data/item"),
        ({"count": 0}, Reason.INVALID, "/data/count"),
        ({"count": float("nan")}, Reason.UNDECODABLE, ""),
        ({"item": "\ud800"}, Reason.UNDECODABLE, ""),
        ({"subject": "张三"}, Reason.INVALID, "/subject"),
        ({"subject": "zhang@hospital.cn"}, Reason.DIRECT_IDENTIFIER, "/subject"),
        ({"extensions": {"Batch": 1}}, Reason.INVALID, "/Batch"),
    ],
)
def test_mistakes_are_written_as_they_are_so_that_the_check_names_them(changes, reason, path):
    found = judged(exposure(**changes))
    assert (found.reason, found.path) == (reason, path)


def test_an_original_never_leaves():
    draft = drafting().assessments.recorded(
        trainee="20231234",
        id="1",
        time=NOW,
        instrument="mini-cex",
        scale="mini-cex@1",
        scores={"patient-care": 6},
        assessor=Original("T0012", "hr"),
    )
    document = json.loads(draft.value)
    assert document["subject"] == draft.subject == PSEUDONYMS.of("20231234")
    assert document["data"]["assessor"] == PSEUDONYMS.of("T0012", "hr")
    assert b"20231234" not in draft.value
    assert b"T0012" not in draft.value


def test_an_original_without_a_key_is_refused_and_not_shown():
    with pytest.raises(ValueError, match="needs a Pseudonymiser") as caught:
        drafting(pseudonyms=None).identities.unmerged(trainee="20231234", id="1", time=NOW)
    assert "20231234" not in str(caught.value)


@pytest.mark.parametrize("who", [{}, {"subject": "k1.a", "trainee": "20231234"}])
def test_an_event_is_about_one_somebody(who):
    with pytest.raises(ValueError, match="either `subject`"):
        drafting().identities.unmerged(id="1", time=NOW, **who)


def test_an_attribute_of_its_own_is_no_extension():
    with pytest.raises(ValueError, match="not an extension, but an attribute of its own: subject"):
        exposure(extensions={"subject": "k1.other"})


def test_a_local_time_of_old_loses_nothing():
    born = datetime(1900, 6, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert born.utcoffset() % timedelta(minutes=1)
    document = json.loads(exposure(time=born).value)
    assert datetime.fromisoformat(document["time"]) == born
    assert isinstance(judged(exposure(time=born)), Accepted)


def test_the_models_stay_what_the_builders_were_written_for():
    assert (
        len(MODELS)
        == len(set(map(type_of, MODELS)))
        == sum(
            len([name for name in vars(type(group)) if not name.startswith("_")]) for group in vars(drafting()).values()
        )
    )
    assert events.MODELS is MODELS
