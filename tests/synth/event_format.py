"""docs/records.md, section 1, written down once more: the tests' own judge of events.

It knows what the generators can produce, not every trick of a hostile publisher.
"""

import json
import re
import tomllib
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote, unquote

ROOT = Path(__file__).resolve().parents[2]
SCALES = tomllib.loads((ROOT / "seeds" / "scales.toml").read_text(encoding="utf-8"))
FRAMEWORKS = tomllib.loads((ROOT / "seeds" / "competencies.toml").read_text(encoding="utf-8"))
COMPETENCIES = {code for framework in FRAMEWORKS.values() for code in framework["competencies"]}

PSEUDONYM = re.compile(r"[a-z][a-z0-9]{0,15}\.[A-Za-z0-9_-]{1,48}")
CODE = re.compile(r"[^\s|\x00-\x1f\x7f]{1,64}")
IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
PERSONS = {"subject", "assessor", "supervisor", "person", "into", "from", "by"}
TOPICS = {
    "assessments": "assessment.recorded assessment.amended feedback.recorded assessment.retracted",
    "rotations": "rotation.planned rotation.started rotation.changed rotation.supervisor-assigned rotation.ended "
    "rotation.cancelled rotation.retracted",
    "exposures": "exposure.recorded exposure.retracted",
    "activities": "teaching.attended duty.recorded self-assessment.recorded learning-case.recorded activity.retracted",
    "outcomes": "outcome.recorded remediation.started remediation.ended leave.recorded credits.recorded "
    "outcome.retracted",
    "resources": "resource.recorded resource.retracted",
    "identities": "identity.enrolled identity.linked identity.merged identity.unmerged identity.retracted",
    "decisions": "decision.made decision.retracted",
}
TOPIC_OF = {f"megdt.{kind}.v1": topic for topic, kinds in TOPICS.items() for kind in kinds.split()}
ATTRIBUTES = {
    *("specversion", "source", "id", "revision", "type", "subject"),
    *("time", "recorded", "available", "datacontenttype", "data"),
}


class Refused(Exception):
    def __init__(self, reason, detail=""):
        super().__init__(reason, detail)
        self.reason = reason


def reason(topic, value, now, headers=()):
    """Give the reason for which an event is refused at `now` (ms), "" if it is not."""
    try:
        check(topic, value, now, headers)
    except Refused as refusal:
        return refusal.reason
    return ""


def check(topic, value, now, headers=()):
    event = read(value, headers)
    if identifies_somebody(event):
        raise Refused("direct_identifier")
    kind = event.get("type")
    if isinstance(kind, str):
        if kind not in TOPIC_OF:
            raise Refused("unknown_type", kind)
        if TOPIC_OF[kind] != topic:
            raise Refused("wrong_topic", kind)
    times = check_shape(event)
    if any(not re.search(r"(Z|[+-]\d\d:\d\d)$", time) for time in times):
        raise Refused("naive_timestamp")
    if any(not 1900 <= datetime.fromisoformat(time).year < 2200 for time in times):
        raise Refused("invalid", "time")
    check_lengths(event["data"], event["type"].split(".")[1])
    check_scale(event)
    day = 24 * 3600 * 1000
    if any(milliseconds(event[name]) > now + day for name in ("time", "recorded", "available") if name in event):
        raise Refused("future_event")
    return event


def read(value, headers=()):
    """Read an event in either mode."""
    names = [name for name, _ in headers]
    if "ce_specversion" not in names:
        return decode(value)
    require(len(set(names)) == len(names), "header twice")
    texts = {name: text.decode("utf-8") for name, text in headers}
    event = {name.removeprefix("ce_"): text for name, text in texts.items() if name.startswith("ce_")}
    if "revision" in event:
        event["revision"] = int(event["revision"])
    return {**event, "datacontenttype": texts["content-type"], "data": decode(value)}


def decode(value):
    def constant(name):
        raise Refused("undecodable", name)

    if len(value) > 262_144:
        raise Refused("too_large")
    if not value:
        raise Refused("empty")
    try:
        event = json.loads(value.decode("utf-8"), parse_constant=constant)
    except ValueError as error:
        raise Refused("undecodable") from error
    if not isinstance(event, dict):
        raise Refused("not_an_object")
    return event


def identifies_somebody(event):
    data = event.get("data") if isinstance(event.get("data"), dict) else {}
    searched = {**{name: event.get(name) for name in ("subject", "id", "source")}, **data}
    for name, text in searched.items():
        if not isinstance(text, str) or name not in {
            *("id", "source", "rotation", "item", "session", "text", "note"),
            *PERSONS,
        }:
            continue
        if name in PERSONS and re.fullmatch(r"([a-z][a-z0-9]*\.)?(\+?86)?1[3-9]\d{9}", text):
            return True
        if name in ("text", "note") and re.search(r"(?<!\d)(\+?86)?1[3-9]\d{9}(?!\d)", text):
            return True
        if re.search(r"[\w.%+-]@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", text, re.ASCII):
            return True
        if any(map(is_identity_number, re.findall(r"(?<![A-Za-z0-9])\d{17}[\dXx](?![A-Za-z0-9])", text))):
            return True
    return False


