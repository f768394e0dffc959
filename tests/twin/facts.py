"""Evidence about one trainee in every mix of records, versions and conflicts, and what it must add up to."""

import json
from collections import defaultdict

import msgspec
from hypothesis import strategies as st

from megdt_stream.evidence import record
from megdt_stream.evidence.record import (
    Activity,
    Assessment,
    Decision,
    Enrolment,
    Exposure,
    Feedback,
    Outcome,
    Resource,
    Retraction,
    Rotation,
    SelfAssessment,
)

DAY = 86_400_000
PERIOD = 28 * DAY
COMPETENCIES = ("C1", "临床思维")
KEYS = ("mini-cex", "dops")
ROTATIONS = ("R1", "内科")

BLANK = {
    "trainee": "k1.a",
    "source": "/hospital-a",
    "id": "0",
    "rev": 0,
    "h": "",
    "d": "",
    "recorded": 0,
    "available": 0,
    "origin": ("assessments", 0, 0),
}

moments = st.sampled_from([-1, 0, 1, PERIOD - 1, PERIOD, 50 * PERIOD + 3])
maybe_rotation = st.sampled_from([None, *ROTATIONS])
_mark = st.tuples(st.floats(1, 9), st.integers(-2000, 6000), st.integers(10, 5000))


def _assessment(common, instrument, item, assessor, rotation, marks, missing):
    given_for = [c for c in COMPETENCIES if marks.get(c)]
    return Assessment(
        instrument=instrument,
        item=item,
        assessor=assessor,
        rotation=rotation,
        scale="mini-cex@1",
        carried_over=False,
        marks=tuple((c, *marks[c]) for c in given_for),
        missing=tuple((c, why) for c, why in missing.items() if c not in given_for),
        **common,
    )


def _rotation(common, status, rotation, base, expects):
    plan = status in ("planned", "started")
    change = status is None
    stated = plan or change
    return Rotation(
        status=status,
        rotation=rotation,
        base=base if stated else None,
        department=base if change else None,
        supervisor=None,
        starts=0 if plan else None,
        ends=PERIOD if plan else None,
        expects=tuple((key, *pair) for key, pair in expects.items()) if stated and expects is not None else None,
        **common,
    )


