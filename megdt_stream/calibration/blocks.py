"""Rater severities solved jointly: the exact Gaussian posterior per connected block of raters and trainees.

Each trainee's level is integrated out analytically, which leaves a message to the raters that it saw and to what all
share (mean level and growth). Messages are summed per block, each block is solved densely given the shared coordinates,
and these last (block elimination, as for the mixed-model equations of Henderson 1975, Biometrics 31(2), 423-447, with
subjects absorbed). Blocks depend on each other through the shared mean alone.

A block's cost is cubic in its raters; some hundreds take milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from megdt_stream.calibration.blocks_messages import Index, Message, Ratings, arrange, message
from megdt_stream.twin.estimate import SHARED, Array, Block, Components, Share, Snapshot, Sums


class Belief(NamedTuple):
    """What is believed of the shared coordinates before any score: mean and standard deviation (levels, periods)."""

    level: float = 3.0
    level_sd: float = 1.0
    growth: float = 0.0
    growth_sd: float = 0.03

    @property
    def mean(self) -> Array:
        """The prior means."""
        return np.array([self.level, self.growth])

    @property
    def precision(self) -> Array:
        """The prior precision matrix."""
        return np.diag([self.level_sd**-2, self.growth_sd**-2])


BELIEF: Final = Belief()
"""Levels run from 1 to 5, which a standard deviation of one about the middle covers; 0.03 levels a period is 0.4 a
year, about what trainees gain on average: the prior mean of zero claims no growth that scores do not show."""


@dataclass(frozen=True)
class Layout:
    """Where raters stand in blocks, and blocks in one flat array of their square matrices.

    Per rater `block` and `position`; per block `sizes`, `starts` (of its raters in a vector ordered by block) and
    `bases` (of its matrix). A rater numbered -1, which is padding, goes to place 0 with value zero.
    """

    block: Index
    position: Index
    sizes: Index
    trainees: Index

    @cached_property
    def starts(self) -> Index:
        """First place of each block in a vector over raters, and the vector's length."""
        return np.concatenate(([0], np.cumsum(self.sizes)))

    @cached_property
    def bases(self) -> Index:
        """First place of each block's matrix in the flat array, and the array's length."""
        return np.concatenate(([0], np.cumsum(self.sizes**2)))

    def vector(self, raters: Index) -> Index:
        """Give raters' places in a vector; any shape."""
        places: Index = self.starts[self.block[raters]] + self.position[raters]
        return np.where(raters < 0, 0, places)

    def matrix(self, raters: Index) -> Index:
        """Give places of pairs of raters of one trainee: (t, k) to (t, k, k)."""
        first, second = raters[:, :, None], raters[:, None, :]
        block = self.block[first]
        places: Index = self.bases[block] + self.position[first] * self.sizes[block] + self.position[second]
        return np.where((first < 0) | (second < 0), 0, places)


