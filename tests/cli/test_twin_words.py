"""What history and diff say, without servers: every kind of evidence in words of both languages."""

import io
import re

import pytest
from rich.console import Console

from megdt_stream.console import history as tables
from megdt_stream.console.words import Words
from megdt_stream.driver.replay import Change, events
from tests.driver.histories import DAYS, Log, event, link
from tests.evidence.samples import DATA
from tests.mirror.logs import RULE

SAID = {
    "a|R1|mini-cex": ("assessments mini-cex in rotation R1: – → 2", "轮转 R1 中的考核 mini-cex: – → 2"),
    "a|-|mini-cex": ("assessments mini-cex without a rotation: – → 2", "未归入轮转的考核 mini-cex: – → 2"),
    "m|communication|0": (
        "communication given as missing, four weeks from 1970-01-01: – → 2",
        "沟通技能 缺失（自 1970-01-01 起四周）: – → 2",
    ),
    "x|case|P|-|1": (
        "case P (not told), four weeks from 1970-01-29: – → 2",
        "病种 P（未注明），自 1970-01-29 起四周: – → 2",
    ),
    "w|rule|R1|dops": ("warning: dops in rotation R1: – → open", "预警：轮转 R1 的 dops: – → 未解除"),
    "head": ("belongs to: – → 2", "归属于: – → 2"),
    "persona|sk.a": ("records of sk.a: – → counted here", "sk.a 的记录: – → 计入"),
    "k|assessment": ("", ""),
    "f|-|0|timed": ("", ""),
}


@pytest.mark.parametrize("field", SAID)
def test_a_change_is_said_in_both_languages(field):
    change = Change(field, None, "2")
    assert tuple(tables.said_of(change, Words(lang)) for lang in ("en", "zh")) == SAID[field]


def test_values_with_more_than_a_count_are_said_whole():
    def said(field, before, after):
        return tables.said_of(Change(field, before, after), Words("en"))

    assert said("c|c1|0|-", "1 1000 3250000", "2 2000 7000000") == (
        "scores of c1 by an unnamed assessor, four weeks from 1970-01-01: 1, level 3.25 → 2, level 3.50"
    )
    assert said("u|0|on-call", "1 60 0", None) == "on call, week from 1969-12-29: 1 (60 min) → –"
    assert said("o|annual|00", None, '[0,0,"pass",81.5,null,null,null]') == "outcome annual: – → pass · 81.5"
    assert said("r|R1|00", None, '[0,0,null,null,86400000,null,null,"k1.s",[]]') == (
        "rotation R1: – → changed · k1.s · /1970-01-02 · nothing expected"
    )


def everything():
    plain = [event(name, "k1.a", number) for number, name in enumerate(DATA) if not name.startswith("identity.")]
    people = [event("identity.enrolled", "k1.a", 80), link("sk.a", "k1.a"), link("k1.a", "k1.b", 81)]
    undone = [event(name, "k1.a", 3, 9) for name in ("assessment.retracted",)]
    return Log([*plain, *people, *undone, *DAYS]).chronicle("k1.a")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_kind_of_evidence_can_be_told(lang):
    rows = tables.history_rows(events(everything(), RULE), Words(lang))
    assert {row["kind"] for row in rows} == {
        *("assessment", "rotation", "feedback", "exposure", "activity", "self-assessment", "outcome", "resource"),
        *("enrolment", "identity", "decision", "retraction"),
    }
    said = [change["words"] for row in rows for change in row["changes"] if change["words"]]
    assert len(said) > 20
    assert all(re.search(r": .+ → .+", one) for one in said)
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(tables.history("k1.a", rows, Words(lang)))
    drawn = console.export_text()
    assert all(one in drawn for one in said)
    if lang == "zh":
        told = {row["kind"] for row in rows} | {row["verdict"] for row in rows}
        assert not [word for word in told if re.search(rf"(?<![\w|.-]){word}(?![\w|.-])", drawn)]


def test_a_difference_is_in_values_and_intervals_and_not_in_provenance():
    before = {
        "properties": {
            "level|c": {"value": 3.0, "interval": [2.5, 3.5], "provenance": {"scores": 1}},
            "rotation|R1": {"value": "started", "provenance": {"others": 1}},
            "outcome|o|1": {"value": "pass", "provenance": {}},
        }
    }
    after = {
        "properties": {
            "level|c": {"value": 3.0, "interval": [2.7, 3.3], "provenance": {"scores": 2}},
            "rotation|R1": {"value": "started", "provenance": {"others": 2}},
            "weak|c": {"value": 0.2, "weak": False, "of": {"value": 1, "interval": [0, 2]}, "list": [1], "gone": None},
        }
    }
    rows = tables.difference(before, after)
    assert rows == [
        {
            "property": "level|c",
            "before": {"value": 3.0, "interval": [2.5, 3.5]},
            "after": {"value": 3.0, "interval": [2.7, 3.3]},
        },
        {"property": "outcome|o|1", "before": {"value": "pass"}, "after": None},
        {
            "property": "weak|c",
            "before": None,
            "after": {"value": 0.2, "weak": False, "of": {"value": 1, "interval": [0, 2]}, "list": [1], "gone": None},
        },
    ]
    assert tables.difference(after, after) == []
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(tables.difference_table("k1.a", ("then", "now"), rows, Words("en")))
    drawn = console.export_text()
    for part in ("level · c", "3.0 [2.5, 3.5]", "3.0 [2.7, 3.3]", "weak: no", "of: 1 [0, 2]", "list: …", "then", "now"):
        assert part in drawn
    assert "gone" not in drawn
