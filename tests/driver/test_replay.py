"""The twin at a past moment, and what each record did: read off a log that goes on long after."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.driver.replay import Chronicle, events, twin_at
from tests.driver.histories import (
    DAYS,
    END,
    NAMES,
    PARTITIONS,
    Log,
    at,
    driver,
    event,
    evidence_of,
    fields_of,
    histories,
    link,
)
from tests.mirror.logs import RULE

BEFORE, LATER = DAYS[0], DAYS[2]
EXPECTS = [{"instrument": "mini-cex", "item": "mini-cex-1", "due": f"{DAYS[1]}T12:00:00Z"}]


def known(log, trainee, day):
    return evidence_of(twin_at(log.chronicle(trainee), RULE, at(day)))


def available(one):
    return one["available"]


# --- what must not show ---


def test_what_became_available_later_was_not_known():
    happened_before = event("exposure.recorded", "k1.a", 2, day=BEFORE, available=LATER)
    log = Log([event("exposure.recorded", "k1.a", 1), happened_before])
    assert known(log, "k1.a", DAYS[1])["k|exposure"] == "1"
    assert known(log, "k1.a", LATER)["k|exposure"] == "2"
    one_moment_before = twin_at(log.chronicle("k1.a"), RULE, at(LATER) - 1)
    assert evidence_of(one_moment_before)["k|exposure"] == "1"


def test_an_amendment_that_came_later_does_not_count_and_neither_does_a_retraction():
    log = Log(
        [
            event("exposure.retracted", "k1.a", 1, 2, available=DAYS[3]),
            event("exposure.recorded", "k1.a", 1, 1, available=DAYS[1], count=9),
            event("exposure.recorded", "k1.a", 1, 0, count=3),
        ]
    )
    counts = [
        [text for name, text in known(log, "k1.a", day).items() if name[0] == "x"]
        for day in (DAYS[0], DAYS[1], DAYS[2], DAYS[3])
    ]
    assert counts == [["3"], ["9"], ["9"], []]


def test_a_link_that_came_later_does_not_carry_and_one_undone_later_still_does():
    log = Log(
        [
            event("exposure.recorded", "sk.a", 1),
            link("sk.a", "k1.a", available=DAYS[1]),
            event("identity.unmerged", "sk.a", 91, day=LATER, available=LATER),
        ]
    )
    assert log.twin("k1.a").fields() == {}
    assert known(log, "k1.a", BEFORE) == {}
    assert known(log, "k1.a", DAYS[1])["k|exposure"] == "1"
    assert known(log, "k1.a", LATER) == {}
    assert list(twin_at(log.chronicle("k1.a"), RULE, at(DAYS[1])).personas) == ["sk.a"]


def test_a_link_that_never_carried_in_the_log_carries_at_the_moment_when_it_was_known_alone():
    """The later link came first on the log, so no carried record names the pseudonym at its earlier head."""
    log = Log(
        [
            event("exposure.recorded", "sk.a", 1),
            link("sk.a", "sk.b", number=91, day=LATER),
            link("sk.a", "k1.a", number=90, day=BEFORE),
        ]
    )
    home = [value for records in log.records.values() for _, value in records if b'"trainee":"k1.a"' in value]
    assert home == []
    assert known(log, "k1.a", BEFORE)["k|exposure"] == "1"
    assert known(log, "k1.a", LATER) == {}


def test_a_chain_carries_from_when_its_last_link_was_known():
    log = Log(
        [
            link("sk.a", "sk.b", available=DAYS[1]),
            event("exposure.recorded", "sk.a", 1),
            link("sk.b", "k1.a", number=91),
        ]
    )
    assert [known(log, "k1.a", day).get("k|exposure") for day in DAYS[:2]] == [None, "1"]


def test_a_warning_was_open_from_its_tick_to_the_assessment():
    log = Log(
        [
            event("rotation.planned", "k1.a", 1, expects=EXPECTS),
            *DAYS[:3],
            event("assessment.recorded", "k1.a", 2, available=DAYS[3]),
            DAYS[3],
        ]
    )
    chronicle = log.chronicle("k1.a")
    standing = [list(twin_at(chronicle, RULE, at(day)).standing.values()) for day in DAYS]
    assert [len(one) for one in standing] == [0, 0, 1, 0]
    assert standing[2][0][0] == at(DAYS[2])
    assert chronicle.latest == at(DAYS[3])


def test_a_tick_without_a_deadline_is_not_needed_but_its_time_is():
    """A plan that arrives after its dates is overdue at once, by the latest tick before it."""
    log = Log([*DAYS[:3], event("rotation.planned", "k1.a", 1, expects=EXPECTS)])
    twin = twin_at(log.chronicle("k1.a"), RULE, at(DAYS[2]))
    assert twin.fields() == log.twin("k1.a").fields()
    assert next(iter(twin.standing.values()))[0] == at(DAYS[2])


def test_a_warning_was_opened_by_the_first_tick_that_reached_it():
    log = Log([event("rotation.planned", "k1.a", 1, expects=EXPECTS), *DAYS])
    (standing,) = twin_at(log.chronicle("k1.a"), RULE, END).standing.values()
    assert standing[0] == at(DAYS[2])


def test_what_a_pseudonym_carries_comes_between_the_ticks_where_it_came_on_the_log():
    """The person's partition has the smaller number; read one after the other, its ticks would all come first."""
    plan = event("rotation.planned", "sk.a", 1, expects=EXPECTS)
    log = Log([link("sk.a", "k1.a"), "2025-11-04", DAYS[2], plan, DAYS[3]])
    (standing,) = twin_at(log.chronicle("k1.a"), RULE, END).standing.values()
    assert standing[0] == at(DAYS[2]) == next(iter(log.twin("k1.a").standing.values()))[0]


