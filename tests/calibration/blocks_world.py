"""Small worlds of raters and trainees, and the joint posterior written out densely: the tests' oracle."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from megdt_stream.calibration.blocks import BELIEF
from megdt_stream.twin.estimate import UNNAMED, Components

RATERS = ("a", "b", "c", "d", "e", UNNAMED)

positive = st.floats(0.05, 2)

components = st.builds(
    Components,
    rater=positive,
    subject=positive,
    residual=positive,
    weight=st.sampled_from([1000.0, 1250.0]),
    drift=st.sampled_from([0.0, 0.02]),
    growth=st.sampled_from([0.0, 0.001]),
)


@st.composite
def cells(draw, min_size=0, max_size=6):
    """Draw one trainee's cells."""
    found = []
    for _ in range(draw(st.integers(min_size, max_size))):
        n = draw(st.integers(1, 3))
        w = n * draw(st.sampled_from([500, 1250, 1667]))
        level = draw(st.integers(500, 5500))
        found.append((draw(st.integers(600, 612)), draw(st.sampled_from(RATERS)), n, w, w * level))
    return found


worlds = st.dictionaries(st.sampled_from(["s1", "s2", "s3", "s4"]), cells(), min_size=1, max_size=4)


class Dense:
    """All unknowns and all cells in one Gaussian: mean, growth, shifts, and per trainee a level and slope at a period.

    Written from the model, not from the code: no message, no block, no cavity.
    """

    def __init__(self, world, c, belief=BELIEF):
        self.c = c
        rows = [(s, *cell) for s in sorted(world) for cell in world[s]]
        first = {s: min(cell[0] for cell in theirs) for s, theirs in world.items() if theirs}
        self.first, self.rows = first, [(s, p, self.key(s, r), w, wy) for s, p, r, _, w, wy in rows]
        names = sorted({row[2] for row in self.rows})
        self.names = names
        self.prior_mean = np.array([belief.level, belief.growth, *[0.0] * len(names)])
        self.prior = np.diag([belief.level_sd**2, belief.growth_sd**2, *[c.rater] * len(names)])
        self.x = np.array([self.design(s, p, r) for s, p, r, _, _ in self.rows]).reshape(len(self.rows), 2 + len(names))
        own = [[self.own(a[0], a[1], b[0], b[1]) for b in self.rows] for a in self.rows]
        self.spread = np.array(own).reshape(len(self.rows), len(self.rows)) + self.x @ self.prior @ self.x.T
        self.spread += np.diag([c.residual * c.weight / row[3] for row in self.rows])
        level = np.array([row[4] / row[3] / 1000 for row in self.rows])
        self.error = level - self.x @ self.prior_mean

    @staticmethod
    def key(trainee, rater):
        """Whose shift: a rater without a name is one of the trainee's own."""
        return f"{trainee}/-" if rater == UNNAMED else rater

    def design(self, trainee, period, rater=None):
        tau = period - self.first[trainee]
        return [1.0, tau, *[float(name == rater) for name in self.names]]

    def own(self, trainee, period, other, other_period):
        if trainee != other:
            return 0.0
        one, two = period - self.first[trainee], other_period - self.first[trainee]
        return self.c.subject + self.c.drift * min(one, two) + self.c.growth * one * two

    def given(self, cross, prior):
        """Condition quantities with the covariances `cross` to cells and `prior` among themselves."""
        known = np.linalg.solve(self.spread, cross.T)
        return known.T @ self.error, prior - cross @ known

    def level(self, trainee, period):
        """Give mean and covariance of a trainee's level at a period and its growth per period."""
        x = np.array([self.design(trainee, period), [0.0, 1.0, *[0.0] * len(self.names)]])
        tau = period - self.first[trainee]
        slope = [self.c.growth * (p - self.first[s]) * (s == trainee) for s, p, *_ in self.rows]
        own = [[self.own(trainee, period, s, p) for s, p, *_ in self.rows], slope]
        prior = x @ self.prior @ x.T
        prior += [
            [self.own(trainee, period, trainee, period), tau * self.c.growth],
            [tau * self.c.growth, self.c.growth],
        ]
        shift, covariance = self.given(x @ self.prior @ self.x.T + own, prior)
        return x @ self.prior_mean + shift, covariance

    def shifts(self, raters):
        """Give mean and covariance of the mean level, the mean growth and some raters' shifts."""
        at = [0, 1, *(2 + self.names.index(rater) for rater in raters)]
        shift, covariance = self.given(self.prior[at] @ self.x.T, self.prior[np.ix_(at, at)])
        return self.prior_mean[at] + shift, covariance

    def loglikelihood(self):
        """Give the logarithm of the cells' density, up to a constant."""
        return -(np.linalg.slogdet(self.spread)[1] + self.error @ np.linalg.solve(self.spread, self.error)) / 2
