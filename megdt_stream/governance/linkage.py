"""Which warnings about trainees are another one's consequence: read off the notices that are on the topic.

A base that is short of cases, or down as a whole, explains its trainees' warnings; a silent source all that rest on
it; a severe assessor those declines that would not be sure with that assessor's severity taken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from megdt_stream.evidence.times import DAY_MS, milliseconds
from megdt_stream.governance.triage import Blanket

AFTER_MS: Final = 7 * DAY_MS
"""What is over stays the explanation for a week: late forms still have to come in."""

DECLINE: Final = "trainee-in-decline"
OUTLIER: Final = "assessor-outlier"
INHIBITS: Final[Mapping[str, frozenset[str]]] = {
    "base-short-of-cases": frozenset({"quota-projected-short"}),
    "base-in-decline": frozenset({DECLINE}),
    "source-silent": frozenset(),
    OUTLIER: frozenset({DECLINE}),
}
"""Rule about a group -> rules about trainees whose warnings it inhibits while it is open; none named: all that rest on
the source."""
_RAISED: Final = "megdt.warning.raised.v1"
_CLEARED: Final = "megdt.warning.cleared.v1"
_SURE: Final = 2
"""Standard deviations that a drop has to keep without an assessor's severity."""


def blankets(notices: Iterable[Mapping[str, Any]]) -> list[Blanket]:
    """Give what stood over many trainees at once, with its end where it ended. Notices in any order."""
    known = list(notices)
    ends = {one["data"]["opened_by"]: milliseconds(one["time"]) for one in known if one["type"] == _CLEARED}
    return [_blanket(one, ends.get(one["id"])) for one in known if _inhibits(one)]


def assessors(notices: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Give the assessors who were told to be severe: name -> severity (thousandths of a level), the largest told."""
    found: dict[str, int] = {}
    for one in notices:
        data = one["data"]
        if _inhibits(one) and data["rule"] == OUTLIER:
            name = data["entity"]["id"]
            found[name] = max(found.get(name, 0), data["figures"]["severity_milli"])
    return found


def rests_on(event: Mapping[str, Any], severe: Mapping[str, int]) -> frozenset[str]:
    """Name the severe assessors without whose severity a decline would not be sure, as sources of its warning.

    An assessor among `k` of the window pulls its mean down by a `k`th of the severity.
    """
    data = event["data"]
    if data["rule"] != DECLINE or event["type"] != _RAISED:
        return frozenset()
    figures = data["figures"]
    margin = figures["assessors"] * (figures["drop_milli"] - _SURE * figures["sd_milli"])
    raters = {name.rpartition("|")[2] for name in data["fields"]}
    return frozenset(f"faculty/{name}" for name in raters if severe.get(name, 0) > margin)


def _inhibits(event: Mapping[str, Any]) -> bool:
    data = event["data"]
    if event["type"] != _RAISED or data["rule"] not in INHIBITS or data.get("entity") is None:
        return False
    # A lenient assessor is no reason why others see less.
    return bool(data["rule"] != OUTLIER or data["reason"]["code"] == "severe")


def _blanket(event: Mapping[str, Any], end: int | None) -> Blanket:
    data = event["data"]
    kind, name = data["entity"]["kind"], data["entity"]["id"]
    source = {"source": name, "faculty": f"faculty/{name}"}.get(kind)
    until = None if end is None else end + AFTER_MS
    return Blanket(event["id"], milliseconds(event["time"]), until, source, data["base"], INHIBITS[data["rule"]])
