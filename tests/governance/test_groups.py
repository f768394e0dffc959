"""Rules about groups: sources, assessors, bases, instruments, quotas, risks."""

import pytest

from megdt_stream.governance.groups import assessor, base, drift, quota, risk, silence
from megdt_stream.governance.groups.contract import CLEAR, HOLDS, WARNS
from megdt_stream.governance.groups.drift import Marked
from megdt_stream.governance.groups.risk import Risk
from megdt_stream.governance.groups.standing import Standing
from megdt_stream.seed_files import load_rule
from megdt_stream.verify.reference import load_reference

DAY = 86_400_000
TERMS = load_rule().groups
SCHEMAS = load_reference()
KNOWN = {"k1.first": 0.9, "k1.next": 0.6, "k1.then": 0.5, "k1.near": 0.22, "k1.well": 0.1}


def grade_of_silence(per_day, today):
    return silence.judge("/his", per_day, today * DAY, TERMS["source-silent"]).grade


def test_a_busy_source_is_silent_after_days_and_a_slow_one_is_not():
    busy, slow = dict.fromkeys(range(100), 40), dict.fromkeys(range(0, 100, 10), 1)
    assert grade_of_silence(busy, 101) == CLEAR
    assert grade_of_silence(busy, 103) == WARNS
    assert grade_of_silence(slow, 110) == CLEAR
    assert grade_of_silence({}, 110) == CLEAR


def test_gaps_that_a_source_has_are_its_habit():
    rounds = {day: 40 for day in range(200) if day % 20 < 10}
    assert grade_of_silence(rounds, 189 + 21) == CLEAR
    assert grade_of_silence(rounds, 189 + 22) == WARNS


def test_an_outage_is_no_habit():
    twice = {day: 40 for day in range(150) if not 100 <= day < 120}
    assert grade_of_silence(twice, 151) == CLEAR
    assert grade_of_silence(twice, 153) == WARNS


def test_of_few_gaps_nothing_is_told():
    days = range(0, 2 * TERMS["source-silent"].fewest, 2)
    assert grade_of_silence(dict.fromkeys(days, 1), 200) == CLEAR
    assert grade_of_silence(dict.fromkeys([*days, days.stop], 1), 200) == WARNS


def severity(*values, half=0.2):
    return {f"severity|c{n}": {"value": one, "interval": [one - half, one + half]} for n, one in enumerate(values)}


def test_an_outlier_is_sure_in_several_competencies():
    terms = TERMS["assessor-outlier"]
    assert assessor.outlier("k1.r", severity(1.2, 1.1), terms).grade == WARNS
    assert assessor.outlier("k1.r", severity(-1.2, -1.1), terms).code == "lenient"
    assert assessor.outlier("k1.r", severity(1.2, 1.1, half=0.9), terms).grade == HOLDS
    assert assessor.outlier("k1.r", severity(0.5, 0.5), terms).grade == HOLDS
    assert assessor.outlier("k1.r", {"severity": {"value": None}}, terms).grade == CLEAR


def test_load_and_late_feedback():
    full = {"load|forms": {"value": 70.0}, "supervises": {"value": 2}}
    assert assessor.overloaded("k1.r", full, TERMS["assessor-overloaded"]).grade == WARNS
    assert assessor.overloaded("k1.r", {}, TERMS["assessor-overloaded"]).grade == CLEAR
    late = {"feedback|hours": {"value": 300.0, "provenance": {"timed": 6}}}
    assert assessor.late("k1.r", late, TERMS["feedback-late"]).grade == WARNS
    late["feedback|hours"]["provenance"]["timed"] = 2
    assert assessor.late("k1.r", late, TERMS["feedback-late"]).grade == CLEAR


def supplied(share, months=40.0):
    demand = 2.0
    seen = round(share * demand * months)
    provenance = {"demand": demand, "ratio": share, "seen": seen, "trainee_months": months}
    return {f"supply|s|d|i{n}": {"value": share * demand, "provenance": provenance} for n in range(4)}


@pytest.mark.parametrize(("share", "grade"), [(0.4, WARNS), (0.75, HOLDS), (0.9, CLEAR)])
def test_supply_is_held_against_demand(share, grade):
    assert base.supply("b", supplied(share), TERMS["base-short-of-cases"]).grade == grade