# --- what a whole log says ---


_moves = st.tuples(histories, st.lists(st.tuples(st.integers(0, 16), st.sampled_from(DAYS)), max_size=4))


def mixed(history, ticks):
    """Put ticks between events, in their own order."""
    moves = list(history)
    for place, day in zip(
        sorted((p for p, _ in ticks), reverse=True), sorted((d for _, d in ticks))[::-1], strict=True
    ):
        moves.insert(min(place, len(moves)), day)
    return moves


@settings(max_examples=150)
@given(_moves)
def test_the_past_is_the_twin_of_what_was_available(moves):
    history, ticks = moves
    log = Log(mixed(history, ticks))
    for name in NAMES:
        chronicle = log.chronicle(name)
        for day in DAYS:
            then = driver([one for one in history if available(one)[:10] <= day])
            assert evidence_of(twin_at(chronicle, RULE, at(day))) == evidence_of(then.twin(name)), (name, day)


@settings(max_examples=150)
@given(_moves)
def test_at_the_logs_end_evidence_and_open_warnings_are_those_of_the_system(moves):
    log = Log(mixed(*moves))
    for name in NAMES:
        then, now = twin_at(log.chronicle(name), RULE, END), log.twin(name)
        assert evidence_of(then) == evidence_of(now or then)
        assert then.standing.keys() == (now or then).standing.keys()
        if not (now and now.personas):  # else a record carried over may have opened a warning
            assert fields_of(then) == fields_of(now or then), "the notices are those that were sent"


@settings(max_examples=100)
@given(_moves)
def test_a_history_adds_up_to_the_twin(moves):
    log = Log(mixed(*moves))
    for name in NAMES:
        chronicle, told = log.chronicle(name), {}
        own = [one for one in moves[0] if one["subject"] == name]
        found = list(events(chronicle, RULE))
        assert [one.fact.available for one in found] == sorted(one.fact.available for one in found)
        assert sum(one.fact.trainee == name for one in found) == len(own)
        for one in found:
            for change in one.changes:
                if not change.field.startswith("w|"):
                    assert told.get(change.field) == change.before
                    told[change.field] = change.after
        twin = twin_at(chronicle, RULE, END)
        kept = {field: text for field, text in told.items() if text is not None}
        persons = {field: kept.pop(field) for field in list(kept) if field == "head" or field.startswith("persona|")}
        assert kept == evidence_of(twin)
        assert persons.get("head") == twin.head
        assert {f[8:] for f in persons if f != "head"} == {n for n, r in (twin.personas or {}).items() if r.on}


