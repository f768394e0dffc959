"""What is free: capacity of resource twins less what trainees take, and what recommendations hold of it."""

import pytest

from megdt_stream.governance.advice.capacity import TWINS, Capacity, free
from megdt_stream.governance.advice.ledger import used

PER_TRAINEE = {"hours-per-week": 0.5, "slots-per-week": 0.1}
WEEK = 7 * 86_400_000


def weeks(*told):
    return {"value": [{"capacity": capacity, "trainees": trainees} for capacity, trainees in told]}


def test_teachers_have_what_their_own_trainees_leave_and_simulators_what_their_base_leaves():
    documents = [
        {"weeks|faculty|hours-per-week|b-1|icu": weeks((4.0, 2), (4.0, 20), (4.0, 0))},
        {"weeks|faculty|hours-per-week|b-1|icu": weeks((2.0, 2), (None, 0), (9.0, 0))},
        {"weeks|simulator|slots-per-week|b-1|-": weeks((6.0, 40), (6.0, 40), (6.0, 40))},
        {"weeks|simulator|slots-per-week|b-1|-": weeks((3.0, 40), (3.0, 40), (3.0, 40))},
        {"weeks|beds|beds|b-1|icu": weeks((40.0, 3), (40.0, 3), (40.0, 3))},
    ]
    assert free(documents, PER_TRAINEE, 2) == Capacity({"faculty-hour": 4.0, "simulator-hour": 10.0}, 2, TWINS)
    assert free([], PER_TRAINEE, 2).free == {}


@pytest.mark.parametrize(
    ("now", "until", "left"), [(0, None, 18.0), (0, 8, 12.0), (6, 14, 9.0), (12, None, 0.0), (-8, 0, 0.0)]
)
def test_what_was_accepted_holds_its_share_of_the_weeks_to_come_until_it_has_run_out(now, until, left):
    advice = {"starts": 0, "weeks": 12, "uses": {"faculty-hour": 18.0}}
    found = used([advice], now * WEEK, None if until is None else until * WEEK)
    assert found.get("faculty-hour", 0.0) == pytest.approx(left)
