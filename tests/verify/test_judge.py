"""A consistent system passes; each planted corruption is named for what it is."""

import dataclasses
import json
from hashlib import blake2b, sha256

import msgspec
import pytest

from megdt_stream.verify import judge
from megdt_stream.verify.log import Log, Message, PartitionLog, Record, State
from megdt_stream.verify.names import partition_of

DUE = 1_764_547_200_000  # 2025-12-01T00:00:00Z
LATE = DUE + 7 * 86_400_000
HOME = 1  # partition of k1.trainee-1 among two
TRAINEE = "k1.trainee-1"


@pytest.fixture
def told(world, assessment, rotation, event):
    """A world in which a bit of everything has happened."""
    world.publish(rotation(), "rotations")
    world.publish(assessment(6, id="A-1"))
    world.publish(assessment(6, id="A-1"))  # duplicate
    world.publish(assessment(7, id="A-1"))  # id_conflict, one way or the other
    world.publish(assessment(8, id="A-1", kind="assessment.amended", revision=1))
    world.publish(b"not json")
    world.publish(assessment(99, id="A-2"))  # out_of_scale
    world.publish(assessment(5, id="A-3", subject="k1.trainee-2"))
    world.publish(event("exposure.recorded", {"kind": "case", "item": "I21"}, id="X-1"), "exposures")
    passed = {"outcome": "exam", "result": "pass", "value": 1.5}
    world.publish(event("outcome.recorded", passed, id="O-1"), "outcomes")
    enrolled = {"stage": "postgraduate", "base": "内科"}
    world.publish(event("identity.enrolled", enrolled, id="E-1"), "identities")
    world.tick(LATE - 1)
    world.publish(assessment(8, id="A-1", kind="assessment.retracted", revision=2))
    world.tick(LATE)
    world.publish(rotation("cancelled", id="R-2", time="2025-12-02T00:00:00Z"), "rotations")
    world.publish(rotation(id="R-9", data={"rotation": "R-9", "expects": []}), "rotations")
    return world.settle()


def _judge(told, reference) -> dict:
    log, state = told
    return judge(log, state, reference).to_dict()


def _kinds(told, reference) -> set[str]:
    report = _judge(told, reference)
    assert not report["ok"]
    return set(report["kinds"])


def _records(log: Log, short: str, number: int = 0) -> list[Record]:
    return log.topics[short][number].records


def _alter(records: list[Record], index: int, **changes) -> None:
    records[index] = records[index]._replace(**changes)


def _evidence_index(log: Log, **fields) -> int:
    for index, record in enumerate(_records(log, "evidence", HOME)):
        evidence = json.loads(record.value)
        if all(evidence.get(name) == value for name, value in fields.items()):
            return index
    raise AssertionError(fields)


def _edit_alert(log: Log, index: int, **changes) -> None:
    record = _records(log, "alerts")[index]
    event = json.loads(record.value)
    event["data"] |= changes
    _alter(_records(log, "alerts"), index, value=json.dumps(event).encode())


def test_a_consistent_system_is_ok(told, reference):
    report = _judge(told, reference)
    assert report["differences"] == []
    assert report["ok"]
    expected = {"read": 14, "accepted": 10, "duplicate": 1, "rejected": 3, "twins": 2, "alerts": 2}
    assert {name: report[name] for name in expected} == expected
    assert report["topics"]["megdt.assessments.v1"] == {
        "read": 8,
        "accepted": 4,
        "duplicate": 1,
        "rejected": 3,
        "reasons": {"id_conflict": 1, "out_of_scale": 1, "undecodable": 1},
    }


def test_nothing_at_all_is_ok(world, reference):
    assert _judge(world.settle(), reference)["ok"]


def test_re_delivery_with_identical_bytes_is_allowed(told, reference):
    log, state = told
    records = _records(log, "evidence", HOME)
    first = records[_evidence_index(log, k="exposure")]
    records.append(first._replace(offset=len(records)))
    state.mirror[HOME].offset += 1
    log.topics["evidence"][HOME].end += 1
    assert _judge(told, reference)["ok"]


def test_re_delivery_with_other_bytes_is_not(told, reference):
    log, state = told
    records = _records(log, "evidence", HOME)
    first = records[_evidence_index(log, k="exposure")]
    other = first.value.replace(b'"available": ', b'"available": 1')
    records.append(first._replace(offset=len(records), value=other))
    state.mirror[HOME].offset += 1
    assert _kinds(told, reference) == {"intake_redecided"}


def test_an_input_without_evidence_is_lost(world, assessment, reference):
    world.publish(assessment(6), deliver=False)
    told = world.settle()
    report = _judge(told, reference)
    assert report["lost"] == 1
    assert set(report["kinds"]) == {"lost_input", "balance"}


def test_evidence_without_an_input_is_invented(world, assessment, reference):
    origin = world.publish(assessment(6))
    world.deliver(world.evidence_of(origin) | {"origin": ["assessments", 0, 1]})
    assert "invented" in _kinds(world.settle(), reference)


def test_evidence_of_a_refused_input(world, assessment, reference):
    good = world.publish(assessment(6))
    bad = world.publish(assessment(60))
    world.deliver(world.evidence_of(good) | {"origin": list(bad)})
    assert "refused_delivered" in _kinds(world.settle(), reference)


