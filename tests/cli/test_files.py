"""Files of events: whatever is written is read back to the byte, and what cannot be published says where."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.cli.files import BadFile, Outgoing, read, write
from megdt_stream.evidence.topics import INPUTS

EVENT = {"specversion": "1.0", "type": "megdt.exposure.recorded.v1", "subject": "syn.t1", "data": {"item": "腰穿"}}


def reading(text, topic=None):
    return list(read(io.BytesIO(text if isinstance(text, bytes) else text.encode()), topic))


@given(
    st.lists(
        st.builds(
            Outgoing,
            st.sampled_from([topic.short for topic in INPUTS]),
            st.text(st.characters(exclude_categories=["Cs"])),
            st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode),
        )
    )
)
def test_any_bytes_come_back_as_they_were(records):
    text = "".join(write(*record) + "\n" for record in records)
    assert reading(text) == records


def test_lines_of_events_go_to_their_types_topic_byte_by_byte():
    odd = b'{"subject":"syn.t1",   "type":"megdt.exposure.recorded.v1","n":1.50}'
    found = reading(json.dumps(EVENT).encode() + b"\r\n\n" + odd + b"\n")
    assert found == [
        ("exposures", "syn.t1", json.dumps(EVENT).encode()),
        ("exposures", "syn.t1", odd),
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_and_a_single_document_are_taken_too(indent):
    as_list = reading(json.dumps([EVENT, EVENT], indent=indent, ensure_ascii=False))
    assert [(one.topic, json.loads(one.value)) for one in as_list] == [("exposures", EVENT)] * 2
    (single,) = reading(json.dumps(EVENT, indent=indent))
    assert json.loads(single.value) == EVENT


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (json.dumps(EVENT) + '\n{"type": "megdt.exposure.recorded.v2"}', "line 2 has the unknown type"),
        (json.dumps(EVENT) + "\nnot json", "line 2 is not JSON"),
        ('{"subject": "syn.t1"}', "line 1 has no type"),
        ('[{"type": 5}]', "element 1 has the unknown type 5"),
        ("[1,", "neither lines of JSON nor one JSON document"),
        ('{"topic": "exposures", "key": "k"}', "line 1 is an envelope without a usable value"),
        ('{"topic": "alerts", "key": "k", "value": ""}', "'alerts' is no input topic"),
        ('{"topic": "exposures", "key": "k", "value_base64": "***"}', "line 1 is an envelope without"),
    ],
)
def test_what_cannot_be_published_is_refused_with_its_place(text, where):
    with pytest.raises(BadFile, match=where) as caught:
        reading(text)
    assert caught.value.exit_code == 65


def test_a_chosen_topic_takes_anything_as_it_is():
    text = b'{"type": "nobody.knows"}\n\xff\xfe broken\n[]\n'
    assert [one.value for one in reading(text, "assessments")] == [*text.splitlines()]
    assert {one.topic for one in reading(text, "megdt.assessments.v1")} == {"assessments"}


def test_an_empty_file_is_no_event():
    assert reading(b"\n \n") == []
