"""A base's mean level by competency, and how far it lies from peers of the same stage and cohort."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from math import sqrt
from statistics import fmean, variance
from typing import NamedTuple

from megdt_stream.twin.entities.document import Properties, Property, told, untold
from megdt_stream.twin.entities.levels import Rated, Severities
from megdt_stream.twin.entities.pooling import Observation, base_effects
from megdt_stream.twin.entities.suppression import LEAST, suppressed


class Trainee(NamedTuple):
    """A trainee's levels by competency, and which peers they are compared with (stage and cohort)."""

    peers: str
    levels: Mapping[str, Rated]


def properties(name: str, bases: Mapping[str, Sequence[Trainee]], severities: Severities, z: float) -> Properties:
    """Give mean level and difference from peers, by competency, of the trainees of a base."""
    competencies = sorted({competency for trainee in bases[name] for competency in trainee.levels})
    found: Properties = {}
    for competency in competencies:
        own = [trainee.levels[competency] for trainee in bases[name] if competency in trainee.levels]
        if len(own) < LEAST:
            found |= {f"level|{competency}": suppressed(), f"against-peers|{competency}": suppressed()}
        else:
            found[f"level|{competency}"] = _mean(own, competency, severities, z)
            found[f"against-peers|{competency}"] = _against(name, competency, bases, severities, z)
    return found


def _mean(rated: Sequence[Rated], competency: str, severities: Severities, z: float) -> Property:
    """Give the mean with its interval: the spread of trainees, and what is left of the severities that they share.

    The part of a severity that a trainee does not share is in the spread already, so only the rest is added.
    """
    n = len(rated)
    shares: defaultdict[str, float] = defaultdict(float)
    alone: defaultdict[str, float] = defaultdict(float)
    for one in rated:
        for rater, share in one.shares.items():
            shares[rater] += share / n
            alone[rater] += (share / n) ** 2
    shared = sum(severities.left(competency, rater) * (share**2 - alone[rater]) for rater, share in shares.items())
    levels = [one.level for one in rated]
    mean, half = fmean(levels), z * sqrt(variance(levels) / n + max(0.0, shared))
    return told(
        mean,
        (mean - half, mean + half),
        meaning="mean of the trainees' levels",
        trainees=n,
        assessors=len(shares),
        severity=_severity(shares, competency, severities),
    )


def _severity(raters: Collection[str], competency: str, severities: Severities) -> str:
    """Say of how many assessors the severity is subtracted."""
    known = sum(severities.of(competency, rater) is not None for rater in raters)
    return f"subtracted for {known} of {len(raters)} assessors; what is not known is carried as uncertainty"


def _against(
    name: str, competency: str, bases: Mapping[str, Sequence[Trainee]], severities: Severities, z: float
) -> Property:
    observed = observations(competency, bases)
    effect = base_effects(observed, lambda rater: severities.left(competency, rater)).get(name)
    if effect is None:
        return untold("no-peers")
    half = z * effect.sd
    return told(
        effect.mean,
        (effect.mean - half, effect.mean + half),
        meaning="levels above peers of the same stage and cohort, pooled partially over bases",
        trainees=effect.trainees,
        bases=len({one.base for one in observed}),
        peers=len(observed) - effect.trainees,
    )


def observations(competency: str, bases: Mapping[str, Sequence[Trainee]]) -> list[Observation]:
    """Give the levels to compare, by base.

    Bases with too few trainees take part only where together they are enough: otherwise the difference of what is told
    of the others would tell of them.
    """
    found = {
        base: [
            Observation(rated.level, base, one.peers, rated.shares)
            for one in trainees
            if (rated := one.levels.get(competency)) is not None
        ]
        for base, trainees in sorted(bases.items())
    }
    few = [base for base, theirs in found.items() if len(theirs) < LEAST]
    if sum(len(found[base]) for base in few) < LEAST:
        for base in few:
            del found[base]
    return [one for theirs in found.values() for one in theirs]
