"""Joint solutions for crossed effects: Henderson's mixed-model equations, their errors, and the likelihood's maximum.

In units of the residual variance the equations are `(W'W + diag(penalties)) effects = W'y` (Henderson 1975,
Biometrics 31(2), 423-447), `W` the incidence of ratings on raters, subjects, items and the mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from megdt_stream.calibration.components import Array
from megdt_stream.calibration.crossed_cells import Cells

STEPS: Final = 500
"""Most steps of conjugate gradients; graphs that hang together by threads need many, others about fifteen."""


def blup(cells: Cells, penalties: Array, start: Array, tolerance: float, right: Array | None = None) -> Array:
    """Solve the equations by conjugate gradients, preconditioned by the diagonal; O(cells) a step.

    `tolerance` is the norm of the residual relative to that of the right-hand side, both in the preconditioner's
    metric. `right` replaces `W'y`.
    """
    right = cells.right if right is None else right
    inverse = 1.0 / (cells.weights + penalties)
    x = start.copy()
    residual = right - _product(cells, penalties, x)
    enough = tolerance**2 * float(right @ (inverse * right))
    step = inverse * residual
    now = float(residual @ step)
    direction = step.copy()
    for _ in range(STEPS):
        if now <= enough:
            break
        image = _product(cells, penalties, direction)
        length = now / float(direction @ image)
        x += length * direction
        residual -= length * image
        step = inverse * residual
        before, now = now, float(residual @ step)
        direction = step + (now / before) * direction
    return x


def _product(cells: Cells, penalties: Array, x: Array) -> Array:
    return cells.spread(cells.count * cells.fit(x)) + penalties * x


def marginal(cells: Cells, penalties: Array) -> Array:
    """Approximate each effect's error variance, in units of the residual's, as if only its partners were unknown too.

    One over the diagonal of the Schur complement: exact where partners have no other ratings, else too small by
    what partners share with others; the plain diagonal would be smaller still.
    """
    diagonal = cells.weights + penalties
    lost = np.zeros(cells.nodes)
    squares = cells.count**2
    for column in cells.columns:
        for other in cells.columns:
            if other is not column:
                lost += np.bincount(column, weights=squares / diagonal[other], minlength=cells.nodes)
    lost[-1] = 0.0
    return 1.0 / np.maximum(diagonal - lost, 0.1 * diagonal)