@pytest.mark.parametrize(
    ("field", "value"),
    [("d", "00" * 8), ("h", "11" * 8), ("happened", 5), ("available", 5), ("recorded", 5),
     ("rev", 3), ("marks", [["patient-care", 6, 3500, 1251]]), ("rotation", None),
     ("carried_over", True), ("source", "x")],
)  # fmt: skip
def test_evidence_with_another_content(world, assessment, reference, field, value):
    origin = world.publish(assessment(6), deliver=False)
    world.deliver(world.evidence_of(origin) | {field: value})
    told = world.settle()
    report = _judge(told, reference)
    assert set(report["kinds"]) == {"evidence_differs"}
    assert report["differences"][0]["fields"] == [field]


def test_evidence_on_the_wrong_partition(world, assessment, reference):
    origin = world.publish(assessment(6), deliver=False)
    world.deliver(world.evidence_of(origin), partition=1 - HOME)
    assert _kinds(world.settle(), reference) == {"wrong_partition"}


def test_evidence_under_another_key(told, reference):
    log, _ = told
    _alter(_records(log, "evidence", HOME), 0, key=b"k1.somebody-else")
    assert _kinds(told, reference) == {"evidence_key"}


def test_evidence_that_is_none(told, reference):
    log, state = told
    records = _records(log, "evidence", HOME)
    records.append(Record(len(records), 0, None, b'{"k": "assessment"}'))
    state.mirror[HOME].offset += 1
    assert _kinds(told, reference) == {"evidence_unreadable"}


def test_evidence_out_of_order_is_lost(world, assessment, reference):
    first = world.publish(assessment(6, id="A-1"), deliver=False)
    second = world.publish(assessment(6, id="A-2"), deliver=False)
    world.deliver(world.evidence_of(second))
    world.deliver(world.evidence_of(first))
    report = _judge(world.settle(), reference)
    assert report["lost"] == 1
    assert set(report["kinds"]) == {"origin_order", "balance"}


def _twin(state: State) -> dict[str, str]:
    return state.mirror[HOME].twins[TRAINEE]


def test_a_contribution_that_is_missing_is_lost(told, reference):
    _, state = told
    del _twin(state)["k|exposure"], _twin(state)["x|case|I21|-|728"]
    report = _judge(told, reference)
    assert (report["lost"], report["doubled"], report["differing_twins"]) == (1, 0, 1)
    assert set(report["differences"][0]["fields"]) == {"k|exposure", "x|case|I21|-|728"}


def test_a_contribution_twice_is_doubled(told, reference):
    _, state = told
    _twin(state).update({"k|exposure": "2", "x|case|I21|-|728": "2"})
    report = _judge(told, reference)
    assert (report["lost"], report["doubled"], report["differing_twins"]) == (0, 1, 1)


def test_a_whole_twin_missing(told, reference):
    _, state = told
    held = [mirror.twins.pop("k1.trainee-2") for mirror in state.mirror.values() if "k1.trainee-2" in mirror.twins]
    report = _judge(told, reference)
    assert len(held) == 1
    assert (report["lost"], report["differing_twins"]) == (1, 1)


def test_a_twin_too_many(told, reference):
    _, state = told
    state.mirror[0].twins["k1.nobody"] = {"k|outcome": "1"}
    report = _judge(told, reference)
    assert (report["doubled"], report["differing_twins"]) == (1, 1)


@pytest.mark.parametrize("text", ["1 1250 3750001", "1  1250 3750000", "1 1250"])
def test_a_changed_field(told, reference, text):
    _, state = told
    for mirror in state.mirror.values():
        if "k1.trainee-2" in mirror.twins:
            assert mirror.twins["k1.trainee-2"]["c|patient-care|728|-"] == "1 1250 3750000"
            mirror.twins["k1.trainee-2"]["c|patient-care|728|-"] = text
    assert _kinds(told, reference) == {"twin"}


def test_a_changed_slot_and_an_extra_field(told, reference):
    _, state = told
    slot = next(name for name in _twin(state) if name.startswith("o|"))
    _twin(state)[slot] = _twin(state)[slot].replace(",", ", ")
    _twin(state)["z"] = "1"
    report = _judge(told, reference)
    assert report["differences"][0]["differing"] == 2


def test_a_warning_that_stayed_open(told, reference):
    _, state = told
    _twin(state)["w|expected-assessment-overdue|R-1|mini-cex"] = "[1,2,3,4]"
    assert _kinds(told, reference) == {"twin"}


def test_a_missing_alert(told, reference):
    log, _ = told
    _records(log, "alerts").pop()
    report = _judge(told, reference)
    assert (report["missing_alerts"], set(report["kinds"])) == (1, {"alert_missing"})


def test_an_alert_still_in_the_outbox_is_pending(told, reference):
    log, state = told
    record = _records(log, "alerts").pop()
    state.mirror[HOME].outbox.append(Message("alerts", record.key, record.value))
    report = _judge(told, reference)
    assert (report["ok"], report["pending_alerts"], report["missing_alerts"]) == (True, 1, 0)


