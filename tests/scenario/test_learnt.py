"""What a site has learnt takes the place of the seeds' effects, on their own scales."""

import pytest

from megdt_stream.governance.effects.combining import Evidence
from megdt_stream.governance.effects.snapshot import snapshot, standardised
from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.learnt import learnt
from tests.scenario.worlds import KNOWN

SIMULATION, REMEDIAL = "simulation-training", "remedial-training"


def test_without_evidence_all_stays():
    assert learnt(KNOWN, snapshot(KNOWN).to_json()) == KNOWN


@pytest.mark.parametrize("kind", [SIMULATION, REMEDIAL])
def test_the_sites_belief_is_drawn_from(kind):
    found = snapshot(KNOWN, {kind: {"base-1": Evidence(0.1, 0.02)}}, {kind: 400})
    known = learnt(KNOWN, found.to_json())
    site, prior = found.kinds[kind].combined.site, standardised(known.kinds[kind])
    assert (prior.mean, prior.prediction_sd) == (pytest.approx(site.mean, abs=1e-4), pytest.approx(site.sd, abs=1e-4))
    assert found.version in prior.source
    assert known.kinds[kind].prior.scale == KNOWN.kinds[kind].prior.scale


def test_what_is_local_only_is_left_to_the_mechanism():
    found = snapshot(KNOWN, {"reinforced-supervision": {"base-1": Evidence(0.5, 0.1)}})
    assert learnt(KNOWN, found.to_json()) == KNOWN


@pytest.mark.parametrize("document", [None, [], {}, {"version": "a", "kinds": {SIMULATION: {"evidence": {"b": 1}}}}])
def test_another_document_is_refused(document):
    with pytest.raises(BadScheme, match="megdt effects --json"):
        learnt(KNOWN, document)
