"""The running system as the hospital uses it: publish, settle, ask for advice, decide."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from megdt_stream.demo.loop.plan import LoopPlan
from megdt_stream.demo.loop.policy import Answer
from megdt_stream.governance.effects.journal import Study
from megdt_stream.governance.effects.snapshot import Snapshot
from megdt_stream.publisher import Client, Publisher
from megdt_stream.runtime import active_effects
from megdt_stream.runtime.advice_log import AdviceLog, read
from megdt_stream.runtime.advising import look
from megdt_stream.runtime.advisor import Result, advise, learnt
from megdt_stream.runtime.drained import Standing
from megdt_stream.seed_files import load_estimation, load_interventions, load_norms
from megdt_stream.session import Session
from megdt_stream.synth import Published

Say = Callable[..., None]
"""Is told the name of a line in `words` and its figures."""

_OFFICE: Final = "syn.office"
_SOURCE: Final = "/megdt/demo/loop"
_EQUITY: Final = 0.8

_CHANCE: Final = 0.5
"""More than `megdt recommendations make` blurs by: a hospital that has no evidence yet buys some, at a price."""

_DRAWS: Final = 50

_LATER: Final = timedelta(hours=1)


class Decision(NamedTuple):
    """What the office answers to a recommendation (its id), and about whom."""

    on: str
    trainee: str
    answer: Answer


class Site:
    """One hospital on one session; `folder` is its reference data. `published` counts what was sent, by short topic."""

    def __init__(self, session: Session, plan: LoopPlan, folder: Path, say: Say) -> None:
        self.published: Counter[str] = Counter()
        self._session = session
        self._plan = plan
        self._folder = folder
        self._say = say

    def publish(self, events: Iterable[Published]) -> int:
        """Publish records and wait until all are applied; gives their number."""
        number = 0
        with Publisher(self._session.kafka, client_id="megdt-demo") as publisher:
            for event in events:
                publisher.publish(event.topic, event.key, event.value, event.headers)
                number += 1
        self.published.update(publisher.acknowledged)
        self._settle()
        return number

    def advise(self, number: int) -> Result:
        """Make a round of advice (from 0) as `megdt recommendations make` does, and publish it."""
        with self._session.query() as query:
            result = advise(
                query,
                self._log(),
                self._plan.free,
                most=self._plan.most,
                equity=_EQUITY,
                chance=_CHANCE,
                draws=_DRAWS,
                seed=self._plan.seed * 100 + number,
                folder=self._folder,
            )
        session = self._session
        servers = session.kafka.split(","), session.security, session.redis, session.redis_options
        active_effects.ensure(*servers, result.snapshot, result.effects)
        with Publisher(session.kafka, client_id="megdt-demo") as publisher:
            for event in result.events:
                publisher.publish("alerts", event["subject"], result.encode(event))
        return result

    def decide(self, decisions: Iterable[Decision], at: int) -> None:
        """Publish answers of the office at a moment (ms); what is accepted is carried out an hour later."""
        moment = datetime.fromtimestamp(at / 1000, UTC)
        with Client(self._session.kafka, source=_SOURCE, seeds_dir=self._session.settings.seeds_dir) as client:
            for one in decisions:
                said = "accepted" if one.answer.accepted else "overridden"
                self._made(client, one, said, moment, one.answer.reason)
                if one.answer.accepted:
                    self._made(client, one, "implemented", moment + _LATER, None)
            client.flush()
        self._settle()

    def _settle(self) -> None:
        def progress(standing: Standing) -> None:
            self._say("settling", left=standing.unread + standing.unapplied)

        self._session.settle(progress)

    def _made(self, client: Client, one: Decision, action: Any, time: datetime, reason: str | None) -> None:
        id_ = f"{one.on}-{action}-0"
        client.decisions.made(
            subject=one.trainee, id=id_, time=time, available=time, on=one.on, action=action, by=_OFFICE, reason=reason
        )
        self.published["decisions"] += 1

    def learnt(self) -> tuple[Snapshot, Mapping[str, Study]]:
        """Give what is believed of each kind now, as `megdt effects` does."""
        with self._session.query() as query:
            seen = look(query, load_estimation(self._folder), load_norms(self._folder))
        return learnt(self._log(), seen, load_interventions(self._folder))

    def _log(self) -> AdviceLog:
        return asyncio.run(read(self._session.kafka.split(","), self._session.security))
