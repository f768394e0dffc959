"""What the report of a trainee says: what is wrong first, how sure, why and what next."""

import re
from copy import deepcopy
from functools import cache

import pytest

from megdt_stream.console.report import render, trainee_page
from megdt_stream.console.report.history import history
from megdt_stream.console.report.language import Language
from megdt_stream.console.report.model import Figures, Table
from megdt_stream.runtime.query import Stored
from megdt_stream.runtime.severities import ratings, snapshots
from megdt_stream.twin import view
from megdt_stream.twin.view.learned import BELIEVED, estimator
from tests.report.markup import Walk
from tests.report.samples import BEGAN, ESTIMATION, GIVEN, NORMS, NOW, TraineeTelling, empty, trainee, whole
from tests.twin_view.telling import DAY, WEIGHT, Telling


def written(document, cells, lang="en"):
    page = trainee_page(document, cells, lang=lang, **GIVEN)
    return page, Walk(render(page)).shown


def estimates(value):
    if isinstance(value, dict):
        if value.get("value") is not None and "interval" in value:
            yield value
        for inner in value.values():
            yield from estimates(inner)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_estimate_stands_with_its_interval(lang):
    document, cells = whole()
    _, shown = written(document, cells, lang)
    say, told = Language(lang), 0
    for name, one in document["properties"].items():
        share = name in {"attendance", "feedback"}
        for found in estimates(one):
            forms = [say.share(found)] if share else [say.estimate(found, n, signed=s) for n in (0, 1) for s in (0, 1)]
            told += 1
            # Items of which nothing is left to count have no estimate; there is none among these.
            if not (name.startswith("quota|") and one["value"] >= one["required"]):
                assert any(form.replace("\N{NO-BREAK SPACE}", " ") in shown for form in forms), (name, found)
    assert told > 20


def test_cells_of_estimates_have_an_interval_or_nothing():
    page = trainee_page(*whole(), lang="en", **GIVEN)
    checked = 0
    for section in page.sections:
        tables = [
            table
            for block in section.blocks
            for table in ([one.table for one in block.figures] if isinstance(block, Figures) else [block])
        ]
        for table in tables:
            places = [place for place, column in enumerate(table.columns) if "(interval)" in column.title]
            for cell in [row[place] for row in table.rows for place in places]:
                checked += 1
                assert re.fullmatch(r"—|\S+ \(\S+ – \S+\)", cell.text), cell.text
    assert checked > 20


def test_what_is_wrong_comes_first_with_how_sure_why_and_what_next():
    page, shown = written(*whole())
    what = [one.what for one in page.findings]
    assert what == [
        "2 competencies below the target at this point of training",
        "Annual assessment: Failed",
        "Hours: 92.5 a week on average, more than 80",
        "3 expected forms have not come",
        "11 required items are likely to stay below the minimum",
        "Own view higher than the assessors': Patient care and procedural skills",
    ]
    for one in page.findings:
        assert one.sure
        assert one.why
        assert one.next
    places = [shown.index(text) for text in (what[0], "How sure", "Why: the evidence", "What next", "Details")]
    assert places == sorted(places)


def test_what_next_names_the_form_the_rotation_and_the_department():
    page, _ = written(*whole())
    missing, short = page.findings[3], page.findings[4]
    assert "r-1 (Mini clinical evaluation exercise, Heart failure)" in missing.next
    assert missing.why[0].endswith("(140 days overdue)")
    assert "teaching secretary of Cardiology" in short.next


def test_few_assessors_call_for_evidence_first():
    telling = Telling()
    telling.enrol("e", BEGAN - 900 * DAY, programme="内科")
    telling.assess("a", ("communication", 1.0, 1000, 9 * WEIGHT), happened=NOW - DAY, rater="tch.a")
    telling.assess("b", ("communication", 1.0, 1000, 9 * WEIGHT), happened=NOW - DAY, rater="tch.b")
    page, _ = written(*trainee(telling.twin))
    assert page.findings[0].what.startswith("Interpersonal and communication skills: 1.0 (")
    assert page.findings[0].next.startswith("First get more evidence")
    assert "Fewer than 3 assessors" in page.findings[0].sure


