"""Every adapter keeps the common contract, on its own documents, on broken ones and on anything else."""

from datetime import timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megdt_stream.evidence.adapters import caliper, fhir, oulad, tables, xapi
from megdt_stream.evidence.adapters.fhir_mapping import FhirMapping
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.rules import LearningMapping
from megdt_stream.evidence.pseudonym import Pseudonymiser
from tests.adapters import samples
from tests.adapters.conformance import (
    Case,
    check_complete,
    check_events,
    documents,
    events,
    items,
    mutated,
    run,
    versions,
)

CHINA = timezone(timedelta(hours=8))


def people(key):
    return People(Pseudonymiser(key, "k1"))


def run_xapi(values, key):
    return xapi.results(items(values), people(key), LearningMapping(), xapi.voided(items(values)))


def run_caliper(values, key):
    return caliper.results(items(values), people(key), LearningMapping())


def run_fhir(values, key):
    mapping = FhirMapping()
    return fhir.results(items(values), people(key), mapping, CHINA, fhir.survey(items(values), mapping))


def run_tables(values, key):
    return tables.results(items(values), people(key), samples.MAPPING, CHINA)


COURSE = {"code_module": "BBB", "code_presentation": "2013J", "module_presentation_length": "100"}
WORK = {**COURSE, "id_assessment": "11", "assessment_type": "TMA", "date": "19"}
OULAD = [
    ("courses", COURSE),
    ("courses", {**COURSE, "code_presentation": "2013X"}),
    ("assessments", WORK),
    ("assessments", {**WORK, "date": "soon"}),
    ("studentRegistration", {**COURSE, "id_student": "7", "date_registration": "-3", "date_unregistration": ""}),
    ("studentInfo", {**COURSE, "id_student": "7", "final_result": "Pass"}),
    ("studentInfo", {"id_student": "7"}),
    *(
        (
            "studentAssessment",
            {"id_assessment": a, "id_student": who, "date_submitted": d, "is_banked": "0", "score": s},
        )
        for a, who, d, s in (
            ("11", "7", "18", "78"),
            ("11", "8", "18", "780"),
            ("99", "7", "1", "2"),
            ("11", "9", "9" * 15, "1"),
        )
    ),
]
ROWS = st.dictionaries(
    st.sampled_from([name for columns in oulad._COLUMNS.values() for name in columns]),
    st.sampled_from(["", "?", "BBB", "2013J", "11", "7", "Pass", "99999999999999", "-1.5", "x"]) | st.text(max_size=5),
)


def run_oulad(values, _key):
    """Sort the rows into their tables, and give the results the places of the items."""
    rows = {name: [] for name in oulad._COLUMNS}
    places = {}
    for number, value in enumerate(values, 1):
        table, row = value
        rows[table].append(row)
        places[f"{table}:{len(rows[table])}"] = f"items:{number}"
    given_ = [
        rows[name] for name in ("courses", "assessments", "studentInfo", "studentRegistration", "studentAssessment")
    ]
    for result in oulad.results(oulad.OuladTables(*given_)):
        yield type(result)(**{name: getattr(result, name) for name in result.__slots__} | {"at": places[result.at]})


CASES = [
    Case("xapi", run_xapi, samples.XAPI, samples.XAPI_ORIGINALS),
    Case("caliper", run_caliper, samples.CALIPER, samples.CALIPER_ORIGINALS),
    Case("fhir", run_fhir, samples.FHIR, samples.FHIR_ORIGINALS),
    Case("csv", run_tables, samples.ROWS, samples.ROW_ORIGINALS),
    Case(
        "oulad", run_oulad, OULAD, any_value=st.tuples(st.sampled_from(sorted(oulad._COLUMNS)), ROWS), pseudonyms=False
    ),
]
every_adapter = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
quietly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)


@every_adapter
@quietly
@given(data=st.data())
def test_anything_gives_one_typed_result_an_item(case, data):
    if case.pseudonyms:
        values = data.draw(st.lists(case.any_value | mutated(case.values), max_size=6))
    else:
        values = data.draw(st.lists(case.any_value, max_size=8))
    results = run(case, values, samples.KEY)
    check_complete(results, [f"items:{number}" for number in range(1, len(values) + 1)])
    check_events(results)


@every_adapter
def test_samples_hold_evidence_rejections_and_what_is_not_relevant(case):
    results = run(case, case.values, samples.KEY)
    check_complete(results, [f"items:{number}" for number in range(1, len(case.values) + 1)])
    check_events(results)
    assert {type(result).__name__ for result in results} == {"Evidence", "Refused", "NotRelevant"}


@every_adapter
@quietly
@given(data=st.data())
def test_a_second_import_in_any_order_is_all_duplicates(case, data):
    again = data.draw(st.permutations(case.values))
    first, second = run(case, case.values, samples.KEY), run(case, again, samples.KEY)
    assert sorted(event.value for event in events(first)) == sorted(event.value for event in events(second))
    assert all(len(bodies) == 1 for bodies in versions(first + second).values())


def test_a_second_import_of_one_xapi_statement_alone_is_the_same_record():
    alone = run(CASES[0], [samples.XAPI[1]], samples.KEY)
    assert events(alone)[0] in events(run(CASES[0], samples.XAPI, samples.KEY))


@every_adapter
def test_no_original_passes_and_another_key_makes_other_persons(case):
    sent = events(run(case, case.values, samples.KEY))
    text = b"\n".join(event.value for event in sent).decode()
    assert [original for original in case.originals if original in text] == []
    assert all(any(original in str(value) for value in case.values) for original in case.originals)
    if case.pseudonyms:
        others = events(run(case, case.values, samples.OTHER_KEY))
        assert {event.key for event in sent}.isdisjoint(event.key for event in others)
        assert all(event.key.startswith("k1.") for event in sent)


@quietly
@given(values=st.lists(documents, max_size=3))
def test_containers_hold_what_they_hold(values):
    assert xapi.inside({"statements": values, "more": ""}) == values
    assert caliper.inside({"sensor": "x", "sendTime": "", "dataVersion": "", "data": values}) == values
    assert fhir.inside({"resourceType": "Bundle", "type": "collection", "entry": values}) == values
