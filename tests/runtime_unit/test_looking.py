"""What a look finds, by the code that a worker runs: each rule for its reason, and what waits for a silent source."""

from types import SimpleNamespace

from megdt_stream.calibration.risk.prediction import Reason
from megdt_stream.evaluate.warnings.standards import standards
from megdt_stream.evidence.record import Assessment, Enrolment, Exposure, Tick, encode, record_hash
from megdt_stream.governance.groups.signals import Signals
from megdt_stream.governance.groups.standing import Standing
from megdt_stream.governance.groups.trainees import Model, Trainees
from megdt_stream.mirror import read
from megdt_stream.runtime.looking import Known, judged, note, opened
from megdt_stream.seed_files import load_estimation, load_rule, load_targets
from megdt_stream.synth.catalogue import SPECIALTIES
from megdt_stream.twin.view import Norms
from megdt_stream.verify.reference import load_reference
from tests.twin_view.telling import Telling

DAY = 86_400_000
NOW = 20_000 * DAY
TERMS = load_rule().groups
NORMS = Norms(load_targets(), standards())
SCHEMAS = load_reference()
SPECIALTY = SPECIALTIES[0]


def common(trainee, source, day, number=0):
    id_ = f"{trainee}-{day}-{number}"
    times = dict.fromkeys(("happened", "recorded", "available"), day * DAY)
    named = {"trainee": trainee, "source": source, "id": id_, "rev": 0, "h": record_hash(source, id_), "d": "0" * 16}
    return named | times | {"origin": ("assessments", 0, day)}


def form(trainee, instrument, day, level=3.0, source="/forms"):
    rest = {"assessor": "k1.r", "rotation": None, "scale": "s@1", "carried_over": False, "missing": ()}
    marks = (("care", level, round(1000 * level), 1000),)
    return Assessment(**common(trainee, source, day, instrument), instrument=instrument, item=None, marks=marks, **rest)


def case(trainee, day, source="/his"):
    return Exposure(**common(trainee, source, day), kind="case", item="C", role=None, count=1, rotation=None)


def enrolled(down=False):
    """Make the twin of a trainee who saw nothing in three months of a stay of half a year."""
    told = Telling()
    begins = NOW - 90 * DAY
    told.tell(Enrolment, "e", begins, stage="postgraduate", base="ped", programme=SPECIALTY.code, cohort=None)
    told.rotate(
        "r", "started", begins, starts=begins, ends=begins + 180 * DAY, department=SPECIALTY.departments[0].code
    )
    if down:
        told.twin.standing["w|trainee-in-decline|90"] = [NOW, "0" * 16, "open"]
    return told.twin


def look(people=(), facts=(), model=None, standing=None, documents=None):
    signals = Signals()
    assert note(signals, read(enumerate(encode(one) for one in facts)), NOW)
    trainees = Trainees(TERMS, load_estimation(), NORMS, model, NOW)
    for name, twin in people:
        trainees.take(name, twin)
    standing = standing or Standing()
    found = list(judged(standing, Known(documents or {"base": {"ped": {}}}, signals, trainees, model), TERMS, NOW))
    assert all(SCHEMAS.satisfies("alerts", one) for one in found)
    return found


def said(found):
    return [(one["data"]["rule"], one["subject"], one["data"]["reason"]["code"]) for one in found]


