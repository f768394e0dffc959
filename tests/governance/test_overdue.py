"""Rule expected-assessment-overdue: when a warning opens and when it closes."""

import msgspec
import pytest
from hypothesis import given

from megdt_stream.evidence import record
from megdt_stream.evidence.record import Assessment, Retraction, Rotation, Tick
from megdt_stream.governance.overdue import examine_rotation, standing_field
from megdt_stream.twin.state import Twin
from tests.mirror.logs import GRACE, RULE, alerts, applied, expected, logs
from tests.twin.facts import BLANK, DAY, named, standing_set

DUE = 10 * DAY
LIMIT = DUE + GRACE


class Log:
    """Evidence about one trainee, as values of the log."""

    def __init__(self):
        self.values = []

    def _add(self, body, number, rev):
        fact = named(body, "k1.a", number, rev)
        self.values.append(record.encode(_at(fact, len(self.values))))
        return self

    def plan(self, number="plan", rev=0, rotation="内科", status="planned", happened=0, states=True, **expects):
        pairs = tuple((key.replace("_", "-"), count, due) for key, (count, due) in expects.items())
        stated = {"starts": 0, "ends": DUE, "base": "B1", "expects": pairs if states else None}
        if status in ("ended", "cancelled"):
            stated = {"starts": None, "ends": None, "base": None, "expects": None}
        whole = BLANK | {"happened": happened}
        body = Rotation(status=status, rotation=rotation, department=None, supervisor=None, **stated, **whole)
        return self._add(body, number, rev)

    def assess(self, number, rev=0, key="mini-cex", item=None, rotation="内科"):
        whole = BLANK | {"happened": 0}
        nothing = {"assessor": None, "carried_over": False, "marks": (), "missing": ()}
        body = Assessment(instrument=key, item=item, rotation=rotation, scale="s", **nothing, **whole)
        return self._add(body, number, rev)

    def retract(self, number, rev=9):
        return self._add(Retraction(**(BLANK | {"happened": 0})), number, rev)

    def tick(self, at):
        self.values.append(record.encode(Tick(at, 0)))
        return self

    def said(self, **options):
        """Give the notices as (offset, transition, reason)."""
        return [
            (offset, event["type"].split(".")[2], event["data"]["reason"]["code"])
            for offset, event in alerts(applied(self.values, **options))
        ]


def _at(fact, offset):
    return msgspec.structs.replace(fact, origin=("rotations", 0, offset))


def test_it_opens_at_the_first_tick_past_the_grace_and_only_then():
    log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT - 1).tick(LIMIT).tick(LIMIT + DAY)
    assert log.said() == [(2, "opened", "overdue")]


def test_nothing_is_expected_of_nobody():
    assert Log().assess(0).tick(LIMIT).said() == []
    assert Log().plan().tick(LIMIT).said() == []


def test_what_arrives_in_time_keeps_it_quiet():
    assert Log().plan(mini_cex=(2, DUE)).assess(0).assess(1).tick(LIMIT).said() == []
    assert Log().assess(0).plan(mini_cex=(1, DUE)).tick(LIMIT).said() == []


def test_one_of_two_is_not_enough():
    assert Log().plan(mini_cex=(2, DUE)).assess(0).tick(LIMIT).said() == [(2, "opened", "overdue")]


@pytest.mark.parametrize("other", [{"rotation": "外科"}, {"rotation": None}, {"key": "dops"}, {"item": "mini-cex-2"}])
def test_something_else_does_not_count(other):
    assert Log().plan(mini_cex=(1, DUE)).assess(0, **other).tick(LIMIT).said() == [(2, "opened", "overdue")]


def test_the_item_counts_before_the_instrument():
    log = Log().plan(mini_cex_1=(1, DUE)).assess(0, item="mini-cex-1").tick(LIMIT)
    assert log.said() == []


def test_arrival_recovers():
    log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT).assess(0)
    assert log.said() == [(1, "opened", "overdue"), (2, "recovered", "arrived")]


def test_a_duplicate_arrival_does_not_count_twice():
    log = Log().plan(mini_cex=(2, DUE)).tick(LIMIT).assess(0).assess(0)
    assert log.said() == [(1, "opened", "overdue")]


