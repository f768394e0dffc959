"""Columns that regressions use in place of raw covariates: four levels, each holding the one before."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

LEVELS: Final = 4
"""0: as they are. 1: bent (spike at the least value, logarithm, square, hinges). 2: products of pairs. 3: steps."""

_MOST_PAIRS: Final = 150
_SPIKE: Final = 0.03
"""Share of rows at the least value (no earnings, no cases) from which it is a state of its own, not a small amount."""

_LONG_TAIL: Final = 4.0
_CLIP: Final = 4.0
"""Standard deviations at which squares and products end: else one row far out decides."""

_HINGES: Final = (0.25, 0.5, 0.75)
_STEPS: Final = tuple(round(0.1 * k, 1) for k in range(1, 10))


def expand(covariates: Array, level: int) -> Array:
    """Give the basis of `covariates` (n, d) at a level, (n, k), standardised; constant columns are left out."""
    raw = [column for column in covariates.T if column.std() > 0]
    if not raw:
        return np.empty((len(covariates), 0))
    scaled = [(column - column.mean()) / column.std() for column in raw]
    smooth = [one for one in raw if len(np.unique(one)) > 2]
    spikes = [spike for one in smooth if (spike := _spike(one)) is not None]
    columns = list(scaled)
    if level >= 1:
        columns += spikes
        for one in smooth:
            columns += _bent(one)
    if level >= 2:
        columns += _products(scaled + spikes)
    if level >= 3:
        columns += [(one > np.quantile(one, share)).astype(float) for one in smooth for share in _STEPS]
    return _standardised(np.column_stack(columns))


def _spike(column: Array) -> Array | None:
    least = column == column.min()
    return least.astype(float) if _SPIKE < least.mean() < 1 - _SPIKE else None


def _bent(column: Array) -> list[Array]:
    scaled = (column - column.mean()) / column.std()
    bent = [np.clip(scaled, -_CLIP, _CLIP) ** 2]
    bent += [np.maximum(column - np.quantile(column, share), 0) / column.std() for share in _HINGES]
    if column.min() >= 0:
        low, high = np.quantile(column[column > 0], (0.05, 0.95))
        if high > _LONG_TAIL * low:
            bent.append(np.log(np.maximum(column, low / 2)))
    return bent


def _products(columns: list[Array]) -> list[Array]:
    pairs = [(a, b) for a in range(len(columns)) for b in range(a)][:_MOST_PAIRS]
    return [np.clip(columns[a] * columns[b], -(_CLIP**2), _CLIP**2) for a, b in pairs]


def _standardised(columns: Array) -> Array:
    spread = columns.std(axis=0)
    kept = columns[:, spread > 1e-9]
    return np.asarray((kept - kept.mean(axis=0)) / kept.std(axis=0))