def test_little_time_or_suppression_says_nothing_of_supply():
    assert base.supply("b", supplied(0.1, 5.0), TERMS["base-short-of-cases"]).grade == CLEAR
    assert base.supply("b", {"supply|s|d": {"value": None}}, TERMS["base-short-of-cases"]).grade == CLEAR


def test_supervision_completion_and_linkage():
    assert base.supervision("b", {"supervision": {"value": 0.2}}, TERMS["supervision-thin"]).grade == WARNS
    assert base.supervision("b", {}, TERMS["supervision-thin"]).grade == CLEAR
    assert (
        base.completion("b", {"completion": {"value": 0.5, "interval": [0.4, 0.6]}}, TERMS["forms-incomplete"]).grade
        == WARNS
    )
    assert (
        base.completion("b", {"completion": {"value": 0.6, "interval": [0.4, 0.8]}}, TERMS["forms-incomplete"]).grade
        == CLEAR
    )
    assert base.linked("b", 5, 12, TERMS["base-in-decline"]).grade == WARNS
    assert base.linked("b", 3, 9, TERMS["base-in-decline"]).grade == CLEAR


def test_growth_is_no_drift_and_a_shift_is_named_only_where_it_is():
    def marked(shifted, name, out):
        for n in range(40):
            own, other = (-1.0 if name in shifted else 0.0), (-1.0 if shifted - {name} - set(out) else 0.0) / 2
            noise = 0.1 * ((n % 5) - 2)
            yield Marked(2.0, 2.0, 3.0 + own + noise, 3.0 + other)

    terms = TERMS["form-drift"]
    quiet = drift.sift(["dops", "mini-cex"], lambda name, out: marked(set(), name, out), terms)
    assert {one.grade for one in quiet} == {CLEAR}
    found = drift.sift(["dops", "mini-cex"], lambda name, out: marked({"dops"}, name, out), terms)
    assert {one.id: one.grade for one in found} == {"dops": WARNS, "mini-cex": CLEAR}
    assert found[0].code == "shifted-down"


def test_without_a_standard_no_quota_is_short():
    assert quota.judge("k1.a", None, TERMS["quota-projected-short"]).grade == CLEAR


def test_reviewers_see_the_surest_above_the_threshold_and_the_rest_is_listed():
    terms = TERMS["model-risk"].model_copy(update={"capacity": 2})
    risks = [Risk(f"k1.{n}", p, p - 0.1, p + 0.1) for n, p in enumerate((0.1, 0.3, 0.9, 0.5, 0.24))]
    found = risk.choose(risks, terms)
    assert [one.probability for one in found.warned] == [0.9, 0.5]
    assert [one.probability for one in found.listed] == [0.3]
    assert found.gain == pytest.approx(0.9 * 4 - 1 + 0.5 * 4 - 1)


def test_a_risk_is_warned_of_once_and_holds_until_it_is_well_below():
    terms = TERMS["model-risk"].model_copy(update={"capacity": 1})
    risks = [Risk(name, p, p - 0.1, p + 0.1, (("silence", 0.4), ("lead_mean", -0.2))) for name, p in KNOWN.items()]
    found = {one.id: one for one in risk.judge(risks, terms, {"k1.first"}, "r1-2025-01-06")}
    grades = {name: one.grade for name, one in found.items()}
    assert grades == {"k1.first": HOLDS, "k1.next": WARNS, "k1.then": HOLDS, "k1.near": HOLDS, "k1.well": CLEAR}
    assert found["k1.next"].names == ("silence",)
    assert found["k1.next"].interval == (0.5, 0.7)
    assert found["k1.next"].model == {"name": "risk", "version": "r1-2025-01-06"}


def test_a_groups_warning_is_raised_once_cleared_after_its_dwell_and_fits_the_schema():
    terms = TERMS["base-short-of-cases"]
    standing = Standing()
    short, full = base.supply("b", supplied(0.3), terms), base.supply("b", supplied(1.0), terms)
    raised = standing.look("base-short-of-cases", terms, [short], 0)
    assert [one["type"] for one in raised] == ["megdt.warning.raised.v1"]
    assert standing.look("base-short-of-cases", terms, [short], 14 * DAY) == []
    assert standing.look("base-short-of-cases", terms, [full], 28 * DAY) == []
    cleared = standing.look("base-short-of-cases", terms, [full], 56 * DAY)
    assert [one["data"]["opened_by"] for one in cleared] == [raised[0]["id"]]
    assert all(SCHEMAS.satisfies("alerts", one) for one in raised + cleared)
