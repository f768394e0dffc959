"""One pseudonym: its own records, its head, what others carry over to it, and what of all this stands.

From docs/records.md, section 3, "Persons and their pseudonyms".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from megdt_stream.verify.contributions import Link, Standing, Version, total
from megdt_stream.verify.strict_json import canonical

PIECE: Final = 400


class Row(NamedTuple):
    """What a persona says under one id; nothing stands there where `stands` is None."""

    seq: int
    stands: Standing | None


class Register(NamedTuple):
    """Whether a persona carries over, and the record (its offset) that decided so."""

    base: int = -1
    on: bool = False


class Piece(NamedTuple):
    """The content of one `carried` record. `rows`: (h, what stands), by h."""

    state: str
    rows: tuple[tuple[str, Standing | None], ...]


class Sending(NamedTuple):
    """What a pseudonym sends to a head at one of its records (`seq`): the rows are not yet cut into pieces."""

    head: str
    persona: str
    seq: int
    state: str
    rows: tuple[tuple[str, Standing | None], ...]

    def pieces(self) -> list[Piece]:
        """Cut the rows; only the first piece says whether the persona is on."""
        cut = [self.rows[at : at + PIECE] for at in range(0, len(self.rows), PIECE)] or [()]
        return [Piece(self.state if n == 0 else "some", rows) for n, rows in enumerate(cut)]


class Change(NamedTuple):
    """Another candidate stands under an id."""

    before: Standing | None
    after: Standing | None


@dataclass(slots=True)
class Person:
    """A pseudonym as far as the log was read.

    `versions`: h -> rev -> own version; `links`: the identity records that stand, by h; `registers` and `held`: of
    each persona, its register and its rows by h; `standing`: h -> what is in the twin.
    """

    name: str
    versions: dict[str, dict[int, Version]] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    registers: dict[str, Register] = field(default_factory=dict)
    held: dict[str, dict[str, Row]] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)

    @property
    def head(self) -> str | None:
        """Give who this pseudonym belongs to: what the last identity record says."""
        return max(self.links.values()).head if self.links else None

    def own_standing(self, h: str) -> Version | None:
        """Give the own version that stands."""
        return highest(self.versions.get(h, {}))

    def settle_own(self, h: str) -> dict[str, Change]:
        """Read the head and what stands again after another own version stands under an id."""
        version = self.own_standing(h)
        self.links.pop(h, None)
        if version and version.link:
            self.links[h] = version.link
        return self._settle({h})

    def receive(self, persona: str, seq: int, piece: Piece) -> dict[str, Change]:
        """Take what a persona carries over; give what stands now under the ids where that has changed."""
        register, rows = self.registers.get(persona, Register()), self.held.setdefault(persona, {})
        touched = {h for h, _ in piece.rows}
        if piece.state != "some" and seq > register.base:
            register = Register(seq, piece.state == "all")
            touched |= rows.keys()
            for h in [h for h, row in rows.items() if row.seq < seq]:
                del rows[h]
        self.registers[persona] = register
        for h, stands in piece.rows:
            known = rows.get(h)
            if seq >= register.base and (known is None or seq >= known.seq):
                rows[h] = Row(seq, stands)
        return self._settle(touched)

    def carries(self) -> tuple[tuple[str, Standing | None], ...]:
        """Give all rows that this pseudonym carries over to a head."""
        return self.rows(self.standing)

    def rows(self, ids: Iterable[str]) -> tuple[tuple[str, Standing | None], ...]:
        """Give what this pseudonym carries over under these ids: by h, its own name added to the way."""
        return tuple((h, self._carried(self.standing.get(h))) for h in sorted(ids))

    def _carried(self, stands: Standing | None) -> Standing | None:
        return stands._replace(via=(*stands.via, self.name)) if stands else None

    def _settle(self, ids: set[str]) -> dict[str, Change]:
        changes = {}
        for h in sorted(ids):
            before, after = self.standing.pop(h, None), self._best(h)
            if after is not None:
                self.standing[h] = after
            if after != before:
                changes[h] = Change(before, after)
        return changes

    def _best(self, h: str) -> Standing | None:
        """Choose among the candidates; an own record has the shortest way."""
        own = self.own_standing(h)
        rows = [held.get(h) for persona, held in self.held.items() if self.registers[persona].on]
        carried = [row.stands for row in rows if row and row.stands and self.name not in row.stands.via]
        candidates = [stands for stands in (own.candidate if own else None, *carried) if stands]
        return min(candidates, key=lambda s: (-s.rev, s.d, len(s.via), s.via), default=None)


def highest(versions: dict[int, Version]) -> Version | None:
    """Give the version with the highest revision."""
    return versions[max(versions)] if versions else None


def read_piece(evidence: dict[str, Any]) -> Piece:
    """Read a `carried` record that fits its schema."""
    rows = ((row[0], _read_row(row)) for row in evidence["rows"])
    return Piece(evidence["state"], tuple(sorted(rows, key=lambda row: row[0])))


def _read_row(row: list[Any]) -> Standing | None:
    _, rev, d, via, sums, slots = row
    if rev < 0:
        return None
    return standing_of(rev, d, via, sums, slots)


def standing_of(rev: int, d: str, via: list[str], sums: list[Any], slots: list[Any]) -> Standing:
    """Make what stands of the parts of a row; a slot's value is a JSON array or its text."""
    texts = ((field, value if isinstance(value, str) else canonical(value)) for field, value in slots)
    return Standing(rev, d, tuple(via), total(sums), tuple(sorted(texts)))
