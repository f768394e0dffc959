"""What the demonstration plays: a synthetic hospital, or the OULAD tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.adapters import oulad
from megdt_stream.publisher.oulad_files import read_oulad
from megdt_stream.synth import Hospital, HospitalPlan, Truth, generate

_BINARY_SHARE: Final = 0.1
_STRAINED_SHARE: Final = 0.03


class Event(NamedTuple):
    """A record to publish: short topic, key, bytes, when it became available (ms), and headers (binary mode)."""

    topic: str
    key: str
    value: bytes
    available: int
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True)
class Source:
    """A history to play, in publishing order.

    It spans `opens` to `closes` (ms); `focus` is the trainee whose twin is watched; `truth` tells what must
    come out, None where nobody knows.
    """

    title: str
    events: Callable[[], Iterator[Event]]
    opens: int
    closes: int
    focus: str
    truth: Callable[[], Truth] | None = None


def synthetic_source(plan: HospitalPlan) -> Source:
    """Play a synthetic hospital, with a tenth of one source's events in binary mode and something to be warned of."""
    messy = replace(plan, binary_share=_BINARY_SHARE)
    hospital = generate(replace(messy, incident_share=_STRAINED_SHARE, overwork_share=_STRAINED_SHARE))
    return Source(
        title=f"{plan.trainees} trainees, {plan.days} days, seed {plan.seed}",
        events=lambda: (Event(e.topic, e.key, e.value, e.available, e.headers) for e in hospital.events),
        opens=plan.opens,
        closes=plan.closes,
        focus=_focus(hospital),
        truth=lambda: hospital.truth,
    )


def oulad_source(directory: Path) -> Source:
    """Play the OULAD tables under a directory. Raises FileNotFoundError, ValueError."""
    history: list[Any] = list(oulad.events(read_oulad(directory)))
    if not history:
        raise ValueError(f"{directory} has tables without rows: export them again")
    return Source(
        title=f"OULAD, {len(history):,} events",
        events=lambda: (Event(*event) for event in history),
        opens=history[0].available,
        closes=history[-1].available + 1,
        focus=history[0].key,
    )


def _focus(hospital: Hospital) -> str:
    """Choose a postgraduate trainee, whose year shows most; else the first."""
    trainees = hospital.people.trainees
    chosen = next((trainee for trainee in trainees if trainee.stage == "postgraduate"), trainees[0])
    return chosen.pseudonym
