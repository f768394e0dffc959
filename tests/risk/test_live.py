"""The live half: labels read off twins, weeks of a log, cohorts that close on a date, and what answers."""

import asyncio
import copy
import multiprocessing
import signal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.calibration.risk import answer
from megdt_stream.calibration.risk.answer import Answering, floor
from megdt_stream.calibration.risk.gathering import Gathering, closes, cohort_of, document, learn
from megdt_stream.calibration.risk.outcomes import HORIZON_DAYS, Adverse, label
from megdt_stream.calibration.risk.schedule import schedule
from megdt_stream.calibration.risk.trainer import Trainer
from megdt_stream.cli import twin_risk
from megdt_stream.console.twin import risk
from megdt_stream.console.words import choose
from megdt_stream.driver.replay import twin_at
from megdt_stream.driver.weeks import Weeks
from megdt_stream.evidence.record import WEEK_MS
from megdt_stream.mirror import read
from megdt_stream.runtime import active_risk
from megdt_stream.runtime.models import Active
from megdt_stream.runtime.training import read_cut
from megdt_stream.seed_files import load_library
from tests.driver.histories import DAYS, END, PARTITIONS, Log, at, event, evidence_of
from tests.mirror.logs import RULE
from tests.risk.worlds import DAY, START, twin_of

ADVERSE = Adverse.of(load_library().outcomes)
WORKS = (("w1", 1, 10), ("w2", 1, 30), ("w3", 1, 60))


def outcome(code, result, day, rotation=None, number=1):
    return f"o|{code}|{number:016x}", [START + day * DAY, 0, result, None, rotation, None, None]


def ended(day=200):
    """Say that the rotation was ended."""
    return f"r|R-1|{'1' * 16}", [START + day * DAY, 1, "ended", None, None, None, None, None, None]


def other(starts, ends, status="started"):
    slot = [START + starts * DAY, 0, status, START + starts * DAY, START + ends * DAY, "b-1", None, None, []]
    return f"r|R-2|{'2' * 16}", slot


# --- labels ---


@pytest.mark.parametrize(
    ("code", "result", "is_adverse"),
    [
        ("annual-assessment", "fail", True),
        ("年度考核", "fail", True),
        ("annual-assessment", "absent", False),
        ("completion-exam-theory", "fail", True),
        ("remediation/airway", "not-completed", True),
        ("remediation/airway", "started", False),
        ("module-result", "withdrawn", True),
        ("withdrawal", "transferred", False),
        ("leave/sick", "recorded", False),
        ("of-no-table", "fail", False),
    ],
)
def test_what_is_adverse_stands_in_the_seeds(code, result, is_adverse):
    assert ADVERSE(code, result) is is_adverse


@pytest.mark.parametrize(
    ("more", "adverse", "intervened"),
    [
        ([], None, None),
        ([outcome("annual-assessment", "fail", 100)], True, None),
        ([outcome("annual-assessment", "pass", 100)], False, None),
        ([outcome("annual-assessment", "fail", -1)], None, None),
        ([outcome("annual-assessment", "fail", 200 + HORIZON_DAYS)], True, None),
        ([outcome("annual-assessment", "fail", 201 + HORIZON_DAYS)], None, None),
        ([outcome("module-result", "fail", 900, "R-1")], True, None),
        ([outcome("module-result", "fail", 100, "R-9")], None, None),
        ([outcome("annual", "pass", 90), outcome("withdrawal", "withdrawn", 100, number=2)], True, None),
        ([ended()], None, None),
        ([ended(), other(201, 280)], None, None),
        ([ended(), other(201, 300)], False, None),
        ([other(201, 300)], None, None),
        ([ended(), other(201, 300, "cancelled")], None, None),
        ([outcome("remediation/x", "started", 50)], None, START + 50 * DAY),
        ([(f"d|n|{'3' * 16}", [START + 9 * DAY, 0, "implemented", "b", None, None])], None, START + 9 * DAY),
        ([(f"d|n|{'3' * 16}", [START + 9 * DAY, 0, "acknowledged", "b", None, None])], None, None),
    ],
)
def test_an_outcome_is_adverse_or_followed_or_censored(more, adverse, intervened):
    twin = twin_of(WORKS, more=more)
    assert label(twin, schedule(twin, "R-1"), ADVERSE) == (adverse, intervened)


# --- weeks of a log ---

KINDS = ("rotation.planned", "assessment.recorded", "outcome.recorded", "identity.enrolled", "assessment.retracted")
_events = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(("k1.a", "k1.b")), st.integers(0, 2), st.sampled_from(DAYS)),
    max_size=12,
)


def _risky(twin):
    """Give the fields that risk follows from; some kinds of evidence are not folded for it."""
    return {name: value for name, value in evidence_of(twin).items() if name[0] in "acoremd"}