def test_a_moved_due_date_recovers_and_opens_again_later():
    log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT).plan(rev=1, mini_cex=(1, DUE + 5 * DAY)).tick(LIMIT + 5 * DAY)
    assert log.said() == [(1, "opened", "overdue"), (2, "recovered", "due-date-moved"), (3, "opened", "overdue")]


def test_a_due_date_moved_before_it_was_missed_is_followed():
    later = Log().plan(mini_cex=(1, DUE)).plan(rev=1, mini_cex=(1, DUE + DAY)).tick(LIMIT).tick(LIMIT + DAY)
    assert later.said() == [(3, "opened", "overdue")]
    sooner = Log().plan(mini_cex=(1, DUE)).plan(rev=1, mini_cex=(1, 0)).tick(GRACE)
    assert sooner.said() == [(2, "opened", "overdue")]
    past = Log().plan(mini_cex=(1, DUE)).tick(GRACE).plan(rev=1, mini_cex=(1, 0))
    assert past.said() == [(2, "opened", "overdue")]


def test_cancelling_recovers_and_keeps_quiet():
    log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT).plan("step", status="cancelled", happened=1).tick(LIMIT + DAY)
    assert log.said() == [(1, "opened", "overdue"), (2, "recovered", "no-longer-expected")]
    assert Log().plan(mini_cex=(1, DUE)).plan("step", status="cancelled", happened=1).tick(LIMIT).said() == []


def test_a_retracted_cancellation_opens_again():
    log = Log().plan(mini_cex=(1, DUE)).plan("step", status="cancelled", happened=1).tick(LIMIT).retract("step")
    assert log.said() == [(3, "opened", "overdue")]


def test_an_ended_rotation_still_expects():
    log = Log().plan(mini_cex=(1, DUE)).plan("step", status="ended", happened=1).tick(LIMIT)
    assert log.said() == [(2, "opened", "overdue")]


def test_a_step_recorded_late_counts_by_when_it_happened():
    log = Log().plan("step", status="cancelled", happened=-1).plan(mini_cex=(1, DUE)).tick(LIMIT)
    assert log.said() == [(2, "opened", "overdue")]


def test_more_expected_opens_and_less_recovers():
    log = Log().plan(mini_cex=(1, DUE)).assess(0).tick(LIMIT)
    log.plan(rev=1, mini_cex=(2, DUE)).plan(rev=2, mini_cex=(1, DUE))
    assert log.said() == [(3, "opened", "overdue"), (4, "recovered", "arrived")]


def test_what_is_no_longer_expected_recovers():
    log = Log().plan(mini_cex=(1, DUE), dops=(1, DUE)).tick(LIMIT).plan(rev=1, dops=(1, DUE))
    assert sorted(log.said()) == [
        (1, "opened", "overdue"),
        (1, "opened", "overdue"),
        (2, "recovered", "no-longer-expected"),
    ]


def test_starting_without_expectations_keeps_the_plans():
    log = Log().plan(mini_cex=(1, DUE)).plan("step", status="started", happened=1, states=False).tick(LIMIT)
    assert log.said() == [(2, "opened", "overdue")]
    log = Log().plan(mini_cex=(1, DUE)).plan("step", status="started", happened=1).tick(LIMIT)
    assert log.said() == []


def test_a_retracted_plan_recovers():
    log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT).retract("plan")
    assert log.said() == [(1, "opened", "overdue"), (2, "recovered", "no-longer-expected")]
    assert Log().plan(mini_cex=(1, DUE)).retract("plan").tick(LIMIT).said() == []


def test_a_retracted_assessment_opens_again_under_another_id():
    log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT).assess(0).retract(0).assess(1)
    assert [what for _, what, _ in log.said()] == ["opened", "recovered", "opened", "recovered"]
    events = [event for _, event in alerts(applied(log.values))]
    assert len({event["id"] for event in events}) == 4
    assert [event["data"]["opened_by"] for event in events] == [events[0]["id"]] * 2 + [events[2]["id"]] * 2


