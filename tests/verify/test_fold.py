"""The fold: figures worked out by hand, and no dependence on the order of arrival."""

import json
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.verify.log import Origin
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.reference import DAY_MS, Rule

RULE = Rule(1, 7 * DAY_MS, "medium", "education-office")
PERIOD_728 = 1_762_133_400_000  # 2025-11-03T01:30:00Z; floor(... / 2,419,200,000) = 728
HOUR_728 = 489_481


def h(number: int) -> str:
    return f"{number:016x}"


class Chain:
    """Evidence records of one trainee with running origins."""

    def __init__(self, failed: frozenset[Origin] = frozenset()) -> None:
        self.mirror = Mirror(0, RULE, failed)
        self.offset = 0

    def add(self, k: str, /, record: int = 1, rev: int = 0, d: int = 100, **fields) -> None:
        evidence = {
            "k": k,
            "trainee": "k1.t",
            "h": h(record),
            "d": h(d),
            "rev": rev,
            "happened": PERIOD_728,
            "origin": [fields.pop("topic", "assessments"), 0, fields.pop("origin", self.offset)],
        }
        self.mirror.apply(self.offset, evidence | fields)
        self.offset += 1

    def assess(self, level: int = 3500, record: int = 1, rev: int = 0, d: int = 100, **fields) -> None:
        marks = [["history", 6, level, 1250]]
        body = {"instrument": "mini-cex", "scale": "mini-cex@1", "marks": marks, "missing": []}
        self.add("assessment", record, rev, d, **(body | fields))

    @property
    def twin(self) -> dict[str, str]:
        return self.mirror.twins().get("k1.t", {})

    @property
    def counts(self) -> dict[str, int]:
        return {outcome: count for (_, outcome), count in self.mirror.counts.items()}


def test_an_assessment_adds_its_sums():
    chain = Chain()
    marks = [["history", 6, 3500, 1250], ["exam", 5.5, 3250, 1250]]
    missing = [["prof", "not-observed"]]
    chain.assess(marks=marks, missing=missing, item="m-1", assessor="k1.s", rotation="R-1")
    assert chain.twin == {
        "a|R-1|m-1": f"1 3375 {HOUR_728}",
        "c|history|728|k1.s": "1 1250 4375000",
        "c|exam|728|k1.s": "1 1250 4062500",
        "m|prof|728": "1",
        "k|assessment": "1",
    }


def test_sums_add_up_over_records():
    chain = Chain()
    chain.assess(3500, record=1)
    chain.assess(-500, record=2)
    assert chain.twin == {
        "a|-|mini-cex": f"2 3000 {2 * HOUR_728}",
        "c|history|728|-": "2 2500 3750000",
        "k|assessment": "2",
    }


def test_every_other_kind():
    chain = Chain()
    expects = [["m-1", 2, 5], ["考核", 1, 6]]
    chain.add(
        "rotation", 1, 2, status="planned", rotation="R-1", starts=1, ends=2, base="内科", department=None,
        supervisor="k1.s", expects=expects,
    )  # fmt: skip
    chain.add("rotation", 2, status="ended", rotation="R-1", starts=None, ends=None, base=None, expects=None)
    chain.add("exposure", 3, kind="procedure", item="LP", role="performed", count=3)
    chain.add("exposure", 4, kind="procedure", item="LP", role="performed", count=4)
    chain.add("exposure", 5, kind="case", item="I21", role=None, count=1, happened=-1)
    chain.add("outcome", 6, outcome="exam", result="pass", value=412.5, rotation=None, starts=None, ends=None)
    chain.add("enrolment", 7, stage="postgraduate", base="内科", programme=None, cohort="2025")
    at = PERIOD_728
    assert chain.twin == {
        f"r|R-1|{h(1)}": f'[{at},2,"planned",1,2,"内科",null,"k1.s",[["m-1",2,5],["考核",1,6]]]',
        f"r|R-1|{h(2)}": f'[{at},0,"ended",null,null,null,null,null,null]',
        "x|procedure|LP|performed|728": "7",
        "x|case|I21|-|-1": "1",
        f"o|exam|{h(6)}": f'[{at},0,"pass",412.5,null,null,null]',
        f"e|{h(7)}": f'[{at},0,"postgraduate","内科",null,"2025"]',
        "k|rotation": "2",
        "k|exposure": "3",
        "k|outcome": "1",
        "k|enrolment": "1",
    }