def test_an_open_warning_is_told_with_the_form_it_is_about():
    document, cells = deepcopy(whole())
    about = {"since": "2025-04-20T00:00:00Z", "notice": "ab" * 8, "due": None, "expected": 1, "arrived": 0}
    document["properties"]["warning|expected-assessment-overdue|r-1|mini-cex"] = {"value": "open", "provenance": about}
    page, _ = written(document, cells)
    assert "a warning is open since 20\N{NO-BREAK SPACE}Apr\N{NO-BREAK SPACE}2025" in page.findings[3].why[0]


def test_departments_without_time_left_are_told_apart():
    telling = TraineeTelling()
    telling.all_kinds()
    telling.rotate(
        "over",
        "ended",
        BEGAN + 20 * DAY,
        rotation="r-0",
        department="肾内科",
        starts=BEGAN - 400 * DAY,
        ends=BEGAN - 200 * DAY,
    )
    telling.enrol("e", BEGAN - 1500 * DAY, programme="内科")
    document, cells = trainee(telling.twin)
    page, _ = written(document, cells)
    over = [one for one in page.findings if "no time is left" in one.what]
    assert over
    assert "Nephrology" in over[0].why[0]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_section_without_data_says_so(lang):
    page, shown = written(*empty(), lang)
    nothing = Language(lang)("no data")
    assert [section.lead for section in page.sections] == [(nothing,)] * len(page.sections)
    assert page.findings == ()
    assert shown.count(nothing) == len(page.sections)
    assert not any(section.blocks for section in page.sections)


@pytest.mark.parametrize("name", sorted({name.partition("|")[0] for name in whole()[0]["properties"]}))
def test_any_kind_of_property_may_be_absent(name):
    document, cells = whole()
    properties = {one: value for one, value in document["properties"].items() if one.partition("|")[0] != name}
    assert Walk(render(trainee_page(document | {"properties": properties}, cells, lang="zh", **GIVEN))).faults == []


def test_what_cannot_be_told_is_said():
    telling = Telling()
    telling.assess("a", ("communication", 1.0, 1000, WEIGHT), happened=NOW - DAY)
    page, _ = written(*trainee(telling.twin))
    assert any(text.startswith("No enrolment is on record") for text in page.limits)
    telling.enrol("e", BEGAN, programme="神经内科")
    page, _ = written(*trainee(telling.twin))
    assert any("神经内科" in text for text in page.limits)


def test_the_header_names_nobody_and_says_how_it_was_made():
    document, cells = whole()
    page, _ = written(document, cells)
    facts = dict(page.facts)
    assert facts["Trainee (pseudonym)"] == "syn.t1"
    assert facts["Revision of the twin"] == document["revision"]
    assert facts["Stage"] == "postgraduate training, year 1"
    method = dict(page.method)
    assert method["Coverage of intervals"] == "80%"
    assert "standard deviation 0.5 levels" in method["Assessors' severity"]


@cache
def learnt():
    """Give a trainee's twin, what is read off it and by which estimator, where severities were learnt."""
    stored = [Stored(f"syn.t{n}", TraineeTelling().all_kinds(), NOW) for n in range(5)]
    found = snapshots(ratings(stored), {}, "read-then")
    by_snapshot = estimator("syn.t1", {one.competency: one for one in found}, {})
    return stored[1].twin, view.read(stored[1].twin, ESTIMATION, by_snapshot), by_snapshot


def test_the_snapshot_is_named_where_severity_was_subtracted():
    twin, found, by_snapshot = learnt()
    document = view.document("syn.t1", found, ESTIMATION, NOW, NORMS)
    page = trainee_page(document, view.cells(twin), lang="en", estimator=by_snapshot, **GIVEN)
    method = dict(page.method)
    assert method["Assessors' severity"].startswith("Subtracted, as learnt in snapshot read-then")
    assert method["Evidence used"].startswith("All scores")


