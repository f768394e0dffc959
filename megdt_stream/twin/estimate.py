"""A trainee's level and growth in one competency: from the twin's sums, given a snapshot of what is known of raters.

The model of a score, in levels: `y = mean + growth * t + theta(t) + shift of the rater + e`, `t` in periods since the
trainee's first one with a score. `theta` starts as N(0, subject), has a slope N(0, growth) of its own, and walks
with variance `drift` a period; the variance of `e` is `residual * weight / w`. A positive shift means a lenient rater.

Sums hold no severity. It is subtracted here, with the joint posterior of all raters whom the trainee saw, for the error
of a rater is shared by all of its scores. That posterior was learnt from this trainee's scores too: they are taken out
of it first (the cavity distribution of expectation propagation: Minka 2001, UAI, section 3), so that no score counts
twice and the estimate is the exact joint posterior, also where sums have grown since. Other trainees are as of the
snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any, Final, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Sums: TypeAlias = tuple[int, str, int, int, int]
"""A cell: period, rater, how many scores, sum of weights, sum of weighted levels (docs/records.md, section 3)."""

UNNAMED: Final = "-"
"""Scores that name no rater count as those of one rater whom nobody else saw."""

PERIODS_PER_YEAR: Final = 365.25 / 28
SHARED: Final = 2
"""What all trainees share comes first among coordinates: the mean level, and its growth per period."""

_MILLI: Final = 1000.0


class Components(NamedTuple):
    """Variance components, in squared levels.

    `residual` is the variance of a score of weight `weight` (thousandths of inverse variance, as sums hold it): scales
    declare relative precision only. `drift` is per period; `growth` is the variance of own slopes per period.
    """

    rater: float
    subject: float
    residual: float
    weight: float
    drift: float
    growth: float


@dataclass(frozen=True)
class Block:
    """What is known of raters connected by trainees, given the shared coordinates.

    With `k` raters their shifts are N(offset + slope @ shared, covariance): shapes k, (k, 2), (k, k). `trainees` says
    how many connect them. Nothing compares raters of two blocks but the prior.
    """

    raters: tuple[str, ...]
    offset: Array
    slope: Array
    covariance: Array
    trainees: int


class Share(NamedTuple):
    """What one trainee's scores said of the shared coordinates and `raters`: precision and information vector."""

    raters: tuple[str, ...]
    precision: Array
    information: Array


