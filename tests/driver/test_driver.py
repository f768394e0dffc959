"""The driver: what it answers, that order and copies do not matter, and that it agrees with an oracle."""

import doctest
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.driver import Accepted, Duplicate, Rejected, system
from megdt_stream.evidence.intake import Accepted as Taken
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import decode
from megdt_stream.mirror import FoldFailed
from megdt_stream.seed_files import load_estimation
from tests.driver.histories import DAYS, END, NAMES, Log, at, driver, event, evidence_of, histories, link
from tests.evidence.samples import DATA, in_binary_mode, judge, written
from tests.mirror.test_persons import wanted

DAY = 86_400_000


def test_the_example_of_the_docstring():
    found = doctest.testmod(system)
    assert (found.attempted > 4, found.failed) == (True, 0)


def test_an_event_is_evidence_once():
    made = driver()
    first, again = made.push(event("exposure.recorded", "k1.a")), made.push(event("exposure.recorded", "k1.a"))
    assert isinstance(first, Accepted)
    assert (first.fact.trainee, first.fact.origin, first.standing) == ("k1.a", ("exposures", 0, 0), True)
    assert again == Duplicate(again.fact)
    assert made.counts == {"exposures:accepted": 1, "exposures:duplicate": 1, "exposures:read": 2}
    assert made.trainees == ["k1.a"]


def test_an_older_version_is_accepted_and_does_not_stand():
    made = driver([event("exposure.recorded", "k1.a", revision=2, variant=1)])
    assert made.push(event("exposure.recorded", "k1.a", revision=1)).standing is False
    assert [total for name, total in made.twin("k1.a").sums.items() if name[0] == "x"] == [(7,)]


@pytest.mark.parametrize(
    ("value", "reason", "path", "origin"),
    [
        (b"[]", Reason.NOT_AN_OBJECT, "", None),
        (b"", Reason.EMPTY, "", None),
        (b"\xff", Reason.UNDECODABLE, "", None),
        (b"[" * 5000, Reason.UNDECODABLE, "", None),
        ({"type": "somebody.else.v1"}, Reason.UNKNOWN_TYPE, "/type", None),
        (event("exposure.recorded", "k1.a") | {"subject": 7}, Reason.INVALID, "/subject", ("exposures", 0, 0)),
        (event("exposure.recorded", "k1.a") | {"time": [1]}, Reason.INVALID, "/time", ("exposures", 0, 0)),
    ],
)
def test_what_intake_refuses_is_on_the_rejects(value, reason, path, origin):
    made = driver()
    outcome = made.push(value)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.path, outcome.stage) == (reason, path, "intake")
    assert [(one.origin, one.why) for one in made.rejects] == [(origin, outcome)]
    short = origin[0] if origin else "-"
    assert made.counts == {f"{short}:read": 1, f"{short}:rejected": 1}


def test_a_conflict_is_rejected_by_the_mirror_whichever_comes_first():
    one, other = (event("exposure.recorded", "k1.a", variant=variant) for variant in (0, 1))
    forth, back = driver(), driver()
    outcomes = [forth.push(one), forth.push(other)], [back.push(other), back.push(one)]
    refused = [found for pair in outcomes for found in pair if isinstance(found, Rejected)]
    assert [(found.reason, found.stage) for found in refused] == [(Reason.ID_CONFLICT, "mirror")]
    (lost,), (displaced,) = forth.rejects, back.rejects
    assert {lost.origin, displaced.origin} == {("exposures", 0, 1), ("exposures", 0, 0)}
    assert forth.counts == back.counts
    assert forth.twin("k1.a").fields() == back.twin("k1.a").fields()


def test_a_topic_can_be_named_and_may_be_the_wrong_one():
    made = driver()
    assert made.push(event("exposure.recorded", "k1.a"), topic="megdt.rotations.v1").reason is Reason.WRONG_TOPIC
    assert isinstance(made.push(event("exposure.recorded", "k1.a"), topic="exposures"), Accepted)
    with pytest.raises(KeyError):
        made.push(event("exposure.recorded", "k1.a"), topic="nothing")


@pytest.mark.parametrize("name", DATA)
def test_binary_mode_is_the_same_event(name):
    whole = event(name, "k1.a", number=1)
    value, headers = in_binary_mode(whole)
    structured, binary = driver([whole]), driver()
    assert isinstance(binary.push(value, headers=headers), Accepted)
    assert structured.twin("k1.a").fields() == binary.twin("k1.a").fields()
    assert structured.counts == binary.counts


def test_an_event_from_the_future_of_the_broker_is_refused():
    late = event("exposure.recorded", "k1.a", day="2025-11-10")
    assert driver().push(late, available=at("2025-11-08")).reason is Reason.FUTURE_EVENT
    stated = event("exposure.recorded", "k1.a") | {"available": None}
    assert driver().push(stated, available=at("2025-11-08")).fact.available == at("2025-11-08")
    made = driver()
    assert made.push(stated).fact.available == at(DAYS[0])
    made.advance(END)
    assert made.push(event("exposure.recorded", "k1.a", 2) | {"available": None}).fact.available == END


def plan(subject="k1.a", **more):
    expects = [{"instrument": "mini-cex", "item": "mini-cex-1", "due": f"{DAYS[1]}T12:00:00Z"}]
    return event("rotation.planned", subject, expects=expects, **more)