def test_an_alert_sent_and_not_cleared_is_not_pending(told, reference):
    log, state = told
    record = _records(log, "alerts")[0]
    state.mirror[HOME].outbox.append(Message("alerts", record.key, record.value))
    report = _judge(told, reference)
    assert (report["ok"], report["pending_alerts"]) == (True, 0)


def test_an_alert_too_many(told, reference):
    log, _ = told
    records = _records(log, "alerts")
    event = json.loads(records[0].value) | {"id": "ab" * 8}
    records.append(records[0]._replace(offset=2, value=json.dumps(event).encode()))
    report = _judge(told, reference)
    assert (report["unexpected_alerts"], set(report["kinds"])) == (1, {"alert_unexpected"})


def test_equal_copies_of_an_alert_are_allowed_and_others_are_not(told, reference):
    log, _ = told
    records = _records(log, "alerts")
    records.append(records[0]._replace(offset=2))
    assert _judge(told, reference)["ok"]
    records.append(records[0]._replace(offset=3, value=records[0].value + b" "))
    assert _kinds(told, reference) == {"alert_copies_differ"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("arrived", 1), ("due", DUE + 1), ("expected", 2), ("since", 0), ("severity", "high"),
     ("base", "surgery"), ("rotation", "R-2"), ("item", "dops"), ("days_overdue", 8), ("evidence", []),
     ("opened_by", "00" * 8), ("cause", {"partition": 0, "offset": 0}), ("rule_version", 2),
     ("trainee", "k1.trainee-2")],
)  # fmt: skip
def test_an_alert_with_another_content(told, reference, field, value):
    log, _ = told
    _edit_alert(log, 0, **{field: value})
    assert _kinds(told, reference) == {"alert_differs"}


@pytest.mark.parametrize("attribute", [{"time": "2020-01-01T00:00:00Z"}, {"subject": "k1.trainee-2"},
                                       {"type": "megdt.warning.recovered.v1"}])  # fmt: skip
def test_an_alert_with_other_attributes(told, reference, attribute):
    log, _ = told
    record = _records(log, "alerts")[0]
    _alter(_records(log, "alerts"), 0, value=json.dumps(json.loads(record.value) | attribute).encode())
    assert _kinds(told, reference) == {"alert_differs"}


def test_an_alert_that_is_none(told, reference):
    log, _ = told
    _alter(_records(log, "alerts"), 0, value=b"{}")
    assert _kinds(told, reference) == {"alert_unreadable", "alert_missing"}


def test_a_missing_reject_is_lost(told, reference):
    log, _ = told
    for _ in range(3):
        _records(log, "rejects").pop()
        report = _judge(told, reference)
    assert (report["lost"], report["kinds"]) == (3, {"reject_missing": 3})


def test_a_reject_in_the_outbox_is_there(told, reference):
    log, state = told
    record = _records(log, "rejects").pop()
    assert record.value == b""  # the mirror's
    state.mirror[HOME].outbox.append(Message("rejects", record.key, record.value, record.headers))
    assert _judge(told, reference)["ok"]


def test_a_reject_with_altered_bytes(told, reference):
    log, _ = told
    assert _records(log, "rejects")[0].value == b"not json"
    _alter(_records(log, "rejects"), 0, value=b"not json ")
    assert _kinds(told, reference) == {"reject_value"}


@pytest.mark.parametrize(
    ("header", "text", "kind"),
    [("megdt-reason", b"invalid", "reject_reason"), ("megdt-stage", b"mirror", "reject_header"),
     ("megdt-timestamp", b"0", "reject_header"), ("megdt-key", b"", "reject_header"),
     ("megdt-form", b"reference", "reject_value")],
)  # fmt: skip
def test_a_reject_with_other_headers(told, reference, header, text, kind):
    log, _ = told
    headers = dict(_records(log, "rejects")[0].headers) | {header: text}
    _alter(_records(log, "rejects"), 0, headers=tuple(headers.items()))
    assert _kinds(told, reference) == {kind}


def test_copies_of_a_reject_are_all_checked(told, reference):
    log, _ = told
    records = _records(log, "rejects")
    records.append(records[0]._replace(offset=9))
    assert _judge(told, reference)["ok"]
    records.append(records[0]._replace(offset=10, value=b""))
    assert _kinds(told, reference) == {"reject_value"}


@pytest.mark.parametrize("key", [b"megdt.assessments.v1/0/1", b"megdt.exposures.v1/0/77"])
def test_a_reject_of_what_is_not_rejected(told, reference, key):
    log, _ = told
    records = _records(log, "rejects")
    records.append(records[0]._replace(offset=9, key=key))
    assert _kinds(told, reference) == {"reject_unexpected"}


def test_a_reject_under_a_strange_key(told, reference):
    log, _ = told
    _alter(_records(log, "rejects"), 0, key=b"assessments:0:5")
    assert _kinds(told, reference) == {"reject_unreadable", "reject_missing"}


def test_the_mirror_may_return_the_evidence_itself(world, assessment, reference):
    world.publish(assessment(6))
    world.publish(assessment(7))
    log, state = world.settle()
    record = _records(log, "rejects")[0]
    offset = int(record.key.rsplit(b"/", 1)[1])
    headers = dict(record.headers) | {"megdt-form": b"evidence"}
    value = _records(log, "evidence", HOME)[offset].value
    _alter(_records(log, "rejects"), 0, headers=tuple(headers.items()), value=value)
    assert judge(log, state, reference).ok
    _alter(_records(log, "rejects"), 0, value=_records(log, "evidence", HOME)[1 - offset].value)
    assert set(judge(log, state, reference).kinds) == {"reject_value"}