@dataclass(frozen=True)
class Snapshot:
    """All that estimates of one competency need of others' scores; `version` names it.

    `mean` and `covariance` are of the shared coordinates, shapes 2 and (2, 2).
    """

    version: str
    competency: str
    components: Components
    mean: Array
    covariance: Array
    blocks: tuple[Block, ...]
    shares: Mapping[str, Share]

    @cached_property
    def places(self) -> dict[str, tuple[int, int]]:
        """Where each rater stands: number of the block, number in it."""
        return {rater: (b, i) for b, block in enumerate(self.blocks) for i, rater in enumerate(block.raters)}

    def posterior(self, raters: tuple[str, ...]) -> tuple[Array, Array]:
        """Give mean and covariance of the shared coordinates and these raters' shifts; unknown ones have the prior."""
        size = SHARED + len(raters)
        offset, slope, covariance = np.zeros(size), np.zeros((size, SHARED)), np.zeros((size, size))
        slope[0, 0] = slope[1, 1] = 1.0
        members: dict[int, tuple[list[int], list[int]]] = {}
        for at, rater in enumerate(raters, SHARED):
            place = self.places.get(rater) if rater != UNNAMED else None
            if place is None:
                covariance[at, at] = self.components.rater
                continue
            here, there = members.setdefault(place[0], ([], []))
            here.append(at)
            there.append(place[1])
        for number, (here, there) in members.items():
            block, index = self.blocks[number], np.array(there)
            offset[here] = block.offset[index]
            slope[here] = block.slope[index]
            covariance[np.array(here)[:, None], here] = block.covariance[index[:, None], index]
        return offset + slope @ self.mean, covariance + slope @ self.covariance @ slope.T

    def severity(self, rater: str) -> tuple[float, float]:
        """Give a rater's severity and its standard deviation, in levels; severe raters have positive ones."""
        mean, covariance = self.posterior((rater,))
        return -float(mean[SHARED]), float(covariance[SHARED, SHARED]) ** 0.5

    def document(self) -> dict[str, Any]:
        """Give the snapshot as plain data; `read` is the inverse, to the bit."""
        return {
            "version": self.version,
            "competency": self.competency,
            "components": self.components._asdict(),
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "blocks": [_plain(vars(block)) for block in self.blocks],
            "shares": {trainee: _plain(share._asdict()) for trainee, share in self.shares.items()},
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read a snapshot's plain data. Raises KeyError or TypeError where it is none."""
        blocks = tuple(_block(one) for one in document["blocks"])
        shares = {
            trainee: Share(tuple(one["raters"]), np.array(one["precision"]), np.array(one["information"]))
            for trainee, one in document["shares"].items()
        }
        components = Components(**document["components"])
        mean, covariance = np.array(document["mean"]), np.array(document["covariance"])
        return cls(document["version"], document["competency"], components, mean, covariance, blocks, shares)


def _block(one: Mapping[str, Any]) -> Block:
    offset, slope, covariance = (np.array(one[name], np.float64) for name in ("offset", "slope", "covariance"))
    return Block(tuple(one["raters"]), offset, slope.reshape(-1, SHARED), covariance, one["trainees"])


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A level at a period, in levels, with what it rests on.

    `covariance` is that of level and growth per period. `newest` is the last period with a score, None without any.
    `connected` is the size of the largest block of raters among those seen; 0 says that severities are known only by
    the prior.
    """

    level: float
    sd: float
    growth_per_year: float
    growth_sd: float
    covariance: float
    drift: float
    period: int | None
    newest: int | None
    n: int
    raters: int
    connected: int
    snapshot_version: str

    def interval(self, coverage: float = 0.8) -> tuple[float, float]:
        """Give the central interval of a coverage between 0 and 1, in levels."""
        half = self.sd * NormalDist().inv_cdf(0.5 + coverage / 2)
        return self.level - half, self.level + half

    @property
    def low80(self) -> float:
        """Lower end of the 80 % interval."""
        return self.interval()[0]

    @property
    def high80(self) -> float:
        """Upper end of the 80 % interval."""
        return self.interval()[1]

    def probability_below(self, target: float) -> float:
        """Give the probability that the level is below a target (levels)."""
        return NormalDist(self.level, self.sd).cdf(target)

    def forecast(self, period: int) -> Estimate:
        """Give the level expected at this or a later period; growth stays what it is believed to be now.

        Raises:
            ValueError: the period is earlier, or newer scores than this estimate's period went into it.
        """
        if self.period is None or self.newest is None:
            raise ValueError("without a score there is no period to forecast from")
        ahead = period - self.period
        if ahead < 0 or self.newest > self.period:
            raise ValueError("a forecast starts at the newest score and goes forward")
        rate, rate_variance = self.growth_per_year / PERIODS_PER_YEAR, (self.growth_sd / PERIODS_PER_YEAR) ** 2
        variance = self.sd**2 + ahead * (2 * self.covariance + self.drift) + ahead**2 * rate_variance
        return Estimate(
            self.level + ahead * rate,
            variance**0.5,
            self.growth_per_year,
            self.growth_sd,
            self.covariance + ahead * rate_variance,
            self.drift,
            period,
            self.newest,
            *(self.n, self.raters, self.connected, self.snapshot_version),
        )


def merged(cells: Iterable[Sums]) -> list[Sums]:
    """Put cells of one period and rater together and sort them; integers, so that no order changes a bit."""
    sums: dict[tuple[int, str], tuple[int, int, int]] = {}
    for period, rater, n, w, wy in cells:
        old = sums.get((period, rater))
        sums[period, rater] = (n, w, wy) if old is None else (old[0] + n, old[1] + w, old[2] + wy)
    return [(*key, *sums[key]) for key in sorted(sums) if sums[key][1] > 0]


def estimate(cells: Iterable[Sums], snapshot: Snapshot, trainee: str, at_period: int | None = None) -> Estimate:
    """Estimate a trainee's level in the snapshot's competency at a period, by default that of the newest score.

    All cells are used, also those after the period. Exact given the snapshot. Without any score the level is that of
    trainees at their first score, and growth the mean one.

    Raises:
        ValueError: the period lies before the first score.
    """
    rows = merged(cells)
    if not rows:
        return _prior(snapshot)
    first, newest = rows[0][0], rows[-1][0]
    at = newest if at_period is None else at_period
    if at < first:
        raise ValueError(f"no score up to period {at}: the first is of period {first}")
    share = snapshot.shares.get(trainee)
    raters = tuple(sorted({row[1] for row in rows}.union(share.raters if share else ())))
    mean, covariance = snapshot.posterior(raters)
    if share is not None:
        mean, covariance = cavity(mean, covariance, share, raters)
    level, growth, (vl, vg, vlg) = _condition(rows, snapshot.components, raters, mean, covariance, at - first)
    seen = {row[1] for row in rows} - {UNNAMED}
    return Estimate(
        *(level, vl**0.5, growth * PERIODS_PER_YEAR, vg**0.5 * PERIODS_PER_YEAR, vlg),
        *(snapshot.components.drift, at, newest, sum(row[2] for row in rows), len(seen)),
        connected=max(_block_sizes(snapshot, seen), default=0),
        snapshot_version=snapshot.version,
    )


def _block_sizes(snapshot: Snapshot, raters: Iterable[str]) -> Iterator[int]:
    places = snapshot.places
    return (len(snapshot.blocks[places[rater][0]].raters) for rater in raters if rater in places)


def _prior(snapshot: Snapshot) -> Estimate:
    """Give what is believed of a trainee without scores."""
    c, covariance = snapshot.components, snapshot.covariance
    return Estimate(
        level=float(snapshot.mean[0]),
        sd=float(covariance[0, 0] + c.subject) ** 0.5,
        growth_per_year=float(snapshot.mean[1]) * PERIODS_PER_YEAR,
        growth_sd=float(covariance[1, 1] + c.growth) ** 0.5 * PERIODS_PER_YEAR,
        covariance=float(covariance[0, 1]),
        drift=c.drift,
        period=None,
        newest=None,
        n=0,
        raters=0,
        connected=0,
        snapshot_version=snapshot.version,
    )


def cavity(mean: Array, covariance: Array, share: Share, raters: tuple[str, ...]) -> tuple[Array, Array]:
    """Take a trainee's share out of the posterior of the shared coordinates and `raters`, its own among them.

    With covariance C, mean m and share (M, h) the remainder has the precision inv(C) - M and the information
    inv(C) m - h. Written so that C is never inverted.
    """
    index = np.array([0, 1, *(SHARED + raters.index(rater) for rater in share.raters)])
    columns = covariance[:, index]
    left = np.eye(len(mean))
    left[:, index] -= columns @ share.precision
    right = np.column_stack((covariance, mean - columns @ share.information))
    solved = np.asarray(np.linalg.solve(left, right), dtype=np.float64)
    remainder = solved[:, :-1]
    return solved[:, -1], (remainder + remainder.T) / 2


def _condition(
    rows: list[Sums], c: Components, raters: tuple[str, ...], mean: Array, covariance: Array, at: int
) -> tuple[float, float, tuple[float, float, float]]:
    """Condition level (at periods after the first score) and growth on the cells: means, variances and covariance.

    One Gaussian conditioning in the space of cells (Rasmussen and Williams 2006, equations 2.23 and 2.24): a trainee
    has tens of cells in a competency, so that a dense solution costs less than a filter's steps in an interpreter.
    """
    place = {rater: i for i, rater in enumerate(raters, SHARED)}
    first = rows[0][0]
    tau = np.array([row[0] - first for row in rows], dtype=np.float64)
    w = np.array([row[3] for row in rows], dtype=np.float64)
    column = np.array([place[row[1]] for row in rows])
    # Rows of `design @ covariance` for the design (1, tau, indicator of the rater), without building it.
    loading = covariance[0] + tau[:, None] * covariance[1] + covariance[column]
    spread = loading[:, 0, None] + loading[:, 1, None] * tau + loading[:, column]
    spread += c.subject + c.drift * np.minimum(tau[:, None], tau) + c.growth * (tau[:, None] * tau)
    spread[np.diag_indices(len(rows))] += c.residual * c.weight / w
    wy = np.array([row[4] for row in rows], dtype=np.float64)
    error = wy / (w * _MILLI) - (mean[0] + tau * mean[1] + mean[column])
    growth = loading[:, 1] + c.growth * tau
    level = loading[:, 0] + at * growth + c.subject + c.drift * np.minimum(tau, at)
    both = np.stack((level, growth))
    known = np.linalg.solve(spread, np.column_stack((error, level, growth)))
    means, reduced = both @ known[:, 0], both @ known[:, 1:]
    vg = covariance[1, 1] + c.growth
    vlg = covariance[0, 1] + at * vg
    vl = covariance[0, 0] + at * (covariance[0, 1] + vlg) + c.subject + c.drift * at
    return (
        float(mean[0] + at * mean[1] + means[0]),
        float(mean[1] + means[1]),
        (float(vl - reduced[0, 0]), float(vg - reduced[1, 1]), float(vlg - (reduced[0, 1] + reduced[1, 0]) / 2)),
    )
