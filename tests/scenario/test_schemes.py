"""A bad scheme is told with the field and what to do; a good one is laid out as it says."""

import numpy as np
import pytest

from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.plan import lay_out, nothing
from megdt_stream.scenario.scheme import parse
from megdt_stream.scenario.timing import starts
from tests.scenario.worlds import EVERYTHING, KNOWN, act, scheme, small

SUPERVISE = act("reinforced-supervision", 0.1)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"kind": "prayer"}, "interventions.0.kind", "take one of"),
        ({"dose": -1.0}, "interventions.0.dose", "give a number above it"),
        ({"dose": float("nan")}, "interventions.0.dose", ""),
        ({"dose": 11.0}, "interventions.0.dose", "10 faculty-hour a week or less"),
        ({"target": {}}, "interventions.0.target", "exactly one"),
        ({"target": {"base": "a", "department": "b"}}, "interventions.0.target", "exactly one"),
        ({"target": {"department": "太空科"}}, "interventions.0.target.department", "known are 心内科"),
        ({"target": {"base": "x"}}, "interventions.0.target.base", "known are base-01"),
        ({"target": {"trainees": ["x"]}}, "interventions.0.target.trainees", "known are syn.t000001"),
        ({"start": 99}, "interventions.0.start", "--weeks"),
        ({"start": "soon"}, "interventions.0.start", "2025-03-04"),
        ({"start": 4, "after": {"id": "b"}}, "interventions.0.start", "keep one"),
        ({"after": {"id": "b"}}, "interventions.0.after.id", "no id here"),
        ({"weeks": 30}, "interventions.0.weeks", "shorten it"),
        ({"to": "心内科"}, "interventions.0.to", "rotation-change"),
        ({"from": "心内科"}, "interventions.0.from", "resource-tilt"),
        ({"colour": "red"}, "interventions.0.colour", "remove it"),
        ({"dose": 9.0, "target": {"weakest": 1.0}}, "interventions.0.dose", "capacity exceeded"),
    ],
)
def test_a_bad_scheme_names_field_and_remedy(change, field, said):
    document = {"name": "a", "interventions": [{**SUPERVISE, **change}]}
    with pytest.raises(BadScheme) as refused:
        lay_out(small(), parse(document, KNOWN)[0], KNOWN)
    assert refused.value.field.startswith(field)
    assert refused.value.remedy
    assert said in str(refused.value)


def test_dates_in_a_circle_are_told():
    one = {**SUPERVISE, "id": "a", "after": {"id": "b"}}
    other = {**SUPERVISE, "id": "b", "after": {"id": "a"}}
    with pytest.raises(BadScheme, match=r"cyclic: a -> b -> a; give one of them a start"):
        lay_out(small(), scheme(one, other), KNOWN)


def test_what_comes_after_starts_when_the_other_is_over():
    acts = scheme(
        {**SUPERVISE, "id": "b", "after": {"id": "a", "weeks": 1}}, {**SUPERVISE, "id": "a", "start": 3}
    ).interventions
    assert starts(acts, KNOWN, 0, 52) == [12, 3]


def test_dates_are_weeks_from_the_beginning():
    acts = scheme({**SUPERVISE, "start": "1970-01-15"}).interventions
    assert starts(acts, KNOWN, 0, 52) == [2]


def test_too_many_simulator_hours_are_told():
    wish = act("simulation-training", 90.0, target={"weakest": 1.0})
    with pytest.raises(BadScheme, match=r"capacity exceeded: .* simulator hours"):
        lay_out(small(), scheme(wish), KNOWN)


@pytest.mark.parametrize(
    "document", [None, [], "x", {}, {"name": "a"}, {"name": "nothing", "interventions": [SUPERVISE]}]
)
def test_what_is_no_scheme_is_told(document):
    with pytest.raises(BadScheme):
        parse(document, KNOWN)


def test_a_rotation_change_moves_whoever_is_on_duty():
    world = small()
    plan = lay_out(world, scheme(act("rotation-change", 4.0, to="普通外科", start=2)), KNOWN)
    who, place = plan.doings[0].members, world.departments.index("普通外科")
    assert set(np.unique(plan.schedule[who, 2:6])) <= {place, -1}
    changed = plan.schedule != world.schedule
    assert not changed[:, :2].any()
    assert not changed[:, 6:].any()


def test_what_is_taken_from_teachers_is_what_is_charged():
    world = small()
    plan = lay_out(world, scheme(act("remedial-training", 2.0)), KNOWN)
    on_duty = (world.schedule[plan.doings[0].members, :8] >= 0).sum() / 8 * 2.0
    assert (nothing(world).faculty - plan.faculty).sum() == pytest.approx(on_duty, rel=1e-4)
    assert plan.resources == {"faculty-hour": 2.0 * len(plan.doings[0].members)}


def test_a_tilt_from_elsewhere_moves_hours_and_costs_nothing_more():
    world = small()
    tilt = act(
        "resource-tilt",
        2.0,
        target={"department": "心内科"},
        **{"from": "骨科" if "骨科" in world.departments else "普通外科"},
    )
    plan = lay_out(world, scheme(tilt), KNOWN)
    assert plan.faculty.sum() == pytest.approx(nothing(world).faculty.sum(), rel=1e-5)
    assert plan.resources == {}


def test_all_kinds_together_are_laid_out():
    plan = lay_out(small(), scheme(*EVERYTHING), KNOWN)
    assert len(plan.doings) == 6
    assert set(plan.resources) == {"faculty-hour", "simulator-hour", "case-slot", "rotation-week"}