def test_an_internal_error_is_a_rejection(world, assessment, reference):
    origin = world.publish(assessment(6))
    log, state = world.settle()
    mirror = state.mirror[HOME]
    mirror.twins.clear()
    mirror.journal.clear()
    mirror.counts = {"assessments:rejected": 1}
    world.reject(origin, "internal_error", "mirror")
    report = judge(log, state, reference)
    assert report.differences == []
    assert report.topics["megdt.assessments.v1"].reasons == {"internal_error": 1}


def test_an_internal_error_that_a_rebuild_took_in(world, assessment, reference):
    origin = world.publish(assessment(6))
    log, state = world.settle()
    world.reject(origin, "internal_error", "mirror")
    report = judge(log, state, reference)
    assert report.differences == []
    assert report.topics["megdt.assessments.v1"].accepted == 1


def test_a_count_off_by_one(told, reference):
    _, state = told
    state.mirror[HOME].counts["exposures:accepted"] += 1
    assert _kinds(told, reference) == {"count", "balance"}


def test_a_duplicate_counted_as_accepted(told, reference):
    _, state = told
    counts = state.mirror[HOME].counts
    counts["assessments:duplicate"] -= 1
    counts["assessments:accepted"] += 1
    assert _kinds(told, reference) == {"count"}


def test_an_intake_count_off_by_one(told, reference):
    _, state = told
    state.intake["assessments", 0].counts["rejected:undecodable"] += 1
    assert _kinds(told, reference) == {"count", "balance"}


def _spoil(state: State, packed) -> None:
    shards = state.mirror[HOME].journal[TRAINEE]
    shard = next(iter(shards.values()))
    h = next(iter(shard))
    shard[h] = packed(shard[h])


def _edit_rows(edit):
    def spoil(packed: bytes) -> bytes:
        rows = msgspec.msgpack.decode(packed)
        edit(rows)
        return msgspec.msgpack.encode(rows)

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"\xc1",
        lambda packed: packed[:-1],
        _edit_rows(lambda row: row.clear()),
        _edit_rows(lambda row: row.extend(row[:])),
        _edit_rows(lambda row: row.__setitem__(0, 77)),
        _edit_rows(lambda row: row.__setitem__(0, b"0")),
        _edit_rows(lambda row: row.__setitem__(1, bytes(8))),
        _edit_rows(lambda row: row.__setitem__(1, bytes(7))),
        _edit_rows(lambda row: row.__setitem__(2, 999)),
        _edit_rows(lambda row: row.__setitem__(4, 999)),
        _edit_rows(lambda row: row.__setitem__(5, 0)),
        _edit_rows(lambda row: row.__setitem__(5, -1)),
        _edit_rows(lambda row: row.__setitem__(5, 999)),
        _edit_rows(lambda row: row.__setitem__(6, -2)),
        _edit_rows(lambda row: row.__setitem__(6, 9_999)),
        _edit_rows(lambda row: row.pop()),
        _edit_rows(lambda row: row.append(b"x")),
        _edit_rows(lambda row: row.__setitem__(-1, 7)),
        _edit_rows(lambda row: row.__setitem__(-1, 9_999)),
    ],
)
def test_a_spoilt_journal(told, reference, spoil):
    _, state = told
    _spoil(state, spoil)
    assert _kinds(told, reference) == {"journal"}


def test_a_journal_row_in_the_wrong_shard(told, reference):
    _, state = told
    shards = state.mirror[HOME].journal[TRAINEE]
    nibble = next(iter(shards))
    free = next(n for n in "0123456789abcdef" if n not in shards)
    shards[free] = shards.pop(nibble)
    assert _kinds(told, reference) == {"journal"}


def test_a_missing_deadline(world, rotation, reference):
    world.publish(rotation(), "rotations")
    log, state = world.settle()
    assert state.mirror[HOME].due == {f"{TRAINEE}|R-1|mini-cex": LATE}
    state.mirror[HOME].due["k1.nobody|R|m"] = 5  # looked at in vain, no harm
    assert judge(log, state, reference).ok
    state.mirror[HOME].due[f"{TRAINEE}|R-1|mini-cex"] += 1
    assert set(judge(log, state, reference).kinds) == {"deadline"}


@pytest.mark.parametrize("change", [lambda m: m.seen.update({"assessments:0": 3}), lambda m: m.seen.clear()])
def test_seen_and_now(told, reference, change):
    _, state = told
    change(state.mirror[HOME])
    assert _kinds(told, reference) == {"seen"}
    told[1].mirror[HOME] = dataclasses.replace(state.mirror[HOME], now=4)
    assert "now" in _kinds(told, reference)


def test_damaged_keys_and_a_moving_state_are_named(told, reference):
    _, state = told
    state.damaged.append("megdt:{p0.52}:a:t:k1.x")
    state.moving = True
    assert _kinds(told, reference) == {"key", "not_at_rest"}


