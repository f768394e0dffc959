"""The stream against the format and against its own truth, both recomputed from the bytes."""

import hashlib
import json
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megdt_stream.synth import HospitalPlan, generate
from megdt_stream.synth.life import Life
from megdt_stream.synth.truth import Ledger
from tests.synth.event_format import ROOT, milliseconds, reason

rates = st.floats(0, 0.3)
plans = st.builds(
    HospitalPlan,
    seed=st.integers(0, 10_000),
    trainees=st.integers(1, 10),
    start=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    days=st.integers(1, 120),
    annual_assessment_day=st.integers(20, 120),
    missing_rate=rates,
    missing_score_rate=st.floats(0, 1),
    late_rate=rates,
    amended_rate=rates,
    twice_amended_rate=st.floats(0, 1),
    out_of_order_rate=st.floats(0, 1),
    retracted_rate=rates,
    duplicate_rate=rates,
    malformed_rate=rates,
    corrected_rate=st.floats(0, 1),
    withdrawal_rate=rates,
    cancelled_rotation_rate=rates,
)
some = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def hospital():
    return generate(HospitalPlan.small(seed=3))


class Reading:
    """What a reader of docs/records.md makes of the published bytes, fates unseen."""

    def __init__(self, events):
        self.fates = []
        self.records = defaultdict(dict)
        for event in events:
            self.fates.append(self._fate(event))

    def _fate(self, published):
        refused = reason(published.topic, published.value, published.available)
        if refused:
            return "rejected", refused
        event = json.loads(published.value)
        assert published.key == event["subject"]
        thing = event["type"].split(".")[1]
        revision = event.get("revision", 0)
        body = json.dumps([thing, event["subject"], milliseconds(event["time"]), event["data"]], sort_keys=True)
        versions = self.records[event["subject"], event["source"], event["id"]]
        if revision in versions:
            assert versions[revision][0] == body, "one version, two bodies"
            return "duplicate", ""
        versions[revision] = (body, published.topic, event)
        return "accepted", ""

    def standing(self):
        for versions in self.records.values():
            yield versions[max(versions)][1:]

    def valid(self, topic):
        return [event for of, event in self.standing() if of == topic and not event["type"].endswith("retracted.v1")]

    def undelivered(self, closes):
        arrived = Counter(
            (
                event["subject"],
                event["data"]["rotation"],
                event["data"].get("item") or event["data"]["instrument"],
            )
            for event in self.valid("assessments")
        )
        for (trainee, rotation), story in self.rotations().items():
            if story[-1]["type"] == "megdt.rotation.cancelled.v1":
                continue
            plan = [event for event in story if "expects" in event["data"]][-1:]
            for expected in plan[0]["data"]["expects"] if plan else []:
                key, due = expected.get("item") or expected["instrument"], milliseconds(expected["due"])
                if due < closes and arrived[trainee, rotation, key] < expected.get("count", 1):
                    yield trainee, rotation, key, due, arrived[trainee, rotation, key]

    def rotations(self):
        stories = defaultdict(list)
        for event in sorted(self.valid("rotations"), key=lambda event: milliseconds(event["time"])):
            stories[event["subject"], event["data"]["rotation"]].append(event)
        return stories


def agrees_with_its_truth(hospital):
    events, truth = list(hospital.events), hospital.truth
    reading = Reading(events)
    assert [(event.fate, event.reason) for event in events] == reading.fates
    assert all(a.available <= b.available for a, b in pairwise(events))
    assert all(hospital.plan.opens <= event.available < hospital.plan.closes for event in events)

    counted = Counter((event.topic, event.fate) for event in events)
    assert counted == +Counter({(topic, fate): n for topic, fates in truth.counts.items() for fate, n in fates.items()})
    assert Counter(event.reason for event in events if event.reason) == Counter(truth.reasons)
    accepted = Counter(event.key for event in events if event.fate == "accepted")
    assert accepted == +Counter({key: trainee.accepted for key, trainee in truth.trainees.items()})

    assert sorted((u.trainee, u.rotation, u.key, u.due, u.arrived) for u in truth.undelivered) == sorted(
        reading.undelivered(hospital.plan.closes)
    )
    assert {(s.trainee, s.topic, s.source, s.id, s.revision, s.retracted) for s in truth.standing} == {
        (
            event["subject"],
            topic,
            event["source"],
            event["id"],
            event["revision"],
            event["type"].endswith("retracted.v1"),
        )
        for topic, event in reading.standing()
        if event.get("revision", 0)
    }
    return reading


