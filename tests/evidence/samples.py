"""Events to vary: a valid one of every type, and strategies for many more (docs/records.md, section 1)."""

import copy
import json

from hypothesis import strategies as st

from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.record import decode
from megdt_stream.seed_files import load_reference

REFERENCE = load_reference()
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DROP = object()

SCORES = [{"competency": "patient-care", "value": 6}, {"competency": "communication", "missing": "not-observed"}]
ASSESSMENT = {
    "instrument": "mini-cex",
    "scale": "mini-cex@1",
    "assessor": "k1.s-0042",
    "rotation": "内科-17",
    "item": "mini-cex-1",
    "scores": SCORES,
}
PLAN = {
    "rotation": "内科-17",
    "base": "B1",
    "department": "D1",
    "starts": "2025-11-01T00:00:00+08:00",
    "ends": "2025-11-30T00:00:00+08:00",
    "supervisor": "k1.s-0042",
    "expects": [
        {"instrument": "mini-cex", "item": "mini-cex-1", "count": 2, "due": "2025-11-20T00:00:00+08:00"},
        {"instrument": "dops", "due": "2025-11-25T00:00:00Z"},
    ],
}
STEP = {"rotation": "内科-17"}
RETRACTION = {"reason": "记录有误"}
SPAN = {"starts": "2025-11-03T18:00:00+08:00", "ends": "2025-11-04T08:00:30+08:00"}

DATA = {
    "assessment.recorded": (topics.ASSESSMENTS, ASSESSMENT),
    "assessment.amended": (topics.ASSESSMENTS, ASSESSMENT),
    "feedback.recorded": (
        topics.ASSESSMENTS,
        {
            "text": "问诊有条理，下次先说结论。",
            "assessor": "k1.s-0042",
            "rotation": "内科-17",
            "observed": "2025-11-02T10:00:00+08:00",
            "specific": True,
        },
    ),
    "assessment.retracted": (topics.ASSESSMENTS, RETRACTION),
    "rotation.planned": (topics.ROTATIONS, PLAN),
    "rotation.started": (topics.ROTATIONS, PLAN),
    "rotation.changed": (topics.ROTATIONS, PLAN),
    "rotation.supervisor-assigned": (topics.ROTATIONS, {**STEP, "supervisor": "k1.s-0043"}),
    "rotation.ended": (topics.ROTATIONS, STEP),
    "rotation.cancelled": (topics.ROTATIONS, STEP),
    "rotation.retracted": (topics.ROTATIONS, RETRACTION),
    "exposure.recorded": (
        topics.EXPOSURES,
        {"kind": "procedure", "item": "P-1", "role": "performed", "count": 3, "rotation": "内科-17"},
    ),
    "exposure.retracted": (topics.EXPOSURES, RETRACTION),
    "teaching.attended": (
        topics.ACTIVITIES,
        {"session": "小讲课-3", "minutes": 45, "attended": False, "rotation": "内科-17"},
    ),
    "duty.recorded": (topics.ACTIVITIES, {**SPAN, "on_call": True, "rotation": "内科-17"}),
    "self-assessment.recorded": (
        topics.ACTIVITIES,
        {"scale": "mini-cex@1", "scores": SCORES, "rotation": "内科-17"},
    ),
    "learning-case.recorded": (topics.ACTIVITIES, {"item": "病例-9", "minutes": 30, "rotation": "内科-17"}),
    "activity.retracted": (topics.ACTIVITIES, RETRACTION),
    "outcome.recorded": (
        topics.OUTCOMES,
        {"outcome": "annual", "result": "pass", "value": 81.5, "rotation": "内科-17"},
    ),
    "remediation.started": (topics.OUTCOMES, {"plan": "补训-1", "result": "r", "rotation": "内科-17"}),
    "remediation.ended": (topics.OUTCOMES, {"plan": "补训-1", "result": "passed", "rotation": "内科-17"}),
    "leave.recorded": (topics.OUTCOMES, {"kind": "病假", **SPAN}),
    "credits.recorded": (topics.OUTCOMES, {"category": "I类", "credits": 2.5}),
    "outcome.retracted": (topics.OUTCOMES, RETRACTION),
    "resource.recorded": (
        topics.RESOURCES,
        {"kind": "beds", "base": "B1", "department": "D1", "capacity": 40, "unit": "beds", **SPAN},
    ),
    "resource.retracted": (topics.RESOURCES, RETRACTION),
    "identity.enrolled": (
        topics.IDENTITIES,
        {"stage": "postgraduate", "base": "B1", "programme": "IM", "cohort": "2025"},
    ),
    "identity.linked": (topics.IDENTITIES, {"person": "p1.somebody", "system": "his"}),
    "identity.merged": (topics.IDENTITIES, {"into": "p1.somebody"}),
    "identity.unmerged": (topics.IDENTITIES, {"from": "p1.somebody"}),
    "identity.retracted": (topics.IDENTITIES, RETRACTION),
    "decision.made": (
        topics.DECISIONS,
        {
            "on": "w-17",
            "action": "snoozed",
            "by": "k1.s-0042",
            "reason": "轮转已延期",
            "note": "下月再看",
            "until": "2025-12-01T00:00:00+08:00",
        },
    ),
    "decision.retracted": (topics.DECISIONS, RETRACTION),
}
NEEDS_REVISION = tuple(name for name in DATA if name.endswith(("amended", "retracted")))


