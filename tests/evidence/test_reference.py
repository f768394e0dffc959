"""The shipped reference data agrees with itself and with what is published; a wrong table is refused by name."""

import copy
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from megdt_stream.data_files import seeds_dir
from megdt_stream.evidence.events import Code
from megdt_stream.evidence.reference import Contradiction, Framework, Library, Reference
from megdt_stream.evidence.reference.fields import CodeKey
from megdt_stream.evidence.reference.library import PARTS
from megdt_stream.seed_files import load_library
from megdt_stream.synth import catalogue
from tests.evidence.samples import judge, with_data

LIBRARY = load_library()
TABLES = {part: tomllib.loads((seeds_dir() / f"{part}.toml").read_text("utf-8")) for part in PARTS}
TEXT = {"en": "Text", "zh": "文字"}


def library(**changed):
    """Read the shipped tables, with other ones for some parts."""
    return Library.from_parts({part: PARTS[part].validate_python((TABLES | changed)[part]) for part in PARTS})


def with_table(part, table, **fields):
    """Give a part's shipped tables, with other fields in one of them."""
    tables = copy.deepcopy(TABLES[part])
    tables[table] = tables[table] | fields
    return {part: tables}


# --- what is shipped ---


def test_every_instrument_of_the_contract_has_a_scale():
    wanted = {
        "mini-cex": "mini-cex@1",
        "dops": "dops@1",
        "case-based-discussion": "cbd@1",
        "msf": "msf@1",
        "o-score": "o-score@1",
        "entrustment": "entrustment-chen@1",
        "zwisch": "zwisch@1",
        "osce": "osce-100@1",
        "in-training-exam": "in-training-exam-100@1",
        "iter": "iter@1",
        "milestones": "milestone@1",
        "rotation-exam": "rotation-exam-100@1",
        "annual-assessment": "annual-assessment-100@1",
        "completion-exam-theory": "completion-theory-100@1",
        "completion-exam-practice": "completion-practice-100@1",
        "self-assessment": "self-assessment@1",
    }
    assert {code: scale for code, scale in wanted.items() if scale in LIBRARY.instruments[code].scales} == wanted
    assert set(LIBRARY.scales) == {scale for one in LIBRARY.instruments.values() for scale in one.scales}


def test_chens_levels_are_those_of_ten_cate_and_parts_of_them():
    chen, ten_cate = LIBRARY.scales["entrustment-chen@1"], LIBRARY.scales["entrustment@1"]
    assert [category.label for category in chen.categories] == ["1a", "1b", "2a", "2b", "3a", "3b", "3c", "4", "5"]
    assert {int(category.label[0]) for category in chen.categories if category.value == int(category.value)} == {
        category.value for category in ten_cate.categories
    }
    assert all(int(category.value) == int(category.label[0]) for category in chen.categories)


def test_synthetic_hospitals_score_known_competencies_on_known_scales():
    forms = (catalogue.MINI_CEX, catalogue.DOPS, catalogue.ENTRUSTMENT, catalogue.ROTATION_EXAM)
    assert {code for form in forms for code in form.competencies} <= LIBRARY.reference.competencies
    for form in forms:
        assert form.scale.id in LIBRARY.instruments[form.code].scales
        shipped = LIBRARY.scales[form.scale.id]
        assert (shipped.min, shipped.max) == (form.scale.lowest, form.scale.highest)
        assert (shipped.intercept_milli, shipped.slope_milli) == (
            round(form.scale.intercept * 1000),
            round(form.scale.slope * 1000),
        )


def test_six_domains_on_each_side_and_every_chinese_one_maps_to_an_acgme_one():
    acgme, chinese = LIBRARY.competencies["acgme@1"], LIBRARY.competencies["cn-residency@1"]
    assert set(acgme.competencies) == set(catalogue.COMPETENCIES)
    assert [one.name["zh"] for one in chinese.competencies.values()] == [
        "职业素养",
        "知识技能",
        "病人照护",
        "沟通合作",
        "教学能力",
        "终生学习",
    ]
    assert all(code.startswith("cn-") for code in chinese.competencies)
    assert all(one.maps_to in acgme.competencies for one in chinese.competencies.values())


def test_a_module_of_oulad_is_a_competency():
    assert set(LIBRARY.competencies["oulad@1"].competencies) == {letter * 3 for letter in "ABCDEFG"}


@pytest.mark.parametrize(
    ("standard", "programme"), [("internal-medicine@1", "内科"), ("surgery@1", "外科"), ("anaesthesia@1", "麻醉科")]
)
def test_a_standard_has_the_chinese_form(standard, programme):
    quota = LIBRARY.quotas[standard]
    items = list(quota.items())
    assert programme in quota.programmes
    assert len(quota.rotations) >= 7
    assert {item.kind for item in items} == {"case", "procedure", "simulation"}
    assert len(items) >= 36
    assert "local convention" in quota.source


