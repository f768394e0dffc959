"""Shows the models in force on /metrics: read off their copies in the store, once a version."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from megdt_stream.errors import Unavailable
from megdt_stream.evidence.snapshots import Broken
from megdt_stream.runtime import active_risk, models
from megdt_stream.runtime.metrics import Matured, Measure, Metrics, ModelKind
from megdt_stream.runtime.query import Query
from megdt_stream.runtime.watch import Watch

LOOK_SECONDS: Final = 15.0
"""Between two looks at which versions are in force: a few short commands."""

_COUNTS: Final[Mapping[Matured, str]] = {
    Matured.LEARNT: "persons",
    Matured.CENSORED: "censored",
    Matured.INTERVENED: "intervened",
    Matured.LATE: "late",
}
_CALIBRATION: Final[Mapping[Measure, str]] = {
    Measure.CALIBRATION_INTERCEPT: "intercept",
    Measure.CALIBRATION_SLOPE: "slope",
}


class ModelMetrics:
    """Looks now and then which versions are in force; every worker shows the same."""

    def __init__(self, url: str, options: Mapping[str, Any], metrics: Metrics, watch: Watch) -> None:
        """Take where the store is and where to show what is found."""
        self._url = url
        self._options = dict(options)
        self._metrics = metrics
        self._watch = watch
        self._shown: str | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except Unavailable as error:
                self._watch.unavailable(error)
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Show the versions in force. Raises Unavailable."""
        with Query(self._url, **self._options) as query:
            for kind in ModelKind:
                now = models.active(query, kind)
                if now is None:
                    continue
                self._metrics.model(kind, now.at / 1000)
                if kind == active_risk.KIND and now.version != self._shown:
                    self._risk(query, now.version)

    def _risk(self, query: Query, version: str) -> None:
        try:
            parts = models.copied(query, active_risk.KIND, version, ("predictor", "said"))
            show(self._metrics, parts["predictor"], parts["said"])
        except (Broken, LookupError, TypeError, AttributeError):
            # Readers are told the same of it: no risk is given.
            self._metrics.risk({}, {}, {}, 0, degraded=True)
            return
        self._shown = version


def show(metrics: Metrics, predictor: Mapping[str, Any], said: list[Mapping[str, Any]]) -> None:
    """Show what a version says of its learning (`gathering.document`); LookupError or TypeError where it is none."""
    counts = predictor["counts"]
    known = [one["prequential"] for one in said if one["kind"] == "closed" and one["prequential"] is not None]
    metrics.risk(
        {label: int(counts.get(name, 0)) for label, name in _COUNTS.items()},
        _measures(known[-1]) if known else {},
        Counter(one["action"] for one in said if one["kind"] == "drift"),
        sum(one["kind"] == "switch" for one in said),
        degraded=bool(predictor["degraded"]),
    )


def _measures(found: Mapping[str, Any]) -> dict[str, float]:
    plain = {name: found[name] for name in (Measure.AUC, Measure.BRIER, Measure.LOG_LOSS)}
    calibration = found["calibration"] or {}
    told = plain | {measure: calibration.get(name) for measure, name in _CALIBRATION.items()}
    return {measure: float(value) for measure, value in told.items() if value is not None}
