"""The two years from the first server's start to the account."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from megdt_stream.demo.balance import reconcile
from megdt_stream.demo.loop.account import Given, by_lot, hospital, levels
from megdt_stream.demo.loop.effects import NOTHING, TRUE, gain, lift
from megdt_stream.demo.loop.outcome import Account, Learnt, LoopOutcome, RoundOutcome
from megdt_stream.demo.loop.plan import STAGE, LoopPlan, write_targets
from megdt_stream.demo.loop.policy import answer
from megdt_stream.demo.loop.site import Decision, Say, Site
from megdt_stream.governance.advice.recommendation import MADE, WITHHELD
from megdt_stream.governance.effects.snapshot import Snapshot
from megdt_stream.local import Progress
from megdt_stream.runtime.advisor import Result
from megdt_stream.seed_files import load_interventions, load_targets
from megdt_stream.session import Session, open_session
from megdt_stream.synth import Lift, Published, generate
from megdt_stream.verify import Report

_REST_SECONDS: Final = 30.0
_YEARS: Final = 2.0


def run(plan: LoopPlan, say: Say, progress: Progress | None = None) -> LoopOutcome:
    """Start everything, play both years, check, account. Raises MegdtError and LocalStackError."""
    begun = time.monotonic()
    with (
        TemporaryDirectory(prefix="megdt-loop-") as folder,
        open_session(worker=True, temporary=True, progress=progress) as session,
    ):
        return _Performance(plan, session, write_targets(Path(folder)), say, begun).play()


class _Performance:
    """One run on one session. Lists grow by one a round."""

    def __init__(self, plan: LoopPlan, session: Session, folder: Path, say: Say, begun: float) -> None:
        self._plan = plan
        self._session = session
        self._site = Site(session, plan, folder, say)
        self._folder = folder
        self._say = say
        self._begun = begun
        self._index = {one.pseudonym: one.index for one in generate(plan.second).people.trainees}
        self._lifts: list[Lift] = []
        self._given: list[Given] = []
        self._rounds: list[RoundOutcome] = []
        self._carried_out: list[Mapping[str, Any]] = []
        self._gained: dict[str, list[float]] = {}

    def play(self) -> LoopOutcome:
        """Play year one, the rounds of year two, the rest of it; then check and account."""
        number = self._site.publish(generate(self._plan.first).events)
        self._say("year one", events=number)
        moments = self._plan.moments
        for round_, (at, until) in enumerate(zip(moments, (*moments[1:], self._plan.second.closes), strict=True)):
            self._round(round_, at)
            number = self._site.publish(self._between(at, until))
            self._say("played", events=number, until=until)
        snapshot, studies = self._site.learnt()
        report = self._session.verify(_REST_SECONDS, lambda what: self._say("checking", what=what))
        why = {kind: study.why_not for kind, study in studies.items()}
        return self._outcome(snapshot, why, report)

    def _between(self, since: int, until: int) -> Iterator[Published]:
        """Give what becomes available in a round, in the hospital as it now is."""
        events = generate(self._plan.lifted(tuple(self._lifts))).events
        coming = dropwhile(lambda event: event.available < since, events)
        return takewhile(lambda event: event.available < until, coming)

    def _round(self, round_: int, at: int) -> None:
        result = self._site.advise(round_)
        made = [event for event in result.events if event["type"] == MADE]
        decisions = [
            Decision(event["id"], event["subject"], answer(self._plan.seed, round_, event["subject"])) for event in made
        ]
        self._site.decide(decisions, at)
        accepted = [event["data"] for event, decision in zip(made, decisions, strict=True) if decision.answer.accepted]
        self._carry_out(round_, at, result, accepted)
        self._rounds.append(_told(at, result, [event["data"] for event in made], accepted))
        self._say("round", number=round_ + 1, **self._rounds[-1].to_dict())

    def _carry_out(self, round_: int, at: int, result: Result, accepted: Sequence[Mapping[str, Any]]) -> None:
        """Change the truth as accepted advice does."""
        for data in accepted:
            index, kind = self._index[data["trainee"]], data["intervention"]
            gained = gain(self._plan.seed, index, kind, round_)
            self._lifts.append(lift(index, at, gained, data["outcome_sd"]))
            self._gained.setdefault(kind, []).append(gained)
        self._carried_out += accepted
        logged = [event["data"] for event in result.events if event["type"] in (MADE, WITHHELD)]
        self._given.append(
            Given(
                tuple(data["intervention"] for data in accepted),
                tuple(sorted({self._index[data["trainee"]] for data in logged})),
                logged[0]["outcome_sd"] if logged else 0.0,
            )
        )

    def _outcome(self, snapshot: Snapshot, why: Mapping[str, str | None], report: Report) -> LoopOutcome:
        uses: dict[str, float] = {}
        for data in self._carried_out:
            for name, amount in data["uses"].items():
                uses[name] = uses.get(name, 0.0) + amount
        return LoopOutcome(
            seed=self._plan.seed,
            trainees=self._plan.trainees,
            published=dict(self._site.published),
            rounds=self._rounds,
            account=self._account(),
            effects=[self._learnt(kind, snapshot, why.get(kind)) for kind in TRUE],
            cost=sum(data["cost"]["amount"] for data in self._carried_out),
            currency=load_interventions(self._folder).prices.currency,
            uses=uses,
            report=report,
            problems=reconcile(self._site.published, report.to_dict()),
            seconds=time.monotonic() - self._begun,
        )

    def _account(self) -> Account:
        plan, seed = self._plan, self._plan.seed
        wanted = load_targets(self._folder).stages[STAGE].wanted(_YEARS)
        assert wanted is not None  # noqa: S101 - the targets are ours, and a line
        at = plan.second.closes
        without = levels(generate(plan.second).people.trainees, at)
        with_loop = levels(generate(plan.lifted(tuple(self._lifts))).people.trainees, at)

        def gained(index: int, kind: str, number: int, outcome_sd: float) -> float:
            return gain(seed, index, kind, number) * outcome_sd

        lots = [by_lot(without, wanted, self._given, gained, among, seed) for among in ("considered", "all")]
        return Account(wanted, without.size, hospital(with_loop, wanted), hospital(without, wanted), *lots)

    def _learnt(self, kind: str, snapshot: Snapshot, why: str | None) -> Learnt:
        gained = self._gained.get(kind, [])
        given = sum(gained) / len(gained) if gained else None
        return Learnt(kind, snapshot.kinds[kind], len(gained), TRUE.get(kind, NOTHING), given, why)


def _told(
    at: int, result: Result, made: Sequence[Mapping[str, Any]], accepted: Sequence[Mapping[str, Any]]
) -> RoundOutcome:
    return RoundOutcome(
        at=at,
        considered=result.considered,
        recommended=len(made),
        accepted=len(accepted),
        expected=sum(data["benefit"]["mean"] for data in accepted),
        free=result.capacity.free,
        believed={data["intervention"]: data["effect"]["mean"] for data in made},
        effects=result.snapshot.version,
    )
