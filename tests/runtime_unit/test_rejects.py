"""Rejects as they are read, filtered and refused for a replay."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.runtime.rejects import Filter, Place, Reject, parse, place, refusal


@pytest.mark.parametrize("text", ["outcomes/0/17", "megdt.outcomes.v1/0/17"])
def test_a_place_is_read_by_short_and_full_name(text):
    assert place(text) == Place("outcomes", 0, 17)
    assert str(place(text)) == "outcomes/0/17"
    assert place(text).key == b"megdt.outcomes.v1/0/17"


@pytest.mark.parametrize("text", ["", "outcomes", "outcomes/0", "outcomes/0/-1", "outcomes/０/1", "outcomes/0/1/2"])
def test_what_is_no_place_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="such as outcomes/0/17"):
        place(text)


def test_an_unknown_topic_is_named():
    with pytest.raises(ValueError, match="'rounds'; one of assessments"):
        place("rounds/0/1")


names = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
prefixed = st.builds(str.__add__, st.sampled_from(["", "megdt-", "megdt-input-", "megdt-key", "megdt-reason"]), names)
headers = st.lists(st.tuples(prefixed, st.none() | st.binary(max_size=30)), max_size=6)
keys = st.none() | st.binary(max_size=30) | st.sampled_from([b"megdt.outcomes.v1/0/1", b"megdt.rotations.v1/07/1"])


@given(keys, st.none() | st.binary(max_size=50), headers)
def test_whatever_stands_on_the_topic_is_a_reject_or_none(key, value, headers):
    found = parse(SimpleNamespace(key=key, value=value, headers=headers, timestamp=5))
    if found is not None:
        assert found.at.key == key
        assert found.reason == (dict(headers)["megdt-reason"] or b"").decode("utf-8", "replace")
        assert isinstance(found.input_key, bytes | None)
        assert isinstance(refusal(found), str)


def a_reject(form="original", reason="invalid", source="/tms", topic="outcomes", when=1_000):
    own = {"reason": reason, "source": source, "form": form}
    return Reject(Place(topic, 0, 17), when, b"{}", own, ())


def test_a_filter_takes_what_meets_all_that_is_asked():
    one = a_reject()
    assert Filter().takes(one)
    assert Filter(frozenset({"invalid", "empty"}), "/tms", "outcomes", 1_000).takes(one)
    assert not Filter(reasons=frozenset({"empty"})).takes(one)
    assert not Filter(source="/tm").takes(one)
    assert not Filter(source="").takes(one)
    assert not Filter(topic="rotations").takes(one)
    assert not Filter(since=1_001).takes(one)


def test_only_originals_can_be_replayed_and_the_others_say_where_the_original_is():
    assert refusal(a_reject()) == ""
    redacted = refusal(a_reject("redacted", "direct_identifier"))
    assert "with its source (/tms)" in redacted
    assert "outcomes/0/17" in refusal(a_reject("reference", "id_conflict"))
    assert "outcomes/0/17" in refusal(a_reject("evidence", "too_many_revisions"))
    assert "megdt rebuild" in refusal(a_reject("evidence", "internal_error"))
    assert refusal(a_reject("something-new"))
