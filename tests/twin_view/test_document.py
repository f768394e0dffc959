"""The whole document: finite, in any order of the evidence the same, every number with what it rests on."""

import math

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from megdt_stream.console.twin import render
from megdt_stream.console.words import Words
from megdt_stream.evidence.record import Outcome
from megdt_stream.seed_files import load_estimation, load_norms
from megdt_stream.twin.view import document, estimate, read
from tests.twin_view.telling import DAY, HOUR, WEIGHT, Telling

ESTIMATION, NORMS = load_estimation(), load_norms()
BEGAN = 20_000 * DAY
NOW = BEGAN + 200 * DAY

days = st.integers(0, 230)
levels = st.integers(500, 5000)
COMPETENCIES = st.sampled_from(["patient-care", "communication"])
steps = st.one_of(
    st.tuples(st.just("assess"), days, COMPETENCIES, levels, st.sampled_from(["tch.a", "tch.b", None])),
    st.tuples(st.just("missing"), days, COMPETENCIES),
    st.tuples(st.just("rotate"), days, st.sampled_from(["planned", "started", "ended", "cancelled"])),
    st.tuples(
        st.just("expose"),
        days,
        st.sampled_from([("case", "心力衰竭"), ("procedure", "血液透析管理"), ("case", "其他")]),
        st.sampled_from(["observed", "assisted", "performed", None]),
        st.integers(1, 999),
    ),
    st.tuples(st.just("duty"), days, st.floats(0.1, 72)),
    st.tuples(st.just("attend"), days, st.booleans()),
    st.tuples(st.just("comment"), days, st.sampled_from([True, False, None])),
    st.tuples(st.just("oneself"), days, COMPETENCIES, levels),
    st.tuples(st.just("enrol"), days, st.sampled_from(["medical-school", "postgraduate", "continuing"])),
    st.tuples(st.just("outcome"), days),
)


def tell(telling, number, step):
    """Tell one step as the evidence `number`."""
    kind, day, *rest = step
    at, name = BEGAN + day * DAY, f"{kind}{number}"
    match kind:
        case "assess":
            telling.assess(name, (rest[0], 1.0, rest[1], WEIGHT), happened=at, rater=rest[2])
        case "missing":
            telling.assess(name, happened=at, missing=[(rest[0], "not-observed")])
        case "rotate":
            expects = (("急诊考核", 2, at + 30 * DAY), ("mini-cex", 1, at + 9 * DAY))
            telling.rotate(name, rest[0], at, rotation=f"r-{day % 2}", starts=at, department="心内科", expects=expects)
        case "expose":
            (exposed, item), role, count = rest
            telling.expose(name, at, exposed, item, role, count)
        case "duty":
            telling.duty(name, at, rest[0], on_call=day % 2 == 0)
        case "attend":
            telling.attend(name, at, attended=rest[0])
        case "comment":
            telling.comment(name, at, specific=rest[0], observed=at - 3 * HOUR if day % 2 else None)
        case "oneself":
            telling.rate_oneself(name, at, (rest[0], 1.0, rest[1], 1000))
        case "enrol":
            telling.enrol(name, at, stage=rest[0])
        case _:
            fields = {"outcome": "annual-assessment", "result": "pass", "value": 80.5}
            telling.tell(Outcome, name, at, rotation=None, starts=None, ends=None, **fields)


def twin_of(numbered):
    telling = Telling()
    for number, step in numbered:
        tell(telling, number, step)
    return telling.twin


def shown(twin, lang, norms=NORMS, as_of=NOW, width=100):
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(render("syn.t1", read(twin, ESTIMATION), ESTIMATION, as_of, Words(lang), norms))
    return captured.get()


def numbers(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, float):
        yield value


def estimates(value):
    """Give every part of a document that has an interval."""
    if isinstance(value, dict):
        if "interval" in value:
            yield value
        for inner in value.values():
            yield from estimates(inner)


@settings(max_examples=60)
@given(st.lists(steps, max_size=25), st.randoms(), st.sampled_from([0, BEGAN - DAY, NOW, NOW + 2000 * DAY]))
def test_any_order_of_evidence_gives_the_same_finite_document(told, chance, as_of):
    numbered = list(enumerate(told))
    first, second = (
        document("syn.t1", read(twin_of(order), ESTIMATION), ESTIMATION, as_of, NORMS)
        for order in (numbered, chance.sample(numbered, len(numbered)))
    )
    assert first == second
    assert orjson.loads(orjson.dumps(first)) == first
    assert all(math.isfinite(number) for number in numbers(first))
    for found in first["properties"].values():
        assert {"value", "provenance"} <= set(found)
    for found in estimates(first["properties"]):
        low, high = found["interval"]
        assert low <= found["value"] <= high


@settings(max_examples=25)
@given(st.lists(steps, max_size=25), st.sampled_from(["en", "zh"]), st.sampled_from([0, NOW]), st.booleans())
def test_any_twin_can_be_shown(told, lang, as_of, with_norms):
    text = shown(twin_of(enumerate(told)), lang, NORMS if with_norms else None, as_of)
    assert text.startswith("syn.t1")


@given(st.lists(steps, min_size=1, max_size=6))
def test_a_revision_is_that_of_the_fields(told):
    numbered = list(enumerate(told))
    whole, less = read(twin_of(numbered), ESTIMATION), read(twin_of(numbered[:-1]), ESTIMATION)
    again = read(twin_of(reversed(numbered)), ESTIMATION)
    assert whole.revision == again.revision
    assert whole.revision != less.revision
    assert len(whole.revision) == 16


