"""Outgoing messages as members of the outbox."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.mirror import Message
from megdt_stream.runtime.store import pack_message, unpack_message

headers = st.lists(st.tuples(st.text(st.characters(exclude_categories=("Cs",))), st.binary()), max_size=3).map(tuple)
messages = st.builds(
    Message,
    st.integers(0, 2**53 - 1),
    st.integers(0, 9_999),
    st.text(st.characters(exclude_categories=("Cs",))),
    st.binary(),
    st.binary(),
    headers,
)


@given(messages, st.integers(0, 2**53 - 1))
def test_a_message_reads_back(message, caused):
    assert unpack_message(pack_message(message, caused), message.offset) == (message, caused)


@given(messages, messages, st.integers(0, 20_000), st.integers(0, 20_000))
def test_messages_of_one_cause_sort_by_index_whatever_they_say(one, other, first, second):
    indexed = [msgspec.structs.replace(one, index=first), msgspec.structs.replace(other, index=second)]
    members = [pack_message(message, 0) for message in indexed]
    if first != second:
        assert (members[0] < members[1]) == (first < second)
