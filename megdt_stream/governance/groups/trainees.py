"""Rules that look at every trainee's twin beside the mirror: quota, a model's risk, and how many of a base are down.

Twins are taken one by one and let go, so a look holds none but the one in hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from megdt_stream.governance.concern import enrolled_base
from megdt_stream.governance.groups import base, quota, risk
from megdt_stream.governance.groups.contract import WARNS, Found, Group
from megdt_stream.governance.groups.registry import Groups
from megdt_stream.governance.groups.risk import Risk
from megdt_stream.governance.groups.signals import EXPOSURES, FORMS, Signals
from megdt_stream.governance.reviews import decline
from megdt_stream.twin.state import Twin
from megdt_stream.twin.view import facts
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.quota import coverage

if TYPE_CHECKING:
    from megdt_stream.calibration.risk.answer import Answering

RESTS_ON: Final = {quota.NAME: EXPOSURES, risk.NAME: FORMS}
"""What a rule's warnings stem from where it is missing."""


class Model(NamedTuple):
    """The risk model in force, the name of its version, and what it says of its learning (`gathering.document`)."""

    answering: Answering
    version: str
    said: tuple[Mapping[str, Any], ...] = ()

    @property
    def tells(self) -> bool:
        """Tell whether it tells trainees apart: the floor gives all the same, a degraded one is no better than it."""
        return self.answering.basis == "model" and not self.answering.flagged


class Trainees:
    """Takes twins, then says what the rules find; rules without terms are not looked at."""

    def __init__(self, terms: Groups, estimation: Estimation, norms: Norms, model: Model | None, now: int) -> None:
        """`now` in ms."""
        self._terms = terms
        self._estimation = estimation
        self._norms = norms
        self._model = model if model is not None and model.tells else None
        self._now = now
        self._in_base: Counter[str | None] = Counter()
        self._down: Counter[str | None] = Counter()
        self._short: list[Group] = []
        self._risks: list[Risk] = []

    def take(self, trainee: str, twin: Twin) -> None:
        """Look at a twin; a pseudonym that belongs to a person, or was never enrolled, is nobody."""
        if twin.head is not None or "e" not in twin.slots:
            return
        at = enrolled_base(twin)
        self._in_base[at] += 1
        self._down[at] += any(f"|{decline.NAME}|" in name for name in twin.standing)
        if quota.NAME in self._terms:
            self._short.append(self._quota(trainee, twin))
        if risk.NAME in self._terms:
            self._risks.append(self._risk(trainee, twin, at))

    def groups(self, bases: Container[str | None], open_risks: Container[str]) -> Iterator[Found]:
        """Give what the rules find of the bases named and of all trainees; `open_risks`: whom it is said of already."""
        if base.LINKED in self._terms:
            for name in sorted(one for one in self._in_base if one is not None and one in bases):
                found = base.linked(name, self._down[name], self._in_base[name], self._terms[base.LINKED])
                yield Found(base.LINKED, found)
        for one in sorted(self._short, key=lambda one: one.id):
            yield Found(quota.NAME, one)
        if risk.NAME in self._terms and self._model is not None:
            for one in risk.judge(self._risks, self._terms[risk.NAME], open_risks, self._model.version):
                yield Found(risk.NAME, one)

    def _quota(self, trainee: str, twin: Twin) -> Group:
        stages = tuple(facts.enrolments(twin))
        view: Any = SimpleNamespace(
            stages=stages,
            enrolment=stages[-1],
            rotations=tuple(facts.rotations(twin)),
            exposures=tuple(facts.exposures(twin)),
        )
        found = coverage(view, self._estimation, self._now, self._norms)
        return quota.judge(trainee, found, self._terms[quota.NAME], stages[-1].base)

    def _risk(self, trainee: str, twin: Twin, at: str | None) -> Risk:
        answers = self._model.answering.answers(twin, self._now) if self._model is not None else []
        if not answers:
            return Risk(trainee, 0.0, 0.0, 0.0, base=at)
        first = answers[0]
        reasons = tuple((one.feature, one.adds) for one in first.reasons)
        return Risk(trainee, first.p, first.low, first.high, reasons, at)


def waiting(found: Found, signals: Signals, silent: Container[str]) -> Found:
    """Let a warning wait that stems from what a silent source would have sent; what is open stays open."""
    what = RESTS_ON.get(found.rule)
    if what is None or signals.fed_by(found.group.id, what) not in silent:
        return found
    return found._replace(group=found.group._replace(grade=min(found.group.grade, WARNS - 1)))
