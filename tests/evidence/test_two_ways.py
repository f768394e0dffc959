"""The short way of plainly right events comes to the same as the contract's order, byte by byte; so do structs and
models, an old reader and a new writer."""

import copy
import json
from typing import Annotated

import pytest
from annotated_types import Gt
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError, create_model

from megdt_stream.evidence import builders, events, grammar, intake, record, structs
from megdt_stream.evidence.intake import Accepted
from megdt_stream.evidence.refused import Refused
from tests.evidence.samples import DATA, NOW, REFERENCE, event, extensions, judge, named_events, topic_of, written

ORIGIN = ("assessments", 0, 7)


def plainly(value, topic=None):
    return intake._plainly_right(value, topic, ORIGIN, NOW, REFERENCE)


def in_order(value, topic=None):
    try:
        return intake._in_order(value, topic, ORIGIN, NOW, REFERENCE, ())
    except Refused as refused:
        return refused.rejection


def without_null(value):
    if isinstance(value, dict):
        return {name: without_null(inner) for name, inner in value.items() if inner is not None}
    return [without_null(inner) for inner in value] if isinstance(value, list) else value


@given(named_events)
def test_both_ways_give_the_same_bytes(named):
    name, whole = named
    value = written(without_null(whole))
    decision = in_order(value, topic_of(name))
    assert isinstance(decision, Accepted)
    assert plainly(value, topic_of(name)) == plainly(value)
    assert plainly(value) == decision or not whole["id"].isprintable()


@pytest.mark.parametrize("name", DATA)
def test_a_plain_event_takes_the_short_way(name):
    assert plainly(written(event(name))) is not None


@pytest.mark.parametrize(
    "unusual",
    [
        {"ext": 1},
        {"recorded": None},
        {"id": "11010519491231002X"},
        {"type": "megdt.other.v1"},
        {"time": "2025-11-03T00:00:00"},
        {"time": "2199-01-01T00:00:00Z"},
        {"data": {**DATA["assessment.recorded"][1], "more": 1}},
        {"data": {**DATA["assessment.recorded"][1], "item": None}},
        {"data": {**DATA["assessment.recorded"][1], "item": "a@b.cn"}},
    ],
)
def test_what_is_not_plain_is_looked_at_in_order(unusual):
    assert plainly(written(event(**unusual))) is None


PIECES = st.sampled_from(
    [
        *(
            b'"',
            b"\\",
            b"{",
            b"}",
            b"[",
            b"]",
            b":",
            b",",
            b"0",
            b"-",
            b".5",
            b"e9",
            b"1e999",
            b"NaN",
            b"null",
            b"true",
        ),
        *(b"9" * 17, b"\xff", b"\\ud800", b"\\u0040", b"\x00", b" ", b"Z", b"T", b"\xe4\xb8\xad", b"[" * 65),
        *(b'"id":"x",', b'"id":5,', b'"value":99,', b'"a":[],', b'"subject":"a@b.cn",', b'"data":{},'),
    ]
)


@given(named_events, st.data())
def test_both_ways_agree_on_damaged_bytes(named, data):
    raw = bytearray(written(without_null(named[1])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(PIECES)
    value = bytes(raw)
    taken = plainly(value)
    assert taken is None or taken == in_order(value)


@given(named_events, st.data())
def test_both_ways_agree_on_repeated_names(named, data):
    """A name that comes twice counts as the last says, and what was first is held to the rules of JSON alone."""
    place = without_null(named[1])
    field = data.draw(st.sampled_from(sorted(place)))
    first = data.draw(st.sampled_from([place[field], 5, "x", None, [], {}, 2**60, "13812345678", [[]] * 3]))
    inner = json.dumps({field: first})[:-1].encode() + b"," + written(place)[1:]
    taken = plainly(inner)
    assert taken is None or taken == in_order(inner)


@given(st.one_of(st.floats(-1e9, 1e9), st.integers(-(10**9), 10**9)))
def test_numbers_are_written_alike(number):
    whole = event("outcome.recorded")
    whole["data"]["value"] = number
    value = written(whole)
    taken = plainly(value)
    assert (taken is not None) == (abs(number) <= 1e6)
    assert taken is None or taken == in_order(value)


def _verdict(model, value):
    try:
        return model.__pydantic_validator__.validate_json(value)
    except ValidationError:
        return None


@given(named_events, st.data())
def test_structs_take_nothing_that_models_refuse(named, data):
    name, whole = named
    damaged = copy.deepcopy(whole)
    inside = damaged if data.draw(st.booleans()) else damaged["data"]
    if inside:
        field = data.draw(st.sampled_from(sorted(inside)))
        inside[field] = data.draw(st.sampled_from(ODD))
    shape = intake._BY_TYPE[f"megdt.{name}.v1"].shape
    filled = shape.filled(damaged)
    if filled is None:
        return
    modelled = _verdict(events.BY_TYPE[f"megdt.{name}.v1"], written(damaged))
    if modelled is not None:
        assert builders.times_of(filled) == builders.times_of(modelled)
        assert [getattr(filled, field) for field in ("source", "id", "subject")] == [
            modelled.source,
            modelled.id,
            modelled.subject,
        ]
    else:  # only for what is left to times and builders, which ask the model before they refuse
        assert not isinstance(judge(damaged, topic_of(name)), Accepted)


ODD = [
    *(None, True, 0, 1, -1, 2.5, 6.0, 999, 1000, 1440, 9999, 10_000, 10**6, 10**7, "", " ", "a b", "a|b", "x" * 64),
    *("x" * 65, "x" * 129, "k1.a", "K1.a", "1.0", "case", "beds", "a\x85", "2025-11-03T00:00:00Z", [], {}, [{}], [1]),
    [{"competency": "a b", "value": 1}],
    [{"competency": "patient-care"}],
    [{"competency": "patient-care", "value": 1, "missing": "not-observed"}],
    [{"competency": "patient-care", "value": 1}, {"competency": "patient-care", "value": 2}],
    [{"instrument": "I", "due": "2025-11-03T00:00:00Z"}, {"instrument": "J", "item": "I", "due": "x"}],
]


CHARACTERS = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]


@pytest.mark.parametrize("pattern", [events.CODE_PATTERN, grammar.IDENTIFIER, grammar.TEXT])
def test_a_pattern_means_the_same_to_models_and_structs(pattern):
    matches = grammar.compiled(pattern).fullmatch
    takes = TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)]).validator.isinstance_python
    assert [text for text in CHARACTERS if (matches(text) is not None) != takes(text)] == []