def test_feedback_and_its_delay():
    chain = Chain()
    minute = 60_000
    body = {"assessor": "k1.s", "characters": 10, "specific": True}
    chain.add("feedback", 1, **body, observed=PERIOD_728 - 3 * minute + 1)
    chain.add("feedback", 2, **body, observed=PERIOD_728 + minute)
    chain.add("feedback", 3, **body, observed=None)
    chain.add("feedback", 4, assessor=None, characters=5, specific=False, observed=None)
    chain.add("feedback", 5, assessor=None, characters=7, specific=None, observed=PERIOD_728 - 90 * minute)
    assert chain.twin == {
        "f|k1.s|728|specific": "3 30 2",
        "f|k1.s|728|timed": "2",
        "f|-|728|general": "1 5 0",
        "f|-|728|-": "1 7 90",
        "f|-|728|timed": "1",
        "k|feedback": "5",
    }


def test_activities():
    chain = Chain()
    monday = 1_762_128_000_000  # 2025-11-03T00:00:00Z; (... + 259,200,000) / 604,800,000 = 2,914
    chain.add("activity", 1, kind="teaching", item="S", minutes=45, attended=True, on_call=False, starts=None)
    chain.add("activity", 2, kind="teaching", item="S", minutes=45, attended=False, on_call=False, starts=None)
    chain.add("activity", 3, kind="learning-case", item="I21", minutes=0, attended=True, on_call=False, starts=None)
    chain.add("activity", 4, kind="duty", item=None, minutes=720, attended=True, on_call=False, starts=monday)
    chain.add("activity", 5, kind="duty", item=None, minutes=600, attended=True, on_call=False, starts=monday - 1)
    chain.add("activity", 6, kind="duty", item=None, minutes=60, attended=True, on_call=True, starts=monday)
    assert chain.twin == {
        "t|teaching|S|728": "2 90 1",
        "t|learning-case|I21|728": "1 0 1",
        "u|2914|duty": "1 720 0",
        "u|2913|duty": "1 600 0",
        "u|2914|on-call": "1 60 0",
        "k|activity": "6",
    }


def test_self_assessments_resources_and_decisions():
    chain = Chain()
    marks, missing = [["history", 6, 3500, 1250], ["exam", 5, 3000, 1000]], [["prof", "not-observed"]]
    chain.add("self-assessment", 1, rotation="R", scale="s@1", marks=marks, missing=missing)
    chain.add(
        "resource", 2, 1, kind="beds", base="内科", department=None, capacity=40.5, unit="beds", starts=5, ends=None
    )
    chain.add("decision", 3, on="W-1", action="snoozed", by="k1.c", reason=None, characters=9, until=7)
    at = PERIOD_728
    assert chain.twin == {
        "v|history|728": "1 1250 4375000",
        "v|exam|728": "1 1000 3000000",
        f"q|beds|{h(2)}": f'[{at},1,"内科",null,40.5,"beds",5,null]',
        f"d|W-1|{h(3)}": f'[{at},0,"snoozed","k1.c",null,7]',
        "k|self-assessment": "1",
        "k|resource": "1",
        "k|decision": "1",
    }


def test_an_identity_is_not_in_the_twin():
    chain = Chain()
    chain.add("identity", 1, event="linked", head="k1.p", system="his")
    assert chain.twin == {}
    assert chain.mirror.people["k1.t"].own_standing(h(1)).slots == (
        (f"i|{h(1)}", f'[{PERIOD_728},0,"k1.p","linked","his"]'),
    )
    assert chain.counts == {"accepted": 1}


