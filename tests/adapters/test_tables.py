"""What rows become by a mapping, and what a mapping may say."""

import json
import tomllib
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from megdt_stream.evidence.adapters import Evidence, NotRelevant, Refused, tables
from megdt_stream.evidence.adapters.draft import draft
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.table_mapping import TableMapping, table_types
from megdt_stream.evidence.pseudonym import Pseudonymiser
from tests.adapters.conformance import items, verdict
from tests.adapters.samples import KEY, MAPPING, row

PSEUDONYMISER = Pseudonymiser(KEY, "k1")
CHINA = timezone(timedelta(hours=8))
CODE = {"columns": ["n"], "plain": True}
EXPOSURE = {
    "type": "exposure.recorded",
    "id": CODE,
    "subject": {"column": "who"},
    "time": {"column": "t"},
    "data": {"kind": "case", "item": {"column": "item"}},
}


def convert(value, mapping=MAPPING, zone=CHINA):
    [result] = tables.results(items([value]), People(PSEUDONYMISER), mapping, zone)
    return result


def bodies(value, mapping=MAPPING, zone=CHINA):
    result = convert(value, mapping, zone)
    assert isinstance(result, Evidence), result
    assert [verdict(event) for event in result.events] == [None] * len(result.events)
    return [json.loads(event.value) for event in result.events]


def mapped(file=None, **event):
    return TableMapping.model_validate({"source": "/t", "file": file or {}, "event": [{**EXPOSURE, **event}]})


def small(**more):
    return {"n": "1", "who": "S1", "t": "2025-03-04 10:15", "item": "J18", **more}


def test_a_row_is_an_assessment():
    [event] = bodies(row())
    assert event["type"] == "megdt.assessment.recorded.v1"
    assert event["source"] == "/tms/mini-cex"
    assert event["id"].startswith("assessment.recorded/k1.")
    assert event["subject"] == PSEUDONYMISER.of("20231234567")
    assert (event["time"], event["recorded"]) == ("2025-03-04T10:15:00+08:00", "2025-03-05T08:00:00+08:00")
    assert event["data"] == {
        "instrument": "mini-cex",
        "scale": "mini-cex@1",
        "assessor": PSEUDONYMISER.of("T0099"),
        "rotation": "心内科-2025",
        "scores": [{"competency": "patient-care", "value": 9}, {"competency": "professionalism", "value": 7.5}],
    }


def test_a_row_may_be_two_records():
    assessment, feedback = bodies(row(评语="问诊有条理"))
    assert feedback["type"] == "megdt.feedback.recorded.v1"
    assert feedback["data"] == {"text": "问诊有条理"}
    assert assessment["id"] != feedback["id"]


def test_versions_and_a_deletion_follow_each_other():
    steps = [row(), row(版本="1"), row(版本="1", 删除="是"), row(版本="2"), row(版本="3", 删除="是")]
    events = [bodies(step)[0] for step in steps]
    assert [event.get("revision", 0) for event in events] == [0, 2, 3, 4, 7]
    assert [event["type"].split(".")[2] for event in events] == [
        "recorded",
        "amended",
        "retracted",
        "amended",
        "retracted",
    ]
    assert len({event["id"] for event in events}) == 1


@pytest.mark.parametrize(
    ("cells", "score"),
    [
        ({"人文": "未观察"}, {"competency": "professionalism", "missing": "not-observed"}),
        ({"人文": ""}, {"competency": "professionalism", "missing": "not-recorded"}),
        ({"人文": "７．５"}, {"competency": "professionalism", "value": 7.5}),
        ({"人文": "8.0"}, {"competency": "professionalism", "value": 8}),
    ],
)
def test_scores(cells, score):
    assert bodies(row(**cells))[0]["data"]["scores"][1] == score


@pytest.mark.parametrize(
    ("cells", "reason", "path"),
    [
        ({"学号": ""}, "missing_person", "学号"),
        ({"评价时间": " - "}, "missing_time", "评价时间"),
        ({"评价时间": "昨天"}, "unmapped_value", "评价时间"),
        ({"表单编号": ""}, "missing_value", "表单编号"),
        ({"医疗面谈": "还行"}, "unmapped_value", "医疗面谈"),
        ({"版本": "一"}, "unmapped_value", "版本"),
        ({"版本": "5000"}, "invalid", "版本"),
        ({"版本": "1.5"}, "unmapped_value", "版本"),
    ],
)
def test_what_is_refused(cells, reason, path):
    result = convert(row(**cells))
    assert isinstance(result, Refused)
    assert (result.reason, result.path) == (reason, path)


def test_filters_and_conditions():
    assert convert(row(状态="草稿")) == NotRelevant("draft", "items:1")
    mapping = mapped(when=[{"column": "item", "filled": True}])
    assert convert(small(item=""), mapping) == NotRelevant("no event of the mapping applies", "items:1")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-03-04 10:15", "2025-03-04T10:15:00+08:00"),
        ("2025-03-04T10:15:00Z", "2025-03-04T10:15:00+00:00"),
        ("2025-03-04", "2025-03-04T12:00:00+08:00"),
        ("2025/3/4", "2025-03-04T12:00:00+08:00"),
        ("2025/3/4 9:05", "2025-03-04T09:05:00+08:00"),
        ("2025年3月4日", "2025-03-04T12:00:00+08:00"),
        ("2025年3月4日 9:05", "2025-03-04T09:05:00+08:00"),
    ],
)
def test_dates(text, time):
    assert bodies(small(t=text), mapped())[0]["time"] == time