_commons = moments.map(lambda happened: BLANK | {"happened": happened})
assessments = st.builds(
    _assessment,
    _commons,
    instrument=st.sampled_from(KEYS),
    item=st.sampled_from([None, *KEYS]),
    assessor=st.sampled_from([None, "k1.s1", "k1.s2"]),
    rotation=maybe_rotation,
    marks=st.dictionaries(st.sampled_from(COMPETENCIES), _mark),
    missing=st.dictionaries(st.sampled_from(COMPETENCIES), st.just("not-observed")),
)
dues = st.sampled_from([0, 5 * DAY, 20 * DAY, 40 * DAY])
expectations = st.dictionaries(st.sampled_from(KEYS), st.tuples(st.integers(1, 3), dues))
rotations = st.builds(
    _rotation,
    _commons,
    status=st.sampled_from(["planned", "started", "ended", "cancelled", None]),
    rotation=st.sampled_from(ROTATIONS),
    base=st.sampled_from(["B1", "基地"]),
    expects=st.one_of(st.none(), expectations, expectations),
)
exposures = st.builds(
    lambda common, **fields: Exposure(**fields, **common),
    _commons,
    kind=st.sampled_from(["case", "procedure"]),
    item=st.sampled_from(["P1", "P2"]),
    role=st.sampled_from([None, "performed"]),
    count=st.integers(1, 999),
    rotation=maybe_rotation,
)
outcomes = st.builds(
    lambda common, **fields: Outcome(**fields, **common),
    _commons,
    outcome=st.just("annual"),
    result=st.sampled_from(["pass", "未通过"]),
    value=st.sampled_from([None, 1.5]),
    rotation=maybe_rotation,
    starts=st.sampled_from([None, 0]),
    ends=st.sampled_from([None, DAY]),
)
feedbacks = st.builds(
    lambda common, **fields: Feedback(**fields, **common),
    _commons,
    assessor=st.sampled_from([None, "k1.s1"]),
    rotation=maybe_rotation,
    observed=st.sampled_from([None, -5 * DAY, PERIOD]),
    characters=st.integers(1, 8000),
    specific=st.sampled_from([None, True, False]),
)
activities = st.builds(
    lambda common, kind, item, starts, minutes, **fields: Activity(
        kind=kind,
        item=None if kind == "duty" else item,
        starts=starts if kind == "duty" else None,
        ends=starts + minutes * 60_000 if kind == "duty" else None,
        minutes=minutes,
        **fields,
        **common,
    ),
    _commons,
    kind=st.sampled_from(["teaching", "duty", "learning-case"]),
    item=st.sampled_from(["S1", "病例讨论"]),
    starts=st.sampled_from([-1, 0, 4 * DAY - 1, 4 * DAY]),
    minutes=st.integers(0, 1440),
    attended=st.booleans(),
    on_call=st.booleans(),
    rotation=maybe_rotation,
)
self_assessments = st.builds(
    lambda common, marks, rotation: SelfAssessment(
        rotation=rotation,
        scale="mini-cex@1",
        marks=tuple((c, *mark) for c, mark in marks.items()),
        missing=(),
        **common,
    ),
    _commons,
    marks=st.dictionaries(st.sampled_from(COMPETENCIES), _mark),
    rotation=maybe_rotation,
)
resources = st.builds(
    lambda common, **fields: Resource(**fields, **common),
    _commons,
    kind=st.sampled_from(["beds", "simulator"]),
    base=st.just("B1"),
    department=st.sampled_from([None, "内科"]),
    capacity=st.sampled_from([0.0, 2.5, 40.0]),
    unit=st.just("beds"),
    starts=moments,
    ends=st.none(),
)
decisions = st.builds(
    lambda common, **fields: Decision(**fields, **common),
    _commons,
    on=st.sampled_from(["0123456789abcdef", "rec-1"]),
    action=st.sampled_from(["accepted", "closed"]),
    by=st.just("k1.chief"),
    reason=st.none(),
    characters=st.just(0),
    until=st.sampled_from([None, DAY]),
)
enrolments = st.builds(
    lambda common, **fields: Enrolment(**fields, **common),
    _commons,
    stage=st.just("postgraduate"),
    base=st.sampled_from(["B1", "B2"]),
    programme=st.just(None),
    cohort=st.sampled_from([None, "2025"]),
)
retractions = st.builds(lambda common: Retraction(**common), _commons)


def named(body, trainee, number, rev):
    """Make a body the version `rev` of record `number`."""
    fields = {"trainee": trainee, "id": str(number), "rev": rev, "h": record.record_hash("/hospital-a", str(number))}
    whole = msgspec.structs.replace(body, **fields, d="", origin=("", 0, 0))
    return msgspec.structs.replace(whole, d=record.digest(record.encode(whole)), origin=BLANK["origin"])


def placed(fact, topic, partition, offset):
    """Give a fact an origin."""
    return msgspec.structs.replace(fact, origin=(topic, partition, offset))


EVERY = (
    *(assessments, rotations, exposures, outcomes, enrolments, retractions),
    *(feedbacks, activities, self_assessments, resources, decisions),
)


def facts(kinds=EVERY, records=4, revisions=3, trainees=("k1.a",)):
    """Draw one version of one of few records, so that duplicates and conflicts are common."""
    return st.builds(
        named, st.one_of(*kinds), st.sampled_from(trainees), st.integers(0, records - 1), st.integers(0, revisions - 1)
    )


def batches(max_size=14, **options):
    """Draw evidence in some order, with some of it delivered twice under another origin."""
    drawn = st.lists(facts(**options), max_size=max_size)
    return drawn.flatmap(lambda some: st.permutations(some + some[::3])).map(
        lambda many: [placed(fact, "assessments", 0, n) for n, fact in enumerate(many)]
    )


# --- the oracle: docs/records.md, section 3, from the set of evidence alone ---