def topic_of(name):
    """Give the topic that a type, without `megdt.` and `.v1`, belongs to."""
    return DATA[name][0]


def event(name="assessment.recorded", **attributes):
    """Make a valid event; `DROP` leaves an attribute out."""
    whole = {
        "specversion": "1.0",
        "source": "/hospital-a/ehr",
        "id": "A-1",
        "type": f"megdt.{name}.v1",
        "subject": "k1.7Qm2xW9dTz",
        "time": "2025-11-03T09:30:00+08:00",
        "data": copy.deepcopy(DATA[name][1]),
    }
    if name in NEEDS_REVISION:
        whole["revision"] = 1
    whole.update(attributes)
    return {attribute: value for attribute, value in whole.items() if value is not DROP}


def with_data(name="assessment.recorded", **fields):
    """Make a valid event with other fields in `data`; `DROP` leaves a field out."""
    data = DATA[name][1] | fields
    return event(name, data={field: value for field, value in data.items() if value is not DROP})


def written(value):
    """Write anything that JSON can say, and more: a lone surrogate as itself."""
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def judge(value, topic=topics.ASSESSMENTS, appended=NOW, offset=7, headers=()):
    """Decide on an event (bytes, or anything JSON can say)."""
    raw = None if value is None else written(value)
    return decide(raw, topic, (topic.short if topic else "assessments", 0, offset), appended, REFERENCE, headers)


def reason(value, topic=topics.ASSESSMENTS, appended=NOW, headers=()):
    """Give why an event is refused, "" when it is not."""
    decision = judge(value, topic, appended, headers=headers)
    return "" if isinstance(decision, Accepted) else decision.reason.value


def fact(value, topic=topics.ASSESSMENTS, appended=NOW, headers=()):
    """Give the evidence that an event becomes."""
    decision = judge(value, topic, appended, headers=headers)
    assert isinstance(decision, Accepted), decision
    return decode(decision.value)


def in_binary_mode(whole):
    """Give the value and the headers of an event's record in binary mode."""
    headers = [
        ("content-type" if name == "datacontenttype" else f"ce_{name}", _header(value))
        for name, value in whole.items()
        if name != "data" and value is not None
    ]
    return (written(whole["data"]) if "data" in whole else None), tuple(headers)


def _header(value):
    return (value if isinstance(value, str) else json.dumps(value)).encode()


# --- many events -----------------------------------------------------------------------------------------------