BERLIN = ZoneInfo("Europe/Berlin")


def test_local_times_as_the_clocks_change():
    skipped = convert(small(t="2025-03-30 02:30"), mapped(), BERLIN)
    assert (skipped.reason, skipped.path) == ("nonexistent_time", "t")
    twice = small(t="2025-10-26 02:30")
    assert convert(twice, mapped(), BERLIN).reason == "ambiguous_time"
    earlier, later = (bodies(twice, mapped({"ambiguous": word}), BERLIN)[0]["time"] for word in ("earlier", "later"))
    assert (earlier, later) == ("2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00")


def test_before_zones_had_whole_minutes():
    [event] = bodies(small(t="1900-06-01 12:00"), mapped(), ZoneInfo("Asia/Shanghai"))
    assert event["time"] == "1900-06-01T03:54:17+00:00"


@pytest.mark.parametrize(("text", "value"), [("7,5", 7.5), ("7", 7), ("-0,25", -0.25)])
def test_decimal_commas(text, value):
    mapping = mapped(
        {"decimal": ","},
        type="outcome.recorded",
        data={"outcome": "exam", "result": "passed", "value": {"column": "item"}},
    )
    assert bodies(small(item=text), mapping)[0]["data"]["value"] == value
    assert convert(small(item="7.500"), mapping).reason == "unmapped_value"


@pytest.mark.parametrize(("text", "value"), [("是", True), ("NO", False), ("√", True), ("maybe", None)])
def test_yes_and_no(text, value):
    mapping = mapped(type="teaching.attended", data={"session": "S1", "attended": {"column": "item"}})
    result = convert(small(item=text), mapping)
    if value is None:
        assert result.reason == "unmapped_value"
    else:
        assert json.loads(result.events[0].value)["data"]["attended"] is value


def test_constants_maps_defaults_and_plain_pseudonyms():
    mapping = mapped(
        subject={"column": "who", "plain": True},
        data={
            "kind": "procedure",
            "item": {"column": "item", "map": {"腰穿": "lumbar-puncture"}},
            "role": {"column": "role", "default": "observed"},
            "count": {"column": "count", "default": 1},
        },
    )
    [event] = bodies(small(who="his.abc", item="腰穿", role="", count="3"), mapping)
    assert event["subject"] == "his.abc"
    assert event["id"] == "exposure.recorded/1"
    assert event["data"] == {"kind": "procedure", "item": "lumbar-puncture", "role": "observed", "count": 3}


def test_numbers_of_several_systems_are_kept_apart():
    subjects = {
        bodies(small(), mapped(subject={"column": "who", "system": system}))[0]["subject"]
        for system in ("", "his", "tms")
    }
    assert len(subjects) == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"type": "exposure.retracted"}, "is no type for tables"),
        ({"type": "exposure"}, "is no type for tables"),
        ({"data": {"kind": "case"}}, "needs item under data"),
        ({"data": {**EXPOSURE["data"], "kinds": "x"}}, "has no kinds"),
        ({"scores": [{"competency": "x", "column": "s"}]}, "takes no scores"),
        ({"subject": {"column": "a", "template": "{b}"}}, "either column or template"),
        ({"subject": {"template": "b"}}, "names a column in braces"),
        ({"time": {"column": "t", "map": {"x": "y"}}}, "times take no map"),
        ({"when": [{"column": "t"}]}, "either equals or filled"),
        ({"id": {"columns": ["who"], "plain": True}}, "names persons and would also pass as it is"),
        ({"data": {"kind": "case", "item": {"template": "{who}-1"}}}, "names persons and would also pass as it is"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_mappings_that_cannot_be_meant(change, told):
    with pytest.raises(ValidationError, match=told):
        mapped(**change)


@pytest.mark.parametrize("form", ["%Q", "%Y%Y", "%m-%d", "%"])
def test_date_formats_that_cannot_be_read(form):
    with pytest.raises(ValidationError, match=r"date format|names no year"):
        mapped({"dates": [form]})


def test_two_events_of_one_name():
    with pytest.raises(ValidationError, match="occurs twice"):
        TableMapping.model_validate({"source": "/t", "event": [EXPOSURE, EXPOSURE]})


def test_every_type_but_corrections_may_come_from_a_table():
    assert {"assessment.recorded", "duty.recorded", "identity.linked", "rotation.planned"} <= set(table_types())
    assert not [name for name in table_types() if name.endswith(("amended", "retracted"))]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), min_size=1, max_size=40, unique=True))
def test_any_first_row_gives_a_draft_that_loads(columns):
    stated = tomllib.loads(draft([column.strip() for column in columns]))
    assert TableMapping.model_validate(stated).event[0].type == "assessment.recorded"


def test_a_draft_guesses_by_names():
    columns = ["表单编号", "学号", "姓名", "评价时间", "带教工号", "医疗面谈得分", "删除标记", "备注"]
    event = TableMapping.model_validate(tomllib.loads(draft(columns, "\t"))).event[0]
    assert (event.id.columns, event.subject.column, event.time.column) == (["表单编号"], "学号", "评价时间")
    assert event.data["assessor"].column == "带教工号"
    assert (event.deleted.column, [score.column for score in event.scores]) == ("删除标记", ["医疗面谈得分"])
    assert "# Not used: 姓名, 备注" in draft(columns)
