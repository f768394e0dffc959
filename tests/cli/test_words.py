"""The language of what is shown, and the live picture's parts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from megdt_stream.console.flow import Frame, picture, sparkline
from megdt_stream.console.notices import Once, Tally, in_full, line, parse
from megdt_stream.console.words import Words, choose
from megdt_stream.runtime.query import Flow


@pytest.mark.parametrize(
    ("chosen", "environment", "expected"),
    [
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "C.UTF-8"}, "en"),
        (None, {"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ("zh", {"LC_ALL": "C"}, "zh"),
        (None, {}, "en"),
    ],
)
def test_language_follows_the_option_then_the_locale(chosen, environment, expected):
    assert choose(chosen, environment).lang == expected


@given(st.lists(st.floats(0, 1e9), max_size=50), st.integers(1, 60))
def test_a_sparkline_is_as_long_as_what_it_shows(values, cells):
    drawn = sparkline(values, cells)
    assert len(drawn) == min(len(values), cells)
    assert set(drawn) <= set("▁▂▃▄▅▆▇█")


def notice(number=1, kind="opened", trainee="syn.t1"):
    data = {
        "rule": "expected-assessment-overdue",
        "rule_version": 1,
        "severity": "medium",
        "owner": "education-office",
        "trainee": trainee,
        "rotation": "R1-心内科",
        "base": "内科-01",
        "item": "出科考核",
        "since": 1_700_000_000_000,
        "reason": {"code": "overdue", "en": "1 of 2 arrived", "zh": "已收到 1 次"},
        "evidence": [{"h": "ab" * 8}, {"source": "/his", "id": "7", "h": "cd" * 8}],
        "next_step": {"en": "Ask.", "zh": "请核实。"},
    }
    event = {"id": f"n{number}", "type": f"megdt.warning.{kind}.v1", "time": "2025-01-01T00:00:00.000Z", "data": data}
    return parse(json.dumps(event).encode())


def shown(renderable, width=100, height=30):
    console = Console(width=width, height=height, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_copies_of_a_notice_count_once():
    tally = Tally()
    assert [tally.add(one) for one in (notice(1), notice(1), notice(2, "recovered"), notice(2, "recovered"))] == [
        True,
        False,
        True,
        False,
    ]
    assert (tally.opened, tally.recovered, tally.open) == (1, 1, {})


def test_memory_of_ids_is_bounded():
    once = Once(size=2)
    assert [once.first(id_) for id_ in "aabcb"] == [True, False, True, True, False]
    assert once.first("a")  # forgotten by now, and shown again rather than remembered without end


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"\xff", b'{"id": "x", "type": "y", "data": 5}'])
def test_what_is_no_notice_is_left_out(value):
    assert parse(value) is None


def test_a_notice_is_told_with_reason_evidence_owner_and_next_step_in_both_languages():
    text = shown(in_full(notice(), Words("zh")))
    for part in ("已收到 1 次", "1 of 2 arrived", "请核实。", "Ask.", "/his 7", "教学管理部门"):
        assert part in text
    assert "已收到 1 次" in shown(line(notice(), Words("zh")))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (140, 40)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_picture_fits_the_terminal(width, height, lang):
    frame = Frame(
        phase="playing 2025-01-01, day 100 of 365",
        share=0.3,
        seconds=12.0,
        published={"assessments": 12_345},
        flow={"assessments": Flow(12_000, 11_000, 500, 500, {"undecodable": 300, "naive_timestamp": 200})},
        rates=[100.0, 2000.0] * 60,
        twins=200,
        opened=30,
        latest=[notice(n) for n in range(40)],
        focus="syn.t1",
    )
    drawn = shown(picture(frame, Words(lang), width, height - 1), width, height).rstrip("\n").split("\n")
    assert len(drawn) < height
    assert "12,345" in "\n".join(drawn)