def test_printable_text_may_be_an_id():
    matches = grammar.compiled(grammar.IDENTIFIER).fullmatch
    assert all(matches(text) for text in CHARACTERS if text.isprintable())


def test_the_memory_of_texts_is_bounded():
    memo = structs.Memo(events.CODE_PATTERN)
    for i in range(100_000):
        assert memo.learn(f"code-{i}")
    assert len(memo.texts) <= 32_768
    assert memo.learn("x" * 64)
    assert not memo.learn("a b")
    assert not memo.learn("x" * 65)
    assert "a b" not in memo.texts


@pytest.mark.parametrize("unheard_of", [str | int, dict[str, str], Annotated[int, Gt(0)], bytes])
def test_a_model_that_no_struct_can_follow_is_found_at_once(unheard_of):
    structs._struct(create_model("Like", __base__=events.RetractionData, fine=(int, ...)))
    with pytest.raises((TypeError, ValueError)):
        structs._struct(create_model("Other", __base__=events.RetractionData, odd=(unheard_of, ...)))


def test_what_may_not_hold_an_identifier_is_not_forgotten():
    model = create_model("Other", __base__=events.RetractionData, by=(str, ...))
    with pytest.raises(TypeError, match="identifier"):
        structs._struct(model)


# --- round trips and additive changes ----------------------------------------------------------------------------


@given(named_events)
def test_a_model_writes_what_it_reads(named):
    name, whole = named
    model = events.BY_TYPE[f"megdt.{name}.v1"]
    read = model.model_validate_json(written(whole))
    again = model.model_validate_json(read.model_dump_json(by_alias=True))
    assert again == read
    first, second = (
        judge(value, topic_of(name)) for value in (written(whole), written(read.model_dump(by_alias=True)))
    )
    assert {**_as_dict(first), "d": ""} == {**_as_dict(second), "d": ""}


def _as_dict(decision):
    return {name: getattr(record.decode(decision.value), name) for name in _names(decision)}


def _names(decision):
    return record.decode(decision.value).__struct_fields__


new_fields = st.dictionaries(
    st.from_regex(r"\Anew_[a-z]{1,8}\Z"),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text("ab中"), st.just({"a": [1, {}]})),
    min_size=1,
    max_size=3,
)


@given(named_events, new_fields, extensions)
def test_an_old_reader_takes_a_new_writers_addition(named, added, ext):
    name, whole = named
    newer = {**whole, **ext, "data": {**whole["data"], **added}}
    for listed in ("scores", "expects"):
        if newer["data"].get(listed):
            newer["data"][listed] = [{**item, **added} for item in newer["data"][listed]]
    older, read = (judge(value, topic_of(name)) for value in (whole, newer))
    assert isinstance(read, Accepted)
    assert {**_as_dict(older), "d": "", "ext": None} == {**_as_dict(read), "d": "", "ext": None}


@given(named_events)
def test_a_new_reader_takes_an_old_writers_event(named):
    """The next version of a model adds an optional field; what was written before it satisfies it."""
    name, whole = named
    model = events.BY_TYPE[f"megdt.{name}.v1"]
    data = create_model("Newer", __base__=model.model_fields["data"].annotation, added=(int | None, None))
    newer = create_model("NewerEvent", __base__=model, data=(data, ...))
    assert newer.model_config == ConfigDict(strict=True, frozen=True, extra="ignore")
    read, older = newer.model_validate_json(written(whole)), model.model_validate_json(written(whole))
    assert read.data.added is None
    assert older.model_dump() == {
        **read.model_dump(exclude={"data"}),
        "data": read.data.model_dump(exclude={"added"}),
    }
