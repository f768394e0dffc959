"""Levels that a cohort shares: taken up while it is learnt, and given up again.

Persons of one cohort have a level in common, those of a group in it another, and so has each week of it: what was due,
how it was marked, which season it was. Without names of their own these levels are taken for the effect of whatever
feature all have in common that week (what is due, how long ago), with the certainty of as many persons, and come out
wrong and sure in the next cohort. So while a cohort is learnt each has an input of its own, with the variance between
cohorts as its prior: a random intercept (McCulloch CE, Searle SR. Generalized, linear, and mixed models. 2001, ch. 8).
When it is learnt the inputs are integrated out, which leaves their doubt in the covariance of the weights that stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Final

import numpy as np

from megdt_stream.calibration.risk.cohorts import Cut
from megdt_stream.calibration.risk.recalibration import COHORT_SD
from megdt_stream.calibration.risk.vocabulary import FEATURES, Vector

MOST: Final = 192
"""Levels at once; beyond it the smallest have no name."""
_WEEKS: Final = FEATURES.index("weeks")
_WEEKS_A_UNIT: Final = 100 / 7


class Levels:
    """Inputs for the levels of cohorts that are learnt together."""

    def __init__(self, cuts: Iterable[Cut]) -> None:
        """Give each level a place: those of most cuts first, the same whatever the order of cuts."""
        found = Counter(name for cut in cuts for name in _names(cut))
        ordered = sorted(found.items(), key=lambda item: (-item[1], repr(item[0])))
        self._at = {name: at for at, (name, _) in enumerate(ordered[:MOST])}

    @property
    def variances(self) -> Vector:
        """Give the prior variance of each level (k,)."""
        return np.full(len(self._at), COHORT_SD**2)

    def of(self, cut: Cut) -> Vector:
        """Give the inputs (k,) of a cut: one where a level is its own, else zero."""
        inputs = np.zeros(len(self._at))
        for name in _names(cut):
            at = self._at.get(name)
            if at is not None:
                inputs[at] = 1.0
        return inputs


def _names(cut: Cut) -> Iterator[Hashable]:
    yield cut.cohort
    yield cut.cohort, "group", cut.group
    yield cut.cohort, "week", int(cut.features[_WEEKS] * _WEEKS_A_UNIT)