@pytest.mark.parametrize("revisions", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_the_highest_revision_stands_in_any_order(revisions):
    chain = Chain()
    for rev in revisions:
        chain.assess(1000 * (rev + 1), rev=rev)
    assert chain.twin == {
        "a|-|mini-cex": f"1 3000 {HOUR_728}",
        "c|history|728|-": "1 1250 3750000",
        "k|assessment": "1",
    }
    assert chain.counts == {"accepted": 3}


@pytest.mark.parametrize("order", ["recorded first", "retracted first"])
def test_a_retraction_leaves_nothing(order):
    chain = Chain()
    steps = [lambda: chain.assess(rev=0), lambda: chain.add("retraction", rev=1, d=200)]
    for step in steps if order == "recorded first" else reversed(steps):
        step()
    assert chain.twin == {}
    assert chain.mirror.twins() == {}
    assert chain.counts == {"accepted": 2}


def test_a_record_may_come_back_after_its_retraction():
    chain = Chain()
    chain.add("retraction", rev=1)
    chain.assess(rev=2)
    assert chain.twin["k|assessment"] == "1"


def test_the_same_version_again_is_a_duplicate():
    chain = Chain()
    chain.assess()
    chain.assess()
    assert chain.counts == {"accepted": 1, "duplicate": 1}
    assert chain.twin["k|assessment"] == "1"


def test_the_same_origin_again_is_not_counted():
    chain = Chain()
    chain.assess(origin=5)
    chain.assess(origin=5)
    chain.assess(record=2, origin=4)
    assert chain.counts == {"accepted": 1}
    assert chain.mirror.seen == {("assessments", 0): 5}


@pytest.mark.parametrize("digests", [(100, 200), (200, 100)])
def test_of_a_conflict_the_smaller_digest_stands(digests):
    chain = Chain()
    for d in digests:
        chain.assess(d * 10, d=d, origin=d if digests[0] == 100 else 300 - d)
    displaced = Origin("assessments", 0, 200 if digests[0] == 100 else 100)
    assert chain.twin["c|history|728|-"] == "1 1250 1250000"
    assert chain.counts == {"accepted": 1, "rejected": 1}
    assert chain.mirror.rejects == {displaced: "id_conflict"}


def test_the_displaced_unit_moves_between_topics():
    chain = Chain()
    chain.assess(d=200)
    chain.add("exposure", 1, d=100, topic="exposures", kind="case", item="I21", count=1)
    counts = {key: count for key, count in chain.mirror.counts.items() if count}
    assert counts == {("exposures", "accepted"): 1, ("assessments", "rejected"): 1}


def test_after_64_versions_a_new_one_is_refused_and_known_ones_are_not():
    chain = Chain()
    for rev in range(66):
        chain.assess(rev=rev)
    chain.assess(rev=3)
    assert chain.counts == {"accepted": 64, "rejected": 2, "duplicate": 1}
    assert set(chain.mirror.rejects.values()) == {"too_many_revisions"}


def test_an_internal_error_is_left_out():
    chain = Chain(frozenset({Origin("assessments", 0, 0)}))
    chain.assess()
    assert chain.twin == {}
    assert chain.mirror.rejects == {Origin("assessments", 0, 0): "internal_error"}


def _fold(records: list[dict]) -> tuple[dict, dict]:
    mirror = Mirror(0, RULE)
    for offset, record in enumerate(records):
        mirror.apply(offset, json.loads(json.dumps(record | {"origin": ["assessments", 0, offset]})))
    return mirror.twins(), mirror.deadlines()


_bodies = st.one_of(
    st.builds(
        lambda mark, item, rotation: {
            "k": "assessment", "instrument": "mini-cex", "item": item, "rotation": rotation,
            "marks": [["c", 1, mark, 1250]], "missing": [],
        },
        st.integers(-100, 100), st.sampled_from([None, "i"]), st.sampled_from([None, "R"]),
    ),
    st.builds(
        lambda status, due: {
            "k": "rotation", "rotation": "R", "status": status, "base": "b" if due else None,
            "expects": [["i", 1, due]] if status == "planned" else None,
        },
        st.sampled_from(["planned", "ended", "cancelled"]), st.integers(1, 9),
    ),
    st.builds(lambda n: {"k": "exposure", "kind": "case", "item": "x", "count": n}, st.integers(1, 5)),
    st.just({"k": "retraction"}),
)  # fmt: skip
_records = st.builds(
    lambda body, record, rev, happened, trainee: body
    | {
        "trainee": f"k1.{trainee}", "h": h(record), "rev": rev,
        "happened": happened * 10**9,
        "d": blake2b(json.dumps([body, happened]).encode(), digest_size=8).hexdigest(),
    },
    _bodies, st.integers(1, 4), st.integers(0, 3), st.integers(0, 9), st.sampled_from("ab"),
)  # fmt: skip


@given(st.lists(_records, max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(records, random):
    shuffled = list(records)
    random.shuffle(shuffled)
    assert _fold(shuffled) == _fold(records)
