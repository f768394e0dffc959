"""What is believed of each kind of intervention, as a versioned document that rehearsals and advice name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any, Final

from megdt_stream.evidence.record import digest
from megdt_stream.governance.effects.combining import Combined, EffectPrior, Evidence, Posterior, combine
from megdt_stream.scenario.interventions import Intervention, Interventions, Prior

FORMAT: Final = 1
_LOGIT_PER_SD: Final = pi / sqrt(3)
_Z95: Final = 1.959964
_DIGITS: Final = 6
SITE: Final = "site"


@dataclass(frozen=True)
class KindEffect:
    """The effect of one kind at its usual dose, in SDs of the level; above zero is better.

    `known` is what advice may use: of the next trainee of this site; None where there is neither prior nor evidence.
    `evidence` are own estimates by group, of `decisions` decisions; benefits are claimed from these alone.
    """

    prior: EffectPrior | None
    combined: Combined
    evidence: Mapping[str, Evidence]
    decisions: int

    @property
    def known(self) -> Posterior | None:
        """Give the belief of the site's effect; before any evidence as wide as the external prediction."""
        return None if self.prior is None and not self.evidence else self.combined.site

    @property
    def claimed(self) -> bool:
        """Tell whether evidence alone shows a benefit: its 95 % interval lies above zero."""
        own = self.pooled
        return own is not None and own.estimate - _Z95 * own.se > 0

    @property
    def pooled(self) -> Evidence | None:
        """Give the groups' own estimates as one, each by its precision."""
        if not self.evidence:
            return None
        weight = sum(one.se**-2 for one in self.evidence.values())
        mean = sum(one.estimate / one.se**2 for one in self.evidence.values()) / weight
        return Evidence(mean, weight**-0.5)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        own = self.pooled
        return {
            "prior": None if self.prior is None else vars(self.prior) | {},
            "local_only": self.prior is None,
            "decisions": self.decisions,
            "evidence": {name: _plain(one) for name, one in sorted(self.evidence.items())},
            "evidence_only": None
            if own is None
            else _plain(own)
            | {
                "ci_low": round(own.estimate - _Z95 * own.se, _DIGITS),
                "ci_high": round(own.estimate + _Z95 * own.se, _DIGITS),
            },
            "benefit_shown": self.claimed,
            "combined": self.combined.to_json() if self.known else None,
        }


@dataclass(frozen=True)
class Snapshot:
    """Effects by kind; `version` is a digest of what they say, so equal beliefs have one name."""

    kinds: Mapping[str, KindEffect]

    @property
    def version(self) -> str:
        """Name it."""
        return digest(json.dumps(self._content(), sort_keys=True, ensure_ascii=False).encode())

    def to_json(self) -> dict[str, Any]:
        """Give it as a document."""
        return {"version": self.version} | self._content()

    def _content(self) -> dict[str, Any]:
        kinds = {kind: one.to_json() for kind, one in sorted(self.kinds.items())}
        return {"format": FORMAT, "scale": "smd", "kinds": kinds}


def snapshot(
    interventions: Interventions,
    evidence: Mapping[str, Mapping[str, Evidence]] | None = None,
    decisions: Mapping[str, int] | None = None,
) -> Snapshot:
    """Combine the seeds' priors with own estimates by kind and group."""
    found = {}
    for kind, one in interventions.kinds.items():
        own = (evidence or {}).get(kind, {})
        prior = standardised(one)
        found[str(kind)] = KindEffect(prior, combine(prior, own), own, (decisions or {}).get(kind, 0))
    return Snapshot(found)


def standardised(one: Intervention) -> EffectPrior | None:
    """Give an intervention's prior at its usual dose in SDs, better above zero; None for "local estimate only".

    Log-odds of an adverse outcome per unit of the dose become SDs by pi / sqrt(3) (Hasselblad, Hedges, Psychol Bull
    1995;117:167), with the sign changed.
    """
    prior: Prior | None = one.prior
    if prior is None:
        return None
    times = 1.0 if prior.scale == "smd" else -one.dose.default / _LOGIT_PER_SD
    return EffectPrior(prior.mean * times, prior.se * abs(times), prior.prediction_sd * abs(times), prior.source)


def _plain(one: Evidence) -> dict[str, float]:
    return {"estimate": round(one.estimate, _DIGITS), "se": round(one.se, _DIGITS)}
