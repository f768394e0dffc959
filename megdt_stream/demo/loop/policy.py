"""Who accepts advice: two in three, whoever it is about, and why the others do not."""

from __future__ import annotations

from typing import Final, NamedTuple

from megdt_stream.synth.chance import generator

ACCEPTED_SHARE: Final = 2 / 3

REASONS: Final = ("already-arranged", "no-time", "clinical-priority")


class Answer(NamedTuple):
    """What is decided on a recommendation; `reason` is a code where it is overridden."""

    accepted: bool
    reason: str | None


def answer(seed: int, round_: int, trainee: str) -> Answer:
    """Answer the recommendation of a trainee in a round (from 0), by chance that knows nothing of either's need."""
    rng = generator(seed, "answer", round_, trainee)
    if rng.random() < ACCEPTED_SHARE:
        return Answer(True, None)
    return Answer(False, rng.choice(REASONS))