_PLAIN = st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="|\ufeff@0123456789")
_TEXT = st.characters(exclude_categories=("Cs",), exclude_characters="@0123456789")
codes = st.one_of(
    st.sampled_from(["-", "mini-cex", "出科考核", "𠮷", "x" * 64, "R-2025-17"]),
    st.text(_PLAIN, min_size=1, max_size=64),
)
ids = st.one_of(
    st.sampled_from(["a b", "i " * 64, "出科-1", "1733011200000", "7f3e6a52-93d5-4c38-9a55-0d4a3b1c2d3e"]),
    st.text(st.characters(categories=("L", "N", "P", "Zs"), exclude_characters="@"), min_size=1, max_size=128),
)
sources = st.one_of(
    st.sampled_from(["/hospital-a/ehr", "urn:x:y", "https://[2001:db8::1]:80/a?b#c", "%E5%8C%BB", "x", "a/b:c", "?q"]),
    st.from_regex(r"\A(/[a-z.~]{0,8}(%5B)?){1,4}\Z"),
)
pseudonyms = st.from_regex(r"\A[a-z][a-z0-9]{0,15}\.[A-Za-z_-][A-Za-z0-9_-]{0,9}\Z")
times = st.builds(
    "{:04d}-{:02d}-{:02d}{}{:02d}:{:02d}:{:02d}{}{}".format,
    st.integers(1901, 2025),
    st.integers(1, 12),
    st.integers(1, 28),
    st.sampled_from("Tt"),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.one_of(st.just(""), st.from_regex(r"\A\.[0-9]{1,9}\Z")),
    st.sampled_from(["Z", "z", "+08:00", "-00:00", "+23:59", "-11:30"]),
)
competencies = st.sampled_from(sorted(REFERENCE.competencies))


def maybe(field):
    """Make a field optional: absent or null."""
    return st.one_of(st.just(DROP), st.none(), field)


def record_of(**fields):
    """Build an object from strategies, leaving out what is `DROP`."""
    return st.fixed_dictionaries(fields).map(lambda whole: {k: v for k, v in whole.items() if v is not DROP})


