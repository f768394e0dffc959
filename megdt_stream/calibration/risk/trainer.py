"""The trainer: a pure state machine from learn events to models.

Its state is a function of the sequence of learn events and of nothing else: no clock, no chance. So a trainer that was
killed equals one that was not once both have read the same log, and learning is exactly-once in effect. Copies of an
event change nothing: cuts are kept by person and time, and a closed cohort takes no more.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from megdt_stream.calibration.risk import drift, measures
from megdt_stream.calibration.risk.cohorts import Closing, Cut, Member, close
from megdt_stream.calibration.risk.contest import Contest
from megdt_stream.calibration.risk.drift import Action, Drift
from megdt_stream.calibration.risk.learning import Closed, Frozen, Intervened, Known, LearnEvent, Left, Passed, Said
from megdt_stream.calibration.risk.levels import Levels
from megdt_stream.calibration.risk.models.floor import Prevalence
from megdt_stream.calibration.risk.models.hazard import WeeklyHazard
from megdt_stream.calibration.risk.models.logistic_filter import LogisticFilter
from megdt_stream.calibration.risk.models.standardised import StandardisedRegression
from megdt_stream.calibration.risk.prediction import Predictor
from megdt_stream.calibration.risk.recalibration import COHORT_SD, Recalibration, recalibrate
from megdt_stream.calibration.risk.vocabulary import (
    FEATURES,
    PRIOR_VARIANCE,
    RICHER_PRIOR_VARIANCE,
    RICHER_TERMS,
    TERMS,
    VERSION,
    clamped,
    richer_terms,
    terms,
)

CONTESTANTS: Final = ("plain", "richer", "river", "floor")
"""The filter, the filter with squares and products, River's logistic regression, the prevalence."""
WEIGHT: Final = 0.3
"""Of one weekly cut: the weeks of one person repeat each other."""
WEEK_MS: Final = 7 * 24 * 3_600_000
_MOST_CUTS: Final = 120
"""Of one person in one cohort; more than two years of weeks."""
_GROUP_VARIANCE: Final = 0.04
_FEWEST_OF_GROUP: Final = 30
_MOST_GROUPS: Final = 200
_AFTER_DRIFT: Final = (1.0, 0.05)
"""Prior SD of intercept and slope once the level has drifted: what was found is about the level, not the slope."""


def plain() -> LogisticFilter:
    """Give the champion as it begins."""
    model = LogisticFilter(weight=WEIGHT)
    model.bind(TERMS, PRIOR_VARIANCE)
    return model


def richer() -> LogisticFilter:
    """Give the challenger as it begins: squares and products too."""
    model = LogisticFilter(weight=WEIGHT)
    model.bind(RICHER_TERMS, RICHER_PRIOR_VARIANCE)
    return model


