"""The property `risk` of a trainee's twin (docs/twin.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from megdt_stream.calibration.risk.answer import Answer
    from megdt_stream.runtime.active_risk import Found
    from megdt_stream.twin.state import Twin

NO_MODEL: Final = "no-model"
BROKEN: Final = "model-broken"
NO_CLOCK: Final = "no-clock"
NO_ROTATION: Final = "no-rotation"


def told(found: Found, twin: Twin, as_of: int) -> dict[str, Any]:
    """Tell of the running rotation that is likeliest to end adversely, the others beside it; `as_of` in ms."""
    from megdt_stream.twin.view import rfc3339

    if found.version is None:
        return {"value": None, "unknown": NO_MODEL, "provenance": {}}
    named = {"model": found.version.version, "learnt_until": rfc3339(found.version.at)}
    if found.answering is None:
        return {"value": None, "unknown": BROKEN, "provenance": named}
    provenance = named | {
        "coverage": 0.8,
        "horizon_days": found.answering.horizon,
        "outcomes": found.answering.outcomes,
        "basis": found.answering.basis,
        "flagged": found.answering.flagged,
    }
    answers = found.answering.answers(twin, as_of) if as_of else []
    if not answers:
        return {"value": None, "unknown": NO_ROTATION if as_of else NO_CLOCK, "provenance": provenance}
    first = answers[0]
    reasons = [{"feature": one.feature, "adds": round(one.adds, 3)} for one in first.reasons]
    others = [{"rotation": one.rotation, **_estimated(one)} for one in answers[1:]]
    more = {"rotation": first.rotation, "reasons": reasons, "others": others}
    return {**_estimated(first), **more, "provenance": provenance}


def _estimated(one: Answer) -> dict[str, Any]:
    return {"value": round(one.p, 4), "interval": [round(one.low, 4), round(one.high, 4)]}