def test_work_that_waits_is_backlog(told, reference):
    log, state = told
    waiting = len(_records(log, "evidence", HOME)) - 3
    state.mirror[HOME].offset = 3
    report = _judge(told, reference)
    assert not report["ok"]
    assert report["backlog"] == {"megdt.evidence.v1": waiting}


def test_input_that_waits_is_backlog_and_not_lost(world, assessment, reference):
    log, state = world.settle()
    world.publish(assessment(6), deliver=False)
    world.publish(b"junk")
    log.topics["assessments"][0].end = 2
    report = judge(log, state, reference).to_dict()
    assert (report["ok"], report["lost"], report["kinds"]) == (False, 0, {})
    assert report["backlog"] == {"megdt.assessments.v1": 2}


def test_what_came_while_the_check_was_reading_is_not_held_against_it(told, world, assessment, reference):
    """Records beyond the end noted at the start: published, and perhaps already decided, during the check."""
    log, state = told
    world.publish(assessment(6, id="late"))
    world.publish(b"junk")
    world.tick(LATE * 2)
    assert judge(log, state, reference).ok


def test_inputs_that_retention_removed_are_taken_on_trust(told, reference):
    log, state = told
    log.topics["assessments"][0].begin = 6
    del log.topics["assessments"][0].records[:6]
    report = judge(log, state, reference)
    assert report.differences == []
    assert report.topics["megdt.assessments.v1"].to_dict() == {
        "read": 8,
        "accepted": 4,
        "duplicate": 1,
        "rejected": 3,
        "reasons": {"id_conflict": 1, "out_of_scale": 1, "undecodable": 1},
    }


def test_evidence_that_retention_removed_is_not(told, reference):
    log, _ = told
    log.topics["evidence"][HOME].begin = 1
    assert "log_truncated" in _kinds(told, reference)


def test_only_the_first_differences_are_kept_and_all_are_counted(told, reference):
    _, state = told
    for number in range(50):
        state.mirror[0].twins[f"k1.x{number}"] = {"k|outcome": "1"}
    report = _judge(told, reference)
    assert (len(report["differences"]), report["kinds"]["twin"]) == (20, 50)
    assert json.loads(json.dumps(report)) == report


PERSON = "k1.person"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def _home(subject: str) -> int:
    return partition_of(subject.encode(), 2)


@pytest.fixture
def person(world, assessment, rotation, event):
    """A world in which two pseudonyms belong to one person, who has another record of the one id."""
    world.publish(rotation(subject="k1.a"), "rotations")
    world.tick(LATE)
    world.publish(assessment(6, id="A-1", subject="k1.a"))
    world.publish(assessment(8, id="A-1", subject=PERSON, kind="assessment.amended", revision=1))
    exam = {"outcome": "exam", "result": "pass"}
    world.publish(event("outcome.recorded", exam, id="O-1", subject=PERSON), "outcomes")
    passed = event("outcome.recorded", exam, id="O-1", subject="k1.b", revision=2)
    world.publish(passed, "outcomes")
    for name in ("k1.a", "k1.b"):
        linked = event("identity.linked", {"person": PERSON}, id=f"I-{name}", subject=name)
        world.publish(linked, "identities")
    return world.settle()


def _carried(log: Log) -> list[tuple[int, int]]:
    return [
        (number, index)
        for number, partition in log.topics["evidence"].items()
        for index, record in enumerate(partition.records)
        if json.loads(record.value)["k"] == "carried"
    ]


def _edit_carried(log: Log, place: tuple[int, int], edit) -> None:
    records = _records(log, "evidence", place[0])
    evidence = json.loads(records[place[1]].value)
    edit(evidence)
    _alter(records, place[1], value=json.dumps(evidence).encode())


def test_a_person_has_what_its_pseudonyms_carry_over(person, reference):
    _, state = person
    report = _judge(person, reference)
    assert report["differences"] == []
    assert report["ok"]
    twin = state.mirror[_home(PERSON)].twins[PERSON]
    assert {name: text for name, text in twin.items() if name.startswith("k|")} == {
        "k|assessment": "1",
        "k|outcome": "1",
        "k|rotation": "1",
    }
    assert twin["c|patient-care|728|-"] == "1 1250 5625000"
    hidden = [name for name in state.mirror[_home(PERSON)].persons[PERSON] if name.startswith("s|o|exam|")]
    assert len(hidden) == 1
    assert report["alerts"] == 2  # opened and arrived at the pseudonym; the link changes nothing; nothing is overdue


def test_a_carried_record_that_is_missing(world, rotation, assessment, event, reference):
    world.publish(rotation(subject="k1.a"), "rotations")
    linked = event("identity.linked", {"person": PERSON}, id="I-1", subject="k1.a")
    world.publish(linked, "identities")
    report = _judge(world.settle(carry=False), reference)
    assert report["kinds"] == {"missing_carried": 1, "persona": 1}
    assert report["differing_twins"] == 1
    assert report["differences"][0] == {
        "kind": "missing_carried", "where": PERSON, "persona": "k1.a", "seq": report["differences"][0]["seq"],
        "state": "all", "rows": 1,
    }  # fmt: skip


