"""The risk model on /metrics: by what the version in force says of its learning."""

import math

from prometheus_client import CollectorRegistry

from megdt_stream.calibration.risk.gathering import document, learn
from megdt_stream.calibration.risk.learning import Frozen, Known
from megdt_stream.calibration.risk.vocabulary import FEATURES
from megdt_stream.runtime.metrics import Metrics
from megdt_stream.runtime.model_metrics import show
from tests.runtime_observability.test_metrics import samples, value


class Cohorts:
    """What a gathering gives: cohorts of trainees whose outcome hangs on the first feature."""

    closed = (0, 1)
    open = 0

    def events(self, cohort):
        for n in range(120):
            key, adverse = f"{cohort}/{n}", n % 3 == 0
            yield Frozen(str(cohort), key, "ped", n, (2.0 * adverse, *[0.0] * (len(FEATURES) - 1)))
            yield Known(str(cohort), key, adverse)
        yield Frozen(str(cohort), f"{cohort}/left", "ped", 0, (0.0,) * len(FEATURES))


def test_it_shows_labels_measures_and_state():
    metrics = Metrics(CollectorRegistry(), partitions=1)
    before = samples(metrics).keys()
    assert math.isnan(value(metrics, "model_prequential", measure="auc"))
    learnt = document(learn([Cohorts()]))
    show(metrics, learnt["predictor"], learnt["said"])
    assert samples(metrics).keys() == before
    assert value(metrics, "model_labels", label="learnt") == 240
    assert value(metrics, "model_labels", label="censored") == 2
    assert value(metrics, "model_prequential", measure="auc") == 1.0
    assert 0 < value(metrics, "model_prequential", measure="brier") < 0.25
    assert value(metrics, "model_degraded") == 0


def test_drift_and_switches_are_counted_by_what_was_done():
    metrics = Metrics(CollectorRegistry(), partitions=1)
    calibration = {"intercept": 0.4, "slope": 0.9}
    found = {"auc": None, "brier": 0.2, "log_loss": 0.6, "calibration": calibration}
    said = [
        {"kind": "closed", "prequential": found},
        {"kind": "drift", "action": "recalibrate"},
        {"kind": "drift", "action": "degraded"},
        {"kind": "switch"},
    ]
    show(metrics, {"counts": {"persons": 60}, "degraded": True}, said)
    assert value(metrics, "model_drifts", action="recalibrate") == value(metrics, "model_switches") == 1
    assert value(metrics, "model_degraded") == 1
    assert value(metrics, "model_prequential", measure="calibration_intercept") == 0.4
    assert math.isnan(value(metrics, "model_prequential", measure="auc"))
