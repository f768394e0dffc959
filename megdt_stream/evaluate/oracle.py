"""What estimates are compared with: the best possible given the true components, and the usual per-rater z-score.

Written apart from the estimator, so that an error of the one is not an error of the other.
"""

from __future__ import annotations

import numpy as np

from megdt_stream.evaluate.population import Array, Population

_SD_RATINGS = 10.0
"""How many ratings the pooled SD counts beside a rater's own."""


def joint_blup(population: Population, count: int) -> Array:
    """Predict levels (t) from everybody's first `count` scores, given the true variance components.

    Solves Henderson's mixed-model equations (1975, Biometrics 31(2), 423-447) densely for the mean, all raters and all
    trainees: the best linear unbiased predictor.
    """
    setting, (trainees, raters) = population.setting, (population.trainees, len(population.shifts))
    size = 1 + raters + trainees
    who = np.repeat(np.arange(trainees), count)
    rater, score = population.raters[:, :count].ravel(), population.scores[:, :count].ravel()
    columns = np.stack((np.zeros_like(who), 1 + rater, 1 + raters + who))
    left, right = np.zeros((size, size)), np.zeros(size)
    for column in columns:
        right += np.bincount(column, weights=score, minlength=size)
        for other in columns:
            left += np.bincount(column * size + other, minlength=size * size).reshape(size, size)
    ratios = np.repeat(
        [0.0, setting.residual / setting.rater, setting.residual / setting.subject], [1, raters, trainees]
    )
    effects = np.linalg.solve(left + np.diag(ratios), right)
    predicted: Array = effects[0] + effects[1 + raters :]
    return predicted


def rater_z(population: Population, count: int) -> Array:
    """Predict levels (t) by z-scores per rater, shrunken twice, from everybody's first `count` scores.

    A score is standardised by its rater's mean, shrunken to the grand mean by its reliability, and by its rater's SD,
    its variance pooled with everybody's; a trainee's mean z-score is shrunken by its reliability and put back into
    levels. The shares of the variance are the true ones, which favours this baseline.
    """
    setting = population.setting
    rater, score = population.raters[:, :count], population.scores[:, :count]
    rest = setting.subject + setting.residual
    n = np.bincount(rater.ravel(), minlength=len(population.shifts))
    grand = float(score.mean())
    off = np.bincount(rater.ravel(), weights=(score - grand).ravel(), minlength=len(n))
    centre = grand + setting.rater * off / (n * setting.rater + rest)
    error = score - centre[rater]
    squares = np.bincount(rater.ravel(), weights=(error**2).ravel(), minlength=len(n))
    pooled = float((error**2).mean())
    sd = np.sqrt((squares + _SD_RATINGS * pooled) / (n + _SD_RATINGS))
    z = (error / sd[rater]).mean(axis=1)
    reliability = count * setting.subject / (count * setting.subject + setting.residual)
    predicted: Array = grand + reliability * pooled**0.5 * z
    return predicted
