"""What one twin contributes to which entity."""

from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence.record import (
    PERIOD_MS,
    Assessment,
    Enrolment,
    Exposure,
    Feedback,
    Identity,
    Outcome,
    Resource,
    Rotation,
)
from megdt_stream.twin.entities.contribution import WINDOW_PERIODS, contributions, differences
from megdt_stream.twin.entities.state import Entity, EntityTwin, pack
from megdt_stream.twin.fold import fold
from megdt_stream.twin.state import Twin
from tests.twin.facts import BLANK, DAY, batches, named

BASE, OTHER = Entity("base", "B1"), Entity("base", "B2")


def folded(evidence):
    twin, rows = Twin(), {}
    for fact in evidence:
        result = fold(twin, rows.get(fact.h, ()), fact)
        rows[fact.h] = result.row
    return twin


def of(*facts, trainee="k1.a"):
    """Fold facts, each of a record of its own, and give what the twin contributes."""
    return contributions(trainee, folded(named(fact, trainee, number, 0) for number, fact in enumerate(facts)))


def common(happened=0):
    return {**BLANK, "happened": happened}


def enrolled(base="B1", happened=0):
    return Enrolment(stage="postgraduate", base=base, programme="内科", cohort="2024级", **common(happened))


def scored(assessor="k1.t", happened=0, y=3000, competencies=("C1",), w=1250):
    marks = tuple((c, 6.0, y, w) for c in competencies)
    return Assessment(
        instrument="mini-cex", item=None, assessor=assessor, rotation="R1", scale="mini-cex@1",
        carried_over=False, marks=marks, missing=(), **common(happened),
    )  # fmt: skip


def step(status, happened=0, **stated):
    nothing = dict.fromkeys(("starts", "ends", "base", "department", "supervisor", "expects"))
    return Rotation(rotation="R1", status=status, **(nothing | stated), **common(happened))


def as_bytes(found):
    return {entity: pack(part) for entity, part in found.items()}


@given(batches(), st.randoms(use_true_random=False))
def test_contributions_are_a_function_of_the_set_of_evidence(evidence, chance):
    other = evidence[:]
    chance.shuffle(other)
    assert as_bytes(contributions("k1.a", folded(evidence))) == as_bytes(contributions("k1.a", folded(other)))