def test_a_carried_record_in_the_outbox_is_there(world, rotation, event, reference, write):
    world.publish(rotation(subject="k1.a"), "rotations")
    linked = event("identity.linked", {"person": PERSON}, id="I-1", subject="k1.a")
    world.publish(linked, "identities")
    told = world.settle(carry=False)
    (sending,) = world.fold(_home("k1.a")).sendings
    (evidence,) = write(sending)
    message = Message("evidence", PERSON.encode(), json.dumps(evidence).encode())
    told[1].mirror[_home("k1.a")].outbox.append(message)
    assert _judge(told, reference)["ok"]
    told[1].mirror[_home("k1.a")].outbox[0] = message._replace(value=b'{"k": "tick", "at": 1, "wall": 1}')
    assert set(_judge(told, reference)["kinds"]) == {"evidence_unreadable", "missing_carried", "persona"}


def test_copies_of_a_carried_record_are_allowed(person, world, reference):
    log, _ = person
    for number, index in _carried(log):
        world.deliver(json.loads(_records(log, "evidence", number)[index].value))
    assert _judge(world.settle_again(), reference)["ok"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda evidence: evidence["rows"].pop(),
        lambda evidence: evidence["rows"][0].__setitem__(1, 7),
        lambda evidence: evidence["rows"][0].__setitem__(2, "00" * 8),
        lambda evidence: evidence["rows"][0].__setitem__(3, ["k1.x"]),
        lambda evidence: evidence["rows"][0].__setitem__(4, [["k|assessment", [2]]]),
        lambda evidence: evidence["rows"][0].__setitem__(5, [["o|x|00", [1]]]),
        lambda evidence: evidence["rows"].append(evidence["rows"][0]),
        lambda evidence: evidence.update(state="some"),
        lambda evidence: evidence.update(state="none", rows=[]),
    ],
)
def test_a_carried_record_with_another_content(person, world, reference, edit):
    """The twin follows the log; what is wrong is the log."""
    log, _ = person
    _edit_carried(log, _carried(log)[0], edit)
    report = _judge(world.settle_again(), reference)
    assert {"missing_carried", "wrong_carried"} <= set(report["kinds"]) <= {
        "missing_carried", "wrong_carried", "persona", "invented_carried"
    }  # fmt: skip
    assert report["differing_twins"] >= 1


@pytest.mark.parametrize("changes", [{"seq": 0}, {"persona": "k1.nobody"}])
def test_a_carried_record_that_nobody_sent(person, world, reference, changes):
    log, _ = person
    number, index = _carried(log)[0]
    world.deliver(json.loads(_records(log, "evidence", number)[index].value) | changes)
    assert "invented_carried" in _judge(world.settle_again(), reference)["kinds"]


def test_a_carried_record_of_what_was_read_meanwhile_is_excused(person, world, assessment, reference, write):
    log, _ = person
    world.publish(assessment(5, id="A-7", subject="k1.a"))
    ahead = write(world.fold(_home("k1.a")).sendings[-1])
    log.topics["assessments"][0].end += 1
    world.deliver(*ahead)
    assert _judge(person, reference)["kinds"] == {}


def test_a_carried_record_that_no_rule_can_read(person, world, reference):
    log, _ = person
    place = _carried(log)[0]
    _edit_carried(log, place, lambda evidence: evidence["rows"][0].__setitem__(5, [["r|R", [1]]]))
    assert "evidence_unreadable" in _judge(person, reference)["kinds"]


def test_a_carried_record_under_another_key_or_elsewhere(person, world, reference):
    log, _ = person
    number, index = _carried(log)[0]
    _alter(_records(log, "evidence", number), index, key=b"k1.a")
    assert _kinds(person, reference) == {"evidence_key"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [(lambda texts: texts.pop("p|k1.a"), "person"), (lambda texts: texts.update({"p|k1.a": "[0,true]"}), "person"),
     (lambda texts: texts.update({"s|x": "[]"}), "person")],
)  # fmt: skip
def test_a_spoilt_person(person, reference, change, kind):
    _, state = person
    change(state.mirror[_home(PERSON)].persons[PERSON])
    assert _kinds(person, reference) == {kind}


def test_a_lost_link(person, reference):
    _, state = person
    texts = state.mirror[_home("k1.a")].persons["k1.a"]
    assert [name.partition("|")[0] for name in texts] == ["i"]
    texts.clear()
    assert _kinds(person, reference) == {"person"}


@pytest.mark.parametrize(
    "spoil",
    [lambda _: None, lambda _: b"\xc1", lambda packed: packed[:-1], _edit_rows(lambda row: row.__setitem__(0, 0)),
     _edit_rows(lambda row: row.__setitem__(1, 9)), _edit_rows(lambda row: row.__delitem__(slice(1, 6))),
     _edit_rows(lambda row: row.__setitem__(3, [])), _edit_rows(lambda row: row.__setitem__(4, [])),
     _edit_rows(lambda row: row.__setitem__(4, 7)), _edit_rows(lambda row: row.pop())],
)  # fmt: skip
def test_a_spoilt_carried_row(person, reference, spoil):
    _, state = person
    shard = next(iter(state.mirror[_home(PERSON)].carried[PERSON].values()))
    name = next(iter(shard))
    packed = spoil(shard.pop(name))
    if packed is not None:
        shard[name] = packed
    assert _kinds(person, reference) == {"carried_row"}