_scores = st.lists(
    st.one_of(
        record_of(
            competency=competencies,
            value=st.one_of(st.integers(1, 9), st.floats(1, 9)),
            missing=st.sampled_from([DROP, None]),
        ),
        record_of(competency=competencies, missing=st.sampled_from(["not-recorded", "not-applicable", "not-observed"])),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda score: score["competency"],
)
_expects = st.lists(
    record_of(instrument=codes, item=maybe(codes), count=maybe(st.integers(1, 99)), due=times),
    max_size=3,
    unique_by=lambda pair: pair.get("item") or pair["instrument"],
)
_assessment = record_of(
    instrument=codes,
    scale=st.just("mini-cex@1"),
    assessor=maybe(pseudonyms),
    rotation=maybe(codes),
    item=maybe(codes),
    carried_over=maybe(st.booleans()),
    scores=_scores,
)
_LONG_AGO = "1900-01-01T00:00:00Z"
_plan = record_of(
    rotation=codes,
    base=codes,
    department=maybe(codes),
    starts=st.just(_LONG_AGO),
    ends=times,
    supervisor=maybe(pseudonyms),
    expects=maybe(_expects),
)
_change = record_of(
    rotation=codes,
    base=maybe(codes),
    department=maybe(codes),
    starts=maybe(st.just(_LONG_AGO)),
    ends=maybe(times),
    supervisor=maybe(pseudonyms),
    expects=maybe(_expects),
).filter(lambda data: any(value is not None for name, value in data.items() if name != "rotation"))
_minutes = maybe(st.integers(1, 1440))
_remediation = record_of(plan=codes, result=maybe(codes), rotation=maybe(codes))
_retraction = record_of(reason=maybe(st.text(_TEXT, max_size=500)))
_span = {"starts": st.just(_LONG_AGO), "ends": times}
_datas = {
    "assessment.recorded": _assessment,
    "assessment.amended": _assessment,
    "feedback.recorded": record_of(
        text=st.text(_TEXT, min_size=1, max_size=80),
        assessor=maybe(pseudonyms),
        rotation=maybe(codes),
        observed=maybe(times),
        specific=maybe(st.booleans()),
    ),
    "rotation.planned": _plan,
    "rotation.started": _plan,
    "rotation.changed": _change,
    "rotation.supervisor-assigned": record_of(rotation=codes, supervisor=pseudonyms),
    "rotation.ended": record_of(rotation=codes),
    "rotation.cancelled": record_of(rotation=codes),
    "exposure.recorded": record_of(
        kind=st.sampled_from(["case", "procedure", "simulation"]),
        item=codes,
        role=maybe(st.sampled_from(["observed", "assisted", "performed"])),
        count=maybe(st.integers(1, 999)),
        rotation=maybe(codes),
    ),
    "teaching.attended": record_of(
        session=codes, minutes=_minutes, attended=maybe(st.booleans()), rotation=maybe(codes)
    ),
    "duty.recorded": record_of(
        starts=st.just("2025-11-01T00:00:00Z"),
        ends=st.sampled_from(["2025-11-01T00:00:00.001Z", "2025-11-02T08:00:00+08:00", "2025-11-04T00:00:00Z"]),
        on_call=maybe(st.booleans()),
        rotation=maybe(codes),
    ),
    "self-assessment.recorded": record_of(scale=st.just("mini-cex@1"), scores=_scores, rotation=maybe(codes)),
    "learning-case.recorded": record_of(item=codes, minutes=_minutes, rotation=maybe(codes)),
    "outcome.recorded": record_of(
        outcome=codes,
        result=codes,
        value=maybe(st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6))),
        rotation=maybe(codes),
    ),
    "remediation.started": _remediation,
    "remediation.ended": _remediation,
    "leave.recorded": record_of(kind=codes, **_span),
    "credits.recorded": record_of(category=codes, credits=st.one_of(st.integers(0, 1000), st.floats(0, 1000))),
    "resource.recorded": record_of(
        kind=st.sampled_from(["beds", "simulator", "faculty"]),
        base=codes,
        department=maybe(codes),
        capacity=st.one_of(st.integers(0, 100_000), st.floats(0, 1e5)),
        unit=st.sampled_from(["beds", "slots-per-week", "hours-per-week", "trainees"]),
        starts=st.just(_LONG_AGO),
        ends=maybe(times),
    ),
    "identity.enrolled": record_of(
        stage=st.sampled_from(["medical-school", "postgraduate", "continuing"]),
        base=codes,
        programme=maybe(codes),
        cohort=maybe(codes),
    ),
    # No subject that is drawn is a person's here.
    "identity.linked": record_of(person=pseudonyms.map(lambda text: f"{text}-head"), system=maybe(codes)),
    "identity.merged": record_of(into=pseudonyms.map(lambda text: f"{text}-head")),
    "identity.unmerged": record_of(**{"from": maybe(pseudonyms)}),
    "decision.made": record_of(
        on=codes,
        action=st.sampled_from(["acknowledged", "accepted", "modified", "implemented", "closed", "snoozed"]),
        by=pseudonyms,
        reason=maybe(codes),
        note=maybe(st.text(_TEXT, max_size=80)),
        until=maybe(times),
    ),
}


def _events_of(name):
    return record_of(
        specversion=st.just("1.0"),
        source=sources,
        id=ids,
        revision=st.integers(1, 9999) if name in NEEDS_REVISION else maybe(st.integers(0, 9999)),
        type=st.just(f"megdt.{name}.v1"),
        subject=pseudonyms,
        time=times,
        recorded=maybe(times),
        available=maybe(times),
        datacontenttype=maybe(st.sampled_from(["application/json", "Application/JSON; charset=utf-8"])),
        data=_datas.get(name, _retraction),
    )


named_events = st.sampled_from(sorted(DATA)).flatmap(lambda name: st.tuples(st.just(name), _events_of(name)))

extensions = st.dictionaries(
    st.from_regex(r"\Ax[a-z0-9]{0,31}\Z"),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**31), 2**31 - 1),
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=20),
    ),
    max_size=4,
)
"""Extension attributes by name; none of these names means anything to us."""
