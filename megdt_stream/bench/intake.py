"""Price of intake's whole decision beside that of pydantic's own parsing and validation of the same bytes."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from statistics import median
from typing import Any, Final, NamedTuple

import orjson

from megdt_stream.evidence import events as models
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.record import Origin
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.topics import Topic
from megdt_stream.seed_files import load_reference
from megdt_stream.synth import HospitalPlan, generate

Progress = Callable[[str], None]

EVENTS: Final = 10_000
ROUNDS: Final = 15
_EVENTS_PER_TRAINEE: Final = 150
_FEWEST_TIMED: Final = 500
"""Events timed for a type, by repetition where there are fewer: less would measure the clock."""


class _Input(NamedTuple):
    """An event, what `decide` wants beside it, and the model's own way with the bytes."""

    type: str
    value: bytes
    topic: Topic
    origin: Origin
    appended: int
    validate_json: Callable[[bytes], Any]


def intake(progress: Progress, events: int = EVENTS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure µs of processor time an event, medians of rounds in which both take turns over the same events.

    The events are those of a synthetic hospital, in the order in which it publishes them. Only what intake accepts is
    timed. `ratio` is the median of the rounds' ratios; `types` has the same for each event type alone.
    """
    reference = load_reference()
    progress(f"drawing {events:,} events")
    inputs = list(islice(_accepted(reference, events), events))
    # The events are no garbage of the measured: they are not to be looked through again and again.
    gc.collect()
    gc.freeze()
    try:
        found = _measured(inputs, reference, rounds, progress)
        types = [
            {"type": name, "events": len(of_type), **_measured(_enough(of_type), reference, rounds)}
            for name, of_type in _by_type(inputs)
        ]
    finally:
        gc.unfreeze()
    return {**found, "events": len(inputs), "rounds": rounds, "types": types}


def _accepted(reference: Reference, events: int) -> Iterator[_Input]:
    plan = HospitalPlan.demo(trainees=1 + events // _EVENTS_PER_TRAINEE)
    for offset, published in enumerate(generate(plan).events):
        topic, origin = topics.BY_SHORT[published.topic], (published.topic, 0, offset)
        decision = decide(published.value, topic, origin, published.available, reference, published.headers)
        if isinstance(decision, Accepted) and not published.headers:
            name = orjson.loads(published.value)["type"]
            validate_json = models.BY_TYPE[name].__pydantic_validator__.validate_json
            yield _Input(name, published.value, topic, origin, published.available, validate_json)


def _by_type(inputs: Sequence[_Input]) -> list[tuple[str, list[_Input]]]:
    """Group events, the most frequent type first."""
    groups: dict[str, list[_Input]] = defaultdict(list)
    for one in inputs:
        groups[one.type].append(one)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def _enough(inputs: list[_Input]) -> list[_Input]:
    return list(islice(cycle(inputs), max(len(inputs), _FEWEST_TIMED)))


def _measured(
    inputs: Sequence[_Input], reference: Reference, rounds: int, progress: Progress = lambda _line: None
) -> dict[str, float]:
    ours, theirs = [], []
    for number in range(rounds + 1):
        taken = _time_ours(inputs, reference), _time_pydantic(inputs)
        if number:  # the first one warms up
            ours.append(taken[0])
            theirs.append(taken[1])
            progress(f"round {number} of {rounds}: {taken[0]:.2f} µs, pydantic {taken[1]:.2f} µs")
    return {
        "ours_us": round(median(ours), 3),
        "pydantic_us": round(median(theirs), 3),
        "ratio": round(median(one / other for one, other in zip(ours, theirs, strict=True)), 3),
    }


def _time_ours(inputs: Sequence[_Input], reference: Reference) -> float:
    begun = time.process_time()
    for _, value, topic, origin, appended, _ in inputs:
        decide(value, topic, origin, appended, reference)
    return (time.process_time() - begun) / len(inputs) * 1e6


def _time_pydantic(inputs: Sequence[_Input]) -> float:
    begun = time.process_time()
    for _, value, _, _, _, validate_json in inputs:
        validate_json(value)
    return (time.process_time() - begun) / len(inputs) * 1e6
