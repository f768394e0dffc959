"""Entity twins of a whole synthetic hospital against its truth, and as everybody sees them."""

import json
from collections import defaultdict
from dataclasses import replace

import pytest
from rich.console import Console

from megdt_stream.console.entity import render, roster
from megdt_stream.console.words import Words
from megdt_stream.runtime import roster as trainees
from megdt_stream.runtime.entities import Assumed, gather, ids, read_from
from megdt_stream.runtime.severities import ratings, severities
from megdt_stream.seed_files import load_estimation, load_library, load_norms
from megdt_stream.synth import HospitalPlan
from megdt_stream.twin.entities.contribution import contributions
from megdt_stream.twin.entities.state import KINDS, Entity, EntityTwin
from tests.entities.hospital import folded

PLAN = HospitalPlan(seed=4, trainees=52, base_size=(11, 15), days=240, annual_assessment_day=200, continuing_share=0.1)
SMALL = replace(HospitalPlan.small(), base_size=(5, 8))


@pytest.fixture(scope="module")
def hospital():
    return folded(PLAN)


@pytest.fixture(scope="module")
def scan(hospital):
    return gather(hospital.stored)


@pytest.fixture(scope="module")
def assumed(hospital, scan):
    known = severities(ratings(hospital.stored), scan.persons, "test")
    return Assumed(load_estimation(), load_norms(), load_library().outcomes, known)


@pytest.fixture(scope="module")
def rows(hospital):
    return list(trainees.rows(hospital.stored, load_estimation(), load_norms()))


def test_bases_have_the_trainees_that_they_have(hospital, scan, assumed):
    assert ids(scan, "base") == sorted(hospital.truth.bases)
    for code, true in hospital.truth.bases.items():
        assert read_from(scan, "base", code, assumed)["properties"]["trainees"]["value"] == true.trainees


def test_a_small_hospital_keeps_its_bases_back():
    small = folded(SMALL)
    scan = gather(small.stored)
    assumed = Assumed(load_estimation(), load_norms(), load_library().outcomes)
    for code, true in small.truth.bases.items():
        found = read_from(scan, "base", code, assumed)["properties"]
        assert true.trainees < 10
        told = {name for name, one in found.items() if one["value"] not in (None, [])}
        assert all(name.startswith("capacity|") for name in told)


def test_forms_lie_between_what_the_scores_tell_at_least_and_at_most(hospital, scan, assumed):
    """All judged forms have an assessor; one whose scores are all missing leaves no score."""
    counted = 0
    for name, true in hospital.truth.assessors.items():
        found = read_from(scan, "faculty", name, assumed)
        if found is not None:
            assert found["properties"]["forms"]["value"] <= true.forms <= found["properties"]["scores"]["value"]
            counted += found["properties"]["forms"]["value"]
    assert counted > 0.95 * sum(true.forms for true in hospital.truth.assessors.values())


def test_severities_are_those_of_the_hospital(hospital, scan, assumed):
    inside = of = right = clear = 0
    for name, true in hospital.truth.assessors.items():
        document = read_from(scan, "faculty", name, assumed)
        found = {} if document is None else document["properties"]
        one = found.get("severity|patient-care")
        if one is None or one["value"] is None:
            continue
        of += 1
        inside += one["interval"][0] <= true.severity <= one["interval"][1]
        if abs(true.severity) > 0.3 and one["provenance"]["connected_assessors"] > 1:
            clear += 1
            right += (one["value"] > 0) == (true.severity > 0)
    assert of > 40
    assert inside / of > 0.6
    assert clear > 15
    assert right / clear > 0.9


def test_overdue_forms_are_the_undelivered_ones(hospital, scan, assumed):
    missing = sum(one.expected - one.arrived for one in hospital.truth.undelivered)
    overdue, due = 0, 0
    for code in hospital.truth.bases:
        found = read_from(scan, "process", code, assumed)["properties"]
        overdue += found["overdue"]["value"]
        due += found["completion"]["provenance"]["due"]
    assert overdue == missing > 0
    assert due == hospital.truth.expectations


def test_a_department_of_a_process_can_be_asked_for(hospital, scan, assumed):
    code = ids(scan, "process")[0]
    whole = read_from(scan, "process", code, assumed)["properties"]
    department = next(name.partition("|")[2] for name in whole if "|" in name)
    one = read_from(scan, "process", f"{code}|{department}", assumed)
    assert one["properties"] == {name: value for name, value in whole.items() if name.endswith(f"|{department}")}
    assert read_from(scan, "process", f"{code}|nowhere", assumed) is None


