"""The workload is what the system would make of the same events, and the same for every size."""

from collections import Counter

import pytest

from megdt_stream.bench.workload import SHARES, YEAR_MS, Log, Year, as_event, as_evidence
from megdt_stream.evidence import record
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.partition import partition_of
from megdt_stream.seed_files import load_reference

REFERENCE = load_reference()


def test_evidence_is_what_intake_decides() -> None:
    origin = ("assessments", 0, 7)
    told = [*Year(30).opening(), *Year(30, seed=5).happenings(3_000)]
    for happening in told:
        decided = decide(as_event(happening), happening.topic, origin, happening.available, REFERENCE)
        assert isinstance(decided, Accepted), decided
        assert record.decode(decided.value) == as_evidence(happening, origin, REFERENCE)
    assert len({type(record.decode(record.encode(as_evidence(h, origin, REFERENCE)))) for h in told}) == 5


def test_the_same_seed_tells_the_same_year() -> None:
    assert list(Year(50).happenings(500)) == list(Year(50).happenings(500))
    assert list(Year(50, seed=2).happenings(500)) != list(Year(50).happenings(500))


@pytest.mark.parametrize("trainees", [20, 20_000])
def test_shares_do_not_depend_on_the_size(trainees: int) -> None:
    n = 10_000
    told = list(Year(trainees).happenings(n))
    versions = Counter((happening.id, happening.revision) for happening in told)
    repeated = sum(count - 1 for count in versions.values())
    amended = sum(happening.revision == 1 for happening in told)
    assert sum(SHARES.values()) == pytest.approx(1)
    assert 0.01 < repeated / n < 0.02
    assert 0.01 < amended / n < 0.02
    assert sum(happening.topic.short == "exposures" for happening in told) / n == pytest.approx(0.41, abs=0.03)


def test_happenings_come_in_order_over_a_year() -> None:
    times = [h.available for h in Year(50).happenings(2_000) if not h.revision]
    assert times[-1] - times[0] > 0.99 * YEAR_MS


def test_the_log_has_a_tick_a_day_and_chained_origins() -> None:
    log = Log(4, REFERENCE)
    arrivals = list(log.arrivals(Year(100).happenings(3_000)))
    facts = [(arrival, record.decode(arrival.value)) for arrival in arrivals]
    ticks = [arrival.partition for arrival, fact in facts if isinstance(fact, record.Tick)]
    assert Counter(ticks) == dict.fromkeys(range(4), 364)
    seen: Counter[tuple[str, int]] = Counter()
    for arrival, fact in facts:
        if isinstance(fact, record.Tick):
            continue
        topic, partition, offset = fact.origin
        assert arrival.partition == partition == partition_of(fact.trainee, 4)
        assert offset == seen[topic, partition]
        seen[topic, partition] += 1
    assert sum(log.written.values()) == len(arrivals)
