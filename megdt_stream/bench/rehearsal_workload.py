"""The rehearsal that is measured: a synthetic hospital and four schemes with interventions of all kinds but tilts."""

from __future__ import annotations

from typing import Any, Final

from megdt_stream.scenario.rehearsal import Rehearsal, prepare
from megdt_stream.scenario.scheme import parse
from megdt_stream.scenario.synthetic import synthetic_world
from megdt_stream.seed_files import load_interventions

TRAINEES: Final = 2_000
WEEKS: Final = 52
DRAWS: Final = 200
SEED: Final = 1
_ACTS: Final[dict[str, list[dict[str, Any]]]] = {
    "remedial": [{"kind": "remedial-training", "target": {"weakest": 0.05}, "dose": 6.0, "start": 4, "weeks": 26}],
    "simulation": [{"kind": "simulation-training", "target": {"weakest": 0.1}, "dose": 4.0, "weeks": 20}],
    "supervision": [{"kind": "reinforced-supervision", "target": {"weakest": 0.05}, "dose": 0.3, "weeks": 40}],
    "cases": [
        {"kind": "case-mix-supplement", "target": {"base": "base-01"}, "dose": 1.0, "weeks": 40},
        {"kind": "rotation-change", "target": {"base": "base-02"}, "to": "骨科", "dose": 4.0, "start": 10},
    ],
}


def workload(trainees: int = TRAINEES, weeks: int = WEEKS, draws: int = DRAWS) -> Rehearsal:
    """Lay out four schemes of all kinds on a synthetic hospital, beside going on as now."""
    known = load_interventions()
    document = {"schemes": [{"name": name, "interventions": acts} for name, acts in _ACTS.items()]}
    return prepare(synthetic_world(known, trainees, weeks), parse(document, known), known, SEED, draws)
