"""The alert that too much is rejected: complete, bounded, and a function of the batch and the counts alone."""

import json
import re

from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.runtime.reject_alert import reject_limit
from megdt_stream.runtime.reject_guard import Trip

TRIP = Trip(60, 40, {"invalid": 30, "undecodable": 10}, [("/tms/轮转", 25), ("", 15)], ["megdt.outcomes.v1/0/99"])


def written(trip=TRIP, partition=3, end=100):
    return reject_limit(trip, 0.5, topics.OUTCOMES, partition, end, 1_750_000_000_000, 8)


def test_it_says_what_happened_where_and_what_to_do():
    entry = written()
    event = json.loads(entry.value)
    assert (entry.topic, entry.key, entry.partition) == ("megdt.alerts.v1", b"outcomes", partition_of("outcomes", 8))
    assert event["specversion"] == "1.0"
    assert event["type"] == "megdt.operations.reject-limit.v1"
    assert (event["source"], event["subject"], event["time"]) == ("/megdt/intake", "outcomes", "2025-06-15T15:06:40Z")
    data = event["data"]
    assert (data["owner"], data["severity"]) == ("operations", "high")
    assert (data["ratio"], data["limit"], data["window"]) == (0.6667, 0.5, {"read": 60, "rejected": 40})
    assert data["reasons"] == {"invalid": 30, "undecodable": 10}
    assert data["sources"] == [{"source": "/tms/轮转", "rejected": 25}, {"source": "", "rejected": 15}]
    assert data["evidence"] == ["megdt.outcomes.v1/0/99"]
    assert data["cause"] == {"topic": "megdt.outcomes.v1", "partition": 3, "offset": 100}
    for texts in (data["reason"], data["next_step"]):
        assert texts["en"]
        assert re.search("[一-鿿]", texts["zh"])
    assert data["reason"]["code"] == "reject-limit"
    assert "40 of the last 60" in data["reason"]["en"]


def test_copies_are_equal_and_two_causes_never_share_an_id():
    assert written() == written()
    ids = {json.loads(written(partition=p, end=end).value)["id"] for p in (1, 11) for end in (1, 11, 111)}
    assert len(ids) == 6
    assert all(re.fullmatch("[0-9a-f]{16}", id_) for id_ in ids)
