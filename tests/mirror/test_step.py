"""The mirror's step: what a log means does not depend on how it is cut, and is what the contract says."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream import mirror
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Exposure, Tick
from megdt_stream.mirror import FoldFailed, Partition, Rows, folding
from megdt_stream.twin.state import Twin
from tests.mirror.logs import NUMBER, RUBBISH, RULE, TIMES, alerts, applied, expected, logs, rejects
from tests.twin.facts import BLANK, DAY, named, placed

cuts = st.lists(st.integers(0, 24), max_size=8)


@given(logs, cuts, st.sampled_from(["", "twins", "everything"]))
def test_batch_boundaries_and_what_was_forgotten_do_not_matter(values, where, forget):
    assert applied(values, where, forget) == applied(values)


@given(logs)
def test_one_record_at_a_time(values):
    assert applied(values, range(len(values)), "everything") == applied(values)


@given(logs)
def test_twins_are_those_of_the_contract(values):
    result, wanted = applied(values), expected(values)
    plain = {
        trainee: {field: text.decode() for field, text in sorted(fields.items()) if not field.startswith("w|")}
        for trainee, fields in result.twins.items()
    }
    assert {trainee: fields for trainee, fields in plain.items() if fields} == wanted.twins
    assert result.now == max([0, *_ticks(values)])


def _ticks(values):
    decoded = [entry.fact for entry in mirror.read(enumerate(values))]
    return [fact.at for fact in decoded if isinstance(fact, Tick)]


@given(logs)
def test_counts_and_rejects_are_those_of_the_contract(values):
    result, wanted = applied(values), expected(values)
    assert result.counts == wanted.counts
    assert [(offset, headers["megdt-reason"]) for offset, headers in rejects(result)] == wanted.rejected


@given(logs)
def test_every_first_delivery_is_counted_once(values):
    facts = [entry.fact for entry in mirror.read(enumerate(values)) if entry.fact and not isinstance(entry.fact, Tick)]
    read = Counter(topic for topic, _, _ in {fact.origin for fact in facts})
    counted = Counter()
    for name, n in applied(values).counts.items():
        counted[name.split(":")[0]] += n
    assert counted == read


@given(logs)
def test_a_log_delivered_again_changes_nothing(values):
    facts = [value for value, entry in zip(values, mirror.read(enumerate(values)), strict=True) if entry.fact]
    once, twice = applied(facts), applied(facts + facts)
    assert once._replace(outcomes={}) == twice._replace(outcomes={})


@given(logs)
def test_alerts_are_those_of_the_contract(values):
    result, wanted = applied(values), expected(values)
    said = [
        (offset, event["type"].split(".")[2], event["subject"], event["data"]["rotation"], event["data"]["item"])
        for offset, event in alerts(result)
    ]
    assert sorted(said) == sorted(wanted.transitions)
    standing = {
        (trainee, *field.split("|")[2:])
        for trainee, fields in result.twins.items()
        for field in fields
        if field.startswith("w|")
    }
    assert standing == set(wanted.open)


@given(logs)
def test_every_deadline_that_lies_ahead_is_kept(values):
    result = applied(values)
    ahead = {member: due for member, due in result.due.items() if due > result.now}
    assert ahead == result.due
    # Asked at the end of time, the store's deadlines find whatever the contract finds.
    last = [*values, record.encode(Tick(10_000 * DAY, 0))]
    found = {event["id"] for _, event in alerts(applied(last, [len(values)], "everything"))}
    assert found == {event["id"] for _, event in alerts(applied(last))}
    assert len(found) == len(expected(last).transitions)


@given(logs)
def test_the_same_log_gives_the_same_bytes(values):
    assert [m.value for m in applied(values).messages] == [m.value for m in applied(values).messages]


# --- single cases --------------------------------------------------------------------------------------------------


def case(rev=0, count=1, offset=0, topic="exposures", number=0, trainee="k1.a"):
    body = Exposure(kind="case", item="P", role=None, count=count, rotation=None, **(BLANK | {"happened": 0}))
    return placed(named(body, trainee, number, rev), topic, 0, offset)


def conflict():
    """Two versions of one revision, the smaller digest first."""
    return sorted((case(count=1), case(count=2)), key=lambda fact: fact.d)


def test_the_displaced_is_rejected_by_reference_and_its_unit_moves():
    small, large = conflict()
    loser, winner = placed(large, "assessments", 4, 10), placed(small, "exposures", 0, 3)
    result = applied([record.encode(loser), record.encode(winner)])
    assert result.counts == {"exposures:accepted": 1, "assessments:rejected": 1}
    ((offset, headers),) = rejects(result)
    assert (offset, headers["megdt-form"]) == (1, "reference")
    (message,) = result.messages
    assert (message.key, message.value) == (b"megdt.assessments.v1/4/10", b"")
    assert (headers["megdt-topic"], headers["megdt-partition"], headers["megdt-offset"]) == (
        "megdt.assessments.v1",
        "4",
        "10",
    )


def test_a_late_loser_is_rejected_with_its_evidence():
    small, large = conflict()
    values = [record.encode(placed(fact, "exposures", 0, n)) for n, fact in enumerate((small, large))]
    result = applied(values)
    assert result.counts == {"exposures:accepted": 1, "exposures:rejected": 1}
    (message,) = result.messages
    assert (message.key, message.value) == (b"megdt.exposures.v1/0/1", values[1])
    assert dict(message.headers)["megdt-form"] == b"evidence"


def test_the_65th_version_is_rejected():
    values = [record.encode(case(rev, offset=rev)) for rev in range(65)]
    result = applied(values, [10, 40])
    assert result.counts == {"exposures:accepted": 64, "exposures:rejected": 1}
    assert [headers["megdt-reason"] for _, headers in rejects(result)] == ["too_many_revisions"]


@pytest.mark.parametrize("value", RUBBISH)
def test_what_is_no_evidence_is_rejected_where_it_stands(value):
    result = applied([record.encode(Tick(5, 0)), value])
    (message,) = result.messages
    headers = dict(message.headers)
    assert (message.topic, message.key, message.value) == (
        topics.REJECTS.name,
        f"megdt.evidence.v1/{NUMBER}/1".encode(),
        value,
    )
    assert (headers["megdt-reason"], headers["megdt-partition"]) == (b"undecodable", str(NUMBER).encode())
    assert result.counts == {}


def test_time_does_not_run_backwards():
    values = [record.encode(Tick(at, 0)) for at in (5, 3, 9, 9, -1)]
    assert applied(values, [2]).now == 9
    assert applied(values, range(5), "everything").now == 9


def test_a_redelivery_is_told_by_its_origin_alone():
    first, other = case(offset=5), case(number=1, offset=5)
    earlier, elsewhere = case(number=2, offset=4), case(number=3, offset=4, topic="outcomes")
    result = applied([record.encode(fact) for fact in (first, other, earlier, elsewhere)])
    assert result.counts == {"exposures:accepted": 1, "outcomes:accepted": 1}
    assert result.outcomes["exposures", "redelivered"] == 2
    assert result.seen == {("exposures", 0): 5, ("outcomes", 0): 4}


def late(days):
    body = case()
    return record.encode(msgspec.structs.replace(body, available=days * DAY))


@pytest.mark.parametrize(("days", "outcome"), [(7, "applied"), (8, "late")])
def test_late_is_a_label_and_nothing_else(days, outcome):
    result = applied([late(days)])
    assert result.outcomes == {("exposures", outcome): 1}
    assert result.counts == {"exposures:accepted": 1}
    assert result.twins == applied([late(0)]).twins


# --- failures ------------------------------------------------------------------------------------------------------


def broken(values, condemned=()):
    partition = Partition(NUMBER)
    batch = mirror.read(enumerate(values))
    partition.twins.update((trainee, Twin()) for trainee in mirror.needs(partition, batch).trainees)
    return partition, mirror.step(partition, batch, Rows(), RULE, frozenset(condemned))


@pytest.fixture
def failing(monkeypatch):
    """A fold that cannot do records of trainee k1.b."""
    real = folding.fold

    def fold(twin, row, fact):
        if fact.trainee == "k1.b":
            raise ZeroDivisionError(fact.id)
        return real(twin, row, fact)

    monkeypatch.setattr(folding, "fold", fold)


@pytest.mark.usefixtures("failing")
def test_a_failing_record_is_named_then_condemned_and_the_rest_goes_on():
    values = [
        record.encode(fact) for fact in (case(offset=1), case(offset=2, trainee="k1.b", number=1), case(1, offset=3))
    ]
    with pytest.raises(FoldFailed) as failed:
        broken(values)
    assert failed.value.offset == 1
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    _, changes = broken(values, [1])
    assert changes.counts == {"exposures:accepted": 2, "exposures:rejected": 1}
    assert dict(changes.messages[0].headers)["megdt-reason"] == b"internal_error"
    assert changes.messages[0].value == values[1]
    assert changes.seen == {("exposures", 0): 3}


def test_a_condemned_redelivery_is_not_rejected_again():
    values = [record.encode(case(offset=1))] * 2
    _, changes = broken(values, [1])
    assert changes.messages == []
    assert changes.counts == {"exposures:accepted": 1}


@given(logs, st.data())
def test_needs_are_enough_and_no_twin_is_asked_for_twice(values, data):
    cut = data.draw(st.integers(0, len(values)))
    partition = Partition(NUMBER)
    for base, end in ((0, cut), (cut, len(values))):
        batch = mirror.read(enumerate(values[base:end], base))
        needs = mirror.needs(partition, batch)
        assert len(set(needs.trainees)) == len(needs.trainees)
        assert len(set(needs.rows)) == len(needs.rows)
        assert not set(needs.trainees) & set(partition.twins)
        partition.twins.update((trainee, Twin()) for trainee in needs.trainees)
        mirror.step(partition, batch, Rows(), RULE)


@given(st.lists(st.sampled_from(TIMES)))
def test_messages_of_one_cause_are_numbered_in_order(ticks):
    numbers = Counter(m.offset for m in applied([record.encode(Tick(at, 0)) for at in ticks]).messages)
    assert not numbers
