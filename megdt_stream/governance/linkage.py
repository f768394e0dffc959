"""Which warnings about trainees are another one's consequence: read off the notices that are on the topic.

A base that is short of cases, or down as a whole, explains its trainees' warnings; a silent source all that rest on
it; a severe assessor those declines that would not be sure with that assessor's severity taken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.times import DAY_MS, milliseconds
from megdt_stream.governance.triage import Blanket

AFTER_MS: Final = 7 * DAY_MS
"""What is over stays the explanation for a week: late forms still have to come in."""

DECLINE: Final = "trainee-in-decline"
OUTLIER: Final = "assessor-outlier"
SILENT: Final = "source-silent"
OVERDUE: Final = "expected-assessment-overdue"
INHIBITS: Final[Mapping[str, frozenset[str]]] = {
    "base-short-of-cases": frozenset({"quota-projected-short"}),
    "base-in-decline": frozenset({DECLINE}),
    SILENT: frozenset(),
    OUTLIER: frozenset({DECLINE}),
}
"""Rule about a group -> rules about trainees whose warnings it inhibits while it is open; none named: all that rest on
the source."""
_RAISED: Final = "megdt.warning.raised.v1"
_CLEARED: Final = "megdt.warning.cleared.v1"
_ESCALATED: Final = "megdt.warning.escalated.v1"


def blankets(notices: Iterable[Mapping[str, Any]]) -> list[Blanket]:
    """Give what stood over many trainees at once, with its end where it ended. Notices in any order."""
    known = list(notices)
    ends = {one["data"]["opened_by"]: milliseconds(one["time"]) for one in known if one["type"] == _CLEARED}
    return [_blanket(one, ends.get(one["id"])) for one in known if _inhibits(one)]


class Causes(NamedTuple):
    """What was told of assessors and sources: name -> severity that a severe one has at most (thousandths of a level,
    the largest told); what is expected under a key -> silent sources that it usually comes from."""

    severe: Mapping[str, int]
    senders: Mapping[str, frozenset[str]]


def causes(notices: Iterable[Mapping[str, Any]]) -> Causes:
    """Read off the notices what warnings of trainees may rest on."""
    severe: dict[str, int] = {}
    senders: dict[str, frozenset[str]] = {}
    for one in notices:
        data = one["data"]
        if not _inhibits(one):
            continue
        name = data["entity"]["id"]
        if data["rule"] == OUTLIER:
            severe[name] = max(severe.get(name, 0), data["figures"].get("at_most_milli", 0))
        elif data["rule"] == SILENT:
            senders |= {key: senders.get(key, frozenset()) | {name} for key in data.get("names", ())}
    return Causes(severe, senders)


def rests_on(event: Mapping[str, Any], known: Causes) -> frozenset[str]:
    """Name what a warning of a trainee rests on: silent sources that a missing form usually comes from, and severe
    assessors without whose severity a decline might not be one to its rule."""
    data = event["data"]
    if data["rule"] == OVERDUE:
        return known.senders.get(data["item"], frozenset())
    if data["rule"] != DECLINE or event["type"] not in {_RAISED, _ESCALATED}:
        return frozenset()
    margin = data["figures"].get("margin_milli")
    if margin is None:  # said before rules told it
        return frozenset()
    raters = {name.rpartition("|")[2] for name in data["fields"]}
    return frozenset(f"faculty/{name}" for name in raters if known.severe.get(name, 0) > margin)


def stands_again(event: Mapping[str, Any]) -> bool:
    """Tell whether this says of a decline that nobody has answered that its rule would raise it now: by then it may
    not rest any more on what it waited under."""
    data = event["data"]
    told = event["type"] == _ESCALATED and data["rule"] == DECLINE
    return bool(told and data["figures"].get("margin_milli", -1) >= 0)


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