def is_identity_number(number):
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    # GB 11643: with the check digit taken for X = 10, the weighted sum is 1 modulo 11.
    digits = [10 if digit in "xX" else int(digit) for digit in number]
    return 1900 <= born.year < 2100 and sum(d * pow(2, 17 - i, 11) for i, d in enumerate(digits)) % 11 == 1


def milliseconds(time):
    moment = datetime.fromisoformat(time)
    assert moment.tzinfo is not None
    return round(moment.timestamp() * 1000)


def require(condition, what):
    if not condition:
        raise Refused("invalid", what)


def text(pattern, value):
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def integer(value, least, most):
    return type(value) is int and least <= value <= most


def optional(pattern, data, *names):
    for name in names:
        require(data.get(name) is None or text(pattern, data[name]), name)


def check_shape(event):
    """Check attributes and data; give every time in the event as text."""
    require(event.get("specversion") == "1.0", "specversion")
    require(is_reference(event.get("source")), "source")
    require(text(IDENTIFIER, event.get("id")), "id")
    require(integer(event.get("revision", 0), 0, 9999), "revision")
    require(text(PSEUDONYM, event.get("subject")), "subject")
    require("time" in event, "time")
    require(event.get("datacontenttype", "application/json") == "application/json", "datacontenttype")
    require(isinstance(event.get("data"), dict), "data")
    require(isinstance(event.get("type"), str), "type")
    for name in event.keys() - ATTRIBUTES:
        require(re.fullmatch(r"[a-z0-9]{1,32}", name), name)
        require(type(event[name]) in (str, bool, int), name)
    times = [event[name] for name in ("time", "recorded", "available") if name in event]
    _, thing, verb, _ = event["type"].split(".")
    if verb in ("amended", "retracted"):
        require(event.get("revision", 0) >= 1, "revision")
    if verb == "retracted":
        require(len(event["data"].get("reason") or "") <= 500, "reason")
    else:
        times += DATA_CHECKS[thing](event["data"], verb)
    require(all(text(TIME, time) for time in times), "time")
    return times


def is_reference(source):
    """Tell a URI reference that our sources can be: absolute with an authority, or an absolute path."""
    if not isinstance(source, str) or not 1 <= len(source) <= 128:
        return False
    found = re.fullmatch(r"(https?://[a-z0-9.-]+)?((?:/[^/?#]+)+)", source)
    return found is not None and quote(unquote(found[2]), safe="/:@!$&'()*+,;=~") == found[2]


def check_assessment(data, _):
    require(text(CODE, data.get("instrument")), "instrument")
    optional(PSEUDONYM, data, "assessor")
    optional(CODE, data, "item")
    require(type(data.get("carried_over", False)) is bool, "carried_over")
    return check_scored(data, _)


def check_scored(data, _):
    require(isinstance(data.get("scale"), str), "scale")
    optional(CODE, data, "rotation")
    scores = data.get("scores")
    require(isinstance(scores, list) and 1 <= len(scores) <= 32, "scores")
    for score in scores:
        require(text(CODE, score.get("competency")), "competency")
        require(("value" in score) != ("missing" in score), "value or missing")
        if "value" in score:
            require(type(score["value"]) in (int, float), "value")
        else:
            require(score["missing"] in ("not-recorded", "not-applicable", "not-observed"), "missing")
    require(len({score["competency"] for score in scores}) == len(scores), "competency twice")
    return []


def check_feedback(data, _):
    require(isinstance(data.get("text"), str) and 1 <= len(data["text"]) <= 8000, "text")
    optional(PSEUDONYM, data, "assessor")
    optional(CODE, data, "rotation")
    require(type(data.get("specific", False)) is bool, "specific")
    return [data[name] for name in ("observed",) if name in data]


def check_rotation(data, verb):
    require(text(CODE, data.get("rotation")), "rotation")
    optional(CODE, data, "base", "department")
    optional(PSEUDONYM, data, "supervisor")
    if verb in ("ended", "cancelled"):
        return []
    if verb == "supervisor-assigned":
        require("supervisor" in data, "supervisor")
        return []
    if verb == "changed":
        require(data.keys() & {"base", "department", "starts", "ends", "supervisor", "expects"}, "nothing changed")
    else:
        require("base" in data and "starts" in data and "ends" in data, "base, starts, ends")
    expects = data.get("expects") or []
    require(len(expects) <= 64, "expects")
    for expected in expects:
        require(text(CODE, expected.get("instrument")), "instrument")
        optional(CODE, expected, "item")
        require(integer(expected.get("count", 1), 1, 99), "count")
        require("due" in expected, "due")
    keys = [expected.get("item") or expected["instrument"] for expected in expects]
    require(len(set(keys)) == len(keys), "key twice")
    return [*spanned(data), *(expected["due"] for expected in expects)]


