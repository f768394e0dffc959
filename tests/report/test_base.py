"""What the portrait of a base says, and what it keeps back."""

from copy import deepcopy

import pytest

from megdt_stream.console.report import base_page, render
from tests.report.markup import Walk
from tests.report.samples import GIVEN, bases, nothing_of


def written(document, process, lang="en"):
    page = base_page(document, process, lang=lang, **GIVEN)
    return page, Walk(render(page)).shown


def test_scarce_cases_and_what_waits_need_attention():
    page, _ = written(*bases())
    supply, overdue = page.findings
    assert supply.what == "12 required items are seen less often than the standard asks"
    assert supply.why[0].startswith("Cardiology, 12 of 12 items (12 trainees, ")
    assert "Heart failure 86%" in supply.why[0]
    assert "heads of Cardiology" in supply.next
    process = bases()[1]["properties"]
    assert overdue.what == f"{process['overdue']['value']} expected forms are overdue"


def test_trainees_below_their_peers_come_first():
    document, process = deepcopy(bases())
    about = {"trainees": 12, "peers": 40, "bases": 4}
    low = {"value": -0.4, "interval": [-0.7, -0.1], "provenance": about}
    unsure = {"value": -0.4, "interval": [-0.9, 0.1], "provenance": about}
    document["properties"] |= {"against-peers|communication": low, "against-peers|patient-care": unsure}
    page, shown = written(document, process)
    first = page.findings[0]
    assert first.what == "Trainees here are below their peers in 1 competency: Interpersonal and communication skills"
    assert first.sure == "The whole 80% interval of the difference lies below zero."
    assert "−0.40 (−0.70 – −0.10)" in first.why[0]
    assert "−0.40 (−0.90 – +0.10)" in shown


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_figures_of_too_few_are_not_there(lang):
    document, process = bases(4, 3)
    page, shown = written(document, process, lang)
    kept_back = {"en": "fewer than 10", "zh": "少于 10 人"}[lang]
    assert shown.count(kept_back) > 10
    assert page.findings == ()
    # No dot, no bar: only the axes above the columns are drawn.
    assert "use" not in Walk(render(page)).tags


def test_pass_rates_stand_with_their_interval():
    found = bases()[0]["properties"]["pass|completion-exam-theory"]
    _, shown = written(*bases())
    low, high = found["interval"]
    assert f"{found['value']:.0%} ({low:.0%} – {high:.0%})" in shown
    assert "9 / 12" in shown


def test_a_base_without_records_says_so():
    page, shown = written(nothing_of("base"), None)
    assert shown.count("No data yet.") == len(page.sections)
    assert page.limits


@pytest.mark.parametrize("name", sorted({name.partition("|")[0] for name in bases()[0]["properties"]}))
def test_any_kind_of_property_may_be_absent(name):
    document, process = bases()
    properties = {one: value for one, value in document["properties"].items() if one.partition("|")[0] != name}
    properties |= {
        one: {"value": None, "unknown": "no-peers", "provenance": {}} for one in properties if "peers" in one
    }
    assert written(document | {"properties": properties}, process)[1]


def test_the_process_may_be_unknown():
    page, shown = written(bases()[0], None)
    assert "All departments" in shown
    assert [one.what for one in page.findings] == ["12 required items are seen less often than the standard asks"]
