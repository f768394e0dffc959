"""What hospitals do to records on their way: late, amended, retracted, out of order, malformed, sent twice.

Mess draws from a generator of its own, so that a plan and its clean copy tell of the same hospital.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from megdt_stream.synth.chance import DAY, HOUR, delay, wait
from megdt_stream.synth.draft import ACCEPTED, DUPLICATE, FAMILIES, REJECTED, Draft
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.wire import FAULTS

_PLAIN_FAULTS: Final = tuple(name for name, fault in FAULTS.items() if not fault.marked_forms_only)
_ALL_FAULTS: Final = tuple(FAULTS)
_REASONS_FOR_RETRACTION: Final = ("重复录入", "录入对象有误", "signed for the wrong encounter")
_RAISED_SHARE: Final = 0.4
"""Of what is sent again under another pseudonym: what comes with a raised revision."""
_REASONS_FOR_NO_MARK: Final = ("not-recorded", "not-applicable", "not-observed")

Data = Mapping[str, Any]


class Mess:
    """The mess that befalls one trainee's records."""

    def __init__(self, plan: HospitalPlan, rng: Random) -> None:
        self._plan = plan
        self._rng = rng

    def lag(self, median_hours: float) -> int:
        """Draw how long a record lies before it becomes available, in ms; late ones lie for weeks."""
        usual = delay(self._rng, median_hours * HOUR)
        return usual + wait(self._rng, 25 * DAY) if self._happens(self._plan.late_rate) else usual

    def never_comes(self) -> bool:
        """Draw whether an expected assessment is missing for good."""
        return self._happens(self._plan.missing_rate)

    def mark(self, competency: str, value: int) -> dict[str, Any]:
        """Give a mark, or the reason why it is missing."""
        if self._happens(self._plan.missing_score_rate):
            return {"competency": competency, "missing": self._rng.choice(_REASONS_FOR_NO_MARK)}
        return {"competency": competency, "value": value}

    def published(self, right: Draft, mistakes: tuple[Data, ...] = (), retractable: float = 0.0) -> list[Draft]:
        """Give the events by which a record reaches the stream, in no particular order.

        `right` is what the record should say; `mistakes` are bodies it may have had before being amended (one
        for an amended record, two for one amended twice). `retractable` is a factor on the plan's rate.
        """
        versions = self._versions(right, mistakes)
        if retractable and self._happens(self._plan.retracted_rate * retractable):
            versions.append(self._retraction(versions[-1]))
        if len(versions) > 1 and self._happens(self._plan.out_of_order_rate):
            versions[0] = _moved(versions[0], versions[-1].available + wait(self._rng, DAY))
        return [event for version in versions for event in self._sent(version)]

    def resent(self, record: Sequence[Draft], subject: str, at: int) -> list[Draft]:
        """Give the events by which a source sends an old record again, from `at` on, under another pseudonym.

        `record` is what was sent of it before. Some come as they were, but for what the old system did not keep;
        some with the next revision.
        """
        known = [draft for draft in record if draft.fate == ACCEPTED and not draft.retraction and draft.published < at]
        if not known or not self._happens(self._plan.resent_rate):
            return []
        last = max(known, key=lambda draft: draft.revision)
        again = replace(last, subject=subject)
        if self._happens(_RAISED_SHARE):
            again = replace(again, kind=_amended(again.kind), revision=last.revision + 1, recorded=at)
        else:
            again = replace(again, data={name: value for name, value in again.data.items() if name != "role"})
        return list(self._sent(_moved(again, at + self.lag(4))))

    def _versions(self, right: Draft, mistakes: tuple[Data, ...]) -> list[Draft]:
        if not mistakes or not self._happens(self._plan.amended_rate):
            return [right]
        count = 2 if len(mistakes) > 1 and self._happens(self._plan.twice_amended_rate) else 1
        versions = [replace(right, data=mistakes[0])]
        for revision in range(1, count + 1):
            data = right.data if revision == count else mistakes[1]
            versions.append(self._amendment(versions[-1], revision, data))
        return versions

    def _amendment(self, before: Draft, revision: int, data: Data) -> Draft:
        recorded = before.available + wait(self._rng, 5 * DAY)
        version = replace(before, kind=_amended(before.kind), revision=revision, recorded=recorded, data=data)
        return _moved(version, recorded + self.lag(4))

    def _retraction(self, before: Draft) -> Draft:
        at = before.available + wait(self._rng, 8 * DAY)
        version = replace(
            before,
            kind=FAMILIES[before.topic][0] + ".retracted",
            revision=before.revision + 1,
            time=at,
            recorded=at,
            data={"reason": self._rng.choice(_REASONS_FOR_RETRACTION)},
        )
        return _moved(version, at + self.lag(4))

    def _sent(self, version: Draft) -> Iterator[Draft]:
        if self._happens(self._plan.malformed_rate):
            yield self._spoilt(version)
            if not self._happens(self._plan.corrected_rate):
                return
            version = _moved(version, version.available + wait(self._rng, 2 * DAY))
        yield version
        if self._happens(self._plan.duplicate_rate):
            again = version.published + wait(self._rng, 3 * DAY)
            yield replace(version, published=again, fate=DUPLICATE)

    def _spoilt(self, version: Draft) -> Draft:
        marked = any("value" in mark for mark in version.data.get("scores", ()))
        fault = self._rng.choice(_ALL_FAULTS if marked else _PLAIN_FAULTS)
        return replace(version, fate=REJECTED, reason=FAULTS[fault].reason, fault=fault)

    def _happens(self, rate: float) -> bool:
        return self._rng.random() < rate


def _amended(kind: str) -> str:
    """Give the kind of a later revision: only assessments have one of their own."""
    return "assessment.amended" if kind == "assessment.recorded" else kind


def _moved(draft: Draft, available: int) -> Draft:
    return replace(draft, available=available, published=available)