def test_time_opens_a_warning_and_evidence_closes_it():
    made = driver([plan()])
    assert made.advance(at(DAYS[1]) + DAY - 1) == ()
    (opened,) = made.advance(at(DAYS[1]) + DAY)
    assert (opened["type"], opened["data"]["item"]) == ("megdt.warning.opened.v1", "mini-cex-1")
    assert list(made.twin("k1.a").standing) == ["w|expected-assessment-overdue|内科-17|mini-cex-1"]
    assert made.view("k1.a", load_estimation()).warnings[0].notice == opened["id"]
    made.push(event("assessment.recorded", "k1.a", number=1))
    assert [one["type"].split(".")[2] for one in made.alerts] == ["opened", "recovered"]
    assert made.twin("k1.a").standing == {}


def test_time_does_not_go_back():
    made = driver()
    made.advance(5)
    assert made.advance(5) == ()
    with pytest.raises(ValueError, match="time does not go back"):
        made.advance(4)
    assert made.now == 5


def test_a_link_carries_over_partitions_and_a_merge_can_be_undone():
    made = driver([event("exposure.recorded", "sk.a", 1), link("sk.a", "sk.b"), link("sk.b", "k1.a", 91)])
    plain = driver([event("exposure.recorded", "sk.a", 1)])
    assert evidence_of(made.twin("k1.a")) == evidence_of(plain.twin("sk.a"))
    made.push(event("identity.unmerged", "sk.a", 92, day=DAYS[1]))
    assert made.twin("k1.a").fields() == {}


def test_what_was_taken_back_while_a_link_was_off_does_not_come_back_with_it():
    made = driver([event("exposure.recorded", "sk.b", 1, 2, variant=1), link("sk.b", "sk.a"), link("sk.a", "k1.a")])
    assert [total for name, total in made.twin("k1.a").sums.items() if name[0] == "x"] == [(7,)]
    made.push(event("identity.unmerged", "sk.a", 91, day=DAYS[1]))
    made.push(event("identity.unmerged", "sk.b", 91, day=DAYS[1]))
    made.push(link("sk.a", "k1.a", 92, day=DAYS[2]))
    assert made.twin("k1.a").fields() == {}
    made.push(event("exposure.recorded", "k1.a", 1, 0))
    assert [total for name, total in made.twin("k1.a").sums.items() if name[0] == "x"] == [(3,)]


@given(histories)
def test_offsets_of_a_partition_have_no_gap_and_no_double(history):
    for records in Log([*history, DAYS[3]]).records.values():
        assert sorted(offset for offset, _ in records) == list(range(len(records)))


def test_what_is_read_is_a_copy():
    made = driver([event("exposure.recorded", "k1.a")])
    before = made.twin("k1.a").fields()
    taken = made.twin("k1.a")
    taken.sums.clear()
    taken.slots.clear()
    made.rejects.append("x")
    made.counts.clear()
    made.alerts.append({})
    assert (made.twin("k1.a").fields(), made.rejects, made.alerts) == (before, [], [])
    assert made.twin("k1.nobody").fields() == {}


def test_a_rule_that_raises_is_not_hidden(monkeypatch):
    from megdt_stream.governance import overdue

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(overdue, "examine", broken)
    with pytest.raises(FoldFailed) as failed:
        driver([plan(), event("assessment.recorded", "k1.a", 1)])
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_there_is_a_partition():
    with pytest.raises(ValueError, match="at least one"):
        driver(partitions=0)


# --- many histories ---


@settings(max_examples=150)
@given(histories, st.integers(0, 2**32))
def test_order_and_copies_do_not_matter(history, seed):
    chance = random.Random(seed)
    shuffled = [*history, *chance.sample(history, len(history) // 3)]
    chance.shuffle(shuffled)
    one, other = driver(history), driver(shuffled, partitions=chance.randint(1, 9))
    for made in (one, other):
        made.advance(END)
    for name in NAMES:
        assert evidence_of(one.twin(name)) == evidence_of(other.twin(name)), name
        assert one.twin(name).standing.keys() == other.twin(name).standing.keys(), name
        assert one.twin(name).head == other.twin(name).head


@settings(max_examples=150)
@given(histories)
def test_twins_are_those_of_the_oracle(history):
    made = driver(history)
    decisions = [judge(written(one), None, END) for one in history]
    facts = [decode(decision.value) for decision in decisions if isinstance(decision, Taken)]
    assert len(facts) == len(history)
    for name in NAMES:
        assert evidence_of(made.twin(name)) == wanted(facts, name), name


@settings(max_examples=50)
@given(histories, st.lists(st.sampled_from(DAYS), max_size=3))
def test_equal_pushes_give_equal_results_and_every_event_is_accounted_for(history, days):
    found = []
    for _ in range(2):
        made = driver()
        outcomes = [made.push(one) for one in history]
        for day in sorted(days):
            made.advance(at(day))
        twins = {name: made.twin(name).fields() for name in NAMES}
        found.append((outcomes, twins, made.alerts, made.rejects, made.counts))
    assert found[0] == found[1]
    counts = Counter()
    for name, n in found[0][4].items():
        counts[name.split(":")[1]] += n
    assert counts["read"] == len(history) == counts["accepted"] + counts["duplicate"] + counts["rejected"]
