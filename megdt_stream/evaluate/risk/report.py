"""The evaluation itself: the trainer driven over played cohorts, and what its predictions are worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

from megdt_stream.calibration.risk import measures
from megdt_stream.calibration.risk.learning import Closed, Frozen, Known, Said
from megdt_stream.calibration.risk.prediction import Predictor, Risk
from megdt_stream.calibration.risk.trainer import Trainer
from megdt_stream.evaluate.risk.play import DAYS, GROUPS, WEEKLY, Cohort, Cut, Played

_FIRST_WEEKLY: Final = 2
"""Weekly cuts are those of days that leave this over when divided by seven; other days are for the report only."""


def evaluate(played: Played, train: Iterable[str], tell: Callable[[str], None]) -> tuple[dict[str, Any], list[Said]]:
    """Train on the cohorts of the presentations `train`, predict the others frozen and learning on.

    Gives the report by day and what the trainer said on the way.
    """
    names = set(train)
    trained = {code: cohort for code, cohort in played.cohorts.items() if code.rpartition("-")[2] in names}
    by_cohort: defaultdict[str, list[Cut]] = defaultdict(list)
    for cut in played.cuts:
        by_cohort[cut.cohort].append(cut)
    trainer, said = Trainer(), []
    for codes in _together(trained):
        tell(f"learning {', '.join(codes)}")
        said += _learn(trainer, played.cohorts, codes, by_cohort)
    tested = {code: cohort for code, cohort in played.cohorts.items() if code not in trained}
    frozen = Predictor(trainer.snapshot())
    predicted = _test(trainer, frozen, tested, by_cohort, said, tell)
    return {str(day): _day(predicted, tested, day) for day in DAYS}, said


def _together(cohorts: Mapping[str, Cohort]) -> list[list[str]]:
    """Give cohorts by presentation, in the order in which presentations begin."""
    found: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for code, cohort in cohorts.items():
        found[cohort.starts, code.rpartition("-")[2]].append(code)
    return [sorted(codes) for _, codes in sorted(found.items())]


def _learn(
    trainer: Trainer, cohorts: Mapping[str, Cohort], codes: list[str], by_cohort: Mapping[str, list[Cut]]
) -> list[Said]:
    for code in codes:
        cohort = cohorts[code]
        for cut in by_cohort[code]:
            if cut.day % WEEKLY == _FIRST_WEEKLY:
                trainer.take(Frozen(code, cut.trainee, cohort.programme, cut.at, cut.features))
        for trainee, adverse in cohort.adverse.items():
            trainer.take(Known(code, trainee, adverse))
    return trainer.take(Closed(tuple(codes)))


_Row = tuple[Cut, Risk, Risk]
"""A cut, its risk as predicted by the frozen model and by the one that goes on learning."""


def _test(
    trainer: Trainer,
    frozen: Predictor,
    tested: Mapping[str, Cohort],
    by_cohort: Mapping[str, list[Cut]],
    said: list[Said],
    tell: Callable[[str], None],
) -> list[_Row]:
    """Predict in the order of time; a presentation is learnt when the last of its cohorts has closed."""
    closings = sorted((max(tested[code].ends for code in codes), codes) for codes in _together(tested))
    cuts = [cut for code in tested for cut in by_cohort[code] if cut.day in DAYS]
    learning, rows = frozen, []
    for cut in sorted(cuts, key=lambda cut: (cut.at, cut.cohort)):
        while closings and closings[0][0] < cut.at:
            _, codes = closings.pop(0)
            tell(f"learning {', '.join(codes)}")
            said += _learn(trainer, tested, codes, by_cohort)
            learning = Predictor(trainer.snapshot())
        group = tested[cut.cohort].programme
        first = frozen.predict(cut.features, group)
        rows.append((cut, first, first if learning is frozen else learning.predict(cut.features, group)))
    return rows


def _day(rows: list[_Row], tested: Mapping[str, Cohort], day: int) -> dict[str, Any]:
    mine = [row for row in rows if row[0].day == day]
    if not mine:
        return {"n": 0, "prevalence": None, "frozen": None, "learning": None}
    y = np.array([float(tested[cut.cohort].adverse[cut.trainee]) for cut, _, _ in mine])
    modules = [tested[cut.cohort].programme for cut, _, _ in mine]
    groups = {name: [tested[cut.cohort].groups[cut.trainee][name] for cut, _, _ in mine] for name in GROUPS}
    return {
        "n": len(mine),
        "prevalence": float(y.mean()),
        "frozen": _figures([row[1] for row in mine], y, modules, groups),
        "learning": _figures([row[2] for row in mine], y, modules, groups),
    }


def _figures(
    risks: list[Risk], y: measures.Floats, modules: list[str], groups: Mapping[str, list[str]]
) -> dict[str, Any]:
    p = np.array([risk.p for risk in risks])
    found = measures.calibration(p, y)
    return {
        "auc": measures.auc(p, y),
        "brier": measures.brier(p, y),
        "p_at_10": measures.precision_at(p, y),
        "calibration_slope": None if found is None else found.slope,
        "calibration_intercept": None if found is None else found.intercept,
        "intercept_slope_fixed": None if found is None else found.intercept_slope_fixed,
        "coverage_80": measures.coverage(modules, p, y, np.array([risk.sd for risk in risks])),
        "recall_gap": measures.recall_gap(groups, p, y),
    }