def test_a_register_as_at_first_need_not_be_stored(person, world, reference):
    log, _ = person
    number, index = _carried(log)[0]
    early = json.loads(_records(log, "evidence", number)[index].value) | {"persona": "k1.x", "state": "some"}
    world.deliver(early)
    told = world.settle_again()
    assert told[1].mirror[_home(PERSON)].persons[PERSON].pop("p|k1.x") == "[-1,false]"
    assert _kinds(told, reference) == {"invented_carried"}


def test_a_deadline_of_a_pseudonym_with_a_head(world, rotation, event, reference):
    world.publish(rotation(subject="k1.a"), "rotations")
    linked = event("identity.linked", {"person": PERSON}, id="I-1", subject="k1.a")
    world.publish(linked, "identities")
    told = world.settle()
    assert told[1].mirror[_home(PERSON)].due == {f"{PERSON}|R-1|mini-cex": LATE}
    told[1].mirror[_home("k1.a")].due["k1.a|R-1|mini-cex"] = LATE
    assert _kinds(told, reference) == {"deadline"}


def test_the_code_of_a_recovery_by_a_link(world, rotation, event, reference):
    world.publish(rotation(subject="k1.a"), "rotations")
    world.tick(LATE)
    linked = event("identity.linked", {"person": PERSON}, id="I-1", subject="k1.a")
    world.publish(linked, "identities")
    told = world.settle()
    assert _judge(told, reference)["ok"]
    codes = [json.loads(record.value)["data"]["reason"]["code"] for record in _records(told[0], "alerts")]
    assert sorted(codes) == ["linked", "overdue", "overdue"]
    for index, code in enumerate(codes):
        other = {"linked": "arrived", "overdue": "linked"}[code]
        before = _records(told[0], "alerts")[index]
        _edit_alert(told[0], index, reason={"code": other, "en": "x", "zh": "文"})
        assert _kinds(told, reference) == {"alert_differs"}
        _records(told[0], "alerts")[index] = before


def test_alerts_on_the_running_of_the_system_are_counted_only(told, reference):
    log, _ = told
    records = _records(log, "alerts")
    value = b'{"type": "megdt.operations.reject-limit.v1", "id": 7}'
    records.append(Record(len(records), 0, b"assessments", value))
    report = _judge(told, reference)
    assert (report["ok"], report["alerts"], report["other_alerts"]) == (True, 2, 1)


@pytest.fixture
def named(world, assessment):
    """A world in which an event names somebody."""
    world.publish(assessment(6, id=world.secret, ward="7B"), headers=(("traceparent", TRACE.encode()),))
    return world.settle()


def test_a_redacted_reject(named, reference):
    log, _ = named
    report = _judge(named, reference)
    assert report["differences"] == []
    assert report["topics"]["megdt.assessments.v1"]["reasons"] == {"direct_identifier": 1}
    assert b"somebody" not in _records(log, "rejects")[0].value


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({"megdt-sha256": b"0" * 64}, "reject_header"), ({"megdt-key": b"c29tZS1rZXk="}, "reject_header"),
     ({"megdt-input-traceparent": b"x"}, "reject_header"), ({"megdt-form": b"original"}, "reject_value"),
     ({"megdt-detail": b"y@example.org"}, "reject_leak"), ({"megdt-source": b""}, "reject_header"),
     ({"megdt-path": b"id"}, "reject_header")],
)  # fmt: skip
def test_a_redacted_reject_with_other_headers(named, reference, changes, kind):
    log, _ = named
    headers = dict(_records(log, "rejects")[0].headers) | changes
    _alter(_records(log, "rejects"), 0, headers=tuple(headers.items()))
    assert _kinds(named, reference) == {kind}


def test_a_reject_that_is_not_redacted(named, reference):
    log, _ = named
    value = log.topics["assessments"][0].records[0].value
    _alter(_records(log, "rejects"), 0, value=value)
    assert _kinds(named, reference) == {"reject_value"}


def test_a_redacted_reject_of_binary_mode(world, assessment, reference):
    event = assessment()
    attributes = {f"ce_{name}": text.encode() for name, text in event.items() if name != "data"}
    headers = tuple((attributes | {"ce_id": world.secret.encode()}).items())
    value = json.dumps(event["data"]).encode()
    world.publish(value, headers=headers)
    log, state = world.settle()
    source = dict(_records(log, "rejects")[0].headers) | {"megdt-source": event["source"].encode()}
    _alter(_records(log, "rejects"), 0, headers=tuple(source.items()))
    assert judge(log, state, reference).differences == []
    whole = json.dumps(event | {"id": "[redacted]"}).encode()
    _alter(_records(log, "rejects"), 0, value=whole)
    assert judge(log, state, reference).differences == []
    _alter(_records(log, "rejects"), 0, value=b"{}")
    assert set(judge(log, state, reference).kinds) == {"reject_value"}


def test_a_reject_has_the_headers_of_its_input(world, reference):
    world.publish(b"junk", headers=(("a", b"1"), ("a", b"\xff"), ("traceparent", b"")))
    log, state = world.settle()
    assert judge(log, state, reference).ok
    headers = _records(log, "rejects")[0].headers
    _alter(_records(log, "rejects"), 0, headers=headers[:-1])
    assert set(judge(log, state, reference).kinds) == {"reject_header"}