def test_an_assessment_amended_to_another_rotation_moves_its_arrival():
    log = Log().plan(mini_cex=(1, DUE)).plan("other", rotation="外科", mini_cex=(1, DUE)).assess(0).tick(LIMIT)
    log.assess(0, rev=1, rotation="外科")
    events = [(e["type"].split(".")[2], e["data"]["rotation"]) for _, e in alerts(applied(log.values))]
    assert sorted(events) == [("opened", "内科"), ("opened", "外科"), ("recovered", "外科")]


@given(logs)
def test_a_notice_names_the_base_of_the_last_step_that_states_it(values):
    for offset, event in alerts(applied(values)):
        evidence = [
            fact for fact in map(_read, values[: offset + 1]) if fact is not None and not isinstance(fact, Tick)
        ]
        steps = [
            fact
            for fact in standing_set(_first_deliveries(evidence))
            if isinstance(fact, Rotation)
            and fact.base is not None
            and (fact.trainee, fact.rotation) == (event["subject"], event["data"]["rotation"])
        ]
        latest = max(steps, key=lambda step: (step.happened, step.rev, step.h), default=None)
        assert event["data"]["base"] == (latest.base if latest else None)


def _first_deliveries(evidence):
    seen = {}
    for fact in evidence:
        topic, partition, offset = fact.origin
        if offset > seen.get((topic, partition), -1):
            seen[topic, partition] = offset
            yield fact


def test_what_closes_together_closes_in_one_order_whatever_was_read_back():
    log = Log().plan(mini_cex=(1, DUE), dops=(1, DUE), cbd=(1, DUE)).tick(LIMIT).retract("plan")
    kept, read = (applied(log.values, range(len(log.values)), forget) for forget in ("", "everything"))
    assert kept.messages == read.messages
    # The store gives fields in any order.
    twin = Twin()
    for key in ("mini-cex", "cbd", "dops"):
        twin.standing[standing_field("内科", key)] = [0, "", 0, 1]
    assert [finding.key for finding in examine_rotation(twin, "内科", LIMIT, GRACE)] == ["cbd", "dops", "mini-cex"]


def test_before_the_first_tick_time_is_the_epoch():
    assert Log().plan(mini_cex=(1, DUE)).said() == []
    assert Log().plan(mini_cex=(1, -GRACE)).said() == [(0, "opened", "overdue")]
    assert Log().plan(mini_cex=(1, 1 - GRACE)).said() == []


def test_evidence_of_the_past_opens_at_the_record_that_brings_it():
    assert Log().tick(LIMIT).plan(mini_cex=(1, DUE)).said() == [(1, "opened", "overdue")]
    assert Log().tick(LIMIT).assess(0).plan(mini_cex=(1, DUE)).said() == []


@given(logs)
def test_openings_and_recoveries_alternate(values):
    opened = {}
    for _, event in alerts(applied(values)):
        data = event["data"]
        place = data["trainee"], data["rotation"], data["item"]
        if event["type"].endswith("opened.v1"):
            assert place not in opened
            opened[place] = event["id"]
            assert (data["opened_by"], data["since"]) == (event["id"], _now(values, data["cause"]["offset"]))
        else:
            assert data["opened_by"] == opened.pop(place)
    assert set(opened) == set(expected(values).open)


def _now(values, offset):
    ticks = [f.at for f in (_read(v) for v in values[: offset + 1]) if isinstance(f, Tick)]
    return max([0, *ticks])


def _read(value):
    try:
        return record.decode(value)
    except (ValueError, RecursionError):
        return None


def test_the_grace_is_the_rules():
    patient = RULE.model_copy(update={"grace_days": 3})
    log = Log().plan(mini_cex=(1, DUE)).tick(DUE + 3 * DAY - 1).tick(DUE + 3 * DAY)
    assert log.said(rule=patient) == [(2, "opened", "overdue")]
    at_once = RULE.model_copy(update={"grace_days": 0})
    assert Log().plan(mini_cex=(1, DUE)).tick(DUE).said(rule=at_once) == [(1, "opened", "overdue")]