def test_the_small_hospital_agrees_with_its_truth(hospital):
    reading = agrees_with_its_truth(hospital)
    done = Counter()
    for event in reading.valid("exposures"):
        data = event["data"]
        done[event["subject"], f"{data['kind']}|{data['item']}"] += data.get("count", 1)
    assert done == +Counter(
        {
            (key, item): covered["count"]
            for key, trainee in hospital.truth.trainees.items()
            for item, covered in trainee.exposures.items()
        }
    )
    results = {
        (event["subject"], event["data"]["outcome"]): event["data"]["result"] for event in reading.valid("outcomes")
    }
    assert results == {
        (key, outcome): result
        for key, trainee in hospital.truth.trainees.items()
        for outcome, result in trainee.outcomes.items()
    }


@some
@given(plans)
def test_any_hospital_agrees_with_its_truth(plan):
    agrees_with_its_truth(generate(plan))


@some
@given(plans)
def test_equal_plans_give_equal_bytes_and_equal_truth(plan):
    hospital = generate(plan)
    assert list(hospital.events) == list(generate(replace(plan)).events) == list(hospital.events)
    assert hospital.truth.to_json() == generate(replace(plan)).truth.to_json()


def test_the_interpreters_hash_seed_does_not_matter():
    program = (
        "import hashlib; from megdt_stream.synth import HospitalPlan, generate\n"
        "h = generate(HospitalPlan.small()); d = hashlib.sha256(h.truth.to_json().encode())\n"
        "[d.update(e.value) for e in h.events]; print(d.hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == hashlib.sha256().digest_size * 2


def test_another_seed_is_another_hospital(hospital):
    assert list(hospital.events) != list(generate(HospitalPlan.small(seed=4)).events)


def test_the_stream_has_every_kind_of_trouble_and_chinese():
    truth = generate(HospitalPlan(seed=2, trainees=60, malformed_rate=0.1)).truth
    assert set(truth.reasons) == {
        *("undecodable", "not_an_object", "unknown_type", "wrong_topic", "invalid"),
        *("naive_timestamp", "unknown_scale", "out_of_scale", "future_event"),
    }
    assert {u.why for u in truth.undelivered} == {"never-came", "late", "rejected", "retracted"}
    assert {s.revision for s in truth.standing} >= {1, 2}
    assert {s.retracted for s in truth.standing} == {True, False}
    assert "腰椎穿刺术" in truth.to_json()
    for topic in ("assessments", "exposures", "rotations"):
        assert all(truth.counts[topic].values())


def test_some_later_version_is_published_first(hospital):
    seen, early = set(), 0
    for event in hospital.events:
        if event.fate != "accepted":
            continue
        body = json.loads(event.value)
        if body.get("revision", 0) and (body["source"], body["id"]) not in seen:
            early += 1
        seen.add((body["source"], body["id"]))
    assert early > 0


def test_a_duplicate_is_the_same_bytes_again(hospital):
    seen, copies = set(), 0
    for event in hospital.events:
        if event.fate == "duplicate":
            assert event.value in seen
            copies += 1
        seen.add(event.value)
    assert copies > 0


def test_times_are_in_order_and_in_two_zones(hospital):
    zones = set()
    for event in hospital.events:
        if event.fate == "rejected":
            continue
        body = json.loads(event.value)
        zones |= {body[name][19:][-6:][-1] for name in ("time", "recorded", "available")}
        assert milliseconds(body["time"]) <= milliseconds(body["recorded"]) <= milliseconds(body["available"])
        assert milliseconds(body["available"]) <= event.available
    assert zones == {"Z", "0"}


def standing(plan):
    """Give what each record of the whole hospital says in the end, nothing cut off."""
    hospital = generate(plan)
    for trainee in hospital.people.trainees:
        chapters = Life(plan, hospital.people, trainee).chapters()
        ledger = Ledger((draft for chapter in chapters for draft in chapter.drafts), closes=sys.maxsize)
        yield from (((draft.trainee, draft.source, draft.id), draft) for draft in ledger.valid)


@some
@given(plans)
def test_mess_hides_the_hospital_but_does_not_change_it(plan):
    """What stands in the end, where it came and was not taken back, is what the clean copy says."""
    messy = dict(standing(replace(plan, corrected_rate=1.0, missing_score_rate=0.0)))
    clean = dict(standing(plan.clean()))
    assert messy.keys() <= clean.keys()
    assert {record: (draft.time, draft.data) for record, draft in messy.items()} == {
        record: (clean[record].time, clean[record].data) for record in messy
    }
