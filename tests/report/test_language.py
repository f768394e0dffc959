"""Words, numbers and dates in both languages."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.console.report.language import Language
from megdt_stream.console.report.words import WORDS
from megdt_stream.console.report.words_base import BASE
from megdt_stream.console.report.words_trainee import TRAINEE

EN, ZH = Language("en"), Language("zh")


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_take_the_same_values(key):
    english, chinese = WORDS[key]
    assert fields(english) == fields(chinese)
    assert "[" not in re.sub(r"\[[^|\]]*\|[^\]]*\]", "", english)
    assert "[" not in chinese


@pytest.mark.parametrize("key", WORDS)
def test_chinese_has_chinese_punctuation(key):
    chinese = WORDS[key][1]
    assert re.findall(r"[\u4e00-\u9fff}][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", chinese) == []
    assert not chinese.endswith(".")


def test_no_word_is_said_in_two_places():
    assert len(WORDS) - len(BASE) - len(TRAINEE) > 0
    assert set(BASE) & set(TRAINEE) == set()


def test_one_and_many():
    assert EN("missing what", n=1) == "1 expected form has not come"
    assert EN("missing what", n=2) == "2 expected forms have not come"
    assert ZH("missing what", n=2) == "有 2 份应交评估表未收到"


def test_values_are_no_templates():
    assert EN("quoted", text="{n}[a|b]") == "{n}[a|b]"


def test_dates():
    assert EN.day("2025-03-04T23:59:59Z").replace("\N{NO-BREAK SPACE}", " ") == "4 Mar 2025"
    assert ZH.day("2025-03-04T23:59:59Z") == "2025年3月4日"
    assert ZH.moment("2025-03-04T08:05:00Z") == "2025年3月4日 08:05（UTC）"
    assert EN.moment(None) == "time not known"
    assert EN.day_of(0).replace("\N{NO-BREAK SPACE}", " ") == "1 Jan 1970"


def test_numbers():
    assert EN.number(12345) == "12,345"
    assert ZH.number(12345) == "12345"
    assert EN.number(-0.04, signed=True) == "0.0"
    assert EN.number(0.3, signed=True) == "+0.3"
    assert EN.number(-1234.56) == "−1,234.6"
    assert EN.number(None) == "—"


def test_nothing_is_said_to_be_sure():
    assert [EN.chance(p) for p in (0.0, 0.005, 0.5, 0.995, 1.0)] == [
        "under 1%",
        "under 1%",
        "50%",
        "over 99%",
        "over 99%",
    ]
    assert ZH.chance(1.0) == "99% 以上"


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3))
def test_an_estimate_has_its_interval(value, below, above):
    found = {"value": value, "interval": [value - below, value + above]}
    english, chinese = EN.estimate(found, signed=True), ZH.estimate(found, signed=True)
    number = r"(?:0\.0|[+−]\d+\.\d)"
    assert re.fullmatch(rf"{number} \({number} – {number}\)", english)
    assert re.fullmatch(rf"{number}（{number}～{number}）", chinese)
