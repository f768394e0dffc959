"""What recommendations say, that they satisfy their schema, and what becomes of them."""

import json
from dataclasses import replace

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.governance.advice.ledger import Decided, fold
from megdt_stream.governance.advice.recommendation import DAY_MS, MADE, SUPERSEDED, WITHDRAWN, WITHHELD, Standing
from tests.advice.world import NOW, advised, need

COMMON = json.loads((schemas_dir() / "common.schema.json").read_text("utf-8"))
SCHEMA = jsonschema_rs.Draft202012Validator(
    json.loads((schemas_dir() / f"{topics.ALERTS.name}.schema.json").read_text("utf-8")),
    registry=jsonschema_rs.Registry([(COMMON["$id"], COMMON)]),
    validate_formats=True,
)
NEEDS = [need(i, 2.2 + 0.15 * i, covariates={"below": 0.9}, warnings=("0123456789abcdef",)) for i in range(5)]
FREE = {"faculty-hour": 22.0, "simulator-hour": 8.0}


def of(kind, found):
    return [one for one in found if one["type"] == kind]


FIRST = next(one for one in advised(NEEDS, FREE) if one["type"] == MADE)


def test_everybody_considered_is_on_the_topic_once():
    found = advised(NEEDS, FREE)
    assert sorted(one["subject"] for one in found) == [one.trainee for one in NEEDS]
    assert of(MADE, found)
    assert of(WITHHELD, found)
    for event in found:
        SCHEMA.validate(event)


def test_a_recommendation_says_what_it_rests_on():
    event = of(MADE, advised(NEEDS, FREE))[0]
    data = event["data"]
    assert data["benefit"]["low"] <= data["benefit"]["mean"] <= data["benefit"]["high"]
    assert data["propensity"] == data["propensities"][data["intervention"]]
    assert data["alternatives"][0]["less_by"] == pytest.approx(
        data["benefit"]["mean"] - data["alternatives"][0]["benefit"]["mean"], abs=2e-6
    )
    assert data["effect"]["source"]
    assert not data["effect"]["benefit_shown"]
    assert data["expires"] == NOW + 28 * DAY_MS
    assert data["cause"]["offset"] >= 120
    assert not {"pass", "fail", "dismiss"} & set(json.dumps(data).lower().replace('"', " ").split())


def test_ids_are_those_of_what_decides():
    one, again, other = advised(NEEDS, FREE), advised(NEEDS, FREE), advised(NEEDS, FREE, now=NOW + 1)
    assert one == again
    assert not {event["id"] for event in one} & {event["id"] for event in other}


def test_a_twin_that_changed_supersedes_or_withdraws():
    first = of(MADE, advised(NEEDS, FREE))
    standing = [Standing(one["id"], {**one["data"], "gone": "need-gone"}) for one in first]
    kept = [Standing(one["id"], one["data"]) for one in first]
    nobody = advised([], FREE, now=NOW + DAY_MS, standing=standing)
    assert [one["type"] for one in nobody] == [WITHDRAWN] * len(first)
    assert advised([], FREE, now=NOW + DAY_MS, standing=kept) == []
    lapsed = advised([], FREE, now=NOW + 28 * DAY_MS, standing=kept)
    assert {one["data"]["reason"] for one in lapsed} == {"lapsed"}
    moved = [replace(one, level=one.level - 0.1, offset=one.offset + 5) for one in NEEDS]
    again = advised(moved, {"faculty-hour": 200.0, "simulator-hour": 200.0}, now=NOW + DAY_MS, standing=kept)
    made = {one["subject"]: one["id"] for one in of(MADE, again)}
    assert {one["data"]["on"]: one["data"]["by"] for one in of(SUPERSEDED, again)} == {
        one["id"]: made[one["subject"]] for one in first
    }
    for event in (*nobody, *lapsed, *again):
        SCHEMA.validate(event)


# --- what becomes of them ---


def decided(on, *actions, start=NOW):
    return [Decided(on, action, "k1.office", None, start + i, f"{i:016x}", 0, i) for i, action in enumerate(actions)]


@pytest.mark.parametrize(
    ("actions", "state", "refused"),
    [
        ((), "open", 0),
        (("accepted",), "accepted", 0),
        (("accepted", "implemented", "closed"), "closed", 0),
        (("implemented",), "open", 1),
        (("overridden", "accepted"), "overridden", 1),
        (("modified", "modified", "implemented"), "implemented", 0),
        (("acknowledged",), "open", 1),
    ],
)
def test_decisions_in_their_order(actions, state, refused):
    event = FIRST
    ledger = fold([event, event], decided(event["id"], *actions))
    entry = ledger.entries[event["id"]]
    assert (entry.state, len(entry.refused)) == (state, refused)


@given(st.permutations(range(6)))
def test_the_order_of_reading_does_not_matter(order):
    event = FIRST
    some = decided(event["id"], "accepted", "implemented")
    end = {"type": WITHDRAWN, "id": "x", "data": {"on": event["id"]}}
    items = [event, end, event, *some, *some[:1]]
    read = [items[i] for i in order]
    ledger = fold([one for one in read if isinstance(one, dict)], [one for one in read if isinstance(one, Decided)])
    # Whoever accepted keeps what was accepted.
    assert ledger.entries[event["id"]].state == "implemented"


def test_what_lapsed_can_still_be_answered_and_what_is_accepted_is_booked():
    event = FIRST
    ledger = fold([event], [])
    assert ledger.at(NOW)[event["id"]].state == "open"
    late = ledger.at(event["data"]["expires"])[event["id"]]
    assert (late.state, late.allows("accepted")) == ("lapsed", True)
    assert ledger.booked(NOW) == {}
    accepted = fold([event], decided(event["id"], "accepted"))
    assert accepted.booked(NOW) == event["data"]["uses"]
    assert accepted.booked(NOW + 53 * 7 * DAY_MS) == {}
