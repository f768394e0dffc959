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

ASSESSMENT = {
    "instrument": "mini-cex",
    "scale": "mini-cex@1",
    "assessor": "k1.s-0042",
    "rotation": "内科-17",
    "item": "mini-cex-1",
    "scores": [{"competency": "临床思维", "value": 6}, {"competency": "C2", "missing": "not-observed"}],
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
EXPOSURE = {"kind": "procedure", "item": "P-1", "role": "performed", "count": 3, "rotation": "内科-17"}
OUTCOME = {"outcome": "annual", "result": "pass", "value": 81.5, "rotation": "内科-17"}
ENROLMENT = {"stage": "postgraduate", "base": "B1", "programme": "IM", "cohort": "2025"}
RETRACTION = {"reason": "记录有误"}

DATA = {
    "assessment.recorded": (topics.ASSESSMENTS, ASSESSMENT),
    "assessment.amended": (topics.ASSESSMENTS, ASSESSMENT),
    "assessment.retracted": (topics.ASSESSMENTS, RETRACTION),
    "rotation.planned": (topics.ROTATIONS, PLAN),
    "rotation.started": (topics.ROTATIONS, PLAN),
    "rotation.ended": (topics.ROTATIONS, STEP),
    "rotation.cancelled": (topics.ROTATIONS, STEP),
    "rotation.retracted": (topics.ROTATIONS, RETRACTION),
    "exposure.recorded": (topics.EXPOSURES, EXPOSURE),
    "exposure.retracted": (topics.EXPOSURES, RETRACTION),
    "outcome.recorded": (topics.OUTCOMES, OUTCOME),
    "outcome.retracted": (topics.OUTCOMES, RETRACTION),
    "identity.enrolled": (topics.IDENTITIES, ENROLMENT),
    "identity.retracted": (topics.IDENTITIES, RETRACTION),
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


def judge(value, topic=topics.ASSESSMENTS, appended=NOW, offset=7):
    """Decide on an event (bytes, or anything JSON can say)."""
    raw = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return decide(raw, topic, (topic.short, 0, offset), appended, REFERENCE)


def reason(value, topic=topics.ASSESSMENTS, appended=NOW):
    """Give why an event is refused, "" when it is not."""
    decision = judge(value, topic, appended)
    return "" if isinstance(decision, Accepted) else decision.reason.value


def fact(value, topic=topics.ASSESSMENTS, appended=NOW):
    """Give the evidence that an event becomes."""
    decision = judge(value, topic, appended)
    assert isinstance(decision, Accepted), decision
    return decode(decision.value)


# --- many events -----------------------------------------------------------------------------------------------

_PLAIN = st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="|\ufeff")
codes = st.one_of(
    st.sampled_from(["-", "mini-cex", "出科考核", "𠮷", "x" * 64]), st.text(_PLAIN, min_size=1, max_size=64)
)
pseudonyms = st.from_regex(r"\A[a-z][a-z0-9]{0,15}\.[A-Za-z0-9_-]{1,48}\Z")
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


def maybe(field):
    """Make a field optional: absent or null."""
    return st.one_of(st.just(DROP), st.none(), field)


def record_of(**fields):
    """Build an object from strategies, leaving out what is `DROP`."""
    return st.fixed_dictionaries(fields).map(lambda whole: {k: v for k, v in whole.items() if v is not DROP})


_scores = st.lists(
    st.one_of(
        record_of(
            competency=codes, value=st.one_of(st.integers(1, 9), st.floats(1, 9)), missing=st.sampled_from([DROP, None])
        ),
        record_of(competency=codes, missing=st.sampled_from(["not-recorded", "not-applicable", "not-observed"])),
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
_datas = {
    "assessments": record_of(
        instrument=codes,
        scale=st.just("mini-cex@1"),
        assessor=maybe(pseudonyms),
        rotation=maybe(codes),
        item=maybe(codes),
        carried_over=maybe(st.booleans()),
        scores=_scores,
    ),
    "plan": record_of(
        rotation=codes,
        base=codes,
        department=maybe(codes),
        starts=st.just("1900-01-01T00:00:00Z"),
        ends=times,
        supervisor=maybe(pseudonyms),
        expects=maybe(_expects),
    ),
    "step": record_of(rotation=codes),
    "exposures": record_of(
        kind=st.sampled_from(["case", "procedure"]),
        item=codes,
        role=maybe(st.sampled_from(["observed", "assisted", "performed"])),
        count=maybe(st.integers(1, 999)),
        rotation=maybe(codes),
    ),
    "outcomes": record_of(outcome=codes, result=codes, value=maybe(st.floats(-1e6, 1e6)), rotation=maybe(codes)),
    "identities": record_of(
        stage=st.sampled_from(["medical-school", "postgraduate", "continuing"]),
        base=codes,
        programme=maybe(codes),
        cohort=maybe(codes),
    ),
    "retracted": record_of(reason=maybe(st.text(st.characters(exclude_categories=("Cs",)), max_size=500))),
}


def _data_of(name):
    last = name.split(".")[1]
    if last in ("planned", "started"):
        return _datas["plan"]
    if last in ("ended", "cancelled"):
        return _datas["step"]
    return _datas["retracted"] if last == "retracted" else _datas[topic_of(name).short]


def _events_of(name):
    revisions = st.integers(1, 9999) if name in NEEDS_REVISION else maybe(st.integers(0, 9999))
    return record_of(
        specversion=st.just("1.0"),
        source=codes,
        id=st.one_of(codes, st.sampled_from(["a b", "i " * 64, "出科-1"])),
        revision=revisions,
        type=st.just(f"megdt.{name}.v1"),
        subject=pseudonyms,
        time=times,
        recorded=maybe(times),
        available=maybe(times),
        datacontenttype=maybe(st.just("application/json")),
        data=_data_of(name),
    )


named_events = st.sampled_from(sorted(DATA)).flatmap(lambda name: st.tuples(st.just(name), _events_of(name)))