def spanned(data, *required):
    require(all(name in data for name in required), str(required))
    return [data[name] for name in ("starts", "ends") if name in data]


def check_lengths(data, thing):
    """Check that what starts and ends does so in this order."""
    if "starts" in data and "ends" in data:
        length = milliseconds(data["ends"]) - milliseconds(data["starts"])
        require(length >= 0, "ends")
        require(thing != "duty" or 0 < length <= 72 * 3600 * 1000, "duty")


def check_exposure(data, _):
    require(data.get("kind") in ("case", "procedure", "simulation"), "kind")
    require(text(CODE, data.get("item")), "item")
    require(data.get("role") in (None, "observed", "assisted", "performed"), "role")
    require(integer(data.get("count", 1), 1, 999), "count")
    optional(CODE, data, "rotation")
    return []


def check_teaching(data, _):
    require(text(CODE, data.get("session")), "session")
    require(integer(data.get("minutes", 1), 1, 1440), "minutes")
    require(type(data.get("attended", True)) is bool, "attended")
    optional(CODE, data, "rotation")
    return []


def check_duty(data, _):
    require(type(data.get("on_call", False)) is bool, "on_call")
    optional(CODE, data, "rotation")
    return spanned(data, "starts", "ends")


def check_learning_case(data, _):
    require(text(CODE, data.get("item")), "item")
    require(integer(data.get("minutes", 1), 1, 1440), "minutes")
    optional(CODE, data, "rotation")
    return []


def check_outcome(data, _):
    require(text(CODE, data.get("outcome")), "outcome")
    require(text(CODE, data.get("result")), "result")
    value = data.get("value")
    require(value is None or (type(value) in (int, float) and -1e6 <= value <= 1e6), "value")
    optional(CODE, data, "rotation")
    return []


def check_remediation(data, _):
    require(text(CODE, data.get("plan")), "plan")
    optional(CODE, data, "result", "rotation")
    return []


def check_leave(data, _):
    require(text(CODE, data.get("kind")), "kind")
    return spanned(data, "starts", "ends")


def check_credits(data, _):
    require(text(CODE, data.get("category")), "category")
    require(type(data.get("credits")) in (int, float) and 0 <= data["credits"] <= 1000, "credits")
    return []


def check_resource(data, _):
    require(data.get("kind") in ("beds", "simulator", "faculty"), "kind")
    require(text(CODE, data.get("base")), "base")
    optional(CODE, data, "department")
    require(type(data.get("capacity")) in (int, float) and 0 <= data["capacity"] <= 100_000, "capacity")
    require(data.get("unit") in ("beds", "slots-per-week", "hours-per-week", "trainees"), "unit")
    return spanned(data, "starts")


def check_identity(data, verb):
    if verb == "unmerged":
        optional(PSEUDONYM, data, "from")
    elif verb != "enrolled":
        require(text(PSEUDONYM, data.get("person" if verb == "linked" else "into")), "head")
        optional(CODE, data, "system")
    else:
        require(data.get("stage") in ("medical-school", "postgraduate", "continuing"), "stage")
        require(text(CODE, data.get("base")), "base")
        optional(CODE, data, "programme", "cohort")
    return []


def check_decision(data, _):
    require(text(CODE, data.get("on")), "on")
    actions = "acknowledged accepted overridden modified implemented closed snoozed flagged-incorrect"
    require(data.get("action") in actions.split(), "action")
    require(text(PSEUDONYM, data.get("by")), "by")
    optional(CODE, data, "reason")
    require("reason" in data or data["action"] not in ("overridden", "flagged-incorrect"), "reason")
    require(len(data.get("note", "")) <= 2000, "note")
    return [data["until"]] if "until" in data else []


DATA_CHECKS = {
    "assessment": check_assessment,
    "feedback": check_feedback,
    "rotation": check_rotation,
    "exposure": check_exposure,
    "teaching": check_teaching,
    "duty": check_duty,
    "self-assessment": check_scored,
    "learning-case": check_learning_case,
    "outcome": check_outcome,
    "remediation": check_remediation,
    "leave": check_leave,
    "credits": check_credits,
    "resource": check_resource,
    "identity": check_identity,
    "decision": check_decision,
}


def check_scale(event):
    data = event["data"]
    if "scores" not in data:
        return
    if data["scale"] not in SCALES:
        raise Refused("unknown_scale", data["scale"])
    scale = SCALES[data["scale"]]
    for score in data["scores"]:
        if score["competency"] not in COMPETENCIES:
            raise Refused("unknown_competency", score["competency"])
        if "value" in score and not scale["min"] <= score["value"] <= scale["max"]:
            raise Refused("out_of_scale", str(score))
