"""The mirror's reviews against the checker's own, on histories of any kind."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.driver import Driver, partitions
from megdt_stream.evidence import topics
from megdt_stream.seed_files import load_reference, load_rule
from megdt_stream.twin.view import rfc3339
from megdt_stream.verify.alerts import _wrong_of_review
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.reference import load_reference as load_checked

DAY = 86_400_000
BEGIN = 20_000 * DAY
RULE = load_rule()
CHECKED = load_checked()
COMPETENCIES = ("professionalism", "patient-care", "communication")


def eager(rule):
    """Give terms by which three marks a month are enough to speak."""
    changes = {
        "trainee-in-decline": {"assessors": 2, "z_tenths": 10, "drop_milli": 300, "rater_sd_milli": 100},
        "professionalism-concern": {"assessors": 2, "below_milli": 200, "clear_milli": 100},
    }
    looser = tuple(
        one._replace(
            terms=one.terms.model_copy(update={"dwell_days": 3, "escalate_days": 5, **changes.get(one.name, {})})
        )
        for one in rule.reviews
    )
    return rule.model_copy(update={"reviews": looser}), changes


def checked_rule():
    loosened = {"dwell_days": 3, "escalate_days": 5}
    changes = eager(RULE)[1]
    tables = {name: {**table, **loosened, **changes.get(name, {})} for name, table in CHECKED.rule.tables.items()}
    return replace(CHECKED.rule, tables=tables)


NAMES = ("k1.a", "k1.b")
assessment = st.tuples(
    st.just("mark"), st.sampled_from(NAMES), st.integers(0, 3), st.lists(st.integers(1, 9), min_size=3, max_size=3)
)
duty = st.tuples(st.just("duty"), st.sampled_from(NAMES), st.integers(1, 3), st.just(0))
outcome = st.tuples(st.just("outcome"), st.sampled_from(NAMES), st.booleans(), st.just(0))
answer = st.tuples(
    st.just("answer"),
    st.just(""),
    st.sampled_from(("assigned", "snoozed", "resolved", "flagged-incorrect")),
    st.integers(0, 9),
)
link = st.tuples(st.just("link"), st.just(""), st.booleans(), st.just(0))
wait = st.tuples(st.just("wait"), st.just(""), st.sampled_from((1, 3, 8, 20)), st.just(0))
again = st.tuples(st.just("again"), st.just(""), st.booleans(), st.integers(0, 9))
moves = st.lists(
    st.one_of(assessment, assessment, assessment, duty, outcome, answer, link, wait, wait, again),
    min_size=10,
    max_size=70,
)


class Play:
    """Plays moves on a driver and keeps the evidence log."""

    def __init__(self, monkeypatch):
        self.log, self.sent, self.day = [], [], 0
        take = partitions.Shard.take

        def kept(shard, record, rule):
            self.log.append((shard.state.number, record.offset, record.value))
            return take(shard, record, rule)

        monkeypatch.setattr(partitions.Shard, "take", kept)
        self.driver = Driver(load_reference(), eager(RULE)[0], partitions=2)
        self.driver.advance(BEGIN)

    def push(self, kind, subject, data, **more):
        event = {"specversion": "1.0", "source": "/x", "id": f"i{len(self.sent)}", "subject": subject, **more}
        event |= {"type": f"megdt.{kind}.v1", "time": rfc3339(BEGIN + self.day * DAY), "data": data}
        self.sent.append(event)
        self.driver.push(event)

    def move(self, what, who, a, b):
        at = BEGIN + self.day * DAY
        if what == "mark":
            scores = [{"competency": c, "value": v} for c, v in zip(COMPETENCIES, b, strict=True)]
            self.push(
                "assessment.recorded",
                who,
                {"instrument": "mini-cex", "scale": "mini-cex@1", "assessor": f"k1.r{a}", "scores": scores},
            )
            self.day += 2
        elif what == "duty":
            for n in range(a):
                self.push(
                    "duty.recorded",
                    who,
                    {"starts": rfc3339(at - n * 3 * DAY), "ends": rfc3339(at - n * 3 * DAY + 40 * 3_600_000)},
                )
        elif what == "outcome":
            self.push(
                "outcome.recorded", who, {"outcome": "professionalism-incident" if a else "other", "result": "noted"}
            )
        elif what == "answer" and (raised := [one for one in self.driver.alerts if one["type"].endswith("raised.v1")]):
            on = raised[b % len(raised)]
            data = {"on": on["id"], "action": a, "by": "k1.c", "reason": "x", "until": rfc3339(at + 6 * DAY)}
            self.push("decision.made", on["subject"], data | ({"assignee": "k1.d"} if a == "assigned" else {}))
        elif what == "link":
            self.push("identity.linked" if a else "identity.unmerged", "k1.b", {"person": "k1.a"} if a else {})
        elif what == "wait":
            self.day += a
            self.driver.advance(BEGIN + self.day * DAY)
        elif what == "again" and self.sent:
            old = self.sent[b % len(self.sent)]
            if a:
                self.driver.push(old)
            else:
                family = topics.BY_NAME[self.topic(old)].short.removesuffix("s")
                kind = {"activitie": "activity", "identitie": "identity"}.get(family, family)
                self.push(f"{kind}.retracted", old["subject"], {}, id=old["id"], revision=3)

    def topic(self, event):
        from megdt_stream.evidence import events

        return events.BY_TYPE[event["type"]].topic.name


@settings(max_examples=60, deadline=None)
@given(moves)
def test_the_checker_reaches_the_same_decisions(found):
    with pytest.MonkeyPatch.context() as patch:
        play = Play(patch)
        for move in found:
            play.move(*move)
        play.move("wait", "", 20, 0)
    mirrors = {}
    for number, offset, value in play.log:
        mirror = mirrors.setdefault(number, Mirror(number, checked_rule()))
        mirror.apply(offset, json.loads(value))
    said = {name: one for mirror in mirrors.values() for name, one in mirror.said.items()}
    alerts = {one["id"]: one for one in play.driver.alerts}
    assert alerts.keys() == said.keys()
    for name, one in alerts.items():
        copy = SimpleNamespace(key=one["subject"].encode(), where="")
        assert _wrong_of_review(copy, one, said[name]) == []
        assert CHECKED.satisfies("alerts", one)
    twins = {name: twin for mirror in mirrors.values() for name, twin in mirror.twins().items()}
    assert {name: play.driver.twin(name).standing for name in NAMES if name in twins} == {
        name: {f: json.loads(v) for f, v in twin.items() if f.startswith("w|")}
        for name, twin in twins.items()
        if name in NAMES
    }
    for shard in play.driver._partitions.shards:
        due = {m: d for m, d in shard.state.deadlines._due.items() if "||" in m}
        assert due == {
            m: d
            for m, d in mirrors[shard.number if hasattr(shard, "number") else shard.state.number].deadlines().items()
            if "||" in m
        }