def standing_set(evidence):
    """Give the version that stands of each record: highest revision, of equal ones the smallest digest."""
    versions = defaultdict(dict)
    for fact in evidence:
        known = versions[fact.trainee, fact.h].get(fact.rev)
        if known is None or fact.d < known.d:
            versions[fact.trainee, fact.h][fact.rev] = fact
    return [of[max(of)] for of in versions.values()]


def expected_fields(evidence):
    """Recompute a twin's sums and slots."""
    sums, slots = defaultdict(lambda: (0, 0, 0)), {}
    for fact in standing_set(evidence):
        for field, numbers in _sums(fact):
            sums[field] = tuple(a + b for a, b in zip(sums[field], (*numbers, 0, 0)[:3], strict=True))
        slots |= _slots(fact)
    texts = {field: " ".join(map(str, numbers if _triple(field) else numbers[:1])) for field, numbers in sums.items()}
    whole = texts | {
        field: json.dumps(slot, ensure_ascii=False, separators=(",", ":")) for field, slot in slots.items()
    }
    return dict(sorted(whole.items()))


def _triple(field):
    return field[0] in "acvtu" or (field[0] == "f" and not field.endswith("|timed"))


def _sums(fact):
    kind = type(fact).__struct_config__.tag
    period = fact.happened // PERIOD
    if kind != "retraction":
        yield f"k|{kind}", (1,)
    if kind == "assessment":
        mean = sum(y for _, _, y, _ in fact.marks) // max(1, len(fact.marks))
        yield f"a|{fact.rotation or '-'}|{fact.item or fact.instrument}", (1, mean, fact.happened // 3_600_000)
        for competency, _, y, w in fact.marks:
            yield f"c|{competency}|{period}|{fact.assessor or '-'}", (1, w, w * y)
        for competency, _ in fact.missing:
            yield f"m|{competency}|{period}", (1,)
    if kind == "feedback":
        specific = {None: "-", True: "specific", False: "general"}[fact.specific]
        cell = f"f|{fact.assessor or '-'}|{period}"
        delay = 0 if fact.observed is None else max(0, (fact.happened - fact.observed) // 60_000)
        yield f"{cell}|{specific}", (1, fact.characters, delay)
        if fact.observed is not None:
            yield f"{cell}|timed", (1,)
    if kind == "activity" and fact.kind == "duty":
        week = (fact.starts + 3 * DAY) // (7 * DAY)
        yield f"u|{week}|{'on-call' if fact.on_call else 'duty'}", (1, fact.minutes, 0)
    elif kind == "activity":
        yield f"t|{fact.kind}|{fact.item}|{period}", (1, fact.minutes, 1 if fact.attended else 0)
    if kind == "self-assessment":
        for competency, _, y, w in fact.marks:
            yield f"v|{competency}|{period}", (1, w, w * y)
    if kind == "exposure":
        yield f"x|{fact.kind}|{fact.item}|{fact.role or '-'}|{period}", (fact.count,)


def _slots(fact):
    kind, head = type(fact).__struct_config__.tag, [fact.happened, fact.rev]
    if kind == "rotation":
        expects = None if fact.expects is None else [list(pair) for pair in fact.expects]
        rest = [fact.status, fact.starts, fact.ends, fact.base, fact.department, fact.supervisor, expects]
        return {f"r|{fact.rotation}|{fact.h}": head + rest}
    if kind == "outcome":
        return {f"o|{fact.outcome}|{fact.h}": [*head, fact.result, fact.value, fact.rotation, fact.starts, fact.ends]}
    if kind == "resource":
        rest = [fact.base, fact.department, fact.capacity, fact.unit, fact.starts, fact.ends]
        return {f"q|{fact.kind}|{fact.h}": head + rest}
    if kind == "decision":
        return {f"d|{fact.on}|{fact.h}": [*head, fact.action, fact.by, fact.reason, fact.until]}
    if kind == "enrolment":
        return {f"e|{fact.h}": [*head, fact.stage, fact.base, fact.programme, fact.cohort]}
    return {}