def test_the_counts_of_cardiology_are_those_of_the_published_standard():
    cardiology = LIBRARY.quotas["internal-medicine@1"].rotations[0]
    assert cardiology.months == 4
    assert {item.code: item.minimum for item in cardiology.items} == {
        "心力衰竭": 5,
        "心律失常": 10,
        "高血压病": 10,
        "心脏瓣膜病": 3,
        "心肌炎与心肌病": 2,
        "冠心病心绞痛": 8,
        "血脂异常": 5,
        "急性心肌梗死": 5,
        "常见心血管急症": 6,
        "心脏X线判读": 20,
        "电复律": 2,
        "心电图判读": 50,
    }


def test_what_is_adverse_is_named():
    outcomes = LIBRARY.outcomes
    assert outcomes["completion-exam-theory"].adverse == ["fail"]
    assert "transferred" not in outcomes["withdrawal"].adverse
    assert outcomes["leave/"].adverse == []
    assert {"remediation/", "leave/", "credits/"} <= set(outcomes)


def test_the_shipped_parts_agree():
    assert LIBRARY.contradictions() == []


def _sources(value):
    if isinstance(value, dict):
        yield from ([value["source"]] if "source" in value else [])
        for inner in value.values():
            yield from _sources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sources(inner)


@pytest.mark.parametrize("part", PARTS)
def test_a_source_is_a_dated_publication_or_says_that_it_is_local(part):
    sources = list(_sources(TABLES[part]))
    assert len(sources) >= len(TABLES[part])
    assert [one for one in sources if not re.search(r"\b(19|20)\d\d\b|convention|[Ll]ocal definition", one)] == []


# --- one table ---


def _places(value, path=()):
    """Give the path of every table inside a table."""
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            yield from _places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*path, index))


FIRST = [
    (part, place)
    for part, tables in TABLES.items()
    for place in _places({next(iter(tables)): next(iter(tables.values()))})
    if place
]


@pytest.mark.parametrize(("part", "place"), FIRST)
def test_a_field_that_nothing_reads_is_refused_wherever_it_stands(part, place):
    tables = copy.deepcopy(TABLES[part])
    inner = tables
    for step in place:
        inner = inner[step]
    inner["colour"] = 5
    with pytest.raises(ValidationError) as refused:
        PARTS[part].validate_python(tables)
    assert {error["loc"][: len(place)] for error in refused.value.errors()} == {place}


@pytest.mark.parametrize(
    ("part", "table", "fields", "named"),
    [
        ("competencies", "acgme@1", {"competencies": {}}, "competencies"),
        ("competencies", "acgme@1", {"competencies": {"a b": {"name": TEXT}}}, "no code"),
        ("competencies", "acgme@1", {"competencies": {"x": {"name": {"en": "X"}}}}, "name"),
        ("instruments", "mini-cex", {"scales": []}, "scales"),
        ("instruments", "mini-cex", {"scales": ["mini-cex"]}, "name@version"),
        ("instruments", "mini-cex", {"scales": ["mini-cex@1", "mini-cex@1"]}, "stands twice"),
        ("instruments", "mini-cex", {"kind": "magic"}, "kind"),
        ("instruments", "mini-cex", {"stages": ["kindergarten"]}, "stages"),
        ("indicators", "form-completion-rate@1", {"window": "fortnight"}, "window"),
        ("indicators", "form-completion-rate@1", {"denominator": {"en": "x", "zh": ""}}, "denominator"),
        ("outcomes", "withdrawal", {"adverse": ["sad"]}, "sad is not among the results withdrawn"),
        ("outcomes", "withdrawal", {"results": {}}, "results"),
        ("outcomes", "withdrawal", {"scale": "percent"}, "name@version"),
        ("outcomes", "withdrawal", {"source": " "}, "source"),
    ],
)
def test_a_bad_table_is_refused_by_name(part, table, fields, named):
    with pytest.raises(ValidationError, match=named) as refused:
        library(**with_table(part, table, **fields))
    assert {error["loc"][0] for error in refused.value.errors()} == {table}


def _standard(*items, months=33, rotation_months=3, departments=("心内科",)):
    rotations = [
        {
            "department": department,
            "name": TEXT,
            "months": rotation_months,
            "items": list(items) if first else [CASE | {"code": department}],
        }
        for first, department in zip([True, *[False] * len(departments)], departments, strict=False)
    ]
    return {
        "name": TEXT,
        "stage": "postgraduate",
        "programmes": ["内科"],
        "months": months,
        "rotations": rotations,
        "source": "a test",
    }


CASE = {"code": "癫痫", "name": TEXT, "kind": "case", "minimum": 3}
PROCEDURE = {"code": "腰椎穿刺术", "name": TEXT, "kind": "procedure", "minimum": 3, "role": "assisted"}