def test_a_level_over_time_is_told_by_the_estimator_of_the_level_of_now():
    twin, found, by_snapshot = learnt()
    level = found.levels[0]
    points = history(level.competency, view.cells(twin)[level.competency], ESTIMATION, by_snapshot, NOW)
    assert (points[-1].value, points[-1].low, points[-1].high) == (level.mean, level.low, level.high)


def test_levels_of_assessors_whom_nothing_compares_are_named():
    document, cells = deepcopy(whole())
    document["properties"]["level|communication"]["provenance"]["rater_severity"] = BELIEVED
    page, _ = written(document, cells)
    told = "Assessors whom nothing compares with others, so that their severity is not known: "
    assert f"{told}Interpersonal and communication skills." in page.limits
    assert not any(text.startswith(told) for text in written(*whole())[0].limits)


def test_the_last_point_over_time_is_the_level_of_now():
    twin = TraineeTelling().all_kinds()
    _, cells = trainee(twin)
    for level in view.read(twin, ESTIMATION).levels:
        points = history(level.competency, cells[level.competency], ESTIMATION, view.estimate, NOW)
        assert (points[-1].value, points[-1].low, points[-1].high) == (level.mean, level.low, level.high)
        assert sum(one.scores for one in points) == sum(cell.n for cell in cells[level.competency])
        assert [one.at for one in points] == sorted(one.at for one in points)
        assert points[-1].at <= NOW


def test_an_earlier_point_knows_nothing_of_what_came_later():
    twin = TraineeTelling().all_kinds()
    _, cells = trainee(twin)
    given = cells["communication"]
    early = [cell for cell in given if cell.period <= min(cell.period for cell in given) + 2]
    known = history("communication", early, ESTIMATION, view.estimate, NOW)
    assert history("communication", given, ESTIMATION, view.estimate, NOW)[: len(known)] == known


def test_details_are_tables_whose_rows_fit_their_columns():
    page = trainee_page(*whole(), lang="zh", **GIVEN)
    tables = [block for section in page.sections for block in section.blocks if isinstance(block, Table)]
    assert len(tables) > 8
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


# --- risk ---

RISK = {
    "value": 0.314,
    "interval": [0.201, 0.452],
    "rotation": "r-1",
    "reasons": [{"feature": "missed_share", "adds": 0.81}, {"feature": "level_mean", "adds": -0.4}],
    "others": [{"rotation": "r-2", "value": 0.1, "interval": [0.05, 0.2]}],
    "provenance": {
        "model": "r1-2025-03-03",
        "learnt_until": "2025-03-03T00:00:00Z",
        "coverage": 0.8,
        "horizon_days": 91,
        "outcomes": 159,
        "basis": "model",
        "flagged": False,
    },
}


def with_risk(found, lang="en"):
    document, cells = deepcopy(whole())
    document["properties"]["risk"] = found
    return written(document, cells, lang)


@pytest.mark.parametrize(("lang", "title"), [("en", "Risk of an adverse outcome"), ("zh", "不良结局风险")])
def test_a_risk_stands_with_interval_reasons_and_version(lang, title):
    _, shown = with_risk(RISK, lang)
    for part in (title, "r-1", "r-2", "r1-2025-03-03", "159", "missed_share", "+0.81", "31%", "20%", "45%"):
        assert part in shown, part


def test_what_a_risk_rests_on_is_said():
    floor = RISK | {"reasons": [], "provenance": RISK["provenance"] | {"basis": "floor", "flagged": True}}
    assert {"rate among all" in with_risk(one)[1] for one in (floor, RISK)} == {True, False}
    assert "do not rely on this" in with_risk(floor)[1]
    broken = {"value": None, "unknown": "model-broken", "provenance": {"model": "r1-2025-03-03"}}
    assert "no risk is told" in with_risk(broken)[1]
    page, _ = with_risk({"value": None, "unknown": "no-rotation", "provenance": {}})
    assert "risk" not in {section.id for section in page.sections}
