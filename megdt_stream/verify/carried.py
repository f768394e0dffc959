"""What pseudonyms carry over: is each record in the log one that had to be sent, and each one that had to be there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from megdt_stream.verify.intake import Carried, Deliveries, carried_of, read_evidence
from megdt_stream.verify.log import Log, MirrorState, State
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.names import EVIDENCE, partition_of
from megdt_stream.verify.persons import Person, Piece, Register, Sending
from megdt_stream.verify.reference import Reference
from megdt_stream.verify.report import Report


class _Route(NamedTuple):
    """Who sends to whom, and at which record."""

    head: str
    persona: str
    seq: int


def check_carried(
    log: Log, state: State, mirrors: list[Mirror], deliveries: Deliveries, reference: Reference, report: Report
) -> None:
    """Compare the carried records, in the log and in the outboxes, with what the folds must have sent."""
    waiting = list(_waiting(state, reference, report))
    found: dict[_Route, list[Carried]] = {}
    for carried in [*deliveries.carried, *waiting]:
        found.setdefault(_Route(carried.head, carried.persona, carried.seq), []).append(carried)
    expected = {_Route(s.head, s.persona, s.seq): s for mirror in mirrors for s in mirror.sendings}
    for route in sorted(expected.keys() | found.keys()):
        if route in expected:
            _check_sending(expected[route], found.get(route, []), report)
        else:
            _check_invented(log, state, route, found[route], report)
    if not waiting and _is_at_rest(log, state):
        _check_personas(mirrors, report)


def _waiting(state: State, reference: Reference, report: Report) -> Iterator[Carried]:
    for number, mirror in state.mirror.items():
        for message in mirror.outbox:
            if message.topic != EVIDENCE:
                continue
            evidence = read_evidence(message.value, reference)
            if evidence is None or evidence["k"] != "carried":
                report.differ("evidence_unreadable", f"outbox/{number}")
            else:
                yield carried_of(evidence, f"outbox/{number}")


def _check_sending(sending: Sending, found: list[Carried], report: Report) -> None:
    """Compare the pieces. What changed at one record may be cut or not: the page does not say."""
    whole = Piece(sending.state, sending.rows)
    pieces = dict.fromkeys(sending.pieces(), False)
    if sending.state == "some" and any(carried.piece == whole for carried in found):
        pieces = {whole: False}
    for carried in found:
        if carried.piece in pieces:
            pieces[carried.piece] = True
        else:
            report.differ_twin(
                sending.head, "wrong_carried", carried.where, persona=sending.persona, seq=sending.seq,
                rows=_differing(whole, carried.piece),
            )  # fmt: skip
    for piece, is_there in pieces.items():
        if not is_there:
            report.differ_twin(
                sending.head, "missing_carried", sending.head, persona=sending.persona, seq=sending.seq,
                state=piece.state, rows=len(piece.rows),
            )  # fmt: skip


def _differing(whole: Piece, piece: Piece) -> list[str]:
    """Give the ids of the rows that are not of the sending; none when the state or the cut is wrong."""
    return [h for h, _ in set(piece.rows) - set(whole.rows)]


def _check_invented(log: Log, state: State, route: _Route, found: list[Carried], report: Report) -> None:
    """Excuse what was sent while the check was reading, at records that the store had not applied."""
    partitions = log.partitions(EVIDENCE)
    home = partition_of(route.persona.encode(), len(partitions))
    applied = state.mirror.get(home, MirrorState()).offset
    if route.seq >= applied and partitions[home].at(route.seq) is not None:
        return
    for carried in found:
        report.differ_twin(route.head, "invented_carried", carried.where, persona=route.persona, seq=route.seq)


def _is_at_rest(log: Log, state: State) -> bool:
    """Say whether the store had applied all evidence there is."""
    return all(
        not partition.records or partition.records[-1].offset < state.mirror.get(number, MirrorState()).offset
        for number, partition in log.partitions(EVIDENCE).items()
    )


def _check_personas(mirrors: list[Mirror], report: Report) -> None:
    """At rest, each head holds of each pseudonym what stands there, and nobody else holds it."""
    people = {name: person for mirror in mirrors for name, person in mirror.people.items()}
    for name, person in sorted(people.items()):
        if person.head is not None:
            _check_persona(person, people.get(person.head, Person(person.head)), report)
        for persona, register in person.registers.items():
            if register.on and (persona not in people or people[persona].head != name):
                report.differ_twin(name, "persona", name, persona=persona, problem="carries over, but has another head")


def _check_persona(person: Person, head: Person, report: Report) -> None:
    held: Mapping[str, object] = {
        h: row.stands for h, row in head.held.get(person.name, {}).items() if row.stands is not None
    }
    stands = dict(person.carries())
    if not head.registers.get(person.name, Register()).on:
        report.differ_twin(head.name, "persona", head.name, persona=person.name, problem="does not carry over")
    elif held != stands:
        ids = sorted(h for h in held.keys() | stands.keys() if held.get(h) != stands.get(h))
        report.differ_twin(head.name, "persona", head.name, persona=person.name, problem="other rows", ids=ids[:5])