@given(_events, st.data())
@settings(max_examples=40)
def test_a_week_sees_what_was_available_by_its_end_though_the_log_ran_ahead(told, data):
    """Against the replay: the log holds everything before its first tick, so all of it runs ahead."""
    moves = [event(kind, who, n, 1 + i, DAYS[0], day) for i, (kind, who, n, day) in enumerate(told)]
    log = Log([*moves, DAYS[-1]])
    seen = {}
    for number in range(PARTITIONS):
        weeks = Weeks(number, RULE, lambda at, twins: seen.update({(at, n): _risky(t) for n, t in twins.items()}))
        for one in read(log.records[number]):
            weeks.take(one)
            if data.draw(st.booleans()):
                weeks.take(one)
    for (moment, who), fields in seen.items():
        assert moment % WEEK_MS == 0
        assert fields == _risky(twin_at(log.chronicle(who), RULE, moment))


def test_an_interrupted_reading_done_again_learns_the_same_bytes():
    expects = [{"instrument": "mini-cex", "item": "mini-cex-1", "due": f"{DAYS[3]}T12:00:00Z"}]
    moves = [event("rotation.planned", f"k1.{n}", n, expects=expects) for n in range(30)]
    log = Log([*moves, *DAYS[1:]])
    log.tick(END)
    until = at(DAYS[3]) // WEEK_MS * WEEK_MS

    def whole():
        return msgspec.json.encode(document(learn(asyncio.run(read_cut(log, until)).gathered)))

    first = whole()
    assert msgspec.json.decode(first)["terms"]["open_cuts"] > 0

    async def cut_off():
        task = asyncio.ensure_future(read_cut(log, until))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cut_off())
    assert whole() == first


# --- cohorts ---

ENDS = START + 200 * DAY
CLOSES = closes(cohort_of(ENDS))


def person(n, adverse):
    """Make a trainee's twin over time; who misses work fails the more likely."""
    came = () if adverse else (("w1", 4, 9), ("w2", 4, 29), ("w3", 4, 59))
    return twin_of(WORKS, came, more=[outcome("module-result", "fail" if adverse else "pass", 201, "R-1")])


def population(persons=160):
    early = {f"k1.{n:03}": twin_of(WORKS, () if n % 4 == 0 else (("w1", 4, 9), ("w2", 4, 29))) for n in range(persons)}
    late = {name: person(n, n % 4 == 0) for n, name in enumerate(early)}
    late["k1.001"] = twin_of(WORKS)  # of whom nothing more was heard
    return early, late


def gathered(names=lambda _: True):
    early, late = population()
    found = Gathering(ADVERSE)
    for week in (START + 7 * DAY, START + 35 * DAY):
        found.week(week, {name: twin for name, twin in early.items() if names(name)})
    found.week(CLOSES - 1, {name: twin for name, twin in late.items() if names(name)})
    assert not found.closed, "nothing is learnt before the cohort closes"
    found.week(CLOSES, {name: twin for name, twin in late.items() if names(name)})
    return found


@pytest.fixture(scope="module")
def learnt():
    return document(learn([gathered()]))


def test_a_cohort_is_learnt_when_it_closes_and_who_was_lost_is_counted(learnt):
    assert learnt["predictor"]["counts"] == {"censored": 1, "cohorts": 1, "cuts": 318, "intervened": 0, "persons": 159}
    assert learnt["terms"] == {"horizon_days": HORIZON_DAYS, "cohort_days": 91, "open_cuts": 0}
    assert [one["kind"] for one in learnt["said"]] == ["closed"]


def test_how_the_log_is_cut_into_partitions_is_no_matter(learnt):
    parts = [gathered(lambda name, k=k: int(name[-1]) % 3 == k) for k in range(3)]
    assert msgspec.json.encode(document(learn(parts))) == msgspec.json.encode(learnt)
    assert msgspec.json.encode(document(learn(parts[::-1]))) == msgspec.json.encode(learnt)


def _child(pipe, stops_after):
    """Learn in a process of its own, as a training does; stands still in the middle where it is to be killed there."""
    part = gathered()
    if stops_after is not None:
        taken, inner = [], part.events

        def events(cohort):
            for event in inner(cohort):
                taken.append(event)
                if len(taken) == stops_after:
                    pipe.send_bytes(b"in the middle")
                    pipe.recv_bytes()
                yield event

        part.events = events
    pipe.send_bytes(msgspec.json.encode(document(learn([part]))))


def _process(stops_after):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_child, args=(theirs, stops_after))
    child.start()
    theirs.close()
    return child, ours


def test_a_training_that_was_killed_in_the_middle_ends_with_the_same_bytes_when_done_again(learnt):
    killed, pipe = _process(200)
    again, whole = _process(None)
    assert pipe.recv_bytes() == b"in the middle"
    killed.kill()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    with pytest.raises(EOFError):
        pipe.recv_bytes()
    assert whole.recv_bytes() == msgspec.json.encode(learnt)
    again.join()
    assert again.exitcode == 0


def test_who_has_the_outcome_already_is_not_foretold_and_whoever_was_linked_is_censored():
    found = Gathering(ADVERSE)
    found.week(START + 7 * DAY, {"k1.a": twin_of(WORKS, more=[outcome("withdrawal", "withdrawn", 3)])})
    assert found.open == 0
    found.week(START + 7 * DAY, {"k1.b": twin_of(WORKS)})
    linked = person(1, adverse=True)
    linked.slots["i"] = {"i|1": [1, 0, "k1.c", "linked", None]}
    found.week(CLOSES, {"k1.b": linked})
    assert learn([found]).trainer.counts["censored"] == 1


