"""What each trainee's cells say of its raters, with the trainee's own level integrated out.

Trainees with about as many cells go through one batch of dense algebra; rows of the batch are padded by cells of weight
zero, which say nothing. The model is that of `megdt_stream.twin.estimate`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.twin.estimate import SHARED, UNNAMED, Array, Components, Sums, merged

Index = NDArray[np.int64]

_STEP: Final = 8
"""Cells are padded to the next multiple."""

_MILLI: Final = 1000.0


@dataclass(frozen=True)
class Batch:
    """Cells of `t` trainees, padded to `n` cells and `k` raters.

    `level`, `weight`, `tau` (periods since the trainee's first), `unnamed` (1 or 0): (t, n). `design`: (t, n, 2 + k),
    the columns being one, tau and an indicator per rater. `raters`: (t, k), numbers of raters, -1 where padded.
    """

    trainees: Index
    level: Array
    weight: Array
    tau: Array
    unnamed: Array
    design: Array
    raters: Index


@dataclass(frozen=True)
class Ratings:
    """All cells of a competency: trainees and raters by number, in batches; `weight` is the mean one of a score."""

    trainees: tuple[str, ...]
    raters: tuple[str, ...]
    batches: tuple[Batch, ...]
    weight: float


class Message(NamedTuple):
    """Per trainee of a batch: precision (t, 2 + k, 2 + k), information (t, 2 + k), and the scalars of the likelihood.

    `inverse` (t, n, n) is that of the marginal covariance of cells scaled to unit residual variance by `scale` (t, n).
    """

    precision: Array
    information: Array
    square: Array
    logdet: Array
    inverse: Array
    scale: Array


def arrange(cells: Mapping[str, Iterable[Sums]]) -> Ratings:
    """Number trainees and raters in sorted order and put the cells into batches."""
    rows = {trainee: found for trainee in sorted(cells) if (found := merged(cells[trainee]))}
    raters = sorted({row[1] for found in rows.values() for row in found} - {UNNAMED})
    number = {rater: i for i, rater in enumerate(raters)}
    sizes: defaultdict[int, list[int]] = defaultdict(list)
    table = list(rows.values())
    for i, found in enumerate(table):
        sizes[-(-len(found) // _STEP)].append(i)
    batches = (_batch(np.array(sizes[size]), [table[i] for i in sizes[size]], number) for size in sorted(sizes))
    scores = sum(row[2] for found in table for row in found)
    weight = sum(row[3] for found in table for row in found)
    return Ratings(tuple(rows), tuple(raters), tuple(batches), weight / scores if scores else _MILLI)


def _batch(trainees: Index, tables: list[list[Sums]], number: Mapping[str, int]) -> Batch:
    seen = [sorted({row[1] for row in rows} - {UNNAMED}) for rows in tables]
    t, n, k = len(tables), max(map(len, tables)), max(map(len, seen))
    level, weight, tau, unnamed = np.zeros((4, t, n))
    design = np.zeros((t, n, SHARED + k))
    raters = np.full((t, k), -1, dtype=np.int64)
    for i, (rows, names) in enumerate(zip(tables, seen, strict=True)):
        size, first = len(rows), rows[0][0]
        raters[i, : len(names)] = [number[name] for name in names]
        weight[i, :size] = [row[3] for row in rows]
        level[i, :size] = [row[4] / (row[3] * _MILLI) for row in rows]
        tau[i, :size] = [row[0] - first for row in rows]
        unnamed[i, :size] = [row[1] == UNNAMED for row in rows]
        place = {name: SHARED + j for j, name in enumerate(names)}
        for j, row in enumerate(rows):
            if row[1] != UNNAMED:
                design[i, j, place[row[1]]] = 1.0
    design[:, :, 0] = weight > 0
    design[:, :, 1] = tau
    return Batch(trainees, level, weight, tau, unnamed, design, raters)


def message(batch: Batch, c: Components) -> Message:
    """Integrate out the trainees' levels: with S the covariance of cells given the raters, X'S^-1 X and X'S^-1 y."""
    scale = np.sqrt(batch.weight / (c.residual * c.weight))
    spread = _kernel(batch, c) * (scale[:, :, None] * scale[:, None, :])
    spread += np.eye(spread.shape[1])
    inverse = np.linalg.inv(spread)
    scaled = np.concatenate((batch.design, batch.level[:, :, None]), axis=2) * scale[:, :, None]
    product = np.matmul(scaled.transpose(0, 2, 1), np.matmul(inverse, scaled))
    logdet = np.linalg.slogdet(spread)[1] - 2.0 * np.log(scale, where=scale > 0, out=np.zeros_like(scale)).sum(axis=1)
    return Message(product[:, :-1, :-1], product[:, :-1, -1], product[:, -1, -1], logdet, inverse, scale)


def _kernel(batch: Batch, c: Components) -> Array:
    """Prior covariance of the trainees' own levels at their cells, with the shift of the rater without a name."""
    early, late = batch.tau[:, :, None], batch.tau[:, None, :]
    found: Array = c.subject + c.growth * (early * late) + c.drift * np.minimum(early, late)
    if batch.unnamed.any():
        found += c.rater * (batch.unnamed[:, :, None] * batch.unnamed[:, None, :])
    return found


def derivatives(batch: Batch, c: Components) -> tuple[Array, Array, Array, Array]:
    """Give the kernel's derivatives by subject, drift, growth and rater variance: (t, n, n), the first (1, 1, 1)."""
    early, late = batch.tau[:, :, None], batch.tau[:, None, :]
    private = batch.unnamed[:, :, None] * batch.unnamed[:, None, :]
    return np.ones((1, 1, 1)), np.minimum(early, late), early * late, private