def full():
    """Tell of a trainee who has something of everything, and something wrong of everything."""
    telling = Telling()
    telling.enrol("e1", BEGAN - 1200 * DAY, stage="medical-school", programme=None, cohort=None)
    telling.enrol("e2", BEGAN - 500 * DAY)
    expects = (("出科考核", 1, NOW - 40 * DAY), ("mini-cex", 1, NOW - 30 * DAY))
    telling.rotate(
        "p1", "started", BEGAN, rotation="R1", department="心内科", starts=BEGAN, ends=NOW + 20 * DAY, expects=expects
    )
    for number in range(12):
        for rater in ("tch.a", "tch.b", "tch.c"):
            mark = ("patient-care", 1.0, 1200, WEIGHT)
            telling.assess(f"a{number}{rater}", mark, happened=BEGAN + 15 * number * DAY, rater=rater, item="其他")
    telling.assess("m1", happened=NOW - DAY, missing=[("professionalism", "not-observed")], item="其他")
    telling.expose("x1", BEGAN + 30 * DAY, count=2)
    for week in range(6):
        for day in range(6):
            telling.duty(f"d{week}.{day}", NOW - (60 - 7 * week - day) * DAY, 16)
    for number in range(5):
        telling.attend(f"t{number}", NOW - number * DAY, attended=number > 1)
        telling.comment(f"f{number}", NOW - number * DAY, specific=number > 1, observed=NOW - number * DAY - 5 * HOUR)
    telling.rate_oneself("v1", NOW - DAY, ("patient-care", 4.0, 4000, 1000))
    fields = {"outcome": "annual-assessment", "result": "pass", "value": 80.5}
    telling.tell(Outcome, "o1", NOW - DAY, rotation=None, starts=None, ends=None, **fields)
    telling.twin.standing["w|expected-assessment-overdue|R1|出科考核"] = [NOW - 33 * DAY, "ab" * 8, NOW - 40 * DAY, 1]
    return telling.twin


def snapshotted(competency, cells, estimation):
    """Estimate as ever, and say that a snapshot was used."""
    found = estimate(competency, cells, estimation)
    return found._replace(level=found.level._replace(severity="subtracted", snapshot="m7"))


def test_another_estimator_takes_the_place_and_names_its_snapshot():
    view = read(full(), ESTIMATION, snapshotted)
    properties = document("syn.t1", view, ESTIMATION, NOW, NORMS)["properties"]
    for name in ("level|patient-care", "growth|patient-care"):
        provenance = properties[name]["provenance"]
        assert (provenance["rater_severity"], provenance["snapshot"]) == ("subtracted", "m7")
        assert "rater_variance" not in provenance
    console = Console(width=100)
    with console.capture() as captured:
        console.print(render("syn.t1", view, ESTIMATION, NOW, Words("en"), NORMS))
    assert "as known in snapshot m7" in captured.get()


class TestConsole:
    def test_what_is_wrong_comes_first(self):
        text = shown(full(), "en")
        assert "> 99%" in text
        order = [
            "syn.t1",
            "Needs attention",
            "below target",
            "warning",
            "expected, not come",
            "quota short",
            "Workload",
        ]
        order += ["0 of 2 assessments due by now", "Levels", "Growth and targets", "Quota (internal-medicine@1)"]
        places = [text.index(part) for part in order]
        assert places == sorted(places)

    def test_a_warning_and_what_it_is_for_are_told_once(self):
        attention = shown(full(), "en").split("assessments due by now")[0]
        assert attention.count("R1 · 出科考核") == 1
        assert attention.count("R1 · mini-cex") == 1

    def test_estimates_stand_with_their_intervals(self):
        text = shown(full(), "en")
        properties = document("syn.t1", read(full(), ESTIMATION), ESTIMATION, NOW, NORMS)["properties"]
        growth = properties["growth|patient-care"]
        assert f"{growth['value']:+.1f} ({growth['interval'][0]:+.1f} – {growth['interval'][1]:+.1f})" in text
        attendance = properties["attendance"]
        assert f"60% ({attendance['interval'][0]:.0%} – {attendance['interval'][1]:.0%})" in text

    def test_chinese_has_its_own_words(self):
        text = shown(full(), "zh")
        for word in (
            "需要关注",
            "低于目标",
            "例数不足",
            "增长与目标",
            "工作时长",
            "教学与反馈",
            "心力衰竭",
            "具体反馈占比",
        ):
            assert word in text
        for word in ("Needs", "below", "short", "Growth", "Workload", "feedback", "no-"):
            assert word not in text

    def test_nothing_wrong_shows_no_table_of_it(self):
        telling = Telling()
        telling.enrol("e1", BEGAN)
        text = shown(telling.twin, "en")
        assert "Needs attention" not in text
        assert "nothing can be missing" in text

    def test_without_norms_there_are_no_targets_and_quotas(self):
        text = shown(full(), "en", norms=None)
        assert "Quota" not in text
        assert "below target" not in text
        assert "expected, not come" in text

    def test_a_programme_without_standard_and_a_twin_without_enrolment_say_so(self):
        telling = Telling()
        telling.enrol("e1", BEGAN, programme="儿科")
        assert "No quota standard is known for the programme 儿科" in shown(telling.twin, "en")
        nameless = Telling()
        nameless.assess("a1", ("patient-care", 1.0, 3000, WEIGHT), happened=NOW - DAY)
        assert "No enrolment is on record" in shown(nameless.twin, "en")