def daily(source, until):
    return [case("k1.t", day, source) for day in range(NOW // DAY - 100, until)]


def answering(p=0.6, basis="model", flagged=False, said=()):
    answer = SimpleNamespace(p=p, low=p - 0.1, high=p + 0.1, reasons=(Reason("missed_run", 0.7),))
    told = SimpleNamespace(basis=basis, flagged=flagged, answers=lambda _twin, _now: [answer])
    return Model(told, "r1-2024-01-01", said)


def test_a_source_that_sends_no_more_is_silent_and_says_what_it_used_to_send():
    forms = [form("k1.t", "mini-cex", day) for day in range(NOW // DAY - 100, NOW // DAY - 5)]
    (found,) = look(facts=[*daily("/his", NOW // DAY), *forms])
    assert said([found]) == [("source-silent", "/forms", "silent")]
    assert (found["data"]["entity"], found["data"]["names"]) == ({"kind": "source", "id": "/forms"}, ["mini-cex"])


def test_a_base_with_many_down_is_in_decline():
    people = [(f"k1.{n}", enrolled(down=n < 5)) for n in range(12)]
    found = [one for one in said(look(people)) if one[0] == "base-in-decline"]
    assert found == [("base-in-decline", "ped", "many-down")]


def test_a_quota_that_will_be_missed_waits_while_its_source_is_silent():
    people = [("k1.t", enrolled())]
    assert said(look(people, daily("/his", NOW // DAY))) == [("quota-projected-short", "k1.t", "short")]
    assert said(look(people, daily("/his", NOW // DAY - 9))) == [("source-silent", "/his", "silent")]


def test_a_form_whose_marks_fell_against_all_others_has_drifted():
    days = [(NOW // DAY - back, 3.0) for back in (180, 150, 120)] + [(NOW // DAY - back, 2.0) for back in (40, 10)]
    facts = [
        form(f"k1.{n}", name, day + n % 3, (level if name == "osce" else 3.0) + 0.1 * (n % 4))
        for n in range(25)
        for day, level in days
        for name in ("osce", "mini-cex", "dops")
    ]
    assert ("form-drift", "osce", "shifted-down") in said(look(facts=facts))
    assert len(look(facts=[*facts, *facts])) == 1, "copies add nothing"


def test_the_models_risk_names_model_reasons_and_interval():
    found = [one for one in look([("k1.t", enrolled())], model=answering()) if one["data"]["rule"] == "model-risk"]
    (one,) = found
    data = one["data"]
    assert (data["trainee"], data["entity"], data["base"], data["names"]) == ("k1.t", None, "ped", ["missed_run"])
    assert (data["probability"], data["interval"]) == (0.6, [0.5, 0.7])
    assert data["model"] == {"name": "risk", "version": "r1-2024-01-01"}


def test_a_model_that_tells_nobody_apart_warns_of_nobody():
    for model in (None, answering(basis="floor"), answering(flagged=True), answering(p=0.1)):
        assert "model-risk" not in {rule for rule, *_ in said(look([("k1.t", enrolled())], model=model))}


def test_a_look_reads_back_what_it_said_of_trainees_too():
    first = look([("k1.t", enrolled())], model=answering())
    standing, due = opened(first)
    assert due == NOW + 1
    assert look([("k1.t", enrolled())], model=answering(), standing=standing) == []


def test_a_look_reads_up_to_the_tick_that_reaches_its_moment():
    signals, day = Signals(), NOW // DAY
    records = [case("k1.t", day - 1), Tick(NOW - DAY, 0), case("k1.t", day), Tick(NOW, 0), case("k1.t", day + 1)]
    assert not note(signals, read(enumerate(encode(one) for one in records)), NOW)
    assert set(signals.days["/his"]) == {day - 1, day}


METRICS = {"n": 80, "auc": 0.7, "brier": 0.2, "log_loss": 0.6}
CLOSED = {"kind": "closed", "cohorts": ["19700"]}
SHIFT = {"kind": "drift", "what": "calibration", "size": 0.6, "action": "recalibrate"}
SHIFT |= {"before": METRICS, "after": METRICS | {"brier": 0.15}}
BLIND = SHIFT | {"what": "discrimination", "action": "degraded"}
SWITCH = {"kind": "switch", "from": "plain", "to": "richer", "persons": 80, "gain_low": 0.01, "gain_high": 0.03}


def test_drift_and_switch_of_the_model_are_told_with_what_was_done():
    drifted, switched = look(model=answering(said=(CLOSED, SHIFT, BLIND, SWITCH)))
    data = drifted["data"]
    assert (data["rule"], data["reason"]["code"], data["entity"]["kind"]) == ("model-drift", "degraded", "model")
    assert data["names"] == ["calibration: recalibrate", "discrimination: degraded"]
    assert (data["figures"]["brier_before_milli"], data["figures"]["brier_after_milli"]) == (200, 150)
    assert data["model"]["version"] == "r1-2024-01-01"
    assert (switched["data"]["rule"], switched["data"]["names"]) == ("model-switched", ["plain", "richer"])
    standing, _ = opened([drifted, switched])
    assert look(model=answering(said=(CLOSED, SHIFT)), standing=standing) == []


def test_of_the_model_only_the_latest_cohort_counts():
    assert look(model=answering(said=(CLOSED, SHIFT, CLOSED))) == []
