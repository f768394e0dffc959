"""How well severity is learnt from a file of ratings: predictions one step ahead beside baselines, and a report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from megdt_stream.calibration.components import Variance
from megdt_stream.calibration.crossed import LEAST_SHARE, CrossedFilter
from megdt_stream.calibration.crossed_cells import PRIOR_SHARES
from megdt_stream.calibration.crossed_fit import Fit, Severities, refine, severities
from megdt_stream.evaluate.ratings import Ratings

SHRINKAGE: Final = 10.0
"""Ratings that the overall mean and SD count for in a rater's, and zero in a subject's mean z, in the baseline."""

TELL_EVERY: Final = 65_536


class RaterSeverity(NamedTuple):
    """A rater's severity (positive: scores lower than others), its posterior SD, and how many ratings say so."""

    rater: str
    severity: float
    sd: float
    n: int


@dataclass(frozen=True)
class Report:
    """What `megdt evaluate severity` says; errors and SDs in units of the score.

    The `rmse` are one step ahead over the last half; None where no rating there has one before it. `rmse_se` is the
    standard error of `rmse`. `item` is the variance of items, None where the file has none. `assumed` names the
    components that a side of one node leaves open: they stand at their prior share. `exact` says whether every `sd`
    comes from the exact inverse.
    """

    n: int
    skipped: int
    rmse: float | None
    rmse_se: float | None
    rmse_mean: float | None
    rmse_rater_z: float | None
    variance: Variance
    item: float | None
    raters: tuple[RaterSeverity, ...]
    connected_components: int
    assumed: tuple[str, ...]
    exact: bool
    microseconds_per_rating: float

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data; the keys are stable."""
        item = {} if self.item is None else {"item": self.item}
        return {
            "n": self.n,
            "rmse": self.rmse,
            "rmse_mean": self.rmse_mean,
            "rmse_rater_z": self.rmse_rater_z,
            "variance": {**self.variance._asdict(), **item},
            "residual_sd": math.sqrt(self.variance.residual),
            "raters": {r.rater: {"severity": r.severity, "sd": r.sd, "n": r.n} for r in self.raters},
            "connected_components": self.connected_components,
            "rmse_se": self.rmse_se,
            "skipped": self.skipped,
            "assumed": list(self.assumed),
            "sd_exact": self.exact,
            "microseconds_per_rating": self.microseconds_per_rating,
        }


def evaluate(ratings: Ratings, tell: Callable[[int], None] = lambda _: None) -> Report:
    """Learn the ratings in one pass, each predicted first, then solve for every severity jointly.

    `tell` is told now and then how many ratings were learnt. There is at least one rating.
    """
    began = time.perf_counter()
    learner = CrossedFilter()
    predictions = _pass(learner, ratings, tell)
    found, fit, assumed = _final(learner)
    seconds = time.perf_counter() - began
    rmse, error = _rmse(ratings.score, predictions)
    columns = found.severity.tolist(), found.sd.tolist(), found.ratings.tolist()
    return Report(
        n=len(ratings),
        skipped=ratings.skipped,
        rmse=rmse,
        rmse_se=error,
        rmse_mean=_rmse(ratings.score, running_mean(ratings.score))[0],
        rmse_rater_z=_rmse(ratings.score, rater_z(ratings))[0],
        variance=fit.variance,
        item=fit.item if learner.cells().sizes[2] else None,
        raters=tuple(RaterSeverity(*row) for row in zip(learner.raters(), *columns, strict=True)),
        connected_components=found.components,
        assumed=assumed,
        exact=found.exact,
        microseconds_per_rating=1e6 * seconds / len(ratings),
    )


def _pass(learner: CrossedFilter, ratings: Ratings, tell: Callable[[int], None]) -> list[float]:
    learn = learner.learn
    predictions: list[float] = []
    for begin in range(0, len(ratings), TELL_EVERY):
        part = slice(begin, begin + TELL_EVERY)
        columns = ratings.rater[part], ratings.subject[part], ratings.item[part], ratings.score[part]
        predictions += [learn(*row) for row in zip(*columns, strict=True)]
        tell(len(predictions))
    return predictions


def _final(learner: CrossedFilter) -> tuple[Severities, Fit, tuple[str, ...]]:
    """Solve for the report; components that cannot be told from this file stand at their prior share."""
    learner.resolve()
    cells = learner.cells()
    total = cells.variation
    if not total > 0.0:
        none = Fit(Variance(0.0, 0.0, 0.0), 0.0, 0.0 * learner.effects(), 0.0 * learner.effects(), exact=True)
        return severities(cells, none), none, ()
    open_ = tuple(name for name, size in zip(("rater", "subject"), cells.sizes, strict=False) if size == 1)
    start = learner.variance._replace(**{name: total * getattr(PRIOR_SHARES, name) for name in open_})
    fit = refine(cells, start, learner.item_variance, learner.effects(), LEAST_SHARE * total)
    return severities(cells, fit), fit, open_


def _rmse(scores: list[float], predictions: list[float]) -> tuple[float | None, float | None]:
    """Give the root of the mean squared error over the last half, and its standard error by the delta method.

    The first rating of all is left out: it is predicted from nothing.
    """
    begin = max(len(scores) // 2, 1)
    squares = [(y - p) ** 2 for y, p in zip(scores[begin:], predictions[begin:], strict=True)]
    if not squares:
        return None, None
    mean = math.fsum(squares) / len(squares)
    if len(squares) == 1 or not mean:
        return math.sqrt(mean), None
    spread = math.fsum((square - mean) ** 2 for square in squares) / (len(squares) - 1)
    return math.sqrt(mean), math.sqrt(spread / len(squares) / mean) / 2.0


# --- baselines ---


def running_mean(scores: list[float]) -> list[float]:
    """Predict each score by the mean of those before it; the first by 0."""
    predictions, mean = [], 0.0
    for n, score in enumerate(scores, 1):
        predictions.append(mean)
        mean += (score - mean) / n
    return predictions


class _Spread:
    """Count, mean and sum of squared deviations (Welford 1962, Technometrics 4(3), 419-420)."""

    __slots__ = ("mean", "n", "squares")

    def __init__(self) -> None:
        self.n, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        self.n += 1
        moved = value - self.mean
        self.mean += moved / self.n
        self.squares += moved * (value - self.mean)


def rater_z(ratings: Ratings) -> list[float]:
    """Predict by z-scores per rater, as is common practice.

    A score is standardised by its rater's running mean and SD, both shrunken to the overall ones; a subject's mean z
    so far, shrunken to zero, is mapped back by the mean and SD of the rater at hand. `SHRINKAGE` says how strongly.
    """
    overall, raters, subjects = _Spread(), dict[str, _Spread](), dict[str, list[float]]()
    predictions = []
    for rater, subject, score in zip(ratings.rater, ratings.subject, ratings.score, strict=True):
        own = raters.setdefault(rater, _Spread())
        seen = subjects.setdefault(subject, [0.0, 0.0])
        weight = own.n + SHRINKAGE
        mean = (own.n * own.mean + SHRINKAGE * overall.mean) / weight
        sd = math.sqrt((own.squares + SHRINKAGE * overall.squares / max(overall.n, 1)) / weight)
        predictions.append(mean + sd * seen[1] / (seen[0] + SHRINKAGE))
        seen[0] += 1.0
        seen[1] += (score - mean) / sd if sd else 0.0
        own.add(score)
        overall.add(score)
    return predictions
