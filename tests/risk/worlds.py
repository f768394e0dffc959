"""Trainees, twins and cohorts for the tests of risk."""

from dataclasses import dataclass

import numpy as np

from megdt_stream.calibration.risk.learning import Closed, Frozen, Known
from megdt_stream.calibration.risk.vocabulary import FEATURES
from megdt_stream.twin.contribution import Contribution
from megdt_stream.twin.fold import apply
from megdt_stream.twin.state import Twin

DAY = 86_400_000
START = 20_000 * DAY
_AT = FEATURES.index("level_mean")
_MISSED = FEATURES.index("missed_share")


def twin_of(works=(), came=(), starts=START, ends=START + 200 * DAY, rotation="R-1", status="started", more=()):
    """Make a twin: `works` are (key, count, due day), `came` (key, level, day), `more` (field, slot)."""
    twin = Twin()
    expects = [[key, count, starts + day * DAY] for key, count, day in works]
    slot = [starts - 10 * DAY, 0, status, starts, ends, "b-1", None, None, expects]
    slots = [(f"r|{rotation}|{'0' * 16}", slot), *more]
    sums = [
        (f"a|{rotation}|{k}", (1, round(1000 * level), (starts + day * DAY) // 3_600_000)) for k, level, day in came
    ]
    apply(twin, Contribution(tuple(sums), tuple(slots)))
    return twin


@dataclass
class World:
    """Trainees whose risk is known: log odds `intercept + missed * 2 - level`."""

    seed: int = 1
    intercept: float = -0.5

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)

    def person(self):
        """Give features and whether the outcome is adverse."""
        values = np.zeros(len(FEATURES))
        values[_AT], values[_MISSED] = self.rng.normal(), self.rng.random()
        z = self.log_odds(values)
        return tuple(values.tolist()), bool(self.rng.random() < 1 / (1 + np.exp(-z)))

    def log_odds(self, features):
        """Give the true log odds."""
        return self.intercept + 2 * features[_MISSED] - features[_AT]

    def cohort(self, code, persons=100, group="g"):
        """Give the learn events of a cohort up to its close."""
        for number in range(persons):
            features, adverse = self.person()
            yield Frozen(code, f"k1.{number}", group, START + number, features)
            yield Known(code, f"k1.{number}", adverse)
        yield Closed((code,))


def fed(trainer, events):
    """Take all events; give what was said."""
    return [said for event in events for said in trainer.take(event)]