@given(st.lists(batches(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_entity_twins_do_not_depend_on_who_comes_first_or_when_it_is_summed_up(lives, chance):
    """Contributing after each record, delivered in any order, is the same as contributing once at the end."""
    sent, last = [], []
    for number, evidence in enumerate(lives):
        name, before = f"k1.{number}", {}
        for offset in range(len(evidence)):
            after = contributions(name, folded(evidence[: offset + 1]))
            sent += [(entity, (name, offset, part)) for entity, part in differences(before, after).items()]
            before = after
        last += [(entity, (name, 0, part)) for entity, part in before.items()]
    chance.shuffle(sent)
    assert _states(sent) == _states(last)


def _states(sent):
    entities = {entity for entity, _ in sent}
    twins = {entity: EntityTwin.of(given_ for one, given_ in sent if one == entity) for entity in entities}
    return {entity: twin.revision for entity, twin in twins.items() if twin.parts}


def test_a_pseudonym_with_a_head_contributes_nothing():
    link = Identity(event="linked", head="k1.z", system=None, **common(1))
    facts = [enrolled(), scored(), step("planned", base="B1", department="D1", starts=0, ends=9)]
    assert of(*facts)
    assert of(*facts, link) == {}


def test_who_leaves_a_base_contributes_nothing_to_it_any_more():
    facts = [enrolled(), scored(), Exposure(kind="case", item="X", role=None, count=2, rotation=None, **common())]
    before, after = of(*facts), of(*facts, enrolled("B2", happened=5))
    assert BASE in before
    assert BASE not in after
    assert after[OTHER].sums == before[BASE].sums


def test_forms_are_the_fewest_that_the_scores_can_come_from():
    found = of(scored(competencies=("C1", "C2")), scored(competencies=("C1",)), scored(happened=PERIOD_MS))
    assert found[Entity("faculty", "k1.t")].sums["n|0"] == (2, 3)
    assert found[Entity("faculty", "k1.t")].sums["n|1"] == (1, 1)


def test_levels_given_one_by_one_are_known_exactly():
    found = of(scored(y=3100), scored(y=-200, happened=PERIOD_MS), scored(y=4000, competencies=("C2",)))
    assert found[Entity("faculty", "k1.t")].sums["v"] == (3, 6900, 3100**2 + 200**2 + 4000**2)
    assert "v" not in of(scored(y=1), scored(y=5))[Entity("faculty", "k1.t")].sums


def test_a_base_is_told_of_the_newest_periods_by_assessor():
    old, new = 10 * PERIOD_MS, (10 + WINDOW_PERIODS) * PERIOD_MS
    part = of(enrolled(), scored(happened=old, y=1000), scored(happened=old + PERIOD_MS), scored("k1.u", new))[BASE]
    assert part.sums["y|C1|k1.t"] == (1, 1250, 1250 * 3000)
    assert part.slots["t|k1.u"] == [10 + WINDOW_PERIODS]
    assert part.slots["t|k1.t"] == [11]


def test_scores_without_an_assessor_count_for_the_base_and_for_no_teacher():
    found = of(enrolled(), scored(None))
    assert found[BASE].sums["y|C1|-"][0] == 1
    assert [entity.kind for entity in found] == ["base"]


def test_feedback_keeps_the_fields_of_the_twin():
    told = Feedback(assessor="k1.t", rotation=None, observed=0, characters=9, specific=True, **common(7_200_000))
    assert of(told)[Entity("faculty", "k1.t")].sums == {"f|0|specific": (1, 9, 120), "f|0|timed": (1,)}


def test_a_rotation_stands_at_its_place_with_what_it_expects():
    planned = step(
        "planned", base="B2", department="D1", supervisor="k1.s", starts=0, ends=9 * DAY,
        expects=(("mini-cex", 2, 5), ("dops", 1, 3)),
    )  # fmt: skip
    found = of(enrolled(), planned, scored())
    assert found[Entity("process", "B2|D1")].slots == {"r|R1": ["planned", 0, 9 * DAY, [[3, 1, 0], [5, 2, 1]]]}
    assert found[Entity("faculty", "k1.s")].slots == {"s|R1": ["planned", 0, 9 * DAY]}
    assert not any(field[:2] in {"m|", "s|"} for field in (*found[BASE].sums, *found[BASE].slots))


def test_a_stay_lasts_until_the_trainee_left():
    where = {"base": "B1", "department": "D1", "starts": 0, "ends": 20 * DAY}
    running = of(enrolled(), step("planned", **where), step("started"))[BASE]
    assert running.slots["s|R1"] == ["D1", 0, 20 * DAY]
    over = of(enrolled(), step("planned", **where), step("started"), step("ended", 12 * DAY))[BASE]
    assert over.sums["m|D1"] == (12,)
    overrun = of(enrolled(), step("planned", **where), step("started"), step("ended", 30 * DAY))[BASE]
    assert overrun.sums["m|D1"] == (20,)
    never = of(enrolled(), step("planned", **where), step("cancelled", 5 * DAY))[BASE]
    assert "m|D1" not in never.sums


def test_a_cancelled_rotation_waits_for_nothing_and_is_nobodys_work():
    where = {"base": "B1", "department": "D1", "starts": 0, "ends": 9, "supervisor": "k1.s"}
    found = of(step("planned", expects=(("dops", 1, 3),), **where), step("cancelled", 1))
    assert found[Entity("process", "B1|D1")].slots["r|R1"] == ["cancelled", 0, 9, []]
    assert Entity("faculty", "k1.s") not in found


def test_resources_stand_at_their_own_name_and_their_base():
    beds = Resource(
        kind="beds", base="B1", department="D1", capacity=30.0, unit="beds", starts=0, ends=None, **common()
    )
    found = of(beds, trainee="k1.ward")
    (slot,) = found[Entity("resource", "k1.ward")].slots.values()
    assert slot[2:6] == ["B1", "D1", 30.0, "beds"]
    assert found[BASE].slots == found[Entity("resource", "k1.ward")].slots


def test_the_latest_result_of_an_outcome_is_told_and_courses_of_events_are_not():
    def result(outcome, what, happened):
        return Outcome(
            outcome=outcome, result=what, value=None, rotation=None, starts=None, ends=None, **common(happened)
        )

    part = of(enrolled(), result("exam", "fail", 5), result("exam", "pass", 9), result("leave/sick", "recorded", 1))[
        BASE
    ]
    assert {field: slot for field, slot in part.slots.items() if field[0] == "o"} == {"o|exam": [9, "pass"]}


def test_exposures_are_counted_by_role():
    def seen(role, count):
        return Exposure(kind="case", item="X", role=role, count=count, rotation=None, **common())

    part = of(enrolled(), seen(None, 1), seen("observed", 2), seen("performed", 4))[BASE]
    assert part.sums["x|case|X"] == (1, 2, 0, 4)
