"""Warnings that are another one's consequence, read off the notices."""

import pytest

from megdt_stream.governance import linkage
from megdt_stream.governance.groups.contract import Group
from megdt_stream.governance.groups.standing import Standing
from megdt_stream.runtime.warning_list import collect
from megdt_stream.seed_files import load_rule

DAY = 86_400_000
NOW = 20_000 * DAY
TERMS = load_rule().groups


def about(rule, kind, name, code, figures, at=NOW, standing=None):
    return (standing or Standing()).look(rule, TERMS[rule], [Group(kind, name, 2, code, figures)], at)[0]


def severe(size=1400, code="severe"):
    return about(
        "assessor-outlier",
        "faculty",
        "k1.harsh",
        code,
        {"severity_milli": size, "at_most_milli": size, "competencies": 3},
    )


def decline(
    at=NOW + DAY, margin=1500, raters=("k1.harsh", "k1.a", "k1.b", "k1.c"), base="ped", said="raised", id_="d1"
):
    figures = {"margin_milli": margin}
    data = {
        "rule": "trainee-in-decline",
        "severity": "medium",
        "owner": "programme-director",
        "trainee": "k1.t",
        "base": base,
        "opened_by": "d1",
        "horizon_days": 90,
        "figures": figures,
        "fields": [f"c|patient-care|700|{one}" for one in raters],
        "reason": {"code": "level-fell"},
    }
    from megdt_stream.evidence.times import rfc3339

    return {"id": id_, "type": f"megdt.warning.{said}.v1", "time": rfc3339(at), "data": data}


def overdue(item="mini-cex", at=NOW + DAY):
    event = decline(at, said="opened")
    event["data"] |= {"rule": "expected-assessment-overdue", "rotation": "r1", "item": item}
    return event


def fate(*notices):
    found = {one.id: one for one in collect(notices, lambda _: None)}
    return found["d1"].fate, found["d1"].under


def test_a_decline_that_needs_an_assessors_severity_waits_under_theirs():
    outlier = severe()
    assert fate(outlier, decline(margin=1300)) == ("inhibited", outlier["id"])
    assert fate(outlier, decline(margin=1400)) == ("notified", None)


def test_it_is_told_when_it_escalates_and_stands_on_its_own_by_then():
    outlier, waits = severe(), decline(margin=1300)
    stronger, gone = (decline(NOW + 29 * DAY, margin, said="escalated", id_="d2") for margin in (1500, -1))
    assert fate(outlier, waits, stronger) == ("notified", None)
    assert fate(outlier, waits, gone)[0] == "inhibited"
    assert fate(decline(), stronger) == ("notified", None)


@pytest.mark.parametrize(
    "notices",
    [
        (severe(code="lenient"), decline(margin=0)),
        (severe(), decline(margin=0, raters=("k1.a", "k1.b", "k1.c", "k1.d"))),
        (severe(), decline(margin=0, at=NOW - DAY)),
    ],
    ids=["lenient", "rests on others", "before it was told"],
)
def test_no_other_decline_does(notices):
    assert fate(*notices) == ("notified", None)


def test_a_base_in_decline_speaks_for_its_trainees_and_a_week_longer():
    standing = Standing()
    down = about("base-in-decline", "base", "ped", "many-down", {"warned": 5, "trainees": 12}, standing=standing)
    terms = TERMS["base-in-decline"]
    (over,) = standing.look("base-in-decline", terms, [Group("base", "ped", 0, "many-down")], NOW + 60 * DAY)
    assert fate(down, decline()) == ("inhibited", down["id"])
    assert fate(down, decline(base="sur")) == ("notified", None)
    assert fate(down, over, decline(at=NOW + 66 * DAY))[0] == "inhibited"
    assert fate(over, down, decline(at=NOW + 67 * DAY))[0] == "notified"


def test_silence_of_a_source_covers_what_rests_on_it_alone():
    figures = {"days": 4, "longest_days": 1, "usual_per_week": 90}
    (silent,) = Standing().look(
        "source-silent", TERMS["source-silent"], [Group("source", "/his", 2, "silent", figures, ("mini-cex",))], NOW
    )
    (blanket,) = linkage.blankets([silent])
    assert (blanket.source, blanket.rules) == ("/his", frozenset())
    assert fate(silent, decline()) == ("notified", None)
    assert fate(silent, overdue()) == ("inhibited", silent["id"])
    assert fate(silent, overdue("osce")) == ("notified", None)
    assert fate(silent, overdue(at=NOW - DAY)) == ("notified", None)