def test_links_are_followed(hospital, scan):
    linked = {name for name, subject in hospital.truth.subjects.items() if subject.head is not None}
    assert linked
    contributors = {name for twin in scan.entities.values() for name in twin.parts}
    assert not linked & contributors
    assert not any(entity.id in linked for entity in scan.entities if entity.kind in {"faculty", "resource"})


def test_contributions_in_any_order_make_the_same_twins(hospital, scan):
    given = defaultdict(list)
    for stored in reversed(hospital.stored):
        for entity, part in contributions(stored.trainee, stored.twin).items():
            given[entity] += [(stored.trainee, 3, part), (stored.trainee, 2, part)]
    names = scan.persons.values()
    for entity, twin in scan.entities.items():
        if entity.id not in names and entity.kind != "base":
            assert EntityTwin.of(given[entity]).revision == twin.revision


@pytest.mark.parametrize("kind", KINDS)
def test_documents_are_whole_and_render_in_both_languages(hospital, scan, assumed, kind):
    for id_ in ids(scan, kind)[::9]:
        document = read_from(scan, kind, id_, assumed)
        assert (document["id"], document["kind"]) == (id_, kind)
        assert document["as_of"] == "2025-04-29T00:00:00Z"
        assert document["properties"]
        for one in json.loads(json.dumps(document, allow_nan=False))["properties"].values():
            assert {"value", "provenance"} <= one.keys()
            assert one["value"] is not None or "unknown" in one or "suppressed" in one["provenance"]
            if "interval" in one:
                assert one["interval"][0] <= one["value"] <= one["interval"][1]
        texts = {lang: shown(render(document, Words(lang))) for lang in ("en", "zh")}
        assert all(id_ in text for text in texts.values())
        assert texts["en"] != texts["zh"]


def test_an_unknown_entity_and_an_unknown_kind(scan, assumed):
    assert read_from(scan, "base", "nowhere", assumed) is None
    with pytest.raises(ValueError, match="faculty, base, resource, process"):
        read_from(scan, "ward", "nowhere", assumed)


def test_a_teacher_answers_to_every_name(scan, assumed):
    alias, person = next((a, p) for a, p in scan.persons.items() if Entity("faculty", p) in scan.entities)
    assert read_from(scan, "faculty", alias, assumed) == read_from(scan, "faculty", person, assumed)


class TestRoster:
    def test_each_trainee_is_a_row_once(self, hospital, rows):
        assert sorted(row.trainee for row in rows) == sorted(hospital.truth.trainees)
        assert all(hospital.truth.trainees[row.trainee].base == row.base for row in rows)

    def test_warnings_are_those_of_the_truth(self, hospital, rows):
        late = {one.trainee for one in hospital.truth.undelivered if one.due < hospital.now - 30 * 86_400_000}
        (clause,) = trainees.parse("warnings>0")
        assert late <= {row.trainee for row in rows if clause.holds(row)}

    @pytest.mark.parametrize(
        ("where", "holds"),
        [
            ("base=内科-01, warnings>=2", lambda row: row.base == "内科-01" and row.warnings >= 2),
            ("weak=true", lambda row: bool(row.weak)),
            ("weak=false", lambda row: row.weak is not None and not row.weak),
            ("quota<0.05", lambda row: row.quota is not None and row.quota < 0.05),
            ("level.patient-care<3, cohort!=x", lambda row: row.levels["patient-care"] < 3),
            ("level.unheard-of>0", lambda row: False),
            ("", lambda row: True),
        ],
    )
    def test_expressions_choose(self, rows, where, holds):
        clauses = trainees.parse(where)
        assert [all(one.holds(row) for one in clauses) for row in rows] == [holds(row) for row in rows]

    @pytest.mark.parametrize(
        ("where", "said"),
        [
            ("weak", "is no condition"),
            ("weak=true,", "is no condition"),
            ("weak=1", "true or false"),
            ("stage>x", "takes = or !="),
            ("quota<half", "with a number"),
            ("__class__=x", "is no name; there are stage"),
            ("level.=3", "is no name"),
            ("warnings>0 or 1=1", "is no condition"),
        ],
    )
    def test_what_is_not_understood_is_explained(self, where, said):
        with pytest.raises(trainees.WhereError, match=said):
            trainees.parse(where)

    def test_rows_are_data_and_tables(self, rows):
        data = [row.to_dict() for row in rows]
        assert json.loads(json.dumps(data, allow_nan=False))[0].keys() >= {"trainee", "weak", "quota", "levels"}
        texts = [shown(roster(data, Words(lang))) for lang in ("en", "zh")]
        assert all(rows[0].trainee in text for text in texts)
        assert texts[0] != texts[1]


def shown(renderable):
    console = Console(width=160)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()