# --- what a record did ---


def test_each_record_has_its_verdict():
    log = Log(
        [
            event("exposure.recorded", "k1.a", 1, 2),
            event("exposure.recorded", "k1.a", 1, 1),
            event("exposure.recorded", "k1.a", 1, 1),
            event("exposure.recorded", "k1.a", 1, 1, variant=1),
            event("exposure.retracted", "k1.a", 1, 3),
        ]
    )
    told = [(one.verdict, one.reason, bool(one.changes)) for one in events(log.chronicle("k1.a"), RULE)]
    conflict = told.pop(3)
    assert told == [
        ("applied", None, True),
        ("superseded", None, False),
        ("duplicate", None, False),
        ("retracts", None, True),
    ]
    # The smaller digest stands: the other content is either refused, or it takes the place of the first.
    assert conflict in [("rejected", "id_conflict", False), ("superseded", None, False)]


def test_another_pseudonyms_record_is_told_where_it_changed_this_twin():
    log = Log(
        [
            event("exposure.recorded", "sk.a", 1),
            link("sk.a", "k1.a", available=DAYS[1]),
            event("exposure.recorded", "sk.a", 2, available=DAYS[2]),
            event("exposure.recorded", "sk.b", 3),
        ]
    )
    told = [(one.fact.trainee, one.fact.id, {c.field: c.after for c in one.changes}) for one in _of(log, "k1.a")]
    assert [(trainee, id_) for trainee, id_, _ in told] == [("sk.a", "R-90"), ("sk.a", "R-2")]
    assert (told[0][2]["persona|sk.a"], told[0][2]["k|exposure"], told[1][2]["k|exposure"]) == ("on", "1", "2")


def test_a_copy_of_a_record_on_the_log_is_told_once():
    log = Log([event("exposure.recorded", "k1.a", 1)])
    (number,) = [number for number, records in log.records.items() if records]
    log.records[number].append((1, log.records[number][0][1]))
    assert [one.verdict for one in _of(log, "k1.a")] == ["applied"]
    assert evidence_of(twin_at(log.chronicle("k1.a"), RULE, END))["k|exposure"] == "1"


def _of(log, trainee):
    return list(events(log.chronicle(trainee), RULE))


# --- reading ---


def test_reading_passes_over_what_is_no_evidence_and_says_how_far_it_is():
    log = Log([event("exposure.recorded", "k1.a", 1), link("sk.a", "k1.a"), *DAYS])
    for records in log.records.values():
        for rubbish in (b"", b"[]", b"\xff", b'{"k":"exposure","trainee":"k1.a"}', b"[" * 5000, None):
            records.append((len(records), rubbish))
    told = []
    chronicle = log.chronicle("k1.a", lambda done, total: told.append((done, total)))
    assert {one.fact.trainee for one in chronicle.entries} == {"k1.a", "sk.a"}
    assert told[-1][0] == told[-1][1] > sum(len(records) for records in log.records.values())
    assert chronicle.first == at(BEFORE)


def test_of_somebody_unknown_there_is_nothing():
    chronicle = Log([event("exposure.recorded", "k1.a", 1)]).chronicle("k1.nobody")
    assert (chronicle.entries, chronicle.first) == ([], None)
    assert list(events(chronicle, RULE)) == []
    assert twin_at(chronicle, RULE, END).fields() == {}


@pytest.mark.parametrize("trainee", NAMES)
def test_an_empty_chronicle_is_no_error(trainee):
    assert twin_at(Chronicle(trainee, PARTITIONS), RULE, 0).fields() == {}
