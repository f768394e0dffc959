"""What a site has learnt of effects, in the place of what the seeds say of other sites."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sqrt
from typing import Any, Final

from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.interventions import Intervention, Interventions, Prior

_LOGIT_PER_SD: Final = pi / sqrt(3)
"""Hasselblad V, Hedges LV. Psychol Bull 1995;117:167-178."""


def learnt(known: Interventions, snapshot: Mapping[str, Any]) -> Interventions:
    """Take effects from a snapshot (`megdt effects --json`): in SDs at the usual dose, above zero better.

    Only for kinds that have an external estimate: what is learnt of the others is their whole effect, of which the
    dynamics count a part already. Raises BadScheme for a document of another form.
    """
    try:
        version, found = str(snapshot["version"]), dict(snapshot["kinds"])
        kinds = {
            kind: _of(one, found[kind]["combined"], version) if _has_evidence(found.get(kind)) else one
            for kind, one in known.kinds.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise BadScheme(
            "effects", f"is no snapshot of effects: {error!r}", "give what `megdt effects --json` prints"
        ) from None
    return known.model_copy(update={"kinds": kinds})


def _has_evidence(found: Mapping[str, Any] | None) -> bool:
    return bool(found and found["evidence"] and found["combined"])


def _of(one: Intervention, combined: Mapping[str, Any], version: str) -> Intervention:
    if one.prior is None:
        return one
    mean, sd = (float(combined["site"][name]) for name in ("mean", "sd"))
    times = 1.0 if one.prior.scale == "smd" else -_LOGIT_PER_SD / one.dose.default
    source = f"snapshot of effects {version}; before: {one.prior.source}"
    spread = sd * abs(times)
    prior = Prior(scale=one.prior.scale, mean=mean * times, se=spread, prediction_sd=spread, source=source)
    return one.model_copy(update={"effect": prior})
