"""Triage: nothing is lost, nobody is told twice or too much, and a cause speaks for its consequences."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence.record import week_of
from megdt_stream.governance.triage import Blanket, Raised, Triage

DAY = 86_400_000


def one(id_="w1", about="k1.a", at=0, **more):
    return Raised(id_, "trainee-in-decline", 90, "medium", "office", about, at, **more)


raised = st.builds(
    Raised,
    id=st.uuids().map(str),
    rule=st.sampled_from(("a", "b")),
    horizon_days=st.sampled_from((28, 90)),
    severity=st.sampled_from(("low", "medium", "high")),
    owner=st.sampled_from(("office", "director")),
    about=st.integers(0, 30).map(lambda n: f"k1.t{n}"),
    at=st.integers(0, 100 * DAY),
    base=st.sampled_from(("b1", "b2", None)),
    group=st.sampled_from((None, "r1", "r2")),
    sources=st.sampled_from((frozenset(), frozenset({"/his"}))),
)


@given(st.lists(raised, max_size=80, unique_by=lambda r: r.id), st.integers(1, 4))
def test_every_warning_has_a_fate_and_nobody_is_told_too_much(found, cap):
    triage = Triage(cap, blankets=[Blanket("s1", 10 * DAY, 20 * DAY, source="/his")])
    fates = triage.sort(found)
    assert sorted(f.raised.id for f in fates) == sorted(f.id for f in found)
    told = [f.raised for f in fates if f.fate == "notified"]
    assert max(Counter((r.owner, week_of(r.at)) for r in told).values(), default=0) <= cap
    assert all(f.under for f in fates if f.fate != "notified")
    for key in {(r.about, r.rule, r.horizon_days) for r in told}:
        times = sorted(r.at for r in told if (r.about, r.rule, r.horizon_days) == key)
        assert all(b - a >= 28 * DAY for a, b in pairwise(times))


def test_the_severest_are_told_first():
    low, high = one("w1", "k1.a", 5)._replace(severity="low"), one("w2", "k1.b", 9)._replace(severity="high")
    assert {f.raised.id: f.fate for f in Triage(1).sort([low, high])} == {"w2": "notified", "w1": "listed"}


def test_a_silent_source_speaks_for_what_rests_on_it_while_it_is_silent():
    triage = Triage(9, blankets=[Blanket("s1", DAY, 3 * DAY, source="/his")])
    on_it = [one(f"w{n}", f"k1.t{n}", n * DAY, sources=frozenset({"/his"})) for n in range(4)]
    assert [f.fate for f in triage.sort(on_it)] == ["notified", "inhibited", "inhibited", "notified"]
    assert [f.fate for f in triage.sort([one("w9", "k1.t9", 2 * DAY)])] == ["notified"]


def test_a_base_speaks_for_its_trainees_and_only_of_its_own_cause():
    triage = Triage(9, blankets=[Blanket("b", 0, None, base="b1", rules=frozenset({"trainee-in-decline"}))])
    assert [f.fate for f in triage.sort([one(base="b1"), one("w2", "k1.b", base="b2")])] == ["inhibited", "notified"]
    assert [f.fate for f in triage.sort([one("w3", base="b1")._replace(rule="other")])] == ["notified"]


def test_several_of_a_rotation_are_one():
    fates = Triage(9).sort([one("w1", "k1.a/r/x", group="r"), one("w2", "k1.a/r/y", group="r")])
    assert [(f.fate, f.under) for f in fates] == [("notified", None), ("grouped", "w1")]
