"""What every adapter keeps to, checked from outside: by what goes in and what comes out."""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import strategies as st

from megdt_stream.evidence.adapters import Evidence, Item, Outgoing, Refused, Result
from megdt_stream.evidence.adapters.tally import Tally, judged
from megdt_stream.evidence.intake import decide
from megdt_stream.evidence.reasons import Rejection
from megdt_stream.evidence.topics import BY_SHORT
from megdt_stream.seed_files import load_reference

NOW = 1_900_000_000_000
REFERENCE = load_reference()

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=20)
    | st.just("2013-05-18")
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Case:
    """An adapter under test. `results` takes values and a key; `originals` name persons and occur in `values`.

    `any_value` is whatever may come in; `stateless` items mean the same alone as among others.
    """

    name: str
    results: Callable[[list[object], bytes], Iterable[Result]]
    values: list[object]
    originals: tuple[str, ...] = ()
    any_value: st.SearchStrategy[object] = field(default=documents)
    pseudonyms: bool = True


def items(values: list[object]) -> list[Item]:
    return [Item(value, f"items:{number}") for number, value in enumerate(values, 1)]


def run(case: Case, values: list[object], key: bytes) -> list[Result]:
    """Run an adapter; it gives exactly one result an item and leaves the items as they were."""
    before = copy.deepcopy(values)
    results = list(case.results(values, key))
    assert repr(values) == repr(before)
    return results


def check_complete(results: list[Result], places: Iterable[str]) -> None:
    assert Counter(result.at for result in results) == Counter(places)
    tally = Tally()
    for result in results:
        tally.add(judged(result, verdict))
        if isinstance(result, Evidence):
            assert result.events
    counts = tally.as_json()
    assert (
        counts["read"] == len(results) == counts["evidence"] + sum(counts["rejected"].values()) + counts["not_relevant"]
    )
    json.dumps(counts)


def verdict(event: Outgoing) -> Rejection | None:
    decision = decide(event.value, BY_SHORT[event.topic], (event.topic, 0, 0), NOW, REFERENCE)
    return decision if isinstance(decision, Rejection) else None


def check_events(results: list[Result]) -> None:
    """Every event names its topic and key truly, its times have zones, and what withdraws or amends is a revision."""
    for event in events(results):
        body = json.loads(event.value)
        assert event.key == body["subject"]
        assert body["type"].startswith("megdt.")
        for name in ("time", "recorded"):
            assert datetime.fromisoformat(body[name]).tzinfo is not None
        if body["type"].endswith((".retracted.v1", ".amended.v1")):
            assert body["revision"] >= 1
        rejection = verdict(event)
        assert rejection is None or rejection.reason not in (
            "unknown_type",
            "wrong_topic",
            "undecodable",
            "not_an_object",
        )


def events(results: list[Result]) -> list[Outgoing]:
    return [event for result in results if isinstance(result, Evidence) for event in result.events]


def versions(results: list[Result]) -> dict[tuple[str, str, int], set[bytes]]:
    """Give the bytes of each version of a record: more than one is a conflict."""
    found: dict[tuple[str, str, int], set[bytes]] = {}
    for event in events(results):
        body = json.loads(event.value)
        found.setdefault((body["source"], body["id"], body.get("revision", 0)), set()).add(event.value)
    return found


def refused(results: list[Result]) -> list[str]:
    return [result.reason.value for result in results if isinstance(result, Refused)]


@st.composite
def mutated(draw, values):
    """Give one of the documents with one place of it replaced by anything, or taken out."""
    document = copy.deepcopy(draw(st.sampled_from(values)))
    holder, step = None, None
    here = document
    while isinstance(here, dict | list) and here and (holder is None or draw(st.integers(0, 3))):
        holder, step = (
            here,
            draw(st.sampled_from(sorted(here)) if isinstance(here, dict) else st.integers(0, len(here) - 1)),
        )
        here = holder[step]
    if holder is None:
        return document
    if draw(st.booleans()):
        holder[step] = draw(documents)
    else:
        del holder[step]
    return document
