"""Where the content of a key goes; reading it from a server is tried in test_checker.py."""

import msgspec
import pytest

from megdt_stream.verify.log import MirrorState
from megdt_stream.verify.redis_state import _take


def test_keys_of_a_view():
    state = MirrorState()
    assert _take(state, "a:t:k1.x", {b"k|outcome": b"1"})
    assert _take(state, "a:p:k1.x", {"i|考".encode(): b"[1]"})
    assert _take(state, "b:j:k1.x:f", {b"\x0f": b"\x90"})
    assert _take(state, "b:c:k1.x:0", {b"\x00k1.m": b"\x91\x01"})
    assert _take(state, "a:n:k1.x", {b"0": "考".encode()})
    assert _take(state, "a:z:k1.x", {b"713": b"\x78"})
    assert _take(state, "a:due", [(b"k1.x|R|m", 5.0)])
    assert _take(state, "a:seen", {b"outcomes:0": b"7"})
    assert _take(state, "a:something-new:k1.x", {})
    assert state == MirrorState(
        twins={"k1.x": {"k|outcome": "1"}},
        persons={"k1.x": {"i|考": "[1]"}},
        journal={"k1.x": {"f": {b"\x0f": b"\x90"}}},
        carried={"k1.x": {"0": {b"\x00k1.m": b"\x91\x01"}}},
        due={"k1.x|R|m": 5},
        seen={"outcomes:0": 7},
        words={"k1.x": {"0": "考"}},
        archives={"k1.x": {b"713": b"\x78"}},
    )


@pytest.mark.parametrize(("rest", "reply"), [("a:counts", {b"x": b"y"}), ("outbox", [(b"\xc1", 1.0)])])
def test_content_that_is_none_of_ours(rest, reply):
    assert not _take(MirrorState(), rest, reply)


def test_the_outbox_holds_evidence_too():
    state = MirrorState()
    member = msgspec.msgpack.encode(["0001", "megdt.evidence.v1", b"k1.p", b"{}", [], 5])
    assert _take(state, "outbox", [(member, 3.0)])
    assert [(message.topic, message.key, message.value) for message in state.outbox] == [("evidence", b"k1.p", b"{}")]
