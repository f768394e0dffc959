"""Warnings with their state: the notices of the alert topic, decisions in twins, and what triage makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from megdt_stream.evidence.times import milliseconds
from megdt_stream.governance import lifecycle, linkage
from megdt_stream.governance.triage import Raised, Sorted, Triage
from megdt_stream.twin.state import Twin

_OPENING = frozenset({"megdt.warning.opened.v1", "megdt.warning.raised.v1"})
_ENDING = frozenset({"megdt.warning.recovered.v1", "megdt.warning.cleared.v1", "megdt.warning.closed.v1"})
_ESCALATED = "megdt.warning.escalated.v1"

CAP = 10
"""Most warnings that a reviewer is notified of in a week."""


class Listed(NamedTuple):
    """A warning: the notice that opened it, its state, the last decision on it, the notice that ended it, and whether a
    reviewer is notified of it (`fate`, `under`)."""

    event: Mapping[str, Any]
    state: str
    decided: lifecycle.Decided | None
    ended: Mapping[str, Any] | None
    fate: str
    under: str | None

    @property
    def id(self) -> str:
        """Give the id of the notice that opened it: what decisions name."""
        return str(self.event["id"])

    @property
    def data(self) -> Mapping[str, Any]:
        """Give the opening notice's fields."""
        data: Mapping[str, Any] = self.event["data"]
        return data

    @property
    def ends(self) -> bool:
        """Tell whether nothing is left to be done."""
        return self.ended is not None or self.state in lifecycle.CLOSING

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        decision = None if self.decided is None else self.decided._asdict()
        return {
            "id": self.id,
            "state": self.state,
            "reaches": self.fate,
            "under": self.under,
            "decision": decision,
            "ended": self.ended,
            "warning": self.event,
        }


def collect(
    notices: Iterable[Mapping[str, Any]], find: Callable[[str], tuple[Twin, int] | None], cap: int = CAP
) -> list[Listed]:
    """Put together what was said of each warning, the oldest first.

    `notices` are CloudEvents in any order, copies included; `find` gives a trainee's twin and its domain time.
    """
    notices = list(notices)
    opened: dict[str, Mapping[str, Any]] = {}
    ended: dict[str, Mapping[str, Any]] = {}
    escalated: set[str] = set()
    for event in notices:
        if event["type"] in _OPENING:
            opened.setdefault(event["id"], event)
        elif event["type"] in _ENDING:
            ended.setdefault(event["data"]["opened_by"], event)
        elif event["type"] == _ESCALATED:
            escalated.add(event["data"]["opened_by"])
    became = fates(notices, cap)
    twins: dict[str, tuple[Twin, int] | None] = {}
    found = []
    for id_, event in sorted(opened.items(), key=lambda item: (item[1]["time"], item[0])):
        name = event["data"].get("trainee")
        if name is not None and name not in twins:
            twins[name] = find(name)
        state, decided = _state(twins.get(name), id_, id_ in escalated)
        if id_ in ended:
            state = _end_of(ended[id_])
        found.append(Listed(event, state, decided, ended.get(id_), became[id_].fate, became[id_].under))
    return found


def fates(notices: Iterable[Mapping[str, Any]], cap: int) -> dict[str, Sorted]:
    """Give what becomes of each warning, by its id; notices are CloudEvents in any order, copies included.

    A decline that waits under another warning and stands on its own when it escalates is sorted again as of then.
    """
    told = {event["id"]: event for event in notices if "rule" in event["data"]}.values()
    known, blankets = linkage.causes(told), linkage.blankets(told)

    def sort(some: Iterable[Raised]) -> dict[str, Sorted]:
        return {one.raised.id: one for one in Triage(cap, blankets=blankets).sort(some)}

    opened = {event["id"]: raised(event, known) for event in told if event["type"] in _OPENING}
    found = sort(opened.values())
    again = {event["data"]["opened_by"]: event for event in told if linkage.stands_again(event)}
    waited = {id_: raised(event, known) for id_, event in again.items() if found[id_].fate == "inhibited"}
    return sort((opened | waited).values()) if waited else found


def _state(found: tuple[Twin, int] | None, id_: str, escalated: bool) -> tuple[str, lifecycle.Decided | None]:
    standing = lifecycle.ESCALATED if escalated else lifecycle.OPEN
    if found is None:
        return standing, None
    twin, now = found
    return lifecycle.state(twin, id_, standing, now)


def _end_of(event: Mapping[str, Any]) -> str:
    if event["type"] != "megdt.warning.closed.v1":
        return "cleared"
    return lifecycle.STATES.get(event["data"]["reason"]["code"], "resolved")


def raised(event: Mapping[str, Any], known: linkage.Causes) -> Raised:
    """Read what the triage needs off the notice that opened a warning, or escalated it; `known` is what was told of
    assessors and sources."""
    data = event["data"]
    entity, trainee = data.get("entity"), data.get("trainee")
    rotation = data.get("rotation")
    about = trainee or f"{entity['kind']}/{entity['id']}"
    return Raised(
        data["opened_by"],
        data["rule"],
        data.get("horizon_days", 0),
        data["severity"],
        data["owner"],
        # Several forms of one rotation are several warnings; nothing else is about more than the trainee.
        about if rotation is None else f"{about}/{rotation}/{data['item']}",
        milliseconds(event["time"]),
        data.get("base"),
        rotation,
        linkage.rests_on(event, known),
    )