def layout(ratings: Ratings) -> Layout:
    """Find the connected blocks of raters; trainees without a named rater belong to none."""
    size = len(ratings.raters)
    edges = [
        (first[keep], other[keep])
        for batch in ratings.batches
        if batch.raters.shape[1]
        for first, other in [(np.repeat(batch.raters[:, 0], batch.raters.shape[1]), batch.raters.ravel())]
        for keep in [other >= 0]
    ]
    start, end = (np.concatenate([np.zeros(0, np.int64), *(edge[side] for edge in edges)]) for side in (0, 1))
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(size, size))
    count, block = connected_components(graph, directed=False) if size else (0, np.zeros(0, np.int64))
    block = block.astype(np.int64)
    order = np.argsort(block, kind="stable")
    sizes = np.bincount(block, minlength=count)
    position = np.empty(size, dtype=np.int64)
    position[order] = np.arange(size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    firsts = [batch.raters[:, 0] for batch in ratings.batches if batch.raters.shape[1]]
    seen = np.concatenate([np.zeros(0, np.int64), *firsts])
    return Layout(block, position, sizes, np.bincount(block[seen[seen >= 0]], minlength=count))


@dataclass(frozen=True)
class Solution:
    """The joint posterior. Vectors and matrices over raters are ordered by block, matrices flat (see `Layout`).

    Given the shared coordinates raters are N(offset + slope @ shared, conditional). `loglikelihood` is the logarithm of
    the marginal density of the cells' average levels, up to a constant.
    """

    layout: Layout
    messages: tuple[Message, ...]
    mean: Array
    covariance: Array
    offset: Array
    slope: Array
    conditional: Array
    loglikelihood: float


def solve(ratings: Ratings, c: Components, belief: Belief = BELIEF, placed: Layout | None = None) -> Solution:
    """Solve for all raters and the shared coordinates."""
    where = placed or layout(ratings)
    messages = tuple(message(batch, c) for batch in ratings.batches)
    precision, coupling, information = _summed(ratings, where, messages)
    shared = belief.precision + sum(m.precision[:, :SHARED, :SHARED].sum(axis=0) for m in messages)
    target = belief.precision @ belief.mean + sum(m.information[:, :SHARED].sum(axis=0) for m in messages)
    offset, slope, conditional = np.zeros_like(information), np.zeros_like(coupling), np.zeros_like(precision)
    logdet = 0.0
    for b, size in enumerate(where.sizes):
        square, some = slice(where.bases[b], where.bases[b + 1]), slice(where.starts[b], where.starts[b + 1])
        matrix = precision[square].reshape(size, size) + np.eye(size) / c.rater
        inverse = np.linalg.inv(matrix)
        inverse = (inverse + inverse.T) / 2
        conditional[square] = inverse.ravel()
        offset[some], slope[some] = inverse @ information[some], -inverse @ coupling[some]
        shared = shared + coupling[some].T @ slope[some]
        target = target + slope[some].T @ information[some]
        logdet += np.linalg.slogdet(matrix)[1] + size * np.log(c.rater)
    covariance = np.linalg.inv(shared)
    mean = covariance @ target
    logdet += np.linalg.slogdet(shared)[1] + sum(m.logdet.sum() for m in messages)
    explained = information @ offset + mean @ target
    left = sum(m.square.sum() for m in messages) + belief.mean @ belief.precision @ belief.mean - explained
    return Solution(where, messages, mean, covariance, offset, slope, conditional, float(-(logdet + left) / 2))


def _summed(ratings: Ratings, where: Layout, messages: tuple[Message, ...]) -> tuple[Array, Array, Array]:
    """Sum messages over trainees: flat precision of raters, their coupling (r, 2) to what is shared, information."""
    precision = np.zeros(where.bases[-1])
    joint = np.zeros((SHARED + 1, where.starts[-1]))
    for batch, sent in zip(ratings.batches, messages, strict=True):
        if not batch.raters.shape[1]:
            continue
        places = where.matrix(batch.raters).ravel()
        precision += np.bincount(places, sent.precision[:, SHARED:, SHARED:].ravel(), minlength=len(precision))
        own = where.vector(batch.raters).ravel()
        rows = (*(sent.precision[:, SHARED:, i] for i in range(SHARED)), sent.information[:, SHARED:])
        for row, values in zip(joint, rows, strict=True):
            row += np.bincount(own, values.ravel(), minlength=len(row))
    return precision, joint[:SHARED].T.copy(), joint[SHARED]


def snapshot(
    cells: Mapping[str, Iterable[Sums]], c: Components, version: str, competency: str, belief: Belief = BELIEF
) -> Snapshot:
    """Solve trainees' cells (by trainee) of one competency and give what an estimate needs."""
    ratings = arrange(cells)
    return as_snapshot(ratings, solve(ratings, c, belief), c, version, competency)


def as_snapshot(ratings: Ratings, found: Solution, c: Components, version: str, competency: str) -> Snapshot:
    """Write a solution as a snapshot."""
    where = found.layout
    order = np.argsort(where.block, kind="stable")
    blocks = []
    for b, size in enumerate(where.sizes):
        some = slice(where.starts[b], where.starts[b + 1])
        names = tuple(ratings.raters[i] for i in order[some])
        matrix = found.conditional[where.bases[b] : where.bases[b + 1]].reshape(size, size)
        blocks.append(Block(names, found.offset[some], found.slope[some], matrix, int(where.trainees[b])))
    shares = {
        ratings.trainees[trainee]: _share(ratings, batch.raters[i], sent.precision[i], sent.information[i])
        for batch, sent in zip(ratings.batches, found.messages, strict=True)
        for i, trainee in enumerate(batch.trainees)
    }
    return Snapshot(version, competency, c, found.mean, found.covariance, tuple(blocks), shares)


def _share(ratings: Ratings, raters: Index, precision: Array, information: Array) -> Share:
    seen = raters[raters >= 0]
    size = SHARED + len(seen)
    return Share(tuple(ratings.raters[i] for i in seen), precision[:size, :size].copy(), information[:size].copy())
