"""Examples that no other test reads: binary mode, the headers of rejects, and those of the page for other languages."""

import json
import re
import shlex
from typing import NamedTuple

import pytest

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.reasons import Reason
from megdt_stream.runtime.reject_alert import reject_limit
from megdt_stream.runtime.reject_guard import Trip
from megdt_stream.runtime.reject_record import reject
from megdt_stream.schemas.catalogue import read
from megdt_stream.seed_files import load_reference

REFERENCE = load_reference()
APPENDED = 1_767_225_600_000
PAGE = (schemas_dir() / "README.md").read_text("utf-8")
BINARY = sorted((schemas_dir() / "examples").glob("*/binary/*valid/*.json"))
REJECTS = sorted((schemas_dir() / "examples" / topics.REJECTS.name).glob("*valid/*.json"))


def verdict(value, headers, topic):
    """Give the evidence of a record, or the reason of its reject."""
    pairs = tuple((name, text.encode()) for name, text in headers)
    decided = decide(value, topic, (topic.short, 0, 0), APPENDED, REFERENCE, pairs)
    return json.loads(decided.value) if isinstance(decided, Accepted) else decided.reason.value


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", BINARY, ids=name_of)
def test_binary_mode(path):
    example = json.loads(path.read_text("utf-8"))
    value = None if example["value"] is None else json.dumps(example["value"], ensure_ascii=False).encode()
    found = verdict(value, example["headers"], topics.BY_NAME[path.parents[2].name])
    if path.parent.name == "valid":
        read().validator(topics.EVIDENCE.name).validate(found)
    else:
        assert found == path.stem.split("--")[0]


@pytest.mark.parametrize("path", REJECTS, ids=name_of)
def test_headers_of_rejects(path):
    valid = read().validator(topics.REJECTS.name).is_valid(json.loads(path.read_text("utf-8")))
    assert valid == (path.parent.name == "valid")


def test_there_are_both_kinds_of_each():
    for paths in (BINARY, REJECTS):
        assert {path.parent.name for path in paths} == {"valid", "invalid"}


def test_the_first_event_of_the_page_is_taken_in_both_modes_alike():
    event = json.loads(re.search(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)[1])
    read().validator(topics.EXPOSURES.name).validate(event)
    structured = verdict(json.dumps(event).encode(), (), topics.EXPOSURES)
    words = shlex.split(re.search(r"kcat .* -H .*", PAGE)[0])
    headers = [words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "-H"]
    binary = verdict(json.dumps(event["data"]).encode(), headers, topics.EXPOSURES)
    assert structured == binary
    assert structured["k"] == "exposure"
    assert words[words.index("-k") + 1] == event["subject"]
    assert words[words.index("-t") + 1] == topics.EXPOSURES.name


def test_the_rejects_schema_knows_every_reason():
    (shape,) = read().topics[topics.REJECTS.name].kinds.values()
    assert [json.loads(value) for value in shape.fields["megdt-reason"].values] == list(Reason)


# --- what the system writes --------------------------------------------------------------------------------------


class Consumed(NamedTuple):
    """A record as a consumer gives it."""

    value: bytes
    offset: int = 41
    timestamp: int = APPENDED
    key: bytes = b"k1.7Qm2xW9dTz"
    headers: tuple[tuple[str, bytes], ...] = (("content-type", b"application/json"),)


def test_rejects_of_intake_fit_their_schema():
    validator = read().validator(topics.REJECTS.name)
    seen = set()
    for topic in topics.INPUTS:
        for path in sorted((schemas_dir() / "examples" / topic.name / "invalid").glob("*.json")):
            record = Consumed(path.read_bytes())
            rejection = decide(record.value, topic, (topic.short, 3, 41), APPENDED, REFERENCE)
            entry, _ = reject(rejection, topic, 3, record, 1)
            headers = {name: text.decode() for name, text in entry.headers}
            validator.validate(headers)
            assert headers["megdt-reason"] == path.stem.split("--")[0]
            seen.add(headers["megdt-form"])
    assert seen == {"original", "redacted"}


def test_the_alert_on_too_many_rejects_fits_its_schema():
    trip = Trip(200, 150, {"invalid": 150}, [("/tms", 149), ("", 1)], ["megdt.rotations.v1/0/7"])
    entry = reject_limit(trip, 0.5, topics.ROTATIONS, 0, 8, APPENDED, 1)
    alert = json.loads(entry.value)
    read().validator(topics.ALERTS.name).validate(alert)
    assert alert["type"] in read().topics[topics.ALERTS.name].kinds