@pytest.mark.parametrize(
    ("standard", "named"),
    [
        (_standard(CASE, CASE), "item 癫痫 stands twice"),
        (_standard(CASE | {"role": "observed"}), "takes no role"),
        (_standard({k: v for k, v in PROCEDURE.items() if k != "role"}), "腰椎穿刺术 names no role"),
        (_standard(PROCEDURE | {"role": "watched"}), "role"),
        (_standard(CASE | {"minimum": 0}), "minimum"),
        (_standard(CASE | {"minimum": 2.0}), "minimum"),
        (_standard(CASE | {"kind": "illness"}), "kind"),
        (_standard(), "items"),
        (_standard(CASE, months=2), "take 3 months, the training 2"),
        (_standard(CASE, departments=("心内科", "心内科")), "department 心内科 stands twice"),
    ],
)
def test_a_bad_standard_is_refused_by_name(standard, named):
    good = _standard(CASE, PROCEDURE, departments=("心内科", "神经内科"))
    assert len(list(library(quotas={"内科@1": good}).quotas["内科@1"].items())) == 3
    with pytest.raises(ValidationError, match=named) as refused:
        library(quotas={"内科@1": good, "内科@2": standard})
    assert {error["loc"][0] for error in refused.value.errors()} == {"内科@2"}


@given(
    st.one_of(st.text(max_size=66), st.text(st.sampled_from("a中|@ \t\u3000\ufeff\x85\x7f\x00\U0001f600"), max_size=66))
)
def test_a_code_of_a_table_is_a_code_of_an_event(text):
    def takes(model):
        try:
            TypeAdapter(model).validate_python(text)
        except ValidationError:
            return False
        return True

    assert takes(CodeKey) == takes(Code)


# --- tables about each other ---


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            with_table("instruments", "dops", scales=["dops@1", "dops@7"]),
            Contradiction("instruments", "dops", "scales", "dops@7 is no scale"),
        ),
        (
            with_table("outcomes", "withdrawal", scale="dops@7"),
            Contradiction("outcomes", "withdrawal", "scale", "dops@7 is no scale"),
        ),
        (
            with_table(
                "competencies",
                "acgme@1",
                competencies=TABLES["competencies"]["acgme@1"]["competencies"] | {"AAA": {"name": TEXT}},
            ),
            Contradiction("competencies", "oulad@1", "competencies.AAA", "stands in acgme@1 already"),
        ),
        (
            with_table("competencies", "oulad@1", competencies={"AAA": {"name": TEXT, "maps_to": "charm"}}),
            Contradiction("competencies", "oulad@1", "competencies.AAA.maps_to", "charm is no competency"),
        ),
        (
            with_table(
                "competencies", "oulad@1", competencies={"AAA": {"name": TEXT, "maps_to": "BBB"}, "BBB": {"name": TEXT}}
            ),
            Contradiction("competencies", "oulad@1", "competencies.AAA.maps_to", "BBB is of the same framework"),
        ),
        (
            with_table("instruments", "dops", aliases=["mini-cex"]),
            Contradiction("instruments", "dops", "aliases", "mini-cex belongs to mini-cex already"),
        ),
        (
            with_table("outcomes", "withdrawal", aliases=["annual"]),
            Contradiction("outcomes", "withdrawal", "aliases", "annual belongs to annual-assessment already"),
        ),
        (
            with_table("quotas", "anaesthesia@1", programmes=["麻醉科", "外科"]),
            Contradiction("quotas", "anaesthesia@1", "programmes", "外科 belongs to surgery@1 already"),
        ),
    ],
)
def test_a_contradiction_is_named(changed, expected):
    assert library(**changed).contradictions() == [expected]


def test_a_new_version_may_stand_beside_the_old_one():
    tables = copy.deepcopy(TABLES)
    for part, table in (
        ("competencies", "acgme"),
        ("quotas", "surgery"),
        ("scales", "dops"),
        ("indicators", "quota-coverage"),
    ):
        tables[part][f"{table}@2"] = tables[part][f"{table}@1"]
    assert library(**tables).contradictions() == []


# --- what intake asks ---


def test_a_reference_knows_the_codes_of_all_frameworks():
    frameworks = {
        f"{name}@1": Framework.model_validate(
            {"name": TEXT, "competencies": {name: {"name": TEXT}}, "source": "a test"}
        )
        for name in ("one", "two")
    }
    assert Reference({}, frameworks).competencies == {"one", "two"}
    assert Reference({}, {}).competencies == frozenset()


def test_a_reference_does_not_change_with_the_tables_it_was_made_of():
    scales = dict(LIBRARY.scales)
    reference = Reference(scales, LIBRARY.competencies)
    scales.clear()
    assert reference.scales == LIBRARY.scales
    assert reference.weight("mini-cex@1") == 1250
    with pytest.raises(TypeError):
        reference.scales["new@1"] = None


def test_an_unknown_scale_is_rejected_with_those_that_exist():
    rejected = judge(with_data(scale="mini-cex@9"))
    assert all(known in rejected.detail for known in LIBRARY.scales)