class Trainer:
    """Learns cohort by cohort; `take` gives what each event led to."""

    def __init__(self) -> None:
        self.version = 0
        self.champion = "plain"
        self.models = {"plain": plain(), "richer": richer()}
        self.river = StandardisedRegression()
        self.floor = Prevalence()
        self.hazard = WeeklyHazard()
        self.contests = _contests(self.champion)
        self.recalibration = Recalibration()
        self.offsets: dict[str, tuple[float, float]] = {}
        self.degraded = False
        self.counts: Counter[str] = Counter()
        self._open: defaultdict[str, dict[str, Member]] = defaultdict(dict)
        self._closed: dict[str, None] = {}
        self._moments = np.zeros((3, len(FEATURES)))
        self._centre = np.zeros(len(RICHER_TERMS))

    def take(self, event: LearnEvent) -> list[Said]:
        """Take one event; what comes of it in order. An event of a closed cohort counts as late and changes nothing."""
        if isinstance(event, Closed):
            return list(self._close(event))
        if isinstance(event, Passed):
            self._pass(event.at)
            return []
        if event.cohort in self._closed:
            self.counts["late"] += 1
            return []
        member = self._open[event.cohort].setdefault(event.key, Member())
        if isinstance(event, Frozen):
            member.group = event.group
            if event.at in member.cuts or len(member.cuts) < _MOST_CUTS:
                member.cuts[event.at] = clamped(event.features)
        elif isinstance(event, Known):
            member.adverse = bool(event.adverse)
        elif isinstance(event, Intervened):
            member.intervened = min(event.at, event.at if member.intervened is None else member.intervened)
        elif isinstance(event, Left):
            member.left = event.at
        return []

    def snapshot(self) -> dict[str, Any]:
        """Give the champion as it is published: plain JSON numbers, all that `Predictor` needs."""
        model = self._answering()
        return {
            "vocabulary": VERSION,
            "version": self.version,
            "kind": self.champion,
            "degraded": self.degraded,
            "model": model.to_json(),
            "recalibration": self.recalibration.to_json(),
            "offsets": {group: list(offset) for group, offset in sorted(self.offsets.items())},
            "centre": self._centre[: len(model.mean)].tolist(),
            "floor": self.floor.predict_proba_one()[True],
            "counts": dict(sorted(self.counts.items())),
        }

    # --- closing ---

    def _close(self, event: Closed) -> Iterator[Said]:
        fresh = {code: self._open.pop(code, {}) for code in event.cohorts if code not in self._closed}
        self._closed.update(dict.fromkeys(fresh))
        closing = close(fresh)
        self.counts.update(persons=closing.persons, censored=closing.censored, intervened=closing.intervened)
        self.counts.update(cohorts=len(fresh), cuts=len(closing.cuts))
        if not closing.cuts:
            return
        ahead = sample(closing.cuts, closing.persons)
        before = self._metrics(ahead)
        found = list(self._look(closing, ahead))
        first = not self.models["plain"].n
        yield Said("closed", {"cohorts": sorted(fresh), "prequential": None if first else before, **_told(closing)})
        self._learn(closing.cuts, found)
        if not first:
            self._refit(ahead, any(one.action is Action.RECALIBRATE for one in found))
        self._group(ahead)
        after = self._metrics(ahead)
        for one in found:
            yield Said(
                "drift",
                {"what": one.what, "size": one.size, "action": one.action.value, "before": before, "after": after},
            )
        winner = self._winner()
        if winner is not None:
            yield self._switch(winner)
        self.version += 1
        yield Said("snapshot", self.snapshot())

    def _look(self, closing: Closing, ahead: list[Cut]) -> Iterator[Drift]:
        """Judge what was predicted before these outcomes were known; nothing to judge in the first cohort."""
        if not self.models["plain"].n:
            return
        self._compete(closing.cuts)
        p, y = self._predicted(ahead)
        self.degraded = False
        for one in drift.detect(p, y):
            self.degraded = self.degraded or one.action is Action.DEGRADED
            yield one
        n, total, squares = self._moments
        mean = total / n
        sd = np.sqrt(np.maximum(squares / n - mean**2, 0))
        yield from drift.moved(mean, sd, np.mean([cut.features for cut in closing.cuts], axis=0))

    def _compete(self, cuts: list[Cut]) -> None:
        losses: defaultdict[tuple[str, str], list[list[float]]] = defaultdict(list)
        names = (self.champion, *self.contests)
        for cut in cuts:
            losses[cut.cohort, cut.key].append([_loss(self._raw(name, cut), cut.adverse) for name in names])
        for theirs in losses.values():
            ours, *others = np.mean(theirs, axis=0).tolist()
            for contest, other in zip(self.contests.values(), others, strict=True):
                contest.learn(ours, other)

    def _raw(self, name: str, cut: Cut) -> float:
        if name == "floor":
            return self.floor.predict_proba_one()[True]
        if name == "river":
            return self.river.predict_proba_one(_named(cut))[True]
        given = richer_terms(cut.features) if name == "richer" else terms(cut.features)
        return self.models[name].predict(given)[0]

    def _answering(self) -> LogisticFilter:
        """Give the champion as weights of terms. Only a filter knows its own doubt: of the others it is zero here."""
        if self.champion in self.models:
            return self.models[self.champion]
        chance = self.floor.predict_proba_one()[True]
        constant, weights = math.log(chance / (1 - chance)), [0.0] * len(FEATURES)
        if self.champion == "river":
            constant, weights = self.river.linear(FEATURES)
        model = LogisticFilter(weight=WEIGHT)
        model.bind(TERMS, [0.0] * len(TERMS))
        model.mean[: len(FEATURES) + 1] = [constant, *weights]
        model.n = self.models["plain"].n
        return model

    def _reset(self) -> None:
        """Let challengers begin anew; the prevalence has nothing to forget."""
        for name, anew in (("plain", plain), ("richer", richer)):
            if name != self.champion:
                self.models[name] = anew()
        if self.champion != "river":
            self.river = StandardisedRegression()
        self.contests = _contests(self.champion)

    def _learn(self, cuts: list[Cut], found: list[Drift]) -> None:
        if any(one.action is Action.RESET_CHALLENGER for one in found):
            self._reset()
        levels = Levels(cuts)
        for model in self.models.values():
            model.loosen(COHORT_SD**2)
            model.widen(levels.variances)
        for cut in cuts:
            given, shared = richer_terms(cut.features), levels.of(cut)
            self.models["richer"].learn(np.concatenate((given, shared)), cut.adverse, WEIGHT)
            self.models["plain"].learn(np.concatenate((given[: len(TERMS)], shared)), cut.adverse, WEIGHT)
            self.river.learn_one(_named(cut), cut.adverse, WEIGHT)
            self.floor.learn(cut.adverse, WEIGHT)
            values = np.array(cut.features)
            self._moments += (np.ones(len(values)), values, values**2)
            self._centre += (given - self._centre) / self._moments[0, 0]
        self.models["plain"].narrow(len(TERMS))
        self.models["richer"].narrow(len(RICHER_TERMS))

    def _refit(self, ahead: list[Cut], drifted: bool) -> None:
        """Learn what the model itself has not taken up of the latest cohort's level and spread."""
        self.recalibration, self.offsets = Recalibration(), {}
        z, y = self._log_odds(ahead)
        self.recalibration = recalibrate(z, y, *_AFTER_DRIFT) if drifted else recalibrate(z, y, one_cohort=True)

    def _group(self, ahead: list[Cut]) -> None:
        """Shrink each group's remaining intercept to zero by its own information: partial pooling."""
        self.offsets = {}
        p, y = self._predicted(ahead)
        residuals: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        for cut, chance, outcome in zip(ahead, p.tolist(), y.tolist(), strict=True):
            sums = residuals[cut.group]
            sums[0] += outcome - chance
            sums[1] += chance * (1 - chance)
            sums[2] += 1
        large = sorted(residuals.items(), key=lambda item: (-item[1][2], item[0]))[:_MOST_GROUPS]
        for group, (excess, information, n) in large:
            if n >= _FEWEST_OF_GROUP:
                # What was seen is the group's own level plus that of its cohort, which does not come again.
                noise = COHORT_SD**2 + 1 / information
                share = _GROUP_VARIANCE / (_GROUP_VARIANCE + noise)
                self.offsets[group] = (share * excess / information, _GROUP_VARIANCE * (1 - share))

    def _winner(self) -> str | None:
        """Give the challenger that is better beyond doubt; of several the one that is so by most."""
        won = [(contest.bounds()[0], name) for name, contest in self.contests.items() if contest.won]
        return max(won)[1] if won else None

    def _switch(self, winner: str) -> Said:
        contest = self.contests[winner]
        low, high = contest.bounds()
        evidence = {"from": self.champion, "to": winner, "persons": contest.n, "gain_low": low, "gain_high": high}
        self.champion, self.contests = winner, _contests(winner)
        self.recalibration, self.offsets = Recalibration(), {}
        return Said("switch", evidence)

    def _metrics(self, ahead: list[Cut]) -> dict[str, Any]:
        p, y = self._predicted(ahead)
        found = measures.calibration(p, y)
        return {
            "n": len(p),
            "auc": measures.auc(p, y),
            "brier": measures.brier(p, y),
            "log_loss": measures.log_loss(p, y),
            "calibration": None if found is None else found._asdict(),
            "reliability": measures.reliability(p, y),
            "groups": _by_group(ahead, p, y),
        }

    def _predicted(self, ahead: list[Cut]) -> tuple[measures.Floats, measures.Floats]:
        predictor = Predictor(self.snapshot())
        p = np.array([predictor.predict(cut.features, cut.group).p for cut in ahead])
        return p, np.array([float(cut.adverse) for cut in ahead])

    def _log_odds(self, ahead: list[Cut]) -> tuple[measures.Floats, measures.Floats]:
        predictor = Predictor(self.snapshot())
        z = np.array([predictor.predict(cut.features, cut.group).z for cut in ahead])
        return z, np.array([float(cut.adverse) for cut in ahead])

    # --- hazard ---

    def _pass(self, at: int) -> None:
        """Let the hazard learn the weeks that are over, each once."""
        for code in sorted(self._open):
            for _, member in sorted(self._open[code].items()):
                over = [cut for cut in sorted(member.cuts) if cut + WEEK_MS <= at]
                for cut in over[member.weeks_learnt :]:
                    if member.left is None or member.left > cut:
                        left = member.left is not None and member.left <= cut + WEEK_MS
                        self.hazard.learn(member.cuts[cut], left)
                member.weeks_learnt = max(member.weeks_learnt, len(over))

    # --- as JSON ---

    def to_json(self) -> dict[str, Any]:
        """Give the whole state, exact: what is open, all models, sums."""
        return {
            "snapshot": self.snapshot(),
            "models": {name: model.to_json() for name, model in self.models.items()},
            "river": self.river.to_json(),
            "floor": self.floor.to_json(),
            "hazard": self.hazard.to_json(),
            "contests": {name: contest.to_json() for name, contest in self.contests.items()},
            "moments": self._moments.tolist(),
            "centre": self._centre.tolist(),
            "closed": list(self._closed),
            "open": {
                code: {key: member.to_json() for key, member in members.items()} for code, members in self._open.items()
            },
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Trainer:
        """Go on from a state. Raises KeyError, TypeError or ValueError where it is none."""
        trainer = cls()
        shown = state["snapshot"]
        trainer.version, trainer.champion = int(shown["version"]), shown["kind"]
        trainer.degraded, trainer.counts = bool(shown["degraded"]), Counter(shown["counts"])
        trainer.recalibration = Recalibration.from_json(shown["recalibration"])
        trainer.offsets = {group: (float(b), float(v)) for group, (b, v) in shown["offsets"].items()}
        trainer.models = {name: LogisticFilter.from_json(model) for name, model in state["models"].items()}
        trainer.river = StandardisedRegression.from_json(state["river"])
        trainer.floor = Prevalence.from_json(state["floor"])
        trainer.hazard = WeeklyHazard.from_json(state["hazard"])
        trainer.contests = {name: Contest.from_json(one) for name, one in state["contests"].items()}
        trainer._moments = np.array(state["moments"], dtype=np.float64)
        trainer._centre = np.array(state["centre"], dtype=np.float64)
        trainer._closed = dict.fromkeys(state["closed"])
        for code, members in state["open"].items():
            trainer._open[code] = {key: Member.from_json(member) for key, member in members.items()}
        return trainer


def sample(cuts: list[Cut], persons: int) -> list[Cut]:
    """Keep about as many cuts as there are persons, evenly from hash order: hardly two of a person.

    One cut of each person would be biased: who left early has few of them, and would weigh more than in life.
    """
    return cuts[:: max(1, round(len(cuts) / max(1, persons)))]


def _contests(champion: str) -> dict[str, Contest]:
    """Give a contest for each challenger; together they are wrong as seldom as one would be."""
    return {name: Contest(0.05 / (len(CONTESTANTS) - 1)) for name in CONTESTANTS if name != champion}


def _named(cut: Cut) -> dict[str, float]:
    return dict(zip(FEATURES, cut.features, strict=True))


def _loss(p: float, adverse: bool) -> float:
    return float(-np.log(max(p if adverse else 1.0 - p, 1e-6)))


def _told(closing: Closing) -> dict[str, int]:
    return {"persons": closing.persons, "censored": closing.censored, "intervened": closing.intervened}


def _by_group(ahead: list[Cut], p: measures.Floats, y: measures.Floats) -> dict[str, Any]:
    """Give size, mean risk and observed rate of each group of at least ten."""
    names = np.array([cut.group for cut in ahead])
    found = {}
    for name in sorted(set(names.tolist())):
        mine = names == name
        if mine.sum() >= 10:
            found[name] = {"n": int(mine.sum()), "mean": float(p[mine].mean()), "rate": float(y[mine].mean())}
    return found
