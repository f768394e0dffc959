"""Price of the risk model's predictions and learning steps, beside River's logistic regression on the same features."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

import numpy as np

from megdt_stream.calibration.risk.learning import Closed, Frozen, Known
from megdt_stream.calibration.risk.models.standardised import StandardisedRegression
from megdt_stream.calibration.risk.prediction import Predictor
from megdt_stream.calibration.risk.trainer import WEIGHT, Trainer, plain
from megdt_stream.calibration.risk.vocabulary import FEATURES, clamped, terms

Progress = Callable[[str], None]
PERSONS: Final = 1_000
ROUNDS: Final = 7


def risk(progress: Progress, persons: int = PERSONS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure µs of processor time a step, medians of rounds in which all take turns over the same persons.

    The champion predicts with interval and learns all 117 terms with their covariance; River's model standardises and
    has 51 weights. Ratios (ours to River's) are medians of the rounds' ratios. Features are drawn at random.
    """
    people = _people(persons)
    named = [dict(zip(FEATURES, features, strict=True)) for features, _ in people]
    progress(f"learning {persons:,} persons first")
    predictor, champion, river = Predictor(_snapshot(people)), plain(), StandardisedRegression()

    def learn(number: int) -> None:
        features, adverse = people[number]
        champion.learn(terms(features), adverse, WEIGHT)

    steps: dict[str, Callable[[int], object]] = {
        "predict_us": lambda number: predictor.predict(people[number][0], "g"),
        "river_predict_us": lambda number: river.predict_proba_one(named[number]),
        "learn_us": learn,
        "river_learn_us": lambda number: river.learn_one(named[number], people[number][1], WEIGHT),
        "reasons_us": lambda number: predictor.reasons(people[number][0]),
    }
    progress(f"{rounds} rounds")
    found: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        _microseconds(step, persons)
    for _ in range(rounds):
        for name, step in steps.items():
            found[name].append(_microseconds(step, persons))
    return {
        **{name: median(times) for name, times in found.items()},
        "predict_ratio": _ratio(found["predict_us"], found["river_predict_us"]),
        "learn_ratio": _ratio(found["learn_us"], found["river_learn_us"]),
        "persons": persons,
        "rounds": rounds,
    }


def _people(persons: int) -> list[tuple[tuple[float, ...], bool]]:
    rng = np.random.default_rng(1)
    return [
        (clamped(features), bool(adverse))
        for features, adverse in zip(
            rng.normal(size=(persons, len(FEATURES))).tolist(), (rng.random(persons) < 0.4).tolist(), strict=True
        )
    ]


def _snapshot(people: Sequence[tuple[tuple[float, ...], bool]]) -> dict[str, Any]:
    trainer = Trainer()
    for number, (features, adverse) in enumerate(people):
        trainer.take(Frozen("c", str(number), "g", 0, features))
        trainer.take(Known("c", str(number), adverse))
    trainer.take(Closed(("c",)))
    return trainer.snapshot()


def _microseconds(step: Callable[[int], object], times: int) -> float:
    gc.collect()
    began = time.process_time()
    for number in range(times):
        step(number)
    return (time.process_time() - began) / times * 1e6


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median([a / b for a, b in zip(ours, theirs, strict=True)])
