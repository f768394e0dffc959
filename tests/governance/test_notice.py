"""What a notice says, in fields and in two languages, and that its id is its cause's."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import product

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import record_hash
from megdt_stream.governance.notice import Cause, notice_id, warning
from megdt_stream.governance.overdue import Finding
from tests.governance.test_overdue import DUE, GRACE, LIMIT, Log
from tests.mirror.logs import NUMBER, RULE, alerts, applied, logs
from tests.twin.facts import DAY

COMMON = json.loads((schemas_dir() / "common.schema.json").read_text("utf-8"))
SCHEMA = jsonschema_rs.Draft202012Validator(
    json.loads((schemas_dir() / f"{topics.ALERTS.name}.schema.json").read_text("utf-8")),
    registry=jsonschema_rs.Registry([(COMMON["$id"], COMMON)]),
    validate_formats=True,
)


def told(log):
    return [event for _, event in alerts(applied(log.values))]


def test_an_opened_warning():
    log = Log().plan(mini_cex=(2, DUE)).assess(0).tick(LIMIT + 2 * DAY - 1)
    (event,) = told(log)
    data = event["data"]
    parts = (data["rule"], "1", "k1.a", "内科", "mini-cex", "opened", str(NUMBER), "2")
    assert event["id"] == blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
    assert (event["source"], event["subject"], event["specversion"]) == ("/megdt/mirror", "k1.a", "1.0")
    assert (event["type"], event["time"]) == ("megdt.warning.opened.v1", "1970-01-13T23:59:59.999Z")
    assert data == {
        "rule": "expected-assessment-overdue",
        "rule_version": 1,
        "severity": "medium",
        "owner": "education-office",
        "trainee": "k1.a",
        "rotation": "内科",
        "base": "B1",
        "item": "mini-cex",
        "due": DUE,
        "expected": 2,
        "arrived": 1,
        "days_overdue": 2,
        "since": LIMIT + 2 * DAY - 1,
        "opened_by": event["id"],
        "reason": {
            "code": "overdue",
            "en": "mini-cex: 1 of 2 arrived, due 1970-01-11, 2 days overdue",
            "zh": "mini-cex：应完成 2 次，已收到 1 次，截止 1970-01-11，已逾期 2 天",
        },
        "evidence": [{"h": record_hash("/hospital-a", "plan")}],
        "cause": {"partition": NUMBER, "offset": 2},
        "next_step": {"en": "Ask.", "zh": "请核实。"},
    }


def test_a_recovery_points_at_its_opening_and_at_the_record_that_closed_it():
    opened, recovered = told(Log().plan(mini_cex=(1, DUE)).tick(LIMIT).assess(7))
    data = recovered["data"]
    assert (data["since"], data["opened_by"], data["arrived"]) == (LIMIT, opened["id"], 1)
    assert data["reason"] == {
        "code": "arrived",
        "en": "mini-cex: the expected assessment has arrived",
        "zh": "mini-cex：应完成的考核已补交",
    }
    assert data["evidence"] == [
        {"h": record_hash("/hospital-a", "plan")},
        {"source": "/hospital-a", "id": "7", "h": record_hash("/hospital-a", "7")},
    ]
    assert data["next_step"]["en"].startswith("Nothing")
    assert opened["id"] != recovered["id"]


def test_a_recovery_states_what_was_missed_not_what_is_expected_now():
    log = Log().plan(mini_cex=(2, DUE)).tick(LIMIT).plan(rev=1, mini_cex=(1, DUE + 9 * DAY))
    assert [(e["data"]["due"], e["data"]["expected"]) for e in told(log)] == [(DUE, 2)] * 2


def test_the_shipped_messages_are_the_topics():
    log = Log().plan(mini_cex=(1, DUE)).tick(LIMIT)
    (message,) = applied(log.values).messages
    assert (message.topic, message.key, message.headers) == ("megdt.alerts.v1", b"k1.a", ())
    assert "轮转" not in message.value.decode()
    assert "逾期" in message.value.decode()


@given(logs)
def test_every_notice_satisfies_the_published_schema(values):
    for offset, event in alerts(applied(values)):
        SCHEMA.validate(event)
        data = event["data"]
        assert data["cause"] == {"partition": NUMBER, "offset": offset}
        assert data["days_overdue"] * DAY <= _ms(event["time"]) - data["due"] < (data["days_overdue"] + 1) * DAY
        assert all(data["reason"][language].startswith(data["item"]) for language in ("en", "zh"))
        assert any("\u4e00" <= letter <= "\u9fff" for letter in data["reason"]["zh"])


def _ms(text):
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(logs)
def test_ids_are_distinct_and_those_of_the_contract(values):
    events = [event for _, event in alerts(applied(values))]
    assert len({event["id"] for event in events}) == len(events)
    for event in events:
        data = event["data"]
        parts = (data["rule"], data["rule_version"], data["trainee"], data["rotation"], data["item"])
        cause = (event["type"].split(".")[2], data["cause"]["partition"], data["cause"]["offset"])
        assert event["id"] == record.digest("\0".join(map(str, (*parts, *cause))).encode())


def test_no_two_causes_share_an_id():
    findings = [
        Finding(rotation, key, transition, "overdue", None, (key, 1, 0), 0, None, None)
        for rotation, key, transition in product(("R1", "R11"), ("K", "1K"), ("opened", "recovered"))
    ]
    causes = [Cause(partition, offset) for partition in (1, 11) for offset in (1, 11, 111)]
    rules = [RULE, RULE.model_copy(update={"version": 11})]
    ids = [notice_id(*each) for each in product(rules, ("k1.a", "k1.ab"), findings, causes)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("why", ["arrived", "no-longer-expected", "due-date-moved"])
@given(now=st.integers(-(10**12), 7 * 10**12), opened=st.integers(-(10**12), 10**12))
def test_recoveries_of_any_time_can_be_written(why, now, opened):
    finding = Finding("R", "K", "recovered", why, None, None, 0, None, [opened, "0" * 16, opened - GRACE, 1])
    written = warning(RULE, "k1.a", finding, now, Cause(0, 0), [])
    event = json.loads(written.value)
    SCHEMA.validate(event)
    assert (event["id"], _ms(event["time"])) == (written.id, now)
