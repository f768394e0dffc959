"""Priors and evidence: the prior dominates until evidence speaks, and gives way where it is contradicted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.governance.effects.combining import EffectPrior, Evidence, combine
from megdt_stream.governance.effects.snapshot import snapshot, standardised
from megdt_stream.seed_files import load_interventions

PRIOR = EffectPrior(0.4, 0.1, 0.2, "a trial")
SEEDS = load_interventions()

estimates = st.floats(-2, 2)
errors = st.floats(0.02, 1)


def test_without_evidence_it_is_the_prior_and_wide():
    found = combine(PRIOR, {})
    assert found.site.mean == pytest.approx(0.8 * 0.4)
    assert found.trust == pytest.approx(0.8)
    assert found.site.p05 < 0 < found.site.p95


def test_much_evidence_decides():
    found = combine(PRIOR, {"site": Evidence(-0.3, 0.02)})
    assert found.site.mean == pytest.approx(-0.3, abs=0.02)


def test_weak_evidence_hardly_moves_it():
    before, after = combine(PRIOR, {}), combine(PRIOR, {"site": Evidence(0.5, 2.0)})
    assert after.site.mean == pytest.approx(before.site.mean, abs=0.05)


def test_a_contradicted_prior_loses_trust():
    near, far = (combine(PRIOR, {"site": Evidence(value, 0.1)}) for value in (0.4, -0.8))
    assert near.trust > 0.8 > 0.1 > far.trust
    assert abs(far.site.mean - -0.8) < 0.05


@settings(max_examples=25, deadline=None)
@given(estimates, errors)
def test_without_a_prior_evidence_stands_nearly_alone(value, se):
    found = combine(None, {"site": Evidence(value, se)})
    assert found.site.mean == pytest.approx(value / (1 + se**2), abs=1e-6)
    assert found.trust == 0


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.builds(Evidence, estimates, errors), min_size=2))
def test_groups_are_pulled_to_the_site_and_never_past_it(groups):
    found = combine(PRIOR, groups)
    assert set(found.groups) == set(groups)
    for one in found.groups.values():
        assert one.p05 <= one.p95
        assert one.sd > 0
    assert found.next_group.sd >= found.site.sd


@settings(max_examples=25, deadline=None)
@given(estimates, errors)
def test_more_precise_evidence_gives_a_narrower_belief(value, se):
    wide, narrow = (combine(None, {"site": Evidence(value, e)}).site.sd for e in (se, se / 2))
    assert narrow <= wide


def test_a_snapshot_is_named_by_what_it_says():
    one, other = snapshot(SEEDS), snapshot(SEEDS, {"simulation-training": {"B1": Evidence(0.1, 0.1)}}, {})
    assert one.version == snapshot(SEEDS).version != other.version
    assert one.kinds["rotation-change"].known is None
    assert not one.kinds["simulation-training"].claimed
    assert other.to_json()["kinds"]["simulation-training"]["evidence_only"]["ci_low"] == pytest.approx(-0.096, abs=1e-3)


def test_benefits_are_claimed_from_evidence_alone():
    weak = snapshot(SEEDS, {"simulation-training": {"B1": Evidence(0.3, 0.2)}})
    strong = snapshot(SEEDS, {"simulation-training": {"B1": Evidence(0.3, 0.1)}})
    assert not weak.kinds["simulation-training"].claimed
    assert strong.kinds["simulation-training"].claimed


def test_odds_become_standard_deviations():
    prior = standardised(SEEDS.kinds["remedial-training"])
    assert prior is not None
    assert prior.mean == pytest.approx(18 * 0.0315 * 3**0.5 / 3.141593, abs=1e-4)