@pytest.mark.parametrize("headers", [(("a", b"x" * 16_384),), tuple((f"a{n}", b"") for n in range(257))])
def test_a_reject_without_the_headers_of_its_input(world, reference, headers):
    world.publish(b"junk", headers=headers)
    log, state = world.settle()
    assert set(judge(log, state, reference).kinds) == {"reject_header"}
    kept = [(name, text) for name, text in _records(log, "rejects")[0].headers if not name.startswith("megdt-input-")]
    _alter(_records(log, "rejects"), 0, headers=tuple(kept))
    assert judge(log, state, reference).ok


def test_a_huge_reject_refers_to_its_input(world, reference):
    value = b"x" * (4 * 1024 * 1024 + 1)
    world.publish(value)
    log, state = world.settle()
    assert set(judge(log, state, reference).kinds) == {"reject_header", "reject_value"}
    headers = dict(_records(log, "rejects")[0].headers)
    headers |= {"megdt-form": b"reference", "megdt-sha256": sha256(value).hexdigest().encode()}
    _alter(_records(log, "rejects"), 0, headers=tuple(headers.items()), value=b"")
    assert judge(log, state, reference).ok


def test_the_mirrors_reject_says_what_the_evidence_says(world, assessment, reference):
    world.publish(assessment(6))
    world.publish(assessment(7))
    log, state = world.settle()
    # Which of the two lost is the digest's choice; one that is only referred to has the other's time.
    evidence = dict(_records(log, "rejects")[0].headers)["megdt-form"] == b"evidence"
    timestamps = ({"megdt-timestamp": b"0"},) if evidence else ()
    for change in (*timestamps, {"megdt-key": b"c29tZS1rZXk="}, {"megdt-source": b"/x"}):
        record = _records(log, "rejects")[0]
        _alter(_records(log, "rejects"), 0, headers=tuple((dict(record.headers) | change).items()))
        assert set(judge(log, state, reference).kinds) == {"reject_header"}
        _records(log, "rejects")[0] = record


def test_extension_attributes_are_evidence(world, assessment, reference):
    world.publish(assessment(6, id="A-1", ward="7B", flag=True))
    assert _judge(world.settle(), reference)["ok"]
    log = world.log
    for record in list(_records(log, "evidence", HOME)):
        for ext in (b'{"ward": "7B", "flag": 1}', b'{"ward": "7B"}', b'{"ward": "7B", "flag": true, "x": 1}'):
            value = record.value.replace(b'{"ward": "7B", "flag": true}', ext)
            assert value != record.value
            _records(log, "evidence", HOME)[record.offset] = record._replace(value=value)
            assert _kinds(world.settle_again(), reference) == {"evidence_differs"}


def test_extension_attributes_from_nowhere(world, assessment, reference):
    origin = world.publish(assessment(6), deliver=False)
    world.deliver(world.evidence_of(origin) | {"ext": {"ward": "7B"}})
    assert _kinds(world.settle(), reference) == {"evidence_differs"}


def test_entity_twins_that_differ_are_named(told, reference):
    _, state = told
    assert _judge(told, reference)["entities"] >= 2
    name = "base/内科"
    (contributor,) = state.entities[name]
    kept = state.entities[name][contributor]
    for found in (
        {},
        {contributor: kept[:8] + msgspec.msgpack.encode([{}, {"e": ["other", None, None]}])},
        {contributor: b"rubbish that is no image"},
        {contributor: kept, "k1.nobody": kept},
    ):
        state.entities[name] = found
        assert _kinds(told, reference) == {"entity"}
    state.entities[name] = {}
    state.mirror[HOME].touched.add(contributor)
    report = _judge(told, reference)
    assert report["ok"], "who has not told yet may stand as before"
    assert report["untold"] == 1


def test_models_in_force_are_told_to_all_and_lie_on_the_topic(world, reference):
    part = b"[1]"
    manifest = {
        "kind": "severity",
        "version": "s1",
        "at": 5,
        "parts": {"c": {"pieces": 1, "digest": blake2b(part, digest_size=8).hexdigest()}},
    }
    world.log.topics["models"] = {0: PartitionLog()}
    for number, versions in ((0, ("s1", "s2")), (1, ("s1", "s2"))):
        for at, version in enumerate(versions, 5):
            said = {"k": "activation", "kind": "severity", "version": version, "at": at}
            world._append("evidence", number, None, json.dumps(said).encode())
    for version, at in (("s1", 5), ("s2", 6)):
        world._append("models", 0, f"severity/{version}/c/0".encode(), part)
        value = json.dumps(manifest | {"version": version, "at": at}).encode()
        world._append("models", 0, f"severity/{version}".encode(), value)
    told = world.settle()
    for mirror in told[1].mirror.values():
        mirror.active = {"severity": "6 s2"}
    assert _judge(told, reference)["ok"]
    records = told[0].topics["models"][0].records
    _alter(records, 0, value=b"[2]")
    assert _kinds(told, reference) == {"model"}
    _alter(records, 0, value=part)
    del told[0].topics["evidence"][1].records[0]
    assert "activation" in _kinds(told, reference)
