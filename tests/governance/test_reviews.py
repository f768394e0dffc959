"""Rules that review a trainee: what opens a warning, what keeps it, what closes it, and who is never blamed."""

import pytest

from megdt_stream.evidence.record import PERIOD_MS, WEEK_MS, week_of
from megdt_stream.governance.lifecycle import state
from megdt_stream.governance.reviewing import field, linked, look
from megdt_stream.governance.reviews import CLEAR, HOLDS, PROMPTLY, SLEEPS, WAKES, WARNS
from megdt_stream.seed_files import load_rule
from megdt_stream.twin.state import Twin

DAY = 86_400_000
NOW = 2_800 * WEEK_MS
REVIEWS = {one.name: one for one in load_rule().reviews}
DUTY, CONDUCT, DECLINE = (
    REVIEWS[name] for name in ("duty-hours-over-limit", "professionalism-concern", "trainee-in-decline")
)


def worked(*hours):
    """Give a twin with so many hours in the weeks before this one, the latest last."""
    twin = Twin()
    for back, n in enumerate(reversed(hours), 1):
        if n:
            twin.sums[f"u|{week_of(NOW) - back}|duty"] = (1, 60 * n, 0)
    return twin


def rated(before, lately, competency="patient-care"):
    """Give a twin whose assessors gave these levels half a year ago and in the latest period."""
    twin = Twin()
    twin.sums["k|assessment"] = (len(before) + len(lately),)
    period = NOW // PERIOD_MS
    for ago, levels in ((5, before), (0, lately)):
        for rater, level in levels.items():
            twin.sums[f"c|{competency}|{period - ago}|{rater}"] = (4, 4000, round(4000 * 1000 * level))
            forms = f"a|rot-{ago}|{rater}", (1, round(1000 * level), (period - ago) * PERIOD_MS // 3_600_000)
            twin.sums |= dict([forms])
    return twin


def judged(review, twin, now=NOW):
    return review.judge(twin, now, review.terms)


SIX = [f"k1.r{n}" for n in range(6)]


@pytest.mark.parametrize(
    ("hours", "grade", "code"),
    [
        ((70, 70, 70, 70), CLEAR, None),
        ((80, 80, 80, 80), HOLDS, None),
        ((0, 0, 0, 89), WARNS, "week-over"),
        ((81, 81, 81, 81), WARNS, "mean-over"),
        ((0, 0, 0, 88), CLEAR, None),
    ],
)
def test_hours_are_held_against_both_limits(hours, grade, code):
    found = judged(DUTY, worked(*hours))
    assert (found.grade, found.code) == (grade, code or found.code)


def test_a_week_under_way_and_one_long_ago_do_not_count():
    twin = Twin()
    for week in (week_of(NOW), week_of(NOW) - 5):
        twin.sums[f"u|{week}|duty"] = (1, 60 * 120, 0)
    assert judged(DUTY, twin).grade == CLEAR


def test_only_a_full_week_wakes_the_rule_of_hours():
    twin = worked(60, 85)
    last = week_of(NOW)
    assert DUTY.wakes(twin, [f"u|{last - 1}|on-call"], DUTY.terms) == WAKES
    assert DUTY.wakes(twin, [f"u|{last - 2}|duty"], DUTY.terms) == SLEEPS


def test_a_drop_that_several_see_is_a_decline():
    found = judged(DECLINE, rated(dict.fromkeys(SIX, 3.5), dict.fromkeys(SIX, 2.2)))
    assert found.grade == WARNS
    assert found.figures["drop_milli"] == 1300
    assert found.interval[0] < 1300 < found.interval[1]
    assert found.probability > 0.99


@pytest.mark.parametrize("severity", [1.0, 2.0, 3.0, 4.0])
def test_no_single_assessor_makes_a_decline(severity):
    lately = dict.fromkeys(SIX[:4], 3.4) | {"k1.harsh": 4.4 - severity}
    assert judged(DECLINE, rated(dict.fromkeys(SIX, 3.5), lately)).grade != WARNS


@pytest.mark.parametrize("level", [3.9, 4.5, 5.0])
def test_no_lenient_assessor_before_makes_one(level):
    before = dict.fromkeys(SIX[:4], 3.0) | {"k1.lenient": level + 1}
    assert judged(DECLINE, rated(before, dict.fromkeys(SIX, 2.9))).grade != WARNS


def test_few_assessors_say_nothing():
    assert judged(DECLINE, rated(dict.fromkeys(SIX, 4.0), dict.fromkeys(SIX[:3], 1.0))).grade == CLEAR


def test_a_harsh_assessor_is_no_professionalism_concern():
    """Severity is in all that an assessor gives: only what lies below it speaks."""
    twin = rated({}, dict.fromkeys(SIX, 1.0), "professionalism")
    twin.sums |= rated({}, dict.fromkeys(SIX, 1.2)).sums
    assert judged(CONDUCT, twin).grade == CLEAR
    twin.sums |= rated({}, dict.fromkeys(SIX, 2.8)).sums
    assert judged(CONDUCT, twin).grade == WARNS


def test_an_incident_speaks_at_once_and_for_its_time():
    twin = Twin()
    name = "o|professionalism-incident|00000000000000aa"
    twin.slots["o|professionalism-incident"] = {name: [NOW - DAY, 0, "noted", None, None, None, None]}
    assert CONDUCT.wakes(twin, [name], CONDUCT.terms) == PROMPTLY
    assert CONDUCT.wakes(twin, ["o|annual-assessment|00000000000000aa"], CONDUCT.terms) == SLEEPS
    assert judged(CONDUCT, twin).records == ("00000000000000aa",)
    assert judged(CONDUCT, twin, NOW + 90 * DAY).grade == CLEAR


# --- what becomes of a warning ---


def opened(twin, since=NOW, state_="open"):
    twin.standing[field(DUTY)] = [since, "00000000000000ff", state_]
    return twin


def decide(twin, action, until=None, assignee=None):
    slot = [NOW, 0, action, "k1.c", None, until, *([assignee] if assignee else [])]
    twin.slots["d|00000000000000ff"] = {"d|00000000000000ff|00000000000000aa": slot}
    return twin


def looked(twin, now=NOW):
    found = look(twin, DUTY, now)
    return found.transition, found.code, found.standing and found.standing[2]


def test_it_stays_open_between_the_limits_and_for_its_dwell():
    assert looked(opened(worked(75, 75, 75, 75)))[0] is None
    assert looked(opened(worked()), NOW + 6 * DAY)[0] is None
    assert looked(opened(worked()), NOW + 7 * DAY) == ("cleared", "clear", None)


def test_an_unanswered_warning_escalates_once():
    twin = worked(90, 90, 90, 90)
    assert looked(opened(twin, NOW - 7 * DAY)) == ("escalated", "unanswered", "escalated")
    assert looked(opened(twin, NOW - 8 * DAY, "escalated"))[0] is None


@pytest.mark.parametrize("action", ["acknowledged", "assigned", "implemented"])
def test_an_answered_one_does_not(action):
    assert looked(decide(opened(worked(90, 90, 90, 90), NOW - 30 * DAY), action))[0] is None


def test_a_snooze_holds_until_its_end():
    twin = opened(worked(90, 90, 90, 90), NOW - 30 * DAY)
    assert looked(decide(twin, "snoozed", NOW + 1))[0] is None
    assert state(twin, "00000000000000ff", "open", NOW)[0] == "snoozed"
    assert looked(decide(twin, "snoozed", NOW))[0] == "escalated"
    assert state(twin, "00000000000000ff", "open", NOW)[0] == "open"


@pytest.mark.parametrize("action", ["resolved", "closed", "overridden", "flagged-incorrect"])
def test_a_closed_one_is_quiet_until_its_cause_is_gone(action):
    twin = decide(opened(worked(90, 90, 90, 90)), action)
    assert looked(twin) == ("closed", action, "closed")
    opened(twin, state_="closed")
    assert looked(twin, NOW + 3 * DAY)[0] is None
    assert look(opened(worked(), state_="closed"), DUTY, NOW + 30 * DAY).standing is None


def test_the_assignee_is_told():
    twin = decide(opened(worked()), "assigned", assignee="k1.d")
    assert state(twin, "00000000000000ff", "open", NOW)[1].assignee == "k1.d"


def test_nothing_stays_at_a_pseudonym_that_belongs_to_somebody():
    assert linked(opened(worked()), DUTY).transition == "cleared"
    assert linked(opened(worked(), state_="closed"), DUTY).transition is None
    assert linked(worked(), DUTY) is None


def test_moments_are_spread_and_fixed():
    moments = [DUTY.terms.next_moment(f"k1.t{n}", NOW) for n in range(300)]
    assert all(NOW < one <= NOW + WEEK_MS for one in moments)
    assert len({(one - NOW) // DAY for one in moments}) == 7
    assert (
        DUTY.terms.next_moment("k1.a", DUTY.terms.next_moment("k1.a", NOW)) - DUTY.terms.next_moment("k1.a", NOW)
        == WEEK_MS
    )


def test_texts_name_only_figures_that_there_are():
    table = DUTY.terms.model_dump() | {
        "reasons": {"week-over": {"en": "{nope}", "zh": "x"}, "mean-over": {"en": "x", "zh": "x"}}
    }
    with pytest.raises(ValueError, match="nope"):
        type(DUTY.terms).model_validate(table)
