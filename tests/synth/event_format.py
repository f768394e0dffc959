"""docs/records.md, section 1, written down once more: the tests' own judge of events.

It knows what the generators can produce, not every trick of a hostile publisher.
"""

import json
import re
import tomllib
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCALES = tomllib.loads((ROOT / "seeds" / "scales.toml").read_text(encoding="utf-8"))

PSEUDONYM = re.compile(r"[a-z][a-z0-9]{0,15}\.[A-Za-z0-9_-]{1,48}")
CODE = re.compile(r"[^\s|\x00-\x1f\x7f]{1,64}")
IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
SOURCE = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
TOPICS = {
    "assessment": ("assessments", ("recorded", "amended", "retracted")),
    "rotation": ("rotations", ("planned", "started", "ended", "cancelled", "retracted")),
    "exposure": ("exposures", ("recorded", "retracted")),
    "outcome": ("outcomes", ("recorded", "retracted")),
    "identity": ("identities", ("enrolled", "retracted")),
}
TOPIC_OF = {f"megdt.{thing}.{what}.v1": topic for thing, (topic, verbs) in TOPICS.items() for what in verbs}


class Refused(Exception):
    def __init__(self, reason, detail=""):
        super().__init__(reason, detail)
        self.reason = reason


def reason(topic, value, now):
    """Give the reason for which an event is refused at `now` (ms), "" if it is not."""
    try:
        check(topic, value, now)
    except Refused as refusal:
        return refusal.reason
    return ""


def check(topic, value, now):
    event = decode(value)
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
    check_scale(event)
    day = 24 * 3600 * 1000
    if any(milliseconds(event[name]) > now + day for name in ("time", "recorded", "available") if name in event):
        raise Refused("future_event")
    return event


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
    require(text(SOURCE, event.get("source")), "source")
    require(text(IDENTIFIER, event.get("id")), "id")
    require(integer(event.get("revision", 0), 0, 9999), "revision")
    require(text(PSEUDONYM, event.get("subject")), "subject")
    require("time" in event, "time")
    require(event.get("datacontenttype", "application/json") == "application/json", "datacontenttype")
    require(isinstance(event.get("data"), dict), "data")
    require(isinstance(event.get("type"), str), "type")
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


def check_assessment(data, _):
    require(text(CODE, data.get("instrument")), "instrument")
    require(isinstance(data.get("scale"), str), "scale")
    optional(PSEUDONYM, data, "assessor")
    optional(CODE, data, "rotation", "item")
    require(type(data.get("carried_over", False)) is bool, "carried_over")
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


def check_rotation(data, verb):
    require(text(CODE, data.get("rotation")), "rotation")
    if verb in ("ended", "cancelled"):
        return []
    require(text(CODE, data.get("base")), "base")
    optional(CODE, data, "department")
    optional(PSEUDONYM, data, "supervisor")
    require("starts" in data and "ends" in data, "starts, ends")
    require(milliseconds(data["starts"]) <= milliseconds(data["ends"]), "ends")
    expects = data.get("expects") or []
    require(len(expects) <= 64, "expects")
    for expected in expects:
        require(text(CODE, expected.get("instrument")), "instrument")
        optional(CODE, expected, "item")
        require(integer(expected.get("count", 1), 1, 99), "count")
        require("due" in expected, "due")
    keys = [expected.get("item") or expected["instrument"] for expected in expects]
    require(len(set(keys)) == len(keys), "key twice")
    return [data["starts"], data["ends"], *(expected["due"] for expected in expects)]


def check_exposure(data, _):
    require(data.get("kind") in ("case", "procedure"), "kind")
    require(text(CODE, data.get("item")), "item")
    require(data.get("role") in (None, "observed", "assisted", "performed"), "role")
    require(integer(data.get("count", 1), 1, 999), "count")
    optional(CODE, data, "rotation")
    return []


def check_outcome(data, _):
    require(text(CODE, data.get("outcome")), "outcome")
    require(text(CODE, data.get("result")), "result")
    value = data.get("value")
    require(value is None or (type(value) in (int, float) and -1e6 <= value <= 1e6), "value")
    optional(CODE, data, "rotation")
    return []


def check_identity(data, _):
    require(data.get("stage") in ("medical-school", "postgraduate", "continuing"), "stage")
    require(text(CODE, data.get("base")), "base")
    optional(CODE, data, "programme", "cohort")
    return []


DATA_CHECKS = {
    "assessment": check_assessment,
    "rotation": check_rotation,
    "exposure": check_exposure,
    "outcome": check_outcome,
    "identity": check_identity,
}


def check_scale(event):
    data = event["data"]
    if "scores" not in data:
        return
    if data["scale"] not in SCALES:
        raise Refused("unknown_scale", data["scale"])
    scale = SCALES[data["scale"]]
    for score in data["scores"]:
        if "value" in score and not scale["min"] <= score["value"] <= scale["max"]:
            raise Refused("out_of_scale", str(score))