# --- answers ---


def test_the_model_answers_with_reasons_once_it_has_seen_enough(learnt):
    answering = Answering(learnt)
    now = START + 35 * DAY
    weak, good = (answering.answers(twin_of(WORKS, came), now)[0] for came in ((), (("w1", 4, 9), ("w2", 4, 29))))
    assert weak.basis == "model"
    assert weak.low < weak.p < weak.high
    assert weak.p > 0.7 > 0.2 > good.p
    assert weak.reasons[0].adds > 0
    assert answering.answers(twin_of(WORKS), ENDS + DAY) == [], "it runs no more"


def test_before_enough_outcomes_the_prevalence_answers_and_says_so(learnt):
    nothing = Answering(document(learn([])))
    (found,) = nothing.answers(twin_of(WORKS), START + 35 * DAY)
    assert (found.basis, found.p, found.reasons) == ("floor", 0.5, ())
    assert found.high - found.low > 0.75
    rare = copy.deepcopy(learnt)
    rare["predictor"]["floor"] = 0.05
    assert Answering(rare).basis == "floor", "many outcomes, few of them adverse"


@given(st.floats(0.001, 0.999), st.integers(0, 100_000))
def test_the_floors_interval_holds_it_and_narrows_no_further_than_cohorts_differ(share, n):
    p, low, high = floor(share, n)
    assert 0 < low <= p <= high < 1
    wide = floor(share, 0)
    assert wide[2] - wide[1] >= high - low
    odds = (high / (1 - high)) / (low / (1 - low))
    assert odds >= 1.65, "e to 2 * 1.28 * 0.2"


def test_a_drift_that_is_not_remedied_is_flagged(learnt):
    shown = copy.deepcopy(learnt)
    shown["predictor"]["degraded"] = True
    assert Answering(shown).flagged
    assert not Answering(learnt).flagged


# --- telling ---

IN_FORCE = Active("r1-2025-03-03", 1_740_960_000_000)
NOW = START + 35 * DAY


def _damaged(whole, path, value):
    shown = copy.deepcopy(whole)
    *before, last = path
    place = shown
    for name in before:
        place = place[name]
    place[last] = value
    return shown


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("predictor",), None),
        (("predictor", "vocabulary"), 2),
        (("predictor", "centre"), [1.0]),
        (("predictor", "model", "mean"), [float("nan")] * 3),
        (("predictor", "model", "covariance"), [1.0]),
        (("predictor", "recalibration"), []),
        (("predictor", "counts"), 7),
        (("predictor", "floor"), 3),
        (("terms",), {"horizon_days": float("inf")}),
    ],
)
def test_a_broken_model_is_said_and_nothing_is_guessed(learnt, path, value):
    found = active_risk._read(_damaged(learnt, path, value), IN_FORCE)
    assert "r1-2025-03-03 is in force and cannot be read" in found.degraded
    told = twin_risk.told(found, twin_of(WORKS), NOW)
    assert (told["value"], told["unknown"]) == (None, twin_risk.BROKEN)
    assert "cannot be read" in risk(told, choose("en")).plain


def test_the_property_names_its_model_and_why(learnt):
    found = active_risk._read(learnt, IN_FORCE)
    told = twin_risk.told(found, twin_of(WORKS), NOW)
    assert told["interval"][0] < told["value"] < told["interval"][1]
    assert told["rotation"] == "R-1"
    assert told["reasons"]
    assert told["provenance"] == {
        "model": "r1-2025-03-03",
        "learnt_until": "2025-03-03T00:00:00Z",
        "coverage": 0.8,
        "horizon_days": HORIZON_DAYS,
        "outcomes": 159,
        "basis": "model",
        "flagged": False,
    }
    assert "R-1 ends adversely" in risk(told, choose("en")).plain
    assert "原因" in risk(told, choose("zh")).plain


def test_what_cannot_be_known_is_said_by_a_code(learnt):
    found = active_risk._read(learnt, IN_FORCE)
    unknown = [
        twin_risk.told(active_risk.Found(), twin_of(WORKS), NOW),
        twin_risk.told(found, twin_of(WORKS), 0),
        twin_risk.told(found, twin_of(WORKS), ENDS + DAY),
    ]
    assert [one["unknown"] for one in unknown] == ["no-model", "no-clock", "no-rotation"]
    assert not any(risk(one, choose("en")).plain for one in unknown)
    cold = active_risk._read(document(learn([])), IN_FORCE)
    assert "0 outcomes only" in risk(twin_risk.told(cold, twin_of(WORKS), NOW), choose("en")).plain


def test_the_fewest_are_those_of_the_page():
    assert (answer.FEWEST, answer.FEWEST_OF_EACH) == (100, 20)
    assert Trainer().snapshot()["floor"] == 0.5
