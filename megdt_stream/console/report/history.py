"""A level at earlier times: what could be told at the end of each period of four weeks, by the same estimator."""

from __future__ import annotations

from collections.abc import Sequence

from megdt_stream.console.report.charts import Point
from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.twin.view import Cell, Estimation, Estimator

_MILLI = 1000


def history(
    competency: str, cells: Sequence[Cell], estimation: Estimation, estimator: Estimator, as_of: int
) -> list[Point]:
    """Estimate a competency at the end of each period that has scores, from what happened until then.

    The last point is the level of now. `as_of` in ms, 0 for not known; the running period ends with it.
    """
    points = []
    for period in sorted({cell.period for cell in cells}):
        level = estimator(competency, [cell for cell in cells if cell.period <= period], estimation).level
        scored = [cell for cell in cells if cell.period == period]
        ends = (period + 1) * PERIOD_MS
        points.append(
            Point(
                min(ends, as_of) if as_of else ends,
                level.mean,
                level.low,
                level.high,
                sum(cell.wy for cell in scored) / sum(cell.w for cell in scored) / _MILLI,
                sum(cell.n for cell in scored),
            )
        )
    return points
