"""Pages as files: well-formed, sealed off, escaped, equal for equal input, in both languages."""

import re

import pytest

from megdt_stream.console.report import base_page, render, trainee_page
from tests.report.markup import Walk
from tests.report.samples import GIVEN, HOSTILE, bases, empty, hostile, nothing_of, trainee, whole

LANGUAGES = ("en", "zh")
PAGES = {
    "trainee": lambda lang: trainee_page(*whole(), lang=lang, **GIVEN),
    "trainee without records": lambda lang: trainee_page(*empty(), lang=lang, **GIVEN),
    "base": lambda lang: base_page(*bases(), lang=lang, **GIVEN),
    "base of too few": lambda lang: base_page(*bases(4, 3), lang=lang, **GIVEN),
    "base without records": lambda lang: base_page(nothing_of("base"), None, lang=lang, **GIVEN),
}


@pytest.fixture(params=[(name, lang) for name in PAGES for lang in LANGUAGES], ids=" ".join, scope="module")
def page(request):
    name, lang = request.param
    return render(PAGES[name](lang))


def test_it_is_well_formed(page):
    walk = Walk(page)
    assert walk.faults == []
    assert page.startswith("<!DOCTYPE html>")


def test_every_id_is_there_once_and_every_reference_leads_to_one(page):
    walk = Walk(page)
    ids = walk.values("id")
    assert len(ids) == len(set(ids))
    named = {value.removeprefix("#") for value in walk.values("href")}
    named |= {value for name in ("aria-labelledby",) for value in walk.values(name)}
    named |= set(re.findall(r"url\(#([^)]+)\)", page))
    assert named - set(ids) == set()


def test_nothing_outside_is_referred_to(page):
    assert "http:" not in page.lower()
    assert "https:" not in page.lower()
    assert re.findall(r"url\((?!#)", page) == []
    assert "@import" not in page
    walk = Walk(page)
    assert walk.values("src") == []
    assert all(value.startswith("#") for value in walk.values("href"))
    assert {"script", "img", "link", "iframe", "object", "embed", "form"} & set(walk.tags) == set()


def test_its_policy_forbids_what_it_does_not_use(page):
    walk = Walk(page)
    policies = [value for value in walk.values("content") if "default-src" in value]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


def test_every_chart_is_named_for_those_who_cannot_see_it(page):
    charts = re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL)
    assert all(re.search(r'<title id="[^"]+">[^<]+</title>', chart) for chart in charts)
    assert all('role="img"' in chart for chart in charts)


def test_charts_have_no_words(page):
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert [text for text in texts if not re.fullmatch(r"[-+−0-9.%]+", text)] == []


@pytest.mark.parametrize("name", PAGES)
def test_languages_are_whole_and_differ(name):
    english, chinese = (Walk(render(PAGES[name](lang))) for lang in LANGUAGES)
    assert ("html", "lang", "en") in english.attributes
    assert ("html", "lang", "zh-CN") in chinese.attributes
    assert len(english.tags) == len(chinese.tags)
    assert "Nothing is" not in chinese.shown
    # Chinese sentences have full-width punctuation.
    assert re.findall(r"[\u4e00-\u9fff][,;:?!]", chinese.shown) == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_equal_input_gives_equal_bytes(name, lang):
    assert render(PAGES[name](lang)) == render(PAGES[name](lang))


def test_settings_of_the_users_own_do_not_reach_a_chart(monkeypatch):
    import matplotlib as mpl

    before = render(PAGES["trainee"]("en"))
    for setting, value in (("svg.fonttype", "path"), ("font.size", 30.0), ("xtick.major.size", 30.0)):
        monkeypatch.setitem(mpl.rcParams, setting, value)
    assert render(PAGES["trainee"]("en")) == before
    assert mpl.rcParams["font.size"] == 30.0


@pytest.mark.parametrize("code", HOSTILE)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_codes_are_text_wherever_they_stand(code, lang):
    harmless = Walk(render(trainee_page(*hostile("X"), lang=lang, **GIVEN)))
    page = render(trainee_page(*hostile(code), lang=lang, **GIVEN))
    walk = Walk(page)
    assert walk.faults == []
    assert sorted(walk.tags) == sorted(harmless.tags)
    assert sorted({name for _, name, _ in walk.attributes}) == sorted({name for _, name, _ in harmless.attributes})
    assert walk.shown.count(code) >= harmless.shown.count(" X ") > 3
    assert "<script" not in page


def test_codes_of_a_base_are_text_too():
    document = nothing_of("base", HOSTILE[0])
    share = {"value": 0.5, "interval": [0.3, 0.7], "provenance": {"passed": 5, "of": 10}}
    document["properties"] = {f"pass|{code}": share for code in HOSTILE}
    walk = Walk(render(base_page(document, None, lang="en", **GIVEN)))
    assert walk.faults == []
    assert "script" not in walk.tags
    assert all(code in walk.shown for code in HOSTILE)


def test_a_pseudonym_with_a_head_says_where_to_look():
    from megdt_stream.twin.state import Twin

    document, cells = trainee(Twin(), as_of=0)
    document["properties"]["head"] = {"value": "k1.person", "provenance": {"field": "i"}}
    assert "belongs to k1.person" in Walk(render(trainee_page(document, cells, lang="en", **GIVEN))).shown
